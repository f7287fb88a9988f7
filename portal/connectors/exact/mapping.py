"""Exact Online's JSON to our dataclasses and back. Pure functions: no HTTP, no clock.

A function that reads a row raises one of `UNREADABLE` when the row is not what it should be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from portal.connectors import base
from portal.connectors.calls import UNREADABLE as UNREADABLE
from portal.connectors.calls import decode as decode
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.connectors.values import figure

DESCRIPTION_LENGTH = 60
Row = Mapping[str, Any]
Document = Any

# ------------------------------------------------------------------------------ wire values


def rows(document: Any) -> tuple[list[Row], str]:
    """(rows, address of the next page or ""). `d` is a bare list or holds `results` and `__next`."""
    content = document["d"]
    if isinstance(content, list):
        return content, ""
    return list(content["results"]), content.get("__next") or ""


def text(value: Any) -> str:
    """Codes come padded with blanks on either side, Int64 as strings, absent values as null."""
    return "" if value is None else str(value).strip()


def money(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise TypeError(f"not an amount: {type(value).__name__}")
    return figure(value) if isinstance(value, str) else Decimal(value)


def day(value: Any) -> date | None:
    """`/Date(1772323200000)/` (milliseconds UTC) or an ISO date with or without a time."""
    if not value:
        return None
    if milliseconds := re.fullmatch(r"/Date\((-?\d+)\)/", str(value)):
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(milliseconds[1]))).date()
    return date.fromisoformat(str(value)[:10])


def certain_day(value: Any) -> date:
    found = day(value)
    if found is None:
        raise ValueError("no date")
    return found


def literal(value: str | date) -> str:
    """A value as an OData filter writes it: 'O''Neil', datetime'2026-03-31'."""
    return f"datetime'{value.isoformat()}'" if isinstance(value, date) else "'" + value.replace("'", "''") + "'"


# ------------------------------------------------------------------------------ master data

_BLOCKING = {1: "backup", 2: "conversion", 3: "conversion", 4: "conversion", 5: "copying", 6: "copying"}
_SYSTEM_STATUS = {0: base.DossierStatus.INACTIVE, 1: base.DossierStatus.ACTIVE, 2: base.DossierStatus.ARCHIVED}
_HRM_STATUS = {0: base.DossierStatus.ACTIVE, 1: base.DossierStatus.ARCHIVED}
_LEDGER_KINDS = {10: "cash", 12: "bank", 20: "receivable", 22: "payable", 24: "vat", 90: "general", 110: "revenue"}
_JOURNAL_TYPES = {
    10: base.JournalType.CASH,
    12: base.JournalType.BANK,
    20: base.JournalType.SALES,
    21: base.JournalType.SALES,
    22: base.JournalType.PURCHASE,
    23: base.JournalType.PURCHASE,
    90: base.JournalType.GENERAL,
}


def identity(row: Row) -> base.Identity:
    return base.Identity(
        user_id=row["UserID"],
        user_name=text(row.get("UserName")),
        email=text(row.get("Email")),
        company=text(row.get("DivisionCustomerName")),
        default_dossier=text(row.get("CurrentDivision")),
    )


def dossier(row: Row) -> base.Dossier:
    """A row of system/Divisions (`Hid`) or of hrm/Divisions (`HID`), which code the status differently."""
    status = (_HRM_STATUS if "HID" in row else _SYSTEM_STATUS)[row["Status"]]
    blocking = int(row.get("BlockingStatus") or 0)
    if blocking and status is base.DossierStatus.ACTIVE:
        status = base.DossierStatus.BLOCKED
    return base.Dossier(
        code=text(row["Code"]),
        name=text(row["Description"]),
        number=text(row.get("Hid") or row.get("HID")),
        status=status,
        country=text(row.get("Country")).upper(),
        currency=text(row.get("Currency")),
        vat_number=text(row.get("VATNumber")),
        enterprise_number=text(row.get("ChamberOfCommerceNumber")),
        siret=text(row.get("SiretNumber")),
        customer_name=text(row.get("CustomerName")),
        archived_on=day(row.get("ArchiveDate")),
        blocking=_BLOCKING.get(blocking, "deletion" if blocking >= 100 else "other") if blocking else "",
    )


def ledger_account(row: Row) -> base.LedgerAccount:
    number = row["Type"] or 0
    kind = _LEDGER_KINDS.get(number, "costs" if 111 <= number <= 130 else "other")
    code, name = text(row["Code"]), text(row["Description"])
    return base.LedgerAccount(code=code, name=name, id=row["ID"], kind=kind, blocked=bool(row.get("IsBlocked")))


def journal(row: Row) -> base.Journal:
    return base.Journal(
        code=text(row["Code"]),
        name=text(row["Description"]),
        type=_JOURNAL_TYPES.get(row["Type"], base.JournalType.OTHER),
        id=row["ID"],
        currency=text(row.get("Currency")),
        ledger_account=text(row.get("GLAccountCode")),
        iban=text(row.get("BankAccountIBAN")).replace(" ", ""),
        blocked=bool(row.get("IsBlocked")),
    )


_VAT_TYPES = {"E": "excluding", "I": "including", "B": "base", "N": "none"}
_VAT_SIDES = {"S": "sales", "P": "purchase"}


def vat_code(row: Row) -> base.VatCode:
    return base.VatCode(
        code=text(row["Code"]),
        name=text(row["Description"]),
        percentage=money(row["Percentage"] or 0),
        side=_VAT_SIDES.get(text(row.get("VATTransactionType")), ""),
        type=_VAT_TYPES.get(text(row.get("Type")), ""),
        blocked=bool(row.get("IsBlocked")),
    )


def relation(row: Row) -> base.Relation:
    """`Status` "C" is a customer; a supplier has a field of its own, and may be both."""
    return base.Relation(
        id=text(row["ID"]) or _missing("ID"),
        code=text(row.get("Code")),
        name=text(row["Name"]),
        country=text(row.get("Country")).upper(),
        vat_number=text(row.get("VATNumber")),
        enterprise_number=text(row.get("ChamberOfCommerce")),
        customer=bool(row.get("IsSales")) or text(row.get("Status")) == "C",
        supplier=bool(row.get("IsSupplier")),
        blocked=bool(row.get("Blocked")),
    )


def periods(period_rows: Iterable[Row], status_rows: Iterable[Row]) -> list[base.Period]:
    """FinancialPeriods has no open or closed; JournalStatusList tells it for each journal (1: closed)."""
    closed: dict[tuple[int, int], set[str]] = {}
    for row in status_rows:
        if row["Status"] == 1:
            closed.setdefault((row["Year"], row["Period"]), set()).add(text(row["Journal"]))
    return [
        base.Period(
            year=row["FinYear"],
            number=row["FinPeriod"],
            starts_on=certain_day(row["StartDate"]),
            ends_on=certain_day(row["EndDate"]),
            closed_journals=frozenset(closed.get((row["FinYear"], row["FinPeriod"]), ())),
        )
        for row in period_rows
    ]


# ------------------------------------------------------------------------------ entries


def render(entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
    """The body of a POST. Raises Rejected for a ledger account that the dossier does not have.

    Exact books the bank's side of a bank entry itself and counts its lines as the bank does:
    money in is positive, opening + lines = closing. That is minus the debit of the other account.
    """
    bank = entry.kind is base.EntryKind.BANK
    lines = [
        {
            "Date": line.date.isoformat(),
            "GLAccount": account_id(line.ledger_account, accounts),
            "AmountFC": -line.amount if bank else line.amount,
            "Description": line.description[:DESCRIPTION_LENGTH],
            "Notes": entry.reference,
            **({"Account": line.relation} if line.relation else {}),
        }
        for line in entry.lines
        if not (bank and line.ledger_account == entry.bank_account)
    ]
    head: dict[str, Any] = {"JournalCode": entry.journal, "Currency": entry.currency}
    if bank and entry.opening is not None and entry.closing is not None:
        head |= {"OpeningBalanceFC": entry.opening, "ClosingBalanceFC": entry.closing}
    head["BankEntryLines" if bank else "GeneralJournalEntryLines"] = lines
    return to_json(head).encode()


def account_id(code: str, accounts: Mapping[str, base.LedgerAccount]) -> str:
    if code not in accounts:
        raise Rejected("exact.account_unknown", values={"account": code})
    return accounts[code].id


def to_json(value: Any) -> str:
    """Compact JSON that writes a Decimal digit by digit, equal amounts alike."""
    if isinstance(value, Decimal):
        cents = value.quantize(Decimal("0.01"))
        return format(cents + 0 if cents == value else value.normalize(), "f")
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{to_json(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def posted(row: Row) -> base.RemoteEntry:
    """The echo of a POST: the key is sure, the rest may be null, the lines are never in it."""
    return base.RemoteEntry(
        id=text(row["EntryID"]) or _missing("EntryID"),
        number=text(row.get("EntryNumber")),
        reference="",
        journal=text(row.get("JournalCode") or row.get("Journal")),
        date=None,
        currency=text(row.get("Currency")),
        total_debit=Decimal(0),
        line_count=0,
    )


def _missing(name: str) -> str:
    raise KeyError(name)


def entries(line_rows: Iterable[Row], bank_account: str = "") -> list[base.RemoteEntry]:
    """Transaction lines, in any order, gathered into entries by number. Amounts are debits here.

    Lines on `bank_account` are the bank's side, which Exact adds: they are left out of the
    lines, and the total counts that side as one line, so it is the same whether shown or not.
    """
    found = [_entry(key, rows, bank_account) for key, rows in gathered(line_rows).items()]
    return sorted(found, key=lambda entry: (entry.number, entry.id))


def gathered(line_rows: Iterable[Row]) -> dict[str, list[Row]]:
    """By entry, each with its lines in order."""
    found: dict[str, list[Row]] = {}
    for row in sorted(line_rows, key=lambda row: int(row.get("LineNumber") or 0)):
        found.setdefault(text(row["EntryID"]) or _missing("EntryID"), []).append(row)
    return found


def _entry(key: str, rows: list[Row], bank_account: str) -> base.RemoteEntry:
    own = [row for row in rows if not bank_account or text(row["GLAccountCode"]) != bank_account]
    lines = tuple(_line(row) for row in own)
    notes = {text(row.get("Notes")) for row in own} - {""}
    head = rows[0]
    return base.RemoteEntry(
        id=key,
        number=text(head.get("EntryNumber")),
        reference=notes.pop() if len(notes) == 1 else "",
        journal=text(head.get("JournalCode")),
        date=max((line.date for line in lines), default=None),
        currency=text(head.get("Currency")),
        total_debit=max(
            sum((line.amount for line in lines if line.amount > 0), Decimal(0)),
            -sum((line.amount for line in lines if line.amount < 0), Decimal(0)),
        ),
        line_count=len(lines),
        lines=lines,
    )


def _line(row: Row) -> base.OutgoingLine:
    amount = money(row["AmountFC"])
    return base.OutgoingLine(certain_day(row["Date"]), text(row["GLAccountCode"]), amount, text(row["Description"]))


# ------------------------------------------------------------------------------ refusals

GENERAL_REFUSALS = (
    ("forbidden.*scope violated", "app_scope"),
    ("within division scope", "division_scope"),
    ("document type not allowed", "user_rights"),
    (r"^forbidden$", "user_rights"),
    (r"filtering on these fields|\$filter parameter|mandatory filtering", "filter_refused"),
    ("error processing request stream", "malformed"),
    # A fault of theirs, not a judgement of our entry: nobody can mend it, and it may have been booked.
    (r"object reference|time-?out|deadlock|try again|probeer|internal (server )?error|error (has )?occurred"
     r"|fout opgetreden|service unavailable", "server_error"),
)  # fmt: skip
BOOKING_REFUSALS = (
    (r"peri(ode|od)\b.*(afgesloten|closed|locked)|période.*(clôturée|fermée)", "period_closed"),
    ("not balanced|result in the closing balance|niet in (evenwicht|balans)|eindsaldo|pas équilibrée", "unbalanced"),
    ("(unknown|onbekend): (fiscal year|boekjaar)", "fiscal_year_unknown"),
    ("(in gebruik|in use): (boekstuknummer|entry number)", "entry_number_used"),
    ("gegeven bestaat reeds|already exists", "duplicate"),
    (r"(invalid|ongeldig):? (journal|dagboek)|must be a \w+ journal", "journal_type"),
    ("(invalid reference|ongeldige referentie): (journal|dagboek)|: (diary|dagboek)$", "journal_unknown"),
    ("(grootboekrekening|g/l account) ?type", "account_type"),
    ("(blocked|geblokkeerd): (g/l account|grootboekrekening)", "account_blocked"),
    (r": (g/l ?account|glaccount|grootboekrekening)s?\b", "account_unknown"),
    (r"btw-(code|percentage)|vat.(code|percentage)", "vat_code"),
    ("(mandatory|verplicht): (relationship|relatie|account)", "relation_missing"),
)
_REFUSALS = [
    (re.compile(words, re.IGNORECASE | re.MULTILINE), code) for words, code in GENERAL_REFUSALS + BOOKING_REFUSALS
]


def failure(status: int, headers: Mapping[str, str], body: bytes) -> ConnectorError | None:
    """None for a success, else the error to raise. Business refusals come as 500 with a text."""
    if 200 <= status < 300:
        return None
    words = _provider_text(body)
    if status == 401:
        return AuthorisationExpired("exact.authorisation_expired", provider_text=words, status=status)
    if status == 429:  # answered before the request is looked at: nothing was done
        return Temporary("exact.rate_limited", retry_after=retry_after(headers), sent=False, status=status)
    if status in (502, 503, 504) or (status >= 500 and not words):
        return Temporary("exact.server_error", provider_text=words, status=status)
    if status < 400 or not words:
        return UnexpectedReply("exact.unreadable", status=status)
    code = next((code for pattern, code in _REFUSALS if pattern.search(words)), "")
    if status >= 500 and code in ("", "server_error"):  # only words that are known say that nothing was booked
        return Temporary("exact.server_error", provider_text=words, status=status)
    if code == "server_error":
        code = ""
    plain = {403: "user_rights", 404: "not_found"}.get(status, "refused")
    return Rejected(f"exact.{code or plain}", provider_text=words, status=status)


def _provider_text(body: bytes) -> str:
    """The words of an OData error, or of the flat error that the log-in side gives; "" when there are none."""
    try:
        error = decode(body)["error"]
        message = error["message"] if isinstance(error, dict) else error
        return text(message["value"] if isinstance(message, dict) else message)[:2000]
    except UNREADABLE:
        return ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until the limit that was hit is lifted: resets are epoch milliseconds.

    Counted from the reply's own `Date`, so that their clock and ours need not agree. A minute
    limit is never waited for longer than a minute, a day limit never longer than a day.
    """
    for name, longest in (("X-RateLimit-Minutely-Reset", 60.0), ("X-RateLimit-Reset", 86400.0)):
        if headers.get(name):
            try:
                left = int(headers[name]) / 1000 - parsedate_to_datetime(headers["Date"]).timestamp()
            except UNREADABLE:
                left = longest
            return min(max(left, 1.0), longest)
    return None
