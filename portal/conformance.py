"""`portal conformance KEY`: does a server behave as the product relies on?

Rows are tried in order against a real server, each with a result in one line. Rows that book
something run only with the option `write=yes`.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from typing import TextIO, TypeVar

import requests

from portal.connectors import registry
from portal.connectors.base import (
    Bookkeeping,
    Dossier,
    EntryKind,
    Form,
    Journal,
    JournalType,
    LedgerAccount,
    Manifest,
    OutgoingEntry,
    OutgoingLine,
    Period,
    RemoteEntry,
)
from portal.connectors.errors import AlreadyPosted, ConnectorError, Rejected
from portal.kernel import clock, http

OPTIONS = {
    "host": "environment of the connector (be, nl, …) or the address of a server; needed",
    "token": "access token, or @FILE that holds it; needed",
    "dossier": "code of the dossier to use; default: the login's own",
    "journal": "code of the bank journal; default: the first that books on a ledger account",
    "account": "code of the ledger account booked against; default: the first general one",
    "foreign": "code of a dossier this login may not see; default: 999",
    "write": "yes: also try the rows that book something",
}
AMOUNT = Decimal("0.01")


class BadOption(ValueError):
    """An option is missing, unknown or cannot be read. The text says which."""


class Unmet(Exception):
    """The server does not do what the product relies on."""


class Skipped(Exception):
    """This row cannot be tried here; the text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    result: str  # "ok", "failed" or "skipped"
    seconds: float
    detail: str


class Open:
    """A gate that stops nothing: this command makes a few dozen calls, one after the other."""

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        return None

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        return None


