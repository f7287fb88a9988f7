"""What every bookkeeping connector must do, whatever package it speaks to.

A connector's test module makes a `world` fixture for its stand-in server and inherits the tests:

    class TestContract(BookkeepingContract):
        pass
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Protocol

import pytest

from portal.connectors.base import (
    Bookkeeping,
    DossierStatus,
    EntryKind,
    JournalType,
    LedgerAccount,
    OutgoingEntry,
    OutgoingInvoice,
    OutgoingLine,
    RemoteEntry,
)
from portal.connectors.errors import (
    AlreadyPosted,
    AuthorisationExpired,
    ConnectorError,
    Rejected,
    Temporary,
    UnexpectedReply,
)
from portal.connectors.manifest import Capabilities


class Fault(StrEnum):
    """What the stand-in server does to the next call it applies to."""

    LOST_BEFORE = "lost_before"  # the connection breaks, nothing was done
    LOST_AFTER = "lost_after"  # the work is done, the answer is lost
    LATE = "late"  # the connection breaks, the work is done at World.settle()
    RATE_LIMITED = "rate_limited"
    FAULTY = "faulty"  # a fault of theirs, in words; nothing was done
    BUSY = "busy"  # 503; nothing was done
    SLOW = "slow"  # the work is done, the answer comes after the time-out
    GARBAGE = "garbage"  # the work is done, the answer is nonsense
    TRUNCATED = "truncated"  # the work is done, the answer breaks off


@dataclass
class RecordingGate:
    """Writes down every call; `refuse` is raised instead of letting a call through."""

    calls: list[tuple[str, str, str, bool | int]] = field(default_factory=list)
    refuse: ConnectorError | None = None

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.calls.append(("before", dossier, endpoint, write))

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        self.calls.append(("after", dossier, endpoint, status))

    @property
    def writes(self) -> int:
        return sum(1 for call in self.calls if call[0] == "before" and call[3] is True)


class World(Protocol):
    """One stand-in server with a login, an open dossier and an oracle that does not use the connector.

    Without `Capabilities.bank_entries` a statement goes as a general entry that carries the bank's side, in
    `bank_journal`, or in `general_journal` where `bank_journal` is "": the package has no journals to choose.
    """

    capabilities: Capabilities
    dossier: str  # active
    dossier_count: int  # that the login sees: more than one page of the provider holds
    foreign_dossier: str  # exists, but is not this login's to see
    bank_journal: str
    general_journal: str
    bank_account: str  # ledger account of the bank journal
    most_lines: int  # that an entry may have
    foreign_statuses: Sequence[int]  # how a dossier that is not the login's is refused
    tells_who: bool  # the provider says whose login it is
    tells_closed: bool  # the package tells which periods are closed, and not only by refusing
    party_lines: bool  # an entry that is no invoice may book on the account of a customer or supplier
    suspense_account: str
    foreign_account: LedgerAccount  # an account that no dossier has
    open_day: date  # with a week before and after it in the same open period
    closed_day: date  # in a period that is closed for the bank journal
    # Where the package takes invoices (`Capabilities.invoices`):
    invoice_journals: Mapping[EntryKind, str]
    party_accounts: Mapping[EntryKind, str]  # ledger accounts of customers and of suppliers
    result_account: str  # takes both revenue and costs
    vat_code: str  # of 21 % on top
    relation: str  # id of one that is customer and supplier
    secret: str  # what signs the requests
    gate: RecordingGate
    connection: Bookkeeping  # read time-out of about a second, no waiting between repeated reads
    unreachable: Bookkeeping  # the same towards a port where nobody listens

    def fault(self, fault: Fault, *, write: bool, times: int = 1) -> None:
        """Let the next writes (or reads) of the dossier meet this fault."""
        ...

    def expire(self) -> None:
        """The provider stops accepting the login."""
        ...

    def settle(self) -> None:
        """Let whatever the server would still commit late be committed."""
        ...

    def booked(self, reference: str) -> int:
        """Entries in the server's books whose lines carry this reference."""
        ...

    def balance(self, ledger_account: str) -> Decimal:
        """Debit minus credit in the server's books."""
        ...


_numbers = itertools.count(1)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def a_reference() -> str:
    number = next(_numbers)
    return "KP-T" + "".join(_LETTERS[number >> 5 * place & 31] for place in range(6))


