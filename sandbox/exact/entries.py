"""Booking: a header with its lines becomes an entry whose ledger lines balance.

Bank and cash lines have the sign of the statement: a positive `AmountFC` is money received, so
opening + lines = closing, the line's own account is credited and the journal's account debited
for the total. General journal lines are positive for debit. Sales and purchase lines are amounts
excluding VAT; the journal's account takes the total with VAT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.exact import bodies, wire
from sandbox.exact.entities import Entity
from sandbox.exact.messages import Refusals, amount_text, bad_request
from sandbox.exact.numbers import entry_number, is_taken
from sandbox.exact.registry import ENTITIES
from sandbox.store import Row, Store

JOURNAL_TYPES = {
    "bank": (12, 16), "cash": (10,), "general": (90,), "sales": (20, 21), "purchase": (22, 23),
}  # fmt: skip
ENTRY_TYPES = {"bank": 40, "cash": 40, "general": 90, "sales": 20, "purchase": 30}
LEDGER_SIGN = {"bank": -1, "cash": -1, "general": 1, "sales": -1, "purchase": 1}


@dataclass(slots=True)
class Line:
    """One ledger line; amounts in cents, positive = debit."""

    amount: int
    account: str | None
    part: int = 0
    vat: int = 0
    vat_code: str | None = None
    vat_percentage: float | None = None
    values: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=wire.new_guid)


@dataclass(frozen=True, slots=True)
class Booking:
    """Who books what where. `at` is the moment in epoch ms."""

    store: Store
    division: int
    user: str
    role: str
    language: str
    at: int


def book(booking: Booking, entity: Entity, body: dict[str, Any]) -> str:
    """Book a new entry; returns its EntryID. Raises ApiError 400 or 500. Call inside a transaction."""
    refusals = Refusals(booking.language)
    if booking.role == "portal":
        raise refusals.fail("document_type")
    head = _head(entity, body)
    for name, word in entity.mandatory:
        if not head.get(name):
            refusals.add("mandatory", what=word)
    refusals.check()
    journal = journal_of(booking, entity.entry_kind, head, refusals)
    nav, (child_path, _) = next(iter(entity.lists.items()))
    lines = read_lines(booking, ENTITIES[child_path.lower()], bodies.children(body, nav), refusals)
    _check_parties(booking, head, lines, refusals)
    if entity.entry_kind == "general" and not journal["AllowVAT"] and any(line.vat_code for line in lines):
        refusals.add("vat_not_allowed")
    refusals.check()
    year, period = _period(booking, head, lines, journal, refusals)
    refusals.check()
    number = _number(booking, head, journal, year, refusals)
    refusals.check()
    balance(booking, entity.entry_kind, head, journal, lines, (year, period), refusals)
    refusals.check()
    entry = wire.new_guid()
    _keep(booking, entity.entry_kind, entry, head, journal, lines, (year, period, number))
    return entry


def _head(entity: Entity, body: dict[str, Any]) -> dict[str, Any]:
    """Header values under the names of the `entries` table."""
    head = bodies.values(entity, body)
    renamed = {name: f.sql.removeprefix("t.") for name, f in entity.fields.items() if f.sql.startswith("t.")}
    return head | {renamed[name]: value for name, value in head.items()}


def journal_of(booking: Booking, kind: str, head: dict[str, Any], refusals: Refusals) -> Row:
    """The journal of a header, when it takes entries of this kind. Raises ApiError 500."""
    row = booking.store.one(
        "SELECT * FROM journals WHERE Division = ? AND Code = ?", (booking.division, str(head["JournalCode"]).strip())
    )
    if row is None:
        raise refusals.fail("bad_reference", what="Journals")
    if row["Type"] not in JOURNAL_TYPES[kind]:
        if kind in ("bank", "cash"):
            raise refusals.fail("journal_must_be", kind=kind)
        raise refusals.fail("journal_type")
    if row["IsBlocked"]:
        raise refusals.fail("blocked", what="Diary")
    return row


def _check_parties(booking: Booking, head: dict[str, Any], lines: Sequence[Line], refusals: Refusals) -> None:
    """Relations must be of this division."""
    for guid in {head.get("Account"), *(line.values.get("Account") for line in lines)} - {None}:
        known = booking.store.one("SELECT 1 FROM accounts WHERE ID = ? AND Division = ?", (guid, booking.division))
        if known is None:
            refusals.add("bad_reference", what="Relationship")


def read_lines(booking: Booking, child: Entity, sent: Sequence[dict[str, Any]], refusals: Refusals) -> list[Line]:
    """Ledger lines of what was sent; what is wrong is added to the refusals. Raises ApiError for no lines."""
    if not sent:
        raise refusals.fail("mandatory", what="Entry lines")
    lines = []
    accounts: dict[str, str | None] = {}
    for item in sent:
        values = bodies.values(child, item)
        given = values.get("GLAccount")
        if given is None:
            refusals.add("mandatory", what="G/L account")
        elif given not in accounts:
            accounts[given] = _account(booking, given, refusals)
        amount = (values.get("AmountFC") or 0) * LEDGER_SIGN[child.entry_kind]
        line = Line(amount, accounts.get(given or ""), values=values)
        _vat(booking, child.entry_kind, line, refusals)
        lines.append(line)
    return lines


def _account(booking: Booking, guid: str, refusals: Refusals) -> str | None:
    """The account, or None for one of another division: accepted without a word, and lost."""
    row = booking.store.one("SELECT Division, IsBlocked FROM gl_accounts WHERE ID = ?", (guid,))
    if row is None:
        refusals.add("bad_reference", what="G/L account")
        return None
    if row["Division"] != booking.division:
        return None
    if row["IsBlocked"]:
        refusals.add("blocked", what="G/L account")
    return guid


def _vat(booking: Booking, kind: str, line: Line, refusals: Refusals) -> None:
    """VAT of a sales or purchase line, from its code or else its account's."""
    code = line.values.get("VATCode")
    if kind not in ("sales", "purchase"):
        line.vat_code = code
        return
    if not code and line.account:
        row = booking.store.one("SELECT VATCode FROM gl_accounts WHERE ID = ?", (line.account,))
        code = row["VATCode"] if row else None
    if not code:
        return
    vat = booking.store.one("SELECT * FROM vat_codes WHERE Division = ? AND Code = ?", (booking.division, code))
    if vat is None:
        refusals.add("bad_reference", what="VAT code")
        return
    line.vat_code, line.vat_percentage = code, vat["Percentage"]
    sent = line.values.get("VATAmountFC")
    computed = int((Decimal(line.amount) * Decimal(str(vat["Percentage"]))).to_integral_value(ROUND_HALF_UP))
    line.vat = computed if sent is None else sent * LEDGER_SIGN[kind]


