"""What new configurations start from: the firm's defaults, and what a client account does differently.

A wish counts while the dossier has what it names; else the dossier's own proposal stands.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from portal.access import Scope
from portal.activity import service as activity
from portal.connectors.base import EntryKind, JournalType
from portal.couplings.books import DossierBooks
from portal.couplings.configurations import FREQUENCIES, MAX_DELAY, Account, Choices
from portal.couplings.documents import DocumentChoices
from portal.couplings.models import Configuration, Coupling, Preference
from portal.couplings.vat import CATEGORIES, SIDES, Key, read_mapping, save_mapping
from portal.kernel import clock
from portal.kernel.errors import Invalid

FIELDS = (
    "frequency", "delay_days", "automatic", "journal", "suspense_account", "sales_journal", "sales_account",
    "purchase_journal", "purchase_account",
)  # fmt: skip
LONGEST = 40
_VAT = re.compile(rf"vat:({'|'.join(SIDES)}):({'|'.join(CATEGORIES)}):(0(?:\.\d{{1,4}})?)")


@dataclass(frozen=True, slots=True)
class Wish:
    value: str
    source: str  # "firm" or "client"


Wishes = Mapping[str, Wish]
NONE: Wishes = {}


def preferences_of(scope: Scope, tenant_id: uuid.UUID | None, app: str) -> Mapping[str, str]:
    """Of the tenant in scope, or of the firm that acts in it; empty when nobody wished anything."""
    query = select(Preference.values).where(Preference.tenant_id == tenant_id, Preference.app == app)
    return scope.session.scalars(query).one_or_none() or {}


def wishes(scope: Scope, app: str) -> Wishes:
    """For the client account in scope: its own where it has one, else those of the firm that acts."""
    firms = preferences_of(scope, scope.actor.via_id, app) if scope.actor.via_id else {}
    own = preferences_of(scope, scope.tenant_id, app)
    return {key: Wish(value, "firm") for key, value in firms.items()} | {
        key: Wish(value, "client") for key, value in own.items()
    }


def save_preferences(scope: Scope, app: str, values: Mapping[str, str]) -> None:
    """Replace them; "" leaves a field to the firm or the dossier. Raises Invalid "preference.…" with its field."""
    kept = {key: value.strip() for key, value in values.items() if value.strip()}
    for key, value in kept.items():
        _check(key, value)
    before = preferences_of(scope, scope.tenant_id, app)
    if kept == before:
        return
    now = {"values": kept, "changed_at": clock.now(), "changed_by": scope.actor.user_id}
    statement = insert(Preference).values(tenant_id=scope.tenant_id, app=app, **now)
    scope.session.execute(
        statement.on_conflict_do_update(index_elements=[Preference.tenant_id, Preference.app], set_=now)
    )
    changed = {key for key in {*kept, *before} if kept.get(key) != before.get(key)}
    activity.record(
        scope, "preferences.changed", None, app=app, count=len(changed),
        before={key: before.get(key, "") for key in changed}, after={key: kept.get(key, "") for key in changed},
    )  # fmt: skip


def _check(key: str, value: str) -> None:
    if key not in FIELDS and not _VAT.fullmatch(key):
        raise Invalid("preference.unknown", field=key)
    if len(value) > LONGEST:
        raise Invalid("preference.long", field=key, most=LONGEST)
    if key == "frequency" and value not in FREQUENCIES:
        raise Invalid("configuration.frequency", field=key)
    if key == "delay_days" and not (value.isascii() and value.isdigit() and int(value) <= MAX_DELAY):
        raise Invalid("configuration.delay", field=key, most=MAX_DELAY)
    if key == "automatic" and value not in ("0", "1"):
        raise Invalid("invalid", field=key)


def vat_field(side: str, category: str, rate: Decimal) -> str:
    return f"vat:{side}:{category}:{rate.normalize():f}"


def vat_key(field: str) -> Key | None:
    found = _VAT.fullmatch(field)
    return (found[1], found[2], Decimal(found[3])) if found else None


# ------------------------------------------------------------------ put to use


def fits(books: DossierBooks, field: str, value: str, account: Account | None = None) -> bool:
    """Whether the dossier has what a wish names."""
    if field in ("suspense_account", "sales_account", "purchase_account"):
        found = books.accounts.get(value)
        return found is not None and not found.blocked
    if field.endswith("journal"):
        journal = books.journals.get(value)
        if journal is None or journal.blocked:
            return False
        if field != "journal":
            return journal.type is (JournalType.SALES if field == "sales_journal" else JournalType.PURCHASE)
        kind = EntryKind.BANK if books.bank_entries else EntryKind.GENERAL
        of_account = account is None or (
            journal.iban in ("", account.number) and journal.currency in ("", account.currency)
        )
        return of_account and journal.type in books.fitting(kind)
    key = vat_key(field)
    return key is None or (value in books.vat_codes and not books.vat_codes[value].blocked)


def with_wishes(proposed: Choices, asked: Wishes, books: DossierBooks, account: Account) -> Choices:
    """What is proposed for a bank account, as far as the dossier allows what was wished."""
    good = {key: wish.value for key, wish in asked.items() if fits(books, key, wish.value, account)}
    journal = books.journals.get(good.get("journal", ""))
    named = books.journals.get(proposed.journal)
    if journal is not None and not (named is not None and named.iban == account.number):
        proposed = replace(
            proposed, journal=journal.code, entry_kind=books.kind_in(journal),
            bank_ledger_account=journal.ledger_account or proposed.bank_ledger_account,
        )  # fmt: skip
    return replace(
        proposed,
        suspense_account=good.get("suspense_account", proposed.suspense_account),
        frequency=good.get("frequency", proposed.frequency),
        delay_days=int(good.get("delay_days", proposed.delay_days)),
        automatic=good["automatic"] == "1" if "automatic" in good else proposed.automatic,
    )


def documents_with_wishes(proposed: DocumentChoices, asked: Wishes, books: DossierBooks) -> DocumentChoices:
    """The same for sales or purchases."""
    good = {key: wish.value for key, wish in asked.items() if fits(books, key, wish.value)}
    kind = proposed.entry_kind
    return replace(
        proposed,
        journal=good.get(f"{kind}_journal", proposed.journal),
        ledger_account=good.get(f"{kind}_account", proposed.ledger_account),
        frequency=good.get("frequency", proposed.frequency),
        delay_days=int(good.get("delay_days", proposed.delay_days)),
        automatic=good["automatic"] == "1" if "automatic" in good else proposed.automatic,
    )


def values_of(row: Configuration) -> Mapping[str, str]:
    """What a configuration says, by the fields that it has."""
    kind = f"{row.entry_kind}_" if row.bank_account_id is None else ""
    account = f"{kind}account" if kind else "suspense_account"
    return {
        "frequency": row.frequency, "delay_days": str(row.delay_days), "automatic": "1" if row.automatic else "0",
        f"{kind}journal": row.journal, account: row.suspense_account,
    }  # fmt: skip


def adopt_vat(scope: Scope, coupling: Coupling, books: DossierBooks) -> None:
    """VAT codes that were wished and that the dossier has, where nobody has named one for this dossier."""
    said = read_mapping(scope, coupling.id)
    chosen = {}
    for field, wish in wishes(scope, coupling.app).items():
        key = vat_key(field)
        if key is not None and key not in said and fits(books, field, wish.value):
            chosen[key] = wish.value
    if chosen:
        save_mapping(scope, coupling.id, chosen)


# ------------------------------------------------------------------ which value holds, and why


@dataclass(frozen=True, slots=True)
class Held:
    """A value and where it comes from: "client", "firm", "only" (the dossier has one choice), "proposed" or "none".

    `passed_over`: wishes that did not count, with "overruled" or "missing" (not in this dossier).
    """

    field: str
    value: str
    source: str
    passed_over: Sequence[tuple[Wish, str]] = ()


def held(scope: Scope, coupling: Coupling, books: DossierBooks, proposed: Mapping[str, str]) -> Sequence[Held]:
    """For each field what a new configuration of this client account would start from."""
    firms = preferences_of(scope, scope.actor.via_id, coupling.app) if scope.actor.via_id else {}
    own = preferences_of(scope, scope.tenant_id, coupling.app)
    vat = sorted(key for key in {*firms, *own} if vat_key(key))
    return [_held(books, field, own.get(field), firms.get(field), proposed.get(field, "")) for field in (*FIELDS, *vat)]


def _held(books: DossierBooks, field: str, own: str | None, firms: str | None, proposed: str) -> Held:
    passed: list[tuple[Wish, str]] = []
    winner: Wish | None = None
    for wish in (Wish(own, "client") if own else None, Wish(firms, "firm") if firms else None):
        if wish is None:
            continue
        if winner is not None:
            passed.append((wish, "overruled"))
        elif fits(books, field, wish.value):
            winner = wish
        else:
            passed.append((wish, "missing"))
    if winner is not None:
        return Held(field, winner.value, winner.source, passed)
    if not proposed:
        return Held(field, "", "none", passed)
    return Held(field, proposed, "only" if _is_only(books, field) else "proposed", passed)


def _is_only(books: DossierBooks, field: str) -> bool:
    if not field.endswith("journal"):
        return False
    return sum(fits(books, field, code) for code in books.journals) == 1