class _Bearer(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def connect(key: str, options: Mapping[str, str]) -> tuple[Manifest, Bookkeeping]:
    """The connector's client for the server in the options. Raises BadOption."""
    if key not in registry.CONNECTORS:
        known = sorted([*registry.CONNECTORS, *registry.FEEDS])
        raise BadOption(f"there is no connector {key!r}; there are: {', '.join(known)}")
    connector = registry.load(key)
    session, host = signed(connector.MANIFEST, options, OPTIONS)
    return connector.MANIFEST, connector.connect(session, host, Open(), Form())


def signed(manifest: Manifest, options: Mapping[str, str], known: Mapping[str, str]) -> tuple[requests.Session, str]:
    """A session with the token of the options, and the host that they mean. Raises BadOption."""
    for name in options:
        if name not in known:
            raise BadOption(f"there is no option {name!r}; there are: {', '.join(known)}")
    for name in ("host", "token"):
        if not options.get(name):
            raise BadOption(f"option {name!r} is needed: {known[name]}")
    token = options["token"]
    if token.startswith("@"):
        try:
            token = Path(token[1:]).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as unreadable:
            raise BadOption(f"cannot read the token: {unreadable}") from None
    host = manifest.hosts.get(options["host"], options["host"])
    if not host.startswith(("https://", "http://")):
        raise BadOption(f"option 'host' is neither an address nor one of: {', '.join(manifest.hosts)}")
    session = http.session(certificate=_certificate(options))
    session.auth = _Bearer(token)
    return session, host


def _certificate(options: Mapping[str, str]) -> http.Certificate | None:
    if not options.get("certificate"):
        return None
    return http.Certificate(Path(options["certificate"]), Path(options.get("key") or options["certificate"]))


@dataclass
class Trial:
    """The rows, and what they learn for those after them."""

    manifest: Manifest
    connection: Bookkeeping
    options: Mapping[str, str]
    posted: RemoteEntry | None = field(default=None, init=False)

    # -------------------------------------------------------------------------- what is there

    @cached_property
    def dossier(self) -> Dossier:
        wanted = self.options.get("dossier") or self.connection.identity().default_dossier
        return _first(f"dossier {wanted}", (own for own in self.connection.dossiers() if own.code == wanted))

    @cached_property
    def accounts(self) -> dict[str, LedgerAccount]:
        return {account.code: account for account in self.connection.ledger_accounts(self.dossier.code)}

    @cached_property
    def journal(self) -> Journal:
        wanted = self.options.get("journal")
        journals = sorted(self.connection.journals(self.dossier.code), key=lambda own: own.code)
        usable = (own for own in journals if own.type is JournalType.BANK and own.ledger_account and not own.blocked)
        return _first("usable bank journal", (own for own in usable if wanted in (None, own.code)))

    @cached_property
    def account(self) -> LedgerAccount:
        wanted = self.options.get("account")
        accounts = sorted(self.accounts.values(), key=lambda own: own.code)
        usable = (own for own in accounts if own.kind == "general" and not own.blocked)
        return _first("general ledger account", (own for own in usable if wanted in (None, own.code)))

    @cached_property
    def periods(self) -> list[Period]:
        return sorted(self.connection.periods(self.dossier.code), key=lambda period: period.starts_on)

    @cached_property
    def entry(self) -> OutgoingEntry:
        today = clock.today()
        past = [period for period in self.periods if period.starts_on <= today and period.is_open(self.journal.code)]
        if not past:
            raise Skipped("no open period up to today")
        return self.entry_on(min(today, past[-1].ends_on))

    def entry_on(self, day: date) -> OutgoingEntry:
        text = "Koppelpoort conformance"
        return OutgoingEntry(
            kind=EntryKind.BANK,
            reference="KP-CONF-" + base64.b32encode(secrets.token_bytes(5)).decode(),
            journal=self.journal.code,
            date=day,
            currency=self.dossier.currency or "EUR",
            bank_account=self.journal.ledger_account,
            opening=Decimal(0),
            closing=AMOUNT,
            lines=(
                OutgoingLine(day, self.journal.ledger_account, AMOUNT, text),
                OutgoingLine(day, self.account.code, -AMOUNT, text),
            ),
        )

    def send(self, entry: OutgoingEntry, dossier: str = "") -> RemoteEntry:
        if self.options.get("write") != "yes":
            raise Skipped("books something: needs write=yes")
        payload = self.connection.render(entry, self.accounts)
        return self.connection.post(dossier or self.dossier.code, entry.kind, payload)

    def found(self, entry: OutgoingEntry) -> list[RemoteEntry]:
        return list(self.connection.find(self.dossier.code, entry.kind, entry.reference, entry.journal, entry.date))

    # -------------------------------------------------------------------------- rows

    def log_in(self) -> str:
        identity = self.connection.identity()
        return f"{identity.user_name} of {identity.company or 'unknown company'}"

    def list_dossiers(self) -> str:
        return f"{len(self.connection.dossiers())} dossiers; using {self.dossier.code} {self.dossier.name}"

    def list_accounts(self) -> str:
        return f"{len(self.accounts)} accounts; booking against {self.account.code} {self.account.name}"

    def list_journals(self) -> str:
        return f"bank journal {self.journal.code} on ledger account {self.journal.ledger_account}"

    def list_vat_codes(self) -> str:
        return f"{len(self.connection.vat_codes(self.dossier.code))} VAT codes"

    def list_periods(self) -> str:
        closed = sum(not period.is_open(self.journal.code) for period in self.periods)
        return f"{len(self.periods)} periods, {closed} closed for journal {self.journal.code}"

    def find_nothing(self) -> str:
        if self.found(self.entry):
            raise Unmet("a new reference was found")
        return "an empty list"

    def render(self) -> str:
        payload = self.connection.render(self.entry, self.accounts)
        if payload != self.connection.render(replace(self.entry), dict(self.accounts)):
            raise Unmet("the same entry gave other bytes")
        return f"{len(payload)} bytes, twice the same"

    def post(self) -> str:
        self.posted = self.send(self.entry)
        return f"id {self.posted.id}, number {self.posted.number or 'not told'}"

    def find_again(self) -> str:
        posted, found = self._posted(), self.found(self.entry)
        if [entry.id for entry in found] != [posted.id]:
            raise Unmet(f"found {len(found)} entries instead of this one")
        if (found[0].total_debit, found[0].line_count) != (AMOUNT, 1):
            raise Unmet(f"read back {found[0].total_debit} in {found[0].line_count} lines")
        return f"read back {found[0].total_debit}, number {found[0].number}"

    def list_journal(self) -> str:
        posted, day = self._posted(), self.entry.date
        listed = self.connection.entries(
            self.dossier.code, EntryKind.BANK, self.journal.code, day - timedelta(1), day + timedelta(1)
        )
        if posted.id not in [entry.id for entry in listed]:
            raise Unmet("the entry is not listed on its date")
        return "listed on its date"

    def repeat(self) -> str:
        self._posted()
        try:
            self.send(self.entry)
        except AlreadyPosted:
            return "the provider refused the repetition by itself"
        if self.manifest.capabilities.own_key:
            raise Unmet("the repetition was accepted, though the manifest says own_key")
        if len(self.found(self.entry)) != 2:
            raise Unmet("the repetition was accepted, but is not seen")
        return "accepted and seen: found twice (delete one by hand)"

    def refuse_unbalanced(self) -> str:
        return self._refused(replace(self.entry_on(self.entry.date), closing=Decimal("7.00")))

    def refuse_closed_period(self) -> str:
        closed = [period for period in self.periods if not period.is_open(self.journal.code)]
        if not closed:
            raise Skipped("the dossier has no closed period")
        return self._refused(self.entry_on(closed[-1].ends_on))

    def refuse_unknown_account(self) -> str:
        entry = self.entry_on(self.entry.date)
        nowhere = replace(self.account, id="00000000-0000-4000-8000-000000000000")
        self.accounts[nowhere.code], kept = nowhere, self.accounts[nowhere.code]
        try:
            return self._refused(entry)
        finally:
            self.accounts[kept.code] = kept

    def refuse_foreign_dossier(self) -> str:
        try:
            self.connection.journals(self.options.get("foreign") or "999")
        except Rejected as refused:
            return f"{refused.code}: {refused.provider_text}"
        raise Unmet("the journals of a foreign dossier were shown")

    def _posted(self) -> RemoteEntry:
        if self.posted is None:
            raise Skipped("nothing was posted")
        return self.posted

    def _refused(self, entry: OutgoingEntry) -> str:
        try:
            self.send(entry)
        except Rejected as refused:
            if self.found(entry):
                raise Unmet("refused, and booked all the same") from None
            return f"{refused.code}: {refused.provider_text}"
        raise Unmet("it was accepted")


T = TypeVar("T")


def _first(what: str, found: Iterator[T]) -> T:
    for thing in found:
        return thing
    raise Unmet(f"there is no {what}")


ROWS: tuple[tuple[str, Callable[[Trial], str]], ...] = (
    ("log in", Trial.log_in),
    ("list dossiers", Trial.list_dossiers),
    ("list ledger accounts", Trial.list_accounts),
    ("list journals", Trial.list_journals),
    ("list VAT codes", Trial.list_vat_codes),
    ("list periods", Trial.list_periods),
    ("refuse a foreign dossier", Trial.refuse_foreign_dossier),
    ("create: render the same bytes", Trial.render),
    ("find nothing", Trial.find_nothing),
    ("post", Trial.post),
    ("find again", Trial.find_again),
    ("list the journal", Trial.list_journal),
    ("repeat", Trial.repeat),
    ("refuse an unbalanced entry", Trial.refuse_unbalanced),
    ("refuse a closed period", Trial.refuse_closed_period),
    ("refuse an unknown ledger account", Trial.refuse_unknown_account),
)


def tried(name: str, row: Callable[[], str]) -> Row:
    """One row with its result; every failure of the provider is a result, not an exception."""
    started = time.monotonic()
    try:
        result, detail = "ok", row()
    except Skipped as skipped:
        result, detail = "skipped", str(skipped)
    except (Unmet, ConnectorError) as failed:
        result, detail = "failed", str(failed)
    return Row(name, result, time.monotonic() - started, " ".join(detail.split()))


def run(key: str, options: Mapping[str, str], out: TextIO) -> int:
    """Print the table. 0: nothing failed; 1: a row failed. Raises BadOption."""
    manifest, connection = connect(key, options)
    trial = Trial(manifest, connection, options)
    print(f"{manifest.label} at {options['host']}", file=out)
    return printed([(name, partial(method, trial)) for name, method in ROWS], out)


def printed(rows: Sequence[tuple[str, Callable[[], str]]], out: TextIO) -> int:
    """Try the rows in order, each in one line; 1 when one failed. The first one logs in.

    When that fails, it would fail in every row, and some providers block a key for that.
    """
    failed, shut_out = 0, False
    for index, (name, method) in enumerate(rows):
        row = Row(name, "skipped", 0, "not logged in") if shut_out else tried(name, method)
        shut_out = shut_out or (index == 0 and row.result == "failed")
        failed += row.result == "failed"
        print(f"{row.name:<34}{row.result:<9}{row.seconds:6.2f} s  {row.detail[:120]}", file=out, flush=True)
    print(f"failed: {failed}", file=out)
    return 1 if failed else 0
