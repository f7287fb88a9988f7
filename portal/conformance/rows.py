"""The rows of the contract, tried one after the other against one connection."""

from __future__ import annotations

import base64
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property, partial
from typing import TextIO, TypeVar

from portal.conformance.options import connected
from portal.connectors.base import (
    Batching,
    Bookkeeping,
    Dossier,
    DossierStatus,
    EntryKind,
    Journal,
    JournalType,
    LedgerAccount,
    OutgoingEntry,
    OutgoingLine,
    Period,
    RemoteEntry,
)
from portal.connectors.errors import AlreadyPosted, ConnectorError, Rejected
from portal.connectors.manifest import Manifest
from portal.kernel import clock

AMOUNT = Decimal("0.01")


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
        usable = (own for own in self.connection.dossiers() if own.status is DossierStatus.ACTIVE)
        return _first(f"dossier {wanted}", (own for own in usable if not wanted or own.code == wanted))

    @cached_property
    def accounts(self) -> dict[str, LedgerAccount]:
        return {account.code: account for account in self.connection.ledger_accounts(self.dossier.code)}

    @cached_property
    def journal(self) -> Journal:
        """A bank journal when there is one that tells its ledger account, else a general one."""
        wanted = self.options.get("journal")
        usable = [own for own in self.connection.journals(self.dossier.code) if not own.blocked]
        banks = [own for own in usable if own.type is JournalType.BANK and own.ledger_account]
        general = [own for own in usable if own.type is JournalType.GENERAL]
        found = [*sorted(banks, key=_code), *([] if self.kind is EntryKind.BANK else sorted(general, key=_code))]
        return _first("usable journal", (own for own in found if wanted in (None, own.code)))

    @property
    def kind(self) -> EntryKind:
        return EntryKind.BANK if self.manifest.capabilities.bank_entries else EntryKind.GENERAL

    @cached_property
    def account(self) -> LedgerAccount:
        wanted = self.options.get("account")
        return _first("general ledger account", (own for own in self._general() if wanted in (None, own.code)))

    @cached_property
    def bank_account(self) -> str:
        """The account of the bank journal; any other where the journal has none."""
        others = (own.code for own in self._general() if own.code != self.account.code)
        return self.journal.ledger_account or _first("second ledger account", others)

    @cached_property
    def periods(self) -> list[Period]:
        return sorted(self.connection.periods(self.dossier.code), key=lambda period: period.starts_on)

    @cached_property
    def entry(self) -> OutgoingEntry:
        today = clock.today()
        past = [period for period in self.periods if period.starts_on <= today and period.is_open(self.journal.code)]
        if self.periods and not past:
            raise Skipped("no open period up to today")
        return self.entry_on(min(today, past[-1].ends_on) if past else today)

    def entry_on(self, day: date) -> OutgoingEntry:
        text = "Koppelpoort conformance"
        bank = self.kind is EntryKind.BANK
        return OutgoingEntry(
            kind=self.kind,
            reference="KP-" + base64.b32encode(secrets.token_bytes(10)).decode(),
            journal=self.journal.code,
            date=day,
            currency=self.dossier.currency or "EUR",
            bank_account=self.bank_account,
            opening=Decimal(0) if bank else None,
            closing=AMOUNT if bank else None,
            lines=(
                OutgoingLine(day, self.bank_account, AMOUNT, text),
                OutgoingLine(day, self.account.code, -AMOUNT, text),
            ),
        )

    def _general(self) -> list[LedgerAccount]:
        return sorted((own for own in self.accounts.values() if own.kind == "general" and not own.blocked), key=_code)

    def send(self, entry: OutgoingEntry, dossier: str = "") -> RemoteEntry:
        return self.connection.post(dossier or self.dossier.code, entry.kind, self._rendered(entry))

    def _rendered(self, entry: OutgoingEntry) -> bytes:
        # Who names a server and its database means that one; elsewhere a token opens all that a firm has.
        if (self.options.get("write") or ("yes" if self.manifest.host_field else "no")) != "yes":
            raise Skipped("books something: needs write=yes")
        return self.connection.render(entry, self.accounts)

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
        return f"booking in {self.journal.type} journal {self.journal.code}, with ledger account {self.bank_account}"

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
        if (found[0].total_debit, found[0].line_count) != (AMOUNT, 1 if self.kind is EntryKind.BANK else 2):
            raise Unmet(f"read back {found[0].total_debit} in {found[0].line_count} lines")
        return f"read back {found[0].total_debit}, number {found[0].number}"

    def list_journal(self) -> str:
        posted, day = self._posted(), self.entry.date
        listed = self.connection.entries(
            self.dossier.code, self.kind, self.journal.code, day - timedelta(1), day + timedelta(1)
        )
        if posted.id not in [entry.id for entry in listed]:
            raise Unmet("the entry is not listed on its date")
        return "listed on its date"

    def repeat(self) -> str:
        posted = self._posted()
        try:
            again = self.send(self.entry)
        except AlreadyPosted:
            return "the repetition was refused"
        if self.manifest.capabilities.own_key:
            raise Unmet("the repetition was accepted, though the manifest says own_key")
        found = len(self.found(self.entry))
        if again.id == posted.id and found == 1:
            return "answered with the same entry, booked once"
        if found != 2:
            raise Unmet("the repetition was accepted, but is not seen")
        return "accepted and seen: found twice (delete one by hand)"

    def reverse(self) -> str:
        if not self.manifest.capabilities_for(self.options).reversal:
            raise Skipped("an entry is undone in the package itself")
        self._posted()
        first, fresh = self.entry, self.entry_on(self.entry.date)
        lines = tuple(replace(line, amount=-line.amount) for line in first.lines)
        turned = replace(fresh, opening=None, closing=None, lines=lines)
        self.send(turned)
        found, undone = self.found(turned), self.found(first)
        if len(found) != 1 or not undone:
            raise Unmet(f"found {len(found)} entries that undo, {len(undone)} that are undone")
        left: Counter[str] = Counter()
        for line in (*found[0].lines, *undone[0].lines):
            left[line.ledger_account] += int(line.amount / AMOUNT)
        if any(left.values()) or not found[0].lines:
            raise Unmet(f"together they leave {dict(left)} cents")
        return "booked the other way round, together nothing"

    def post_batch(self) -> str:
        size = self.manifest.capabilities.batch_size
        if size == 1:
            raise Skipped("it has no batches")
        if not isinstance(self.connection, Batching):
            raise Unmet("the manifest promises batches, the connection has none")
        entries = [self.entry_on(self.entry.date) for _ in range(min(size, 3))]
        payloads = [self._rendered(entry) for entry in entries]
        results = self.connection.post_many(self.dossier.code, self.kind, payloads)
        if refused := [result for result in results if not isinstance(result, RemoteEntry)]:
            raise Unmet(f"one of them was refused: {refused[0]}")
        if [len(self.found(entry)) for entry in entries] != [1] * len(entries):
            raise Unmet("they are not found once each")
        return f"{len(entries)} in one call, each found once"

    def refuse_unbalanced(self) -> str:
        entry = self.entry_on(self.entry.date)
        if self.kind is EntryKind.BANK:
            return self._refused(replace(entry, closing=Decimal("7.00")))
        first, second = entry.lines
        return self._refused(replace(entry, lines=(first, replace(second, amount=2 * second.amount))))

    def refuse_closed_period(self) -> str:
        closed = [period for period in self.periods if not period.is_open(self.journal.code)]
        if not closed:
            raise Skipped("the dossier has no closed period")
        return self._refused(self.entry_on(closed[-1].ends_on))

    def refuse_unknown_account(self) -> str:
        entry, own = self.entry_on(self.entry.date), self.account.id
        identity = "999999999" if own.isdigit() else "00000000-0000-4000-8000-000000000000"
        self.accounts["999999"] = replace(self.account, code="999999", id=identity)
        try:
            return self._refused(
                replace(entry, lines=(entry.lines[0], replace(entry.lines[1], ledger_account="999999")))
            )
        finally:
            del self.accounts["999999"]

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
            told = refused.provider_text or "known before sending " + ", ".join(refused.values.values())
            return f"{refused.code}: {told}"
        raise Unmet("it was accepted")


