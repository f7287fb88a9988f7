"""Xero's JSON to our dataclasses and back. Pure functions: no HTTP, no clock.

A function that reads a row raises one of `calls.UNREADABLE` when the row is not what it should be.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.connectors import base
from portal.connectors.calls import decode, encode
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.connectors.ledgers import totalled, years
from portal.connectors.values import figure
from portal.kernel.http import Reply

Row = Mapping[str, Any]
GENERAL, SALES, PURCHASE = "MJ", "ACCREC", "ACCPAY"
JOURNALS = (
    base.Journal(GENERAL, "Manual journals", base.JournalType.GENERAL, GENERAL),
    base.Journal(SALES, "Invoices", base.JournalType.SALES, SALES),
    base.Journal(PURCHASE, "Bills", base.JournalType.PURCHASE, PURCHASE),
)
STANDING = {"DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "POSTED"}  # not deleted, voided or archived
_SYSTEM = {"DEBTORS": "receivable", "CREDITORS": "payable", "GST": "vat", "GSTONIMPORTS": "vat"}
_KINDS = {
    "BANK": "bank", "REVENUE": "revenue", "SALES": "revenue", "OTHERINCOME": "revenue", "EXPENSE": "costs",
    "DIRECTCOSTS": "costs", "OVERHEADS": "costs", "DEPRECIATN": "costs",
}  # fmt: skip
NOT_BY_HAND = {"bank", "receivable", "payable"}  # kinds of account that Xero keeps out of manual journals
_DATED = re.compile(r"(\d{4}-\d{2}-\d{2}) (.*)", re.DOTALL)
_MS_DATE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")

# ------------------------------------------------------------------------------ wire values


def text(value: object) -> str:
    return "" if value is None else str(value).strip()


def day(value: object) -> date | None:
    """`/Date(1553126400000+0000)/` or `2019-03-14T00:00:00`. Raises ValueError."""
    if not value:
        return None
    coded = _MS_DATE.fullmatch(str(value))
    if coded:
        return datetime.fromtimestamp(int(coded[1]) / 1000, UTC).date()
    return date.fromisoformat(str(value)[:10])


def moment(value: date) -> str:
    """A day in a filter."""
    return f"DateTime({value.year}, {value.month:02d}, {value.day:02d})"


def money(value: object) -> Decimal:
    """Raises InvalidOperation, and ValueError out of all bounds."""
    return figure(str(value or 0))


def once(rows: Sequence[Row]) -> list[Row]:
    """Without those that two pages told, as happens when one is changed while the list is read."""
    return list({json.dumps(row, sort_keys=True, default=str): row for row in rows}.values())


# ------------------------------------------------------------------------------ master data


def identity(header: str, connections: Sequence[Row]) -> base.Identity:
    """From the claims of the access token, which Xero signed and has just accepted."""
    part = header.rpartition(" ")[2].split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except binascii.Error as crooked:
        raise ValueError("no claims") from crooked
    user = text(claims["xero_userid"])
    first = tenant(connections[0]) if connections else ("", "")
    return base.Identity(user, text(claims.get("name")) or user, text(claims.get("email")), first[1], first[0])


def tenant(row: Row) -> tuple[str, str]:
    """(id, name)"""
    return text(row["tenantId"]), text(row["tenantName"])


def closed_dossier(code: str, name: str) -> base.Dossier:
    """One that is connected and yet refuses us."""
    return base.Dossier(code, name, "", base.DossierStatus.BLOCKED, "", "", blocking="refused")


def dossier(code: str, row: Row) -> base.Dossier:
    active = text(row.get("OrganisationStatus")) in ("", "ACTIVE")
    return base.Dossier(
        code=code,
        name=text(row["Name"]),
        number=text(row.get("ShortCode")),
        status=base.DossierStatus.ACTIVE if active else base.DossierStatus.INACTIVE,
        country=text(row["CountryCode"]).upper(),
        currency=text(row["BaseCurrency"]),
        vat_number=text(row.get("TaxNumber")),
        enterprise_number=text(row.get("RegistrationNumber")),
    )


def ledger_account(row: Row) -> base.LedgerAccount:
    kind = _SYSTEM.get(text(row.get("SystemAccount"))) or _KINDS.get(text(row["Type"]), "general")
    blocked = text(row.get("Status")) not in ("", "ACTIVE")
    return base.LedgerAccount(text(row.get("Code")), text(row["Name"]), text(row["AccountID"]), kind, blocked)


def vat_code(row: Row) -> base.VatCode:
    sold, bought = bool(row.get("CanApplyToRevenue")), bool(row.get("CanApplyToExpenses"))
    side = "" if sold == bought else "sales" if sold else "purchase"
    percentage = money(row.get("EffectiveRate")) / 100
    blocked = text(row.get("Status")) not in ("", "ACTIVE")
    return base.VatCode(text(row["TaxType"]), text(row["Name"]), percentage, side, "excluding", blocked)


def relation(row: Row) -> base.Relation:
    """Anybody may be customer or supplier: Xero says so only of those who had an invoice."""
    places = row.get("Addresses") or ()
    country = next((text(place.get("Country")) for place in places if place.get("Country")), "")
    return base.Relation(
        id=text(row["ContactID"]),
        code=text(row.get("AccountNumber")) or text(row.get("ContactNumber")),
        name=text(row["Name"]),
        country=country.upper() if len(country) == 2 else "",
        vat_number=text(row.get("TaxNumber")),
        enterprise_number=text(row.get("CompanyNumber")),
        blocked=text(row.get("ContactStatus")) not in ("", "ACTIVE"),
    )


def periods(organisation: Row, today: date) -> list[base.Period]:
    """Xero has no periods, only dates up to which the books are locked: financial years, cut in two there."""
    locks = [day(organisation.get(name)) for name in ("PeriodLockDate", "EndOfYearLockDate")]
    locked = max((lock for lock in locks if lock), default=date.min)
    month, last = (
        int(organisation.get("FinancialYearEndMonth") or 12),
        int(organisation.get("FinancialYearEndDay") or 31),
    )
    parts = []
    for year in range(today.year - 6, today.year + 2):
        starts, ends = _end(year - 1, month, last) + timedelta(1), _end(year, month, last)
        edge = min(max(locked, starts - timedelta(1)), ends)
        parts += [(starts, edge, True), (edge + timedelta(1), ends, False)]
    return years([part for part in parts if part[0] <= part[1]], [journal.code for journal in JOURNALS])


def _end(year: int, month: int, last: int) -> date:
    """The last day of a financial year, 29 February written as the 28th where there is none."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(following - timedelta(1), date(year, month, min(last, 28)) + timedelta(max(last - 28, 0)))