def _period(
    booking: Booking, head: dict[str, Any], lines: Sequence[Line], journal: Row, refusals: Refusals
) -> tuple[int, int]:
    """The period sent, else that of the header's or first line's date."""
    dates = [line.values["Date"] for line in lines if line.values.get("Date") is not None]
    today = booking.at - booking.at % 86_400_000
    head["Date"] = head.get("Date") or (dates[0] if dates else today)
    for line in lines:
        line.values["Date"] = line.values.get("Date") or head["Date"]
    year, period = head.get("FinancialYear"), head.get("FinancialPeriod")
    if year and period:
        found = booking.store.one(
            "SELECT FinYear, FinPeriod FROM periods WHERE Division = ? AND FinYear = ? AND FinPeriod = ?",
            (booking.division, year, period),
        )
    else:
        found = booking.store.one(
            "SELECT FinYear, FinPeriod FROM periods WHERE Division = ? AND StartDate <= ? AND EndDate >= ?",
            (booking.division, head["Date"], head["Date"] - head["Date"] % 86_400_000),
        )
    if found is None:
        refusals.add("year_unknown")
        return 0, 0
    year, period = int(found["FinYear"]), int(found["FinPeriod"])
    if is_closed(booking.store, booking.division, journal["Code"], year, period):
        refusals.add("period_closed", year=year, period=period)
    return year, period


def is_closed(store: Store, division: int, journal: str, year: int, period: int) -> bool:
    return store.one(
        "SELECT 1 FROM closed_periods WHERE Division = ? AND Journal = ? AND Year = ? AND Period = ?",
        (division, journal, year, period),
    ) is not None  # fmt: skip


def _number(booking: Booking, head: dict[str, Any], journal: Row, year: int, refusals: Refusals) -> int:
    given = head.get("EntryNumber")
    if not given:
        return entry_number(booking.store, booking.division, journal["Code"], year)
    if is_taken(booking.store, booking.division, given):
        refusals.add("number_used")
    return int(given)


def balance(
    booking: Booking, kind: str, head: dict[str, Any], journal: Row, lines: list[Line],
    period: tuple[int, int], refusals: Refusals,
) -> None:  # fmt: skip
    """Check the lines and add those that the journal books itself."""
    total = sum(line.amount for line in lines)
    if kind == "general":
        if total:
            refusals.add(
                "unbalanced", year=period[0], period=period[1], currency=head.get("Currency") or "EUR",
                difference=amount_text(total),
            )  # fmt: skip
        return
    if kind in ("bank", "cash"):
        _statement_balances(booking, head, journal, -total, refusals)
        lines.insert(0, Line(-total, journal["GLAccount"], part=1, values={"Date": head["Date"]}))
        return
    vat = sum(line.vat for line in lines)
    lines.insert(0, Line(-total - vat, journal["GLAccount"], part=1, values={"Date": head["Date"]}))
    for line in [line for line in lines if line.vat]:
        row = booking.store.one(
            "SELECT GLToPay, GLToClaim FROM vat_codes WHERE Division = ? AND Code = ?",
            (booking.division, line.vat_code),
        )
        account = row["GLToPay" if kind == "sales" else "GLToClaim"] if row else None
        lines.append(Line(line.vat, account, part=2, vat_code=line.vat_code, values={"Date": head["Date"]}))