def bank_entry(world: World, *amounts: str, on: date | None = None, text: str = "Invoice 17") -> OutgoingEntry:
    """A statement with these movements, each booked against the suspense account."""
    values = [Decimal(amount) for amount in amounts or ("100.00",)]
    day = on or world.open_day
    lines = [
        line
        for value in values
        for line in (
            OutgoingLine(day, world.bank_account, value, text),
            OutgoingLine(day, world.suspense_account, -value, text),
        )
    ]
    entry = OutgoingEntry(
        kind=EntryKind.GENERAL,
        reference=a_reference(),
        journal=world.bank_journal or world.general_journal,
        date=day,
        currency="EUR",
        bank_account=world.bank_account,
        opening=None,
        closing=None,
        lines=tuple(lines),
    )
    if not world.capabilities.bank_entries:
        return entry
    opening = Decimal("250.00")
    return replace(entry, kind=EntryKind.BANK, opening=opening, closing=opening + sum(values))


def turned(entry: OutgoingEntry) -> OutgoingEntry:
    """What undoes an entry: the same with debit and credit exchanged, under a reference of its own."""
    lines = tuple(replace(line, amount=-line.amount) for line in entry.lines)
    return replace(entry, reference=a_reference(), opening=None, closing=None, lines=lines)


def own_lines(entry: OutgoingEntry) -> list[OutgoingLine]:
    """The lines that are read back: of a bank entry those that the package does not book itself."""
    bank = entry.bank_account if entry.kind is EntryKind.BANK else None
    return [line for line in entry.lines if line.ledger_account != bank]


def debit_of(entry: OutgoingEntry) -> Decimal:
    """The sum of the positive lines, where a package with bank journals books the bank's side as one."""
    own = [line.amount for line in own_lines(entry)]
    return sum((amount for amount in [*own, -sum(own, Decimal(0))] if amount > 0), Decimal(0))


def invoice_entry(world: World, kind: EntryKind, *amounts: str, vat: str = "", text: str = "Flour") -> OutgoingEntry:
    """An invoice of these net amounts, positive as printed, each with 21 % or with `vat` of VAT."""
    sign = -1 if kind is EntryKind.SALES else 1
    nets = [Decimal(amount) for amount in amounts or ("100.00",)]
    lines = tuple(
        OutgoingLine(
            world.open_day, world.result_account, sign * net, text, world.vat_code,
            sign * (Decimal(vat) if vat else (net * Decimal("0.21")).quantize(Decimal("0.01"))),
        )
        for net in nets
    )  # fmt: skip
    invoice = OutgoingInvoice(
        f"2026-{next(_numbers):06d}", world.relation, world.open_day + timedelta(30), "", "Maalderij Callens"
    )
    return OutgoingEntry(
        kind=kind, reference=a_reference(), journal=world.invoice_journals[kind], date=world.open_day, currency="EUR",
        bank_account="", opening=None, closing=None, lines=lines, invoice=invoice,
    )  # fmt: skip


INVOICES = (EntryKind.SALES, EntryKind.PURCHASE)


def accounts_of(world: World) -> dict[str, LedgerAccount]:
    return {account.code: account for account in world.connection.ledger_accounts(world.dossier)}


def send(world: World, entry: OutgoingEntry, dossier: str = "") -> RemoteEntry:
    payload = world.connection.render(entry, accounts_of(world))
    return world.connection.post(dossier or world.dossier, entry.kind, payload)


def look_up(world: World, entry: OutgoingEntry) -> Sequence[RemoteEntry]:
    return world.connection.find(world.dossier, entry.kind, entry.reference, entry.journal, entry.date)


def refusal_of(call: Callable[[], object]) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        call()
    return caught.value


def is_uncertain(error: ConnectorError) -> bool:
    return isinstance(error, UnexpectedReply) or (isinstance(error, Temporary) and error.sent)


