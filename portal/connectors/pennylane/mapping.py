"""Pennylane's JSON to our dataclasses and back. Pure functions: no HTTP, no clock.

A function that reads a row raises one of `calls.UNREADABLE` when the row is not what it should be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from portal.connectors import base, failures, ledgers
from portal.connectors.calls import UNREADABLE, decode, encode
from portal.connectors.errors import ConnectorError, Rejected, UnexpectedReply
from portal.connectors.values import figure, text, wait
from portal.kernel import http

Row = Mapping[str, Any]
LABEL_LENGTH = 255
MOST_LINES = 1000
LONGEST_WAIT = 3600.0
CENT = Decimal("0.01")
NOUGHT = Decimal(0)

# ------------------------------------------------------------------------------ wire values


def number(value: Any) -> str:
    """An id as text. Raises TypeError for anything but a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"not an id: {type(value).__name__}")
    return str(value)


def money(value: Any) -> Decimal:
    """Amounts are strings; an absent side of a line may be empty."""
    if not isinstance(value, str):
        raise TypeError(f"not an amount: {type(value).__name__}")
    return figure(value or "0")


def amount(value: Decimal) -> str:
    """With two decimals, or as many more as it has: equal amounts alike."""
    cents = value.quantize(CENT)
    return format(cents if cents == value else value.normalize(), "f")


def condition(field: str, operator: str, value: str | date) -> dict[str, str]:
    return {"field": field, "operator": operator, "value": value.isoformat() if isinstance(value, date) else value}


# ------------------------------------------------------------------------------ master data

_JOURNAL_TYPES = (
    ("sale|customer|client|vente", base.JournalType.SALES),
    ("purchase|supplier|achat", base.JournalType.PURCHASE),
    ("bank|banque", base.JournalType.BANK),
    ("cash|caisse", base.JournalType.CASH),
    ("general|misc|various|operation|divers", base.JournalType.GENERAL),
)
# Of the French chart of accounts, the longest first.
_LEDGER_KINDS = (
    ("512", "bank"), ("445", "vat"), ("53", "cash"), ("41", "receivable"), ("40", "payable"), ("6", "costs"),
    ("7", "revenue"),
)  # fmt: skip


def identity_of_company(me: Row) -> base.Identity:
    """A company's token stands for the company: another person's token for it is the same log-in."""
    company, user = me["company"], me.get("user") or {}
    names = (text(user.get("first_name")), text(user.get("last_name")))
    return base.Identity(
        user_id=f"company-{number(company['id'])}",
        user_name=" ".join(filter(None, names)),
        email=text(user.get("email")),
        company=text(company["name"]),
        default_dossier=number(company["id"]),
    )


def own_dossier(me: Row) -> base.Dossier:
    company = me["company"]
    code = number(company["id"])
    logic = text(company.get("accounting_logic"))
    return base.Dossier(
        code=code,
        name=text(company["name"]),
        number=code,
        status=base.DossierStatus.ACTIVE,
        country="DE" if logic.startswith("DE") else "FR",
        currency="EUR",
        enterprise_number=text(company.get("reg_no")),
    )


def dossier(row: Row) -> base.Dossier:
    """A company of the firm. Neither country nor currency is told: Pennylane's firms are French."""
    code = number(row["id"])
    return base.Dossier(
        code=code,
        name=text(row["name"]),
        number=text(row.get("client_code")) or code,
        status=base.DossierStatus.ACTIVE,
        country="FR",
        currency="EUR",
        enterprise_number=text(row.get("siren")),
        customer_name=text(row.get("billing_company_name")),
    )


def ledger_account(row: Row) -> base.LedgerAccount:
    code = text(row["number"])
    kind = next((kind for start, kind in _LEDGER_KINDS if code.startswith(start)), "general")
    return base.LedgerAccount(code, text(row["label"]) or code, number(row["id"]), kind, blocked=not row["enabled"])


def journal(row: Row) -> base.Journal:
    told = text(row.get("type")).lower()
    kind = next((kind for words, kind in _JOURNAL_TYPES if re.search(words, told)), base.JournalType.OTHER)
    return base.Journal(code=text(row["code"]), name=text(row["label"]), type=kind, id=number(row["id"]))


def vat_codes(accounts: Iterable[Row]) -> list[base.VatCode]:
    """There is no list of rates: those that ledger accounts name, such as FR_200 for 20 % and FR_55 for 5.5 %."""
    found = {}
    for code in sorted({text(row.get("vat_rate")) for row in accounts} - {""}):
        if told := re.fullmatch(r"[A-Z]{2}_(\d+)(?:_(\d\d?))?", code):
            whole, part = told.groups()
            found[code] = Decimal(f"{whole}.{part}") / 100 if part else Decimal(whole) / 1000
        elif code == "exempt":
            found[code] = NOUGHT
    return [base.VatCode(code, code, percentage) for code, percentage in found.items()]