def _statement_balances(booking: Booking, head: dict[str, Any], journal: Row, total: int, refusals: Refusals) -> None:
    """Fill the balances that were not sent; refuse two that do not fit the lines."""
    opening, closing = head.get("OpeningBalanceFC"), head.get("ClosingBalanceFC")
    if opening is None and closing is None:
        last = booking.store.one(
            "SELECT ClosingBalanceFC FROM entries WHERE Division = ? AND JournalCode = ?"
            " ORDER BY FinancialYear DESC, EntryNumber DESC LIMIT 1",
            (booking.division, journal["Code"]),
        )
        opening = last["ClosingBalanceFC"] if last else 0
    if opening is None:
        opening = int(closing or 0) - total
    if closing is None:
        closing = opening + total
    if opening + total != closing:
        refusals.add("closing_balance")
    head["OpeningBalanceFC"], head["ClosingBalanceFC"] = opening, closing


def rate_of(head: dict[str, Any]) -> Decimal:
    rate = Decimal(str(head.get("Rate") or 1))
    if rate <= 0:
        raise bad_request("Error encountered in converting the value of property 'ExchangeRate'.")
    return rate


COPIED = (
    "DueDate", "OpeningBalanceFC", "ClosingBalanceFC", "Description", "YourRef", "PaymentReference", "PaymentCondition",
    "ExternalLinkReference", "InvoiceNumber", "OrderNumber", "Document",
)  # fmt: skip
LINE_COPIED = ("Date", "Account", "Description", "Notes", "OurRef", "Document", "CostCenter", "CostUnit", "Quantity")


def _keep(
    booking: Booking, kind: str, entry: str, head: dict[str, Any], journal: Row, lines: list[Line],
    placed: tuple[int, int, int],
) -> None:  # fmt: skip
    rate = rate_of(head)
    row = {name: head.get(name) for name in COPIED} | totals(kind, lines, rate) | {
        "EntryID": entry, "Division": booking.division, "kind": kind, "EntryNumber": placed[2],
        "JournalCode": journal["Code"], "Currency": head.get("Currency") or journal["Currency"], "Rate": float(rate),
        "FinancialYear": placed[0], "FinancialPeriod": placed[1], "Date": head["Date"],
        "Account": head.get("Account"), "Reversal": head.get("Reversal") or 0,
        "Created": booking.at, "Modified": booking.at, "Creator": booking.user, "Modifier": booking.user,
    }  # fmt: skip
    booking.store.insert("entries", **row)
    booking.store.insert_many("lines", line_rows(booking, kind, entry, lines, rate, head.get("Account")))


def totals(kind: str, lines: Sequence[Line], rate: Decimal) -> dict[str, int]:
    """The amounts and the type of a header, from its ledger lines."""
    own = lines[0].amount if lines[0].part == 1 else 0
    vat = abs(sum(line.amount for line in lines if line.part == 2))
    total = own if kind == "sales" else -own
    return {
        "Type": ENTRY_TYPES[kind] + (1 if kind in ("sales", "purchase") and total < 0 else 0),
        "AmountFC": total, "AmountDC": _times(total, rate), "VATAmountFC": vat, "VATAmountDC": _times(vat, rate),
    }  # fmt: skip


def _times(cents: int, rate: Decimal) -> int:
    return int((cents * rate).to_integral_value(ROUND_HALF_UP))


def line_rows(
    booking: Booking, kind: str, entry: str, lines: Sequence[Line], rate: Decimal, party: str | None
) -> list[dict[str, Any]]:
    """Rows of the `lines` table. The side that the journal books itself is line 0."""
    stamp = booking.store.next_number("timestamp", len(lines))
    converted = [_times(line.amount, rate) for line in lines]
    converted[0] -= sum(converted)  # conversion must not unbalance the entry
    first = 0 if lines[0].part == 1 else 1
    return [
        {name: line.values.get(name) for name in LINE_COPIED}
        | {
            "ID": line.id, "Division": booking.division, "EntryID": entry, "kind": kind, "part": line.part,
            "LineNumber": first + index, "GLAccount": line.account, "AmountFC": line.amount,
            "AmountDC": converted[index], "VATAmountFC": line.vat, "VATCode": line.vat_code,
            "VATPercentage": line.vat_percentage, "Account": line.values.get("Account") or party,
            "Timestamp": stamp + index,
        }
        for index, line in enumerate(lines)
    ]  # fmt: skip