class BooksContract:
    """The rules that hold with a network between and without. Collected only through a subclass that has a `world`."""

    # -------------------------------------------------------------------------- lists

    def test_it_is_a_bookkeeping_connection(self, world: World) -> None:
        assert isinstance(world.connection, Bookkeeping)

    def test_it_knows_who_is_logged_in(self, world: World) -> None:
        identity = world.connection.identity()
        assert bool(identity.user_id) == world.tells_who
        assert identity == world.connection.identity()

    def test_the_dossier_is_listed_as_active(self, world: World) -> None:
        dossiers = {dossier.code: dossier for dossier in world.connection.dossiers()}
        assert dossiers[world.dossier].status is DossierStatus.ACTIVE
        assert dossiers[world.dossier].name.strip()
        assert len(dossiers[world.dossier].country) == 2
        assert world.foreign_dossier not in dossiers

    def test_a_list_comes_whole_over_all_pages(self, world: World) -> None:
        dossiers = world.connection.dossiers()
        assert len({dossier.code for dossier in dossiers}) == len(dossiers) == world.dossier_count

    def test_ledger_accounts_say_what_they_are(self, world: World) -> None:
        accounts = world.connection.ledger_accounts(world.dossier)
        assert len({account.code for account in accounts}) == len(accounts)
        kinds = {account.code: account.kind for account in accounts}
        assert kinds[world.suspense_account] == "general"
        assert kinds[world.bank_account] == ("bank" if world.bank_journal else "general")
        assert all(account.id and account.name for account in accounts)

    def test_codes_carry_no_padding(self, world: World) -> None:
        found = world.connection
        codes = [
            item.code
            for items in (
                found.dossiers(),
                found.ledger_accounts(world.dossier),
                found.journals(world.dossier),
                found.vat_codes(world.dossier),
            )
            for item in items
        ]
        assert codes
        assert [code for code in codes if not code or code != code.strip()] == []

    def test_the_bank_journal_names_its_ledger_account(self, world: World) -> None:
        journals = {journal.code: journal for journal in world.connection.journals(world.dossier)}
        assert journals[world.general_journal].type is JournalType.GENERAL
        if world.bank_journal:
            assert journals[world.bank_journal].type is JournalType.BANK
            assert journals[world.bank_journal].ledger_account == world.bank_account

    def test_vat_percentages_are_fractions(self, world: World) -> None:
        percentages = [code.percentage for code in world.connection.vat_codes(world.dossier)]
        assert all(0 <= percentage < 1 for percentage in percentages)
        assert any(percentage > 0 for percentage in percentages) or not world.capabilities.invoices

    def test_periods_tell_what_is_open_and_what_is_closed(self, world: World) -> None:
        def period_of(day: date) -> bool:
            (found,) = [period for period in periods if period.starts_on <= day <= period.ends_on]
            return found.is_open(world.bank_journal or world.general_journal)

        periods = world.connection.periods(world.dossier)
        assert period_of(world.open_day)
        assert not (world.tells_closed and period_of(world.closed_day))

    # -------------------------------------------------------------------------- rendering

    def test_rendering_is_pure_and_stable(self, world: World) -> None:
        entry, accounts = bank_entry(world, "1.10", "-2.25"), accounts_of(world)
        world.gate.calls.clear()
        first = world.connection.render(entry, accounts)
        shuffled = dict(reversed(accounts.items()))
        assert first == world.connection.render(replace(entry), shuffled)
        assert world.gate.calls == []

    def test_equal_amounts_render_alike(self, world: World) -> None:
        entry, accounts = bank_entry(world, "1.1"), accounts_of(world)
        same = tuple(replace(line, amount=line.amount.quantize(Decimal("0.0001"))) for line in entry.lines)
        assert world.connection.render(entry, accounts) == world.connection.render(replace(entry, lines=same), accounts)

    def test_every_difference_that_is_booked_changes_the_bytes(self, world: World) -> None:
        entry, accounts = bank_entry(world, "1.10"), accounts_of(world)
        first = world.connection.render(entry, accounts)
        for other in (
            replace(entry, reference=a_reference()),
            *([replace(entry, journal=world.general_journal)] if world.bank_journal else []),
            replace(entry, lines=tuple(replace(line, description="Other") for line in entry.lines)),
            replace(entry, lines=tuple(replace(line, date=line.date - timedelta(1)) for line in entry.lines)),
            replace(entry, lines=tuple(replace(line, amount=-line.amount) for line in entry.lines)),
        ):
            assert world.connection.render(other, accounts) != first

    # -------------------------------------------------------------------------- booking

    @pytest.mark.parametrize("amount", ["0.01", "-0.01", "19.99", "999999999.99", "-999999999.99"])
    def test_amounts_are_booked_to_the_cent(self, world: World, amount: str) -> None:
        before = world.balance(world.bank_account), world.balance(world.suspense_account)
        entry = bank_entry(world, amount)
        send(world, entry)
        after = world.balance(world.bank_account), world.balance(world.suspense_account)
        assert after == (before[0] + Decimal(amount), before[1] - Decimal(amount))
        (found,) = look_up(world, entry)
        assert [line.amount for line in found.lines] == [line.amount for line in own_lines(entry)]

    def test_what_was_posted_is_found_again(self, world: World) -> None:
        entry = bank_entry(world, "100.00", "-30.25", "0.50")
        posted = send(world, entry)
        (found,) = look_up(world, entry)
        assert found.id == posted.id
        assert found.number
        assert (found.reference, found.journal, found.currency) == (entry.reference, entry.journal, "EUR")
        assert (found.total_debit, found.line_count) == (debit_of(entry), len(own_lines(entry)))
        assert list(found.lines) == own_lines(entry)

    def test_text_survives_or_is_refused_by_name(self, world: World) -> None:
        entry = bank_entry(world, text='Café «Ωmega» & <fils> "17" \\ O\'Neil €')
        refused: Rejected | None = None
        try:
            send(world, entry)
        except Rejected as error:
            refused = error
        if refused is not None:
            assert refused.values["character"] == "Ω"
            assert world.booked(entry.reference) == 0
            entry = bank_entry(world, text='Café «mega» & <fils> "17" \\ O\'Neil')
            send(world, entry)
        assert look_up(world, entry)[0].lines[0].description == entry.lines[0].description

    def test_a_long_entry_is_read_back_whole(self, world: World) -> None:
        lines = world.most_lines if world.capabilities.bank_entries else world.most_lines // 2
        entry = bank_entry(world, *(f"{number}.01" for number in range(1, lines + 1)))
        send(world, entry)
        (found,) = look_up(world, entry)
        assert found.line_count == len(own_lines(entry)) > lines - 1
        assert list(found.lines) == own_lines(entry)

    def test_a_general_entry_is_booked_line_by_line(self, world: World) -> None:
        entry = replace(bank_entry(world, "12.34"), kind=EntryKind.GENERAL, journal=world.general_journal)
        before = world.balance(world.suspense_account)
        posted = send(world, entry)
        (found,) = look_up(world, entry)
        assert (found.id, found.line_count, found.total_debit) == (posted.id, 2, Decimal("12.34"))
        assert world.balance(world.suspense_account) == before - Decimal("12.34")

    # -------------------------------------------------------------------------- invoices

    def test_relations_are_listed_with_their_numbers(self, world: World) -> None:
        if world.capabilities.invoices:
            (found,) = [one for one in world.connection.relations(world.dossier) if one.id == world.relation]
            assert found.name
            assert found.vat_number
            assert found.customer
            assert found.supplier

    @pytest.mark.parametrize("kind", INVOICES)
    @pytest.mark.parametrize("amount", ["100.00", "-100.00", "0.05", "999999.99"])
    def test_an_invoice_is_booked_with_vat_to_the_cent(self, world: World, kind: EntryKind, amount: str) -> None:
        """A negative one is a credit note. The party's account moves by the whole, the other way."""
        if not world.capabilities.invoices:
            return
        entry = invoice_entry(world, kind, amount)
        places = (world.result_account, world.party_accounts[kind])
        before = [world.balance(place) for place in places]
        posted = send(world, entry)
        (line,) = entry.lines
        moved = [world.balance(place) - old for place, old in zip(places, before, strict=True)]
        assert moved == [line.amount, -(line.amount + line.vat)]
        (found,) = look_up(world, entry)
        assert (found.id, found.reference, found.journal) == (posted.id, entry.reference, entry.journal)
        assert (found.total_debit, found.line_count) == (abs(line.amount + line.vat), 1)
        assert found.lines == entry.lines

    @pytest.mark.parametrize("kind", INVOICES)
    def test_vat_is_what_the_invoice_says_and_not_what_the_package_counts(self, world: World, kind: EntryKind) -> None:
        if not world.capabilities.invoices:
            return
        entry = invoice_entry(world, kind, "100.00", vat="21.03")
        send(world, entry)
        (found,) = look_up(world, entry)
        assert (found.total_debit, abs(found.lines[0].vat)) == (Decimal("121.03"), Decimal("21.03"))

    @pytest.mark.parametrize("kind", INVOICES)
    def test_an_invoice_of_several_lines_is_listed_on_its_date(self, world: World, kind: EntryKind) -> None:
        if not world.capabilities.invoices:
            return
        entry = invoice_entry(world, kind, "10.00", "20.00", "-5.00")
        posted = send(world, entry)
        listed = list(world.connection.entries(
            world.dossier, kind, entry.journal, entry.date - timedelta(1), entry.date + timedelta(1)
        ))  # fmt: skip
        (found,) = [one for one in listed if one.id == posted.id]
        assert (found.reference, found.total_debit, found.line_count) == (entry.reference, Decimal("30.25"), 3)

    # -------------------------------------------------------------------------- undone

    def test_an_entry_is_undone_by_itself_turned_round(self, world: World) -> None:
        if not world.capabilities.reversal:
            return
        entry = bank_entry(world, "100.00", "-30.25")
        before = world.balance(entry.bank_account)
        send(world, entry)
        undoing = turned(entry)
        send(world, undoing)
        (first,), (second,) = look_up(world, entry), look_up(world, undoing)
        assert (second.total_debit, second.line_count) == (first.total_debit, first.line_count)
        assert [(line.ledger_account, -line.amount) for line in second.lines] == [
            (line.ledger_account, line.amount) for line in first.lines
        ]
        assert world.balance(entry.bank_account) == before
        assert (world.booked(entry.reference), world.booked(undoing.reference)) == (1, 1)

    def test_what_cannot_be_proved_or_is_not_booked_for_good_is_not_undone(self, world: World) -> None:
        can = world.capabilities
        assert not can.reversal or (can.finds and not can.drafts)

    @pytest.mark.parametrize("kind", INVOICES)
    def test_an_invoice_without_a_relation_is_refused_before_it_is_sent(self, world: World, kind: EntryKind) -> None:
        if not world.capabilities.invoices:
            return
        entry = invoice_entry(world, kind)
        assert entry.invoice
        world.gate.calls.clear()
        nobody = replace(entry, invoice=replace(entry.invoice, relation=""))
        assert isinstance(refusal_of(lambda: world.connection.render(nobody, {})), Rejected)
        assert world.gate.calls == []

    @pytest.mark.parametrize("kind", INVOICES)
    def test_every_difference_of_an_invoice_changes_the_bytes(self, world: World, kind: EntryKind) -> None:
        if not world.capabilities.invoices:
            return
        entry, accounts = invoice_entry(world, kind), accounts_of(world)
        assert entry.invoice
        first = world.connection.render(entry, accounts)
        assert first == world.connection.render(replace(entry), dict(reversed(accounts.items())))
        for other in (
            replace(entry, reference=a_reference()),
            replace(entry, date=entry.date - timedelta(1)),
            replace(entry, invoice=replace(entry.invoice, number="2026-0043")),
            replace(entry, invoice=replace(entry.invoice, due_date=None)),
            replace(entry, invoice=replace(entry.invoice, payment_reference="RF18539007547034")),
            replace(entry, lines=tuple(replace(line, vat_code="0") for line in entry.lines)),
            replace(entry, lines=tuple(replace(line, vat=-line.vat) for line in entry.lines)),
            replace(entry, lines=tuple(replace(line, amount=-line.amount) for line in entry.lines)),
        ):
            assert world.connection.render(other, accounts) != first

    def test_a_bank_line_may_stand_on_the_account_of_a_relation(self, world: World) -> None:
        if not (world.capabilities.invoices and world.party_lines):
            return
        entry = bank_entry(world, "121.00")
        place = world.party_accounts[EntryKind.SALES]
        lines = tuple(
            line if line.ledger_account == entry.bank_account
            else replace(line, ledger_account=place, relation=world.relation)
            for line in entry.lines
        )  # fmt: skip
        before = world.balance(place)
        send(world, replace(entry, lines=lines))
        assert world.balance(place) == before - Decimal("121.00")

    def test_an_unknown_reference_gives_an_empty_answer(self, world: World) -> None:
        assert list(look_up(world, bank_entry(world))) == []

    def test_a_similar_reference_is_not_ours(self, world: World) -> None:
        entry = bank_entry(world)
        send(world, replace(entry, reference=entry.reference + "A"))
        assert list(look_up(world, entry)) == []

    def test_a_repetition_is_refused_or_seen(self, world: World) -> None:
        entry = bank_entry(world)
        send(world, entry)
        if world.capabilities.own_key:
            with pytest.raises(AlreadyPosted):
                send(world, entry)
            assert world.booked(entry.reference) == 1
        else:
            with suppress(AlreadyPosted):  # by a connector that looks before it books
                send(world, entry)
        assert len(look_up(world, entry)) == world.booked(entry.reference)

    def test_a_journal_is_listed_by_date(self, world: World) -> None:
        def listed(since: date, until: date) -> list[str]:
            found = world.connection.entries(world.dossier, first.kind, first.journal, since, until)
            return [remote.reference for remote in found if remote.id in ids]

        first, second = bank_entry(world, on=world.open_day - timedelta(3)), bank_entry(world, "5", "-7")
        ids = {send(world, first).id, send(world, second).id}
        assert listed(world.open_day, world.open_day) == [second.reference]
        assert sorted(listed(first.date, second.date)) == sorted([first.reference, second.reference])
        assert listed(second.date + timedelta(1), second.date + timedelta(2)) == []

    def test_a_listed_entry_equals_the_found_one(self, world: World) -> None:
        entry = bank_entry(world, "100.00", "-30.25")
        send(world, entry)
        (found,) = look_up(world, entry)
        listed = world.connection.entries(world.dossier, entry.kind, entry.journal, entry.date, entry.date)
        assert found in list(listed)

    # -------------------------------------------------------------------------- refusals

    def test_an_unbalanced_entry_is_rejected(self, world: World) -> None:
        if world.capabilities.bank_entries:
            entry = bank_entry(world, "10.00")
            self._assert_rejected(world, replace(entry, closing=Decimal("1.00")), "unbalanced")

    def test_an_unbalanced_general_entry_is_rejected(self, world: World) -> None:
        entry = replace(bank_entry(world, "10.00"), kind=EntryKind.GENERAL, journal=world.general_journal)
        crooked = (entry.lines[0], replace(entry.lines[1], amount=Decimal("-9.99")))
        self._assert_rejected(world, replace(entry, lines=crooked), "unbalanced")

    def test_a_closed_period_is_rejected(self, world: World) -> None:
        self._assert_rejected(world, bank_entry(world, on=world.closed_day), "period_closed")

    def test_a_journal_of_the_wrong_type_is_rejected(self, world: World) -> None:
        if world.capabilities.bank_entries:
            self._assert_rejected(world, replace(bank_entry(world), journal=world.general_journal), "journal_type")

    def test_an_account_code_that_is_not_there_is_told_before_sending(self, world: World) -> None:
        entry = bank_entry(world)
        accounts = accounts_of(world)
        del accounts[world.suspense_account]
        error = refusal_of(lambda: world.connection.render(entry, accounts))
        assert isinstance(error, Rejected)
        assert world.suspense_account in error.values.values()

    def test_an_account_unknown_to_the_dossier_is_rejected(self, world: World) -> None:
        entry = bank_entry(world)
        accounts = accounts_of(world) | {world.suspense_account: world.foreign_account}
        payload = world.connection.render(entry, accounts)
        error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
        assert isinstance(error, Rejected)
        assert world.booked(entry.reference) == 0

    def test_a_foreign_dossier_is_rejected(self, world: World) -> None:
        for call in (
            lambda: world.connection.journals(world.foreign_dossier),
            lambda: send(world, bank_entry(world), world.foreign_dossier),
        ):
            error = refusal_of(call)
            assert isinstance(error, Rejected)
            assert error.status in world.foreign_statuses

    def test_an_expired_login_is_told(self, world: World) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        world.expire()
        assert isinstance(refusal_of(lambda: world.connection.identity()), AuthorisationExpired)
        error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
        assert isinstance(error, AuthorisationExpired)
        assert world.booked(entry.reference) == 0

    def _assert_rejected(self, world: World, entry: OutgoingEntry, code: str) -> None:
        """In the provider's words, unless the connector knows it before anything is sent."""
        accounts = accounts_of(world)
        world.gate.calls.clear()
        error = refusal_of(lambda: world.connection.post(
            world.dossier, entry.kind, world.connection.render(entry, accounts)
        ))  # fmt: skip
        assert isinstance(error, Rejected)
        assert error.code.partition(".")[2] == code
        assert error.provider_text or not world.gate.writes
        assert world.booked(entry.reference) == 0


