"""Business Central's JSON to our dataclasses and back. Pure functions: no HTTP, no clock.

A function that reads a row raises one of `calls.UNREADABLE` when the row is not what it should be.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.connectors import base, failures, ledgers
from portal.connectors.calls import UNREADABLE, decode, encode
from portal.connectors.errors import ConnectorError, UnexpectedReply
from portal.connectors.values import text, wait
from portal.kernel import http

Row = Mapping[str, Any]
NOUGHT = Decimal(0)
TEXT_LENGTH, NUMBER_LENGTH, CODE_LENGTH, NAME_LENGTH = 100, 20, 10, 50
OUR_CODE, OUR_NAME = "KP", "Koppelpoort"
NUMBERS = "KP-"  # how the document numbers begin that are ours
STALE = timedelta(hours=1)
LONGEST_WAIT, USUAL_WAIT = 3600.0, 60.0

# ------------------------------------------------------------------------------ wire values


def money(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(f"not an amount: {type(value).__name__}")
    return Decimal(value)


def page(document: Any) -> tuple[list[Row], str]:
    """(rows, address of the next page or ""), which holds the whole query."""
    return list(document["value"]), str(document.get("@odata.nextLink") or "")


def literal(value: str | date) -> str:
    """A value as an OData filter writes it: 'O''Neil', 2026-03-31."""
    return value.isoformat() if isinstance(value, date) else "'" + value.replace("'", "''") + "'"


def any_of(field: str, values: Iterable[str]) -> str:
    return " or ".join(f"{field} eq {literal(value)}" for value in values)


# ------------------------------------------------------------------------------ master data


def identity(environments: Sequence[Row]) -> base.Identity:
    """The log-in is known by the organisation that owns the environments: nobody's name is told."""
    return base.Identity(text(environments[0]["aadTenantId"]) or _missing("aadTenantId"), "", "", "", "")


def dossier(environment: Row, company: Row, information: Row | None) -> base.Dossier:
    """A company of an environment; without its information, the log-in has no rights in it."""
    name, place = text(company["name"]), text(environment["name"])
    production = text(environment.get("type")).lower() == "production"
    told = information or {}
    return base.Dossier(
        code=f"{place}.{company['id']}",
        name=text(company.get("displayName")) or name,
        number=name if production else f"{name} ({place})",
        status=base.DossierStatus.BLOCKED if information is None else base.DossierStatus.ACTIVE,
        country=text(environment.get("countryCode")).upper(),
        currency=text(told.get("currencyCode")),
        vat_number=text(told.get("taxRegistrationNumber")),
        blocking="other" if information is None else "",
    )


_LEDGER_KINDS = (
    ("income|revenue", "revenue"), ("expense|cost", "costs"), ("receivable", "receivable"), ("payable", "payable"),
    (r"\b(vat|tax)\b", "vat"), ("bank|cash", "bank"),
)  # fmt: skip


def ledger_accounts(rows: Iterable[Row]) -> list[base.LedgerAccount]:
    """Headings and totals are left out; an account that takes no direct entries is blocked for us."""
    return [_ledger_account(row) for row in rows if text(row.get("accountType", "Posting")) == "Posting"]


def _ledger_account(row: Row) -> base.LedgerAccount:
    told = f"{text(row.get('subCategory'))} {text(row.get('category'))}".lower()
    kind = next((kind for words, kind in _LEDGER_KINDS if re.search(words, told)), "general")
    code = text(row["number"])
    closed = bool(row.get("blocked")) or row.get("directPosting") is False
    return base.LedgerAccount(code, text(row["displayName"]) or code, text(row["id"]), kind, blocked=closed)


def is_ours(row: Row) -> bool:
    """A batch that we made: it disappears once it is posted."""
    return text(row["code"]).startswith(OUR_CODE) and text(row.get("displayName")).startswith(OUR_NAME)


def is_old(row: Row, now: datetime) -> bool:
    """A batch that nobody posts any more: who made it would have done so long ago."""
    return now - datetime.fromisoformat(str(row["lastModifiedDateTime"])) > STALE


def journal(row: Row) -> base.Journal:
    code = text(row["code"])
    return base.Journal(code, text(row.get("displayName")) or code, base.JournalType.GENERAL, text(row["id"]))


def vat_code(row: Row) -> base.VatCode:
    """Percentages are told in no list: one is read from the name, as in "VAT 21 %"."""
    name = text(row.get("displayName"))
    told = re.search(r"(\d{1,2}(?:[.,]\d{1,2})?) ?%", name)
    percentage = Decimal(told[1].replace(",", ".")) / 100 if told else NOUGHT
    return base.VatCode(text(row["code"]), name, percentage)


def periods(rows: Iterable[Row], journals: Iterable[base.Journal]) -> list[base.Period]:
    """Only first days are told: a period ends before the next begins, and the last one with its month."""
    codes = frozenset(journal.code for journal in journals)
    found: list[base.Period] = []
    ordered = sorted(rows, key=lambda row: str(row["startingDate"]))
    starts = [date.fromisoformat(row["startingDate"]) for row in ordered]
    ends = [start - timedelta(1) for start in starts[1:]] + [_month_end(start) for start in starts[-1:]]
    year, number = starts[0].year if starts else 0, 0
    for row, first, last in zip(ordered, starts, ends, strict=True):
        year, number = (first.year, 1) if row["newFiscalYear"] else (year, number + 1)
        found.append(base.Period(year, number, first, last, codes if row["closed"] else frozenset()))
    return found


def _month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(32)).replace(day=1) - timedelta(1)


# ------------------------------------------------------------------------------ entries


@dataclass(frozen=True, slots=True)
class Document:
    """One rendered entry: its number, the journal it is for, and its lines as they are sent."""

    number: str
    journal: str
    lines: Sequence[Row]