# ------------------------------------------------------------------------------ manual journals


def render(entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
    """Raises Rejected for an account that the dossier does not have, or that Xero books on by itself alone.

    A manual journal has one date: a line of another day says so in front of its description.
    """
    lines = [
        {
            "LineAmount": line.amount + 0,
            "AccountCode": account_code(line.ledger_account, accounts, by_hand=True),
            "Description": line.description if line.date == entry.date else f"{line.date} {line.description}",
        }
        for line in entry.lines
    ]
    journal = {
        "Narration": entry.reference,
        "Date": entry.date.isoformat(),
        "Status": "POSTED",
        "LineAmountTypes": "NoTax",
        "JournalLines": lines,
    }
    return encode({"ManualJournals": [journal]})


def account_code(code: str, accounts: Mapping[str, base.LedgerAccount], *, by_hand: bool = False) -> str:
    """As the dossier writes it. Raises Rejected."""
    account = accounts.get(code)
    if account is None:
        raise Rejected("xero.account_unknown", values={"account": code})
    if by_hand and account.kind in NOT_BY_HAND:
        raise Rejected("xero.account_system", values={"account": code})
    return account.code


def entry(row: Row) -> base.RemoteEntry:
    """A manual journal, as sent or as told. Xero gives it no number: the start of its id stands for one."""
    on = day(row["Date"])
    if on is None:
        raise ValueError("no date")
    lines = tuple(_lines(row.get("JournalLines") or (), on))
    identifier = text(row.get("ManualJournalID"))
    return base.RemoteEntry(
        id=identifier,
        number=identifier[:8].upper(),
        reference=text(row["Narration"]),
        journal=GENERAL,
        date=on,
        currency="EUR",
        total_debit=totalled(lines),
        line_count=len(lines),
        lines=lines,
    )


def _lines(rows: Sequence[Row], on: date) -> Iterator[base.OutgoingLine]:
    for row in rows:
        words = text(row.get("Description"))
        dated = _DATED.fullmatch(words)
        yield base.OutgoingLine(
            date.fromisoformat(dated[1]) if dated else on,
            text(row.get("AccountCode")),
            money(row["LineAmount"]),
            dated[2] if dated else words,
        )


# ------------------------------------------------------------------------------ refusals

# Words of the validation errors, in their order of telling most.
_REFUSALS = [
    (re.compile(words, re.IGNORECASE), code)
    for words, code in (
        ("total debits .* must equal total credits", "unbalanced"),
        ("lock(ed)? date|period.* locked|locked period", "period_closed"),
        ("invoice ?# must be unique|number must be unique", "duplicate"),
        ("account code .* (not a valid code|does not match a recognised account)", "account_unknown"),
        ("account .* (archived|not active)", "account_blocked"),
        ("contact .*(could not be found|required|archived)|contactid", "relation_unknown"),
        ("taxtype|tax (rate|code)", "vat_code"),
        ("currency", "currency"),
        ("idempotency", "duplicate"),
    )
]
_WAITS = {"minute": 60.0, "appminute": 60.0, "concurrent": 1.0, "day": 86_400.0}


def failure(reply: Reply) -> ConnectorError | None:
    """None for a success, else the error to raise. Refusals of what was sent come as 400 with validation errors."""
    status, words = reply.status, _words(reply.body)
    if 200 <= status < 300:
        return None
    if status == 401:
        return AuthorisationExpired("xero.authorisation_expired", provider_text=words, status=status)
    if status == 429:  # answered before the request is looked at: nothing was done
        return Temporary("xero.rate_limited", retry_after=_retry_after(reply.headers), sent=False, status=status)
    if status >= 500:
        return Temporary("xero.server_error", provider_text=words, status=status)
    if status < 400 or not words:
        return UnexpectedReply("xero.unreadable", status=status)
    plain = {403: "user_rights", 404: "not_found"}.get(status, "refused")
    code = next((code for pattern, code in _REFUSALS if pattern.search(words)), plain)
    return Rejected(f"xero.{code if status == 400 else plain}", provider_text=words, status=status)


def _words(body: bytes) -> str:
    """What every validation error of the answer says, else its own message; "" for what is no answer of theirs."""
    try:
        told = decode(body)
        elements = told.get("Elements") or ()
        words = [text(error["Message"]) for element in elements for error in element.get("ValidationErrors") or ()]
        words = words or [text(told.get(name)) for name in ("Message", "Detail", "Title")]
        return "\n".join(filter(None, words))[:2000]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds: as told, else as long as the limit lasts that was met."""
    told = headers.get("Retry-After", "")
    longest = _WAITS.get(headers.get("X-Rate-Limit-Problem", "").lower(), 60.0)
    return min(max(float(told), 1.0), 86_400.0) if told.isdigit() else longest