class BookkeepingContract(BooksContract):
    """And what a network does to them: limits, lost answers, gates."""

    # -------------------------------------------------------------------------- bad days

    @pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
    def test_too_many_calls_say_how_long_to_wait(self, world: World, write: bool) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        world.fault(Fault.RATE_LIMITED, write=write)
        call = partial(world.connection.post, world.dossier, entry.kind, payload)
        error = refusal_of(call if write else partial(world.connection.journals, world.dossier))
        assert isinstance(error, Temporary)
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 86400
        assert not error.sent
        assert world.booked(entry.reference) == 0

    @pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.BUSY, Fault.TRUNCATED])
    def test_a_read_that_failed_once_is_repeated(self, world: World, fault: Fault) -> None:
        world.fault(fault, write=False)
        assert world.connection.journals(world.dossier)

    @pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.RATE_LIMITED])
    def test_a_write_in_doubt_is_uncertain_and_sent_once(self, world: World, fault: Fault) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        world.fault(fault, write=True)
        world.gate.calls.clear()
        error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
        assert is_uncertain(error), error
        assert world.gate.writes == 1
        world.settle()
        nothing_done = fault in (Fault.LOST_BEFORE, Fault.BUSY, Fault.FAULTY)
        assert world.booked(entry.reference) == (0 if nothing_done else 1)
        assert len(look_up(world, entry)) == world.booked(entry.reference)

    def test_a_late_write_is_found_only_after_it_settled(self, world: World) -> None:
        entry = bank_entry(world)
        world.fault(Fault.LATE, write=True)
        assert is_uncertain(refusal_of(lambda: send(world, entry)))
        assert list(look_up(world, entry)) == []
        world.settle()
        assert len(look_up(world, entry)) == 1

    def test_a_slow_read_ends_in_a_time_out(self, world: World) -> None:
        world.fault(Fault.SLOW, write=False, times=3)
        error = refusal_of(lambda: world.connection.journals(world.dossier))
        assert isinstance(error, Temporary)
        assert error.code.endswith(".timeout")

    def test_garbage_is_not_taken_for_an_answer(self, world: World) -> None:
        world.fault(Fault.GARBAGE, write=False)
        assert isinstance(refusal_of(lambda: world.connection.journals(world.dossier)), UnexpectedReply)

    def test_where_nobody_listens_nothing_was_sent(self, world: World) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        error = refusal_of(lambda: world.unreachable.post(world.dossier, entry.kind, payload))
        assert isinstance(error, Temporary)
        assert not error.sent

    # -------------------------------------------------------------------------- manners

    def test_the_gate_is_asked_before_and_told_after_every_call(self, world: World) -> None:
        entry = bank_entry(world)
        send(world, entry)
        look_up(world, entry)
        refusal_of(lambda: world.connection.journals(world.foreign_dossier))
        before, after = world.gate.calls[::2], world.gate.calls[1::2]
        assert [call[0] for call in before] == ["before"] * len(before)
        assert [call[0] for call in after] == ["after"] * len(before)
        assert [call[1:3] for call in before] == [call[1:3] for call in after]
        assert {call[1] for call in before} == {world.dossier, world.foreign_dossier}
        assert world.gate.writes == 1
        assert [call[3] for call in after][-1] in world.foreign_statuses

    def test_the_gate_is_told_of_a_call_without_an_answer(self, world: World) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        world.fault(Fault.LOST_BEFORE, write=True)
        refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
        assert world.gate.calls[-1][3] == 0

    def test_a_closed_gate_keeps_the_call_in(self, world: World) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        world.gate.refuse = Temporary("limit_reached", retry_after=7, sent=False)
        error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
        assert error is world.gate.refuse
        world.gate.refuse = None
        assert world.booked(entry.reference) == 0

    @pytest.mark.parametrize("fault", list(Fault))
    def test_no_secret_is_in_an_error(self, world: World, fault: Fault) -> None:
        world.fault(fault, write=True)
        error = refusal_of(lambda: send(world, bank_entry(world)))
        seen = f"{error!r} {error} {error.__dict__} {error.__cause__!r}"
        assert world.secret not in seen
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