def render(entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
    """Our reference is the number of the document. Raises Rejected for an unknown ledger account.

    A document must balance on each of its days. One that does not is booked on the day of the entry as a
    whole, and its lines tell their own day in words.
    """
    if len(entry.reference) > NUMBER_LENGTH:
        raise ValueError("a reference longer than a document number")
    days: dict[date, Decimal] = {}
    for line in entry.lines:
        days[line.date] = days.get(line.date, NOUGHT) + line.amount
    own_days = not any(days.values())
    lines = [
        {
            "accountNumber": ledgers.account("business_central", line.ledger_account, accounts).code,
            "postingDate": (line.date if own_days else entry.date).isoformat(),
            "documentNumber": entry.reference,
            "amount": line.amount,
            "description": ledgers.described(line, replace(entry, date=line.date) if own_days else entry, TEXT_LENGTH),
        }
        for line in entry.lines
    ]
    return encode({"documentNumber": entry.reference, "journal": entry.journal, "journalLines": lines})


def document(payload: bytes) -> Document:
    read = decode(payload)
    return Document(read["documentNumber"], read["journal"], read["journalLines"])


def batch(documents: Sequence[Document]) -> dict[str, str]:
    """The body that makes the batch for some documents: the same documents, the same code."""
    told = hashlib.sha256(" ".join(sorted(one.number for one in documents)).encode()).digest()
    code = (OUR_CODE + b32encode(told).decode())[:CODE_LENGTH]
    return {"code": code, "displayName": f"{OUR_NAME} {documents[0].journal}"[:NAME_LENGTH]}


def line_requests(company: str, journal_id: str, lines: Sequence[Row]) -> bytes:
    """The body of a $batch that adds lines to a batch, in their order."""
    address = f"companies({company})/journals({journal_id})/journalLines"
    return encode({"requests": [_request("POST", number, address, line) for number, line in enumerate(lines, 1)]})


def information_requests(companies: Sequence[str]) -> bytes:
    addresses = [f"companies({company})/companyInformation" for company in companies]
    return encode({"requests": [_request("GET", number, address) for number, address in enumerate(addresses, 1)]})


def _request(method: str, number: int, address: str, body: Row | None = None) -> Row:
    told: dict[str, Any] = {"method": method, "id": str(number), "url": address}
    if body is not None:
        told |= {"headers": {"Content-Type": "application/json"}, "body": body}
    return told


def responses(answer: Row, asked: int) -> list[http.Reply]:
    """The answers in a $batch, in the order of the requests. Raises ValueError when one is missing."""
    found = {int(one["id"]): one for one in answer["responses"]}
    if set(found) != set(range(1, asked + 1)):
        raise ValueError("a $batch with other answers than requests")
    return [
        http.Reply(int(found[number]["status"]), found[number].get("headers") or {}, encode(found[number].get("body")))
        for number in sorted(found)
    ]


def posted(one: Document) -> base.RemoteEntry:
    """Posting answers nothing: the lines are read back by `find`."""
    return ledgers.entry(one.number, one.number, one.number, one.journal, None, "")


def entries(rows: Iterable[Row], journal: str, currency: str) -> list[base.RemoteEntry]:
    """Rows of the general ledger gathered by document number, which is all that tells them together."""
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: int(row["entryNumber"])):
        found.setdefault(text(row["documentNumber"]), []).append(row)
    return [_entry(number, own, journal, currency) for number, own in found.items()]


def _entry(number: str, rows: Sequence[Row], journal: str, currency: str) -> base.RemoteEntry:
    lines = tuple(_line(row) for row in rows)
    last = max(line.date for line in lines)
    return ledgers.entry(number, number, number, journal, last, currency, lines)


def _line(row: Row) -> base.OutgoingLine:
    amount = money(row["debitAmount"]) - money(row["creditAmount"])
    day = date.fromisoformat(row["postingDate"])
    return base.OutgoingLine(day, text(row["accountNumber"]), amount, text(row["description"]))


def _missing(name: str) -> str:
    raise KeyError(name)


# ------------------------------------------------------------------------------ refusals

_REFUSALS = failures.Words(
    (
        (r"EntityWithSameKeyExists|already exists", "duplicate"),
        (r"allowed posting dates|not within your range|period.*closed", "period_closed"),
        (r"out of balance", "unbalanced"),
        (r"blocked must be", "account_blocked"),
        (r"direct posting must be", "account_indirect"),
        (r"cannot be found in the related table \(G/L Account\)|G/L Account does not exist", "account_unknown"),
        (r"dimension", "dimension_missing"),
        (r"posting (type|group)|VAT", "vat_code"),
    )
)


def failure(reply: http.Reply) -> ConnectorError | None:
    """None for a success, else the error to raise. Refusals are {error: {code, message}}, mostly with status 400."""
    status = reply.status
    if 200 <= status < 300:
        return None
    told, words = _words(reply.body)
    if status == 401:
        return failures.expired("business_central", status, words)
    if status == 429:
        return failures.limited("business_central", wait(reply.headers, "Retry-After", LONGEST_WAIT, USUAL_WAIT), words)
    if status >= 500 or status == 408:
        return failures.fault("business_central", status, words)
    if status < 400:
        return UnexpectedReply("business_central.unreadable", status=status)
    changed = "changed" if status in (409, 412) else ""
    return failures.rejected("business_central", status, words, _REFUSALS.code(f"{told} {words}") or changed)


def _words(body: bytes) -> tuple[str, str]:
    try:
        error = decode(body)["error"]
        return text(error.get("code")), text(error.get("message"))[:2000]
    except UNREADABLE:
        return "", ""