def periods(rows: Iterable[Row], journals: Iterable[base.Journal]) -> list[base.Period]:
    """Whole fiscal years: Pennylane tells no others. "closed" and "frozen" take no entries."""
    told = [
        (date.fromisoformat(row["start"]), date.fromisoformat(row["finish"]), row["status"] not in ("open", "reopen"))
        for row in rows
    ]
    return ledgers.years(told, (journal.code for journal in journals))


# ------------------------------------------------------------------------------ entries


def render(entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
    """The entry with the journal by its code; `addressed` makes the body of a POST of it.

    Pennylane's lines have no day of their own: one that differs from the entry's is told in words.
    Raises Rejected for an unknown ledger account, or for more lines than Pennylane takes.
    """
    if len(entry.lines) > MOST_LINES:
        values = {"lines": str(len(entry.lines)), "most": str(MOST_LINES)}
        raise Rejected("pennylane.too_many_lines", values=values)
    lines = [_written(line, entry, accounts) for line in entry.lines]
    return encode(
        {
            "date": entry.date.isoformat(),
            "label": entry.reference,
            "journal": entry.journal,
            "currency": entry.currency,
            "piece_number": entry.reference,
            "ledger_entry_lines": lines,
        }
    )


def _written(
    line: base.OutgoingLine, entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]
) -> dict[str, str | int]:
    debit, credit = ledgers.sides(line.amount)
    return {
        "debit": amount(debit),
        "credit": amount(credit),
        "ledger_account_id": int(ledgers.account("pennylane", line.ledger_account, accounts).id),
        "label": ledgers.described(line, entry, LABEL_LENGTH),
    }


def journal_code(payload: bytes) -> str:
    return str(decode(payload)["journal"])


def addressed(payload: bytes, journal_id: str, *, firm: bool) -> bytes:
    """The body of a POST: the journal by its id, and for the firm's interface without a piece number."""
    body = decode(payload)
    del body["journal"]
    if firm:
        del body["piece_number"]
    return encode(body | {"journal_id": int(journal_id)})


def posted(row: Row, journal: str) -> base.RemoteEntry:
    """The answer to a POST; the lines are read back by `find`."""
    return _entry(row, journal, "")


_OURS = re.compile(r"(?=.*-)[A-Z2-7-]{5,20}")


def carries(row: Row, wanted: str) -> bool:
    """Our reference is the label and, where there is one, the piece number. People may add words to the label."""
    return wanted in (text(row.get("piece_number")), *text(row.get("label")).split()[:1])


def reference(row: Row) -> str:
    """What looks like a reference of ours, in either place."""
    places = (*text(row.get("label")).split()[:1], text(row.get("piece_number")))
    return next((place for place in places if _OURS.fullmatch(place)), places[-1])


def entry(row: Row, lines: Iterable[Row], journal: str) -> base.RemoteEntry:
    """An entry with its lines, oldest first. The currency is not told."""
    own = [_line(line, date.fromisoformat(row["date"])) for line in sorted(lines, key=lambda line: int(line["id"]))]
    return _entry(row, journal, "EUR", own)


def _entry(row: Row, journal: str, currency: str, lines: Sequence[base.OutgoingLine] = ()) -> base.RemoteEntry:
    id_ = number(row["id"])
    piece, on = text(row.get("piece_number")) or id_, date.fromisoformat(row["date"])
    return ledgers.entry(id_, piece, reference(row), journal, on, currency, lines)


def _line(row: Row, day: date) -> base.OutgoingLine:
    account = text(row["ledger_account"]["number"])
    return base.OutgoingLine(day, account, money(row["debit"]) - money(row["credit"]), text(row["label"]))


# ------------------------------------------------------------------------------ refusals

_REFUSALS = failures.Words(
    (
        (r"not balanced|unbalanced|équilibr", "unbalanced"),
        (r"\b(closed|frozen|locked)\b|clôtur|clotur", "period_closed"),
        (r"fiscal.?year|exercice", "fiscal_year_unknown"),
        (r"scope", "scope_missing"),
        (r"(ledger|plan).?(account|item)|compte", "account_unknown"),
        (r"journal", "journal_unknown"),
    )
)


def failure(reply: http.Reply) -> ConnectorError | None:
    """None for a success, else the error to raise. Words come as {error, status} or {message, code, field}."""
    status = reply.status
    if 200 <= status < 300:
        return None
    words = _words(reply.body)
    if status == 401:
        return failures.expired("pennylane", status, words)
    if status == 429:  # counted over a window of five seconds
        return failures.limited("pennylane", wait(reply.headers, "retry-after", LONGEST_WAIT, 5.0), words)
    if status >= 500 or status == 408:
        return failures.fault("pennylane", status, words)
    if status < 400:
        return UnexpectedReply("pennylane.unreadable", status=status)
    return failures.rejected("pennylane", status, words, _REFUSALS.code(words))


def _words(body: bytes) -> str:
    try:
        told = decode(body)
        return text(told.get("error") or told.get("message"))[:2000]
    except UNREADABLE:
        return ""