T = TypeVar("T")


def _code(own: Journal | LedgerAccount) -> str:
    return own.code


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
    ("reverse", Trial.reverse),
    ("post a batch", Trial.post_batch),
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
    with connected(key, options) as (manifest, connection):
        print(f"{manifest.label} at {options.get('host') or options.get(manifest.host_field) or 'files'}", file=out)
        return printed(_rows(Trial(manifest, connection, options)), out)


def try_all(key: str, options: Mapping[str, str]) -> list[Row]:
    """The same rows with their results, for whoever makes a page of them. Raises BadOption."""
    with connected(key, options) as (manifest, connection):
        return list(results(_rows(Trial(manifest, connection, options))))


def _rows(trial: Trial) -> list[tuple[str, Callable[[], str]]]:
    return [(name, partial(method, trial)) for name, method in ROWS]


def results(rows: Sequence[tuple[str, Callable[[], str]]]) -> Iterator[Row]:
    """Each row tried, in order. The first one logs in.

    When that fails, it would fail in every row, and some providers block a key for that.
    """
    shut_out = False
    for index, (name, method) in enumerate(rows):
        row = Row(name, "skipped", 0, "not logged in") if shut_out else tried(name, method)
        shut_out = shut_out or (index == 0 and row.result == "failed")
        yield row


def printed(rows: Sequence[tuple[str, Callable[[], str]]], out: TextIO) -> int:
    """Try the rows, each in one line; 1 when one failed."""
    failed = 0
    for row in results(rows):
        failed += row.result == "failed"
        print(f"{row.name:<34}{row.result:<9}{row.seconds:6.2f} s  {row.detail[:120]}", file=out, flush=True)
    print(f"failed: {failed}", file=out)
    return 1 if failed else 0
