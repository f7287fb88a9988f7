"""Wire format of Minox to the shared dataclasses and back. Pure functions."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from portal.connectors import base, failures, ledgers
from portal.connectors.calls import UNREADABLE, decode, encode
from portal.connectors.errors import ConnectorError, Rejected, UnexpectedReply
from portal.connectors.values import day, money, text
from portal.kernel.http import Reply

Row = Mapping[str, Any]

WINDOW = 120.0  # seconds that their limit is counted over, as others saw it
OURS = re.compile(r"(.*?) ?\b(KP-[A-Z2-7-]+)", re.DOTALL)


def rows(document: Any) -> tuple[list[Row], str]:
    """A list, bare or in `collection`, and the address of its next page, "" for none."""
    if isinstance(document, list):
        return document, ""
    following = (document.get("links") or {}).get("next") or ""
    return list(document["collection"]), str(following.get("href") if isinstance(following, dict) else following)


# ------------------------------------------------------------------------------ master data

_JOURNAL_TYPES = {
    "bank": base.JournalType.BANK,
    "cash": base.JournalType.CASH,
    "sales": base.JournalType.SALES,
    "purchase": base.JournalType.PURCHASE,
    "general": base.JournalType.GENERAL,
}
_KINDS = {
    base.JournalType.BANK: "bank",
    base.JournalType.CASH: "cash",
    base.JournalType.SALES: "receivable",
    base.JournalType.PURCHASE: "payable",
}


def administration(row: Row) -> base.Dossier:
    code = str(row["id"])
    return base.Dossier(
        code=code,
        name=text(row["name"]),
        number=code,
        status=base.DossierStatus.ACTIVE,
        country=text(row.get("country_code")).upper() or "NL",
        currency=text((row.get("currency") or {}).get("id")) or "EUR",
        enterprise_number=text(row.get("chamber_of_commerce")),
    )


def journal(row: Row) -> base.Journal:
    return base.Journal(
        code=text(row["id"]),
        name=text(row["description"]),
        type=_JOURNAL_TYPES.get(text(row.get("type")).lower(), base.JournalType.OTHER),
        id=text(row["id"]),
        currency=text((row.get("currency") or {}).get("id")),
        ledger_account=text(row.get("ledger_account_id") or ""),
        iban=text(row.get("iban")).replace(" ", ""),
    )


def ledger_account(row: Row, journals: Iterable[base.Journal]) -> base.LedgerAccount:
    """What an account is for is told by the journal that books against it, else by where it stands in the balance."""
    code = str(row["id"])
    kind = next((_KINDS[own.type] for own in journals if own.ledger_account == code and own.type in _KINDS), "")
    if not kind and row.get("isBalance") is False:
        kind = "revenue" if text(row.get("debit_credit_suggestion")).lower() == "credit" else "costs"
    blocked = bool((row.get("blocked") or {}).get("active"))
    return base.LedgerAccount(code, text(row["description"]) or code, code, kind or "general", blocked)


def vat_code(row: Row) -> base.VatCode:
    """The box of the Dutch return that a code counts in tells the side."""
    type_ = text(row.get("type")).lower()
    purchase = "te vorderen" in type_ or "verwerving" in type_
    sales = "af te dragen" in type_ or "levering" in type_ or "icp" in type_ or "afstand" in type_
    return base.VatCode(
        code=str(row["id"]),
        name=text(row.get("description")) or text(row.get("type")),
        percentage=money(row["percentage"]) / 100,
        side="purchase" if purchase else "sales" if sales else "",
    )


@dataclass(frozen=True, slots=True)
class Year:
    """A fiscal year of an administration, cut in 1, 4, 12 or 13 periods."""

    number: int
    starts_on: date
    ends_on: date
    count: int

    def period_of(self, on: date) -> int:
        """Its number: 13 are of four weeks, the last takes what is left; others are of whole months."""
        if self.count == 13:
            return min((on - self.starts_on).days // 28 + 1, 13)
        months = (on.year - self.starts_on.year) * 12 + on.month - self.starts_on.month
        return min(months * self.count // 12 + 1, self.count)

    def periods(self) -> list[base.Period]:
        """Whether they are closed is not told."""
        starts = [self.starts_on]
        for offset in range((self.ends_on - self.starts_on).days + 1):
            on = self.starts_on + timedelta(offset)
            if self.period_of(on) > len(starts):
                starts.append(on)
        ends = [first - timedelta(1) for first in starts[1:]] + [self.ends_on]
        return [base.Period(self.number, place, *span) for place, span in enumerate(zip(starts, ends, strict=True), 1)]


def fiscal_years(row: Row) -> list[Year]:
    return [
        Year(
            int(year["fiscal_year"]), day(year["start_date"]), day(year["end_date"]),
            int(year.get("number_of_periods") or row["number_of_periods"]),
        )
        for year in row["fiscal_years"]
    ]  # fmt: skip


# ------------------------------------------------------------------------------ entries


def batch(reference: str) -> str:
    """The name of an entry in the address: a UUID made of our reference, of the version that Minox asks for."""
    return str(uuid.UUID(bytes=hashlib.sha256(reference.encode()).digest()[:16], version=4))


def render(entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
    """The lines but for their period, which `completed` adds. Raises Rejected.

    Whether Minox would book a crooked entry is not told, so it is refused here.
    """
    if entry.currency != "EUR":
        raise Rejected("minox.currency", values={"currency": entry.currency})
    if sum(line.amount for line in entry.lines):
        raise Rejected("minox.unbalanced")
    lines = []
    for place, line in enumerate(entry.lines):
        debit, credit = ledgers.sides(line.amount)
        own = ledgers.account("minox", line.ledger_account, accounts).id
        lines.append({
            "account": {"id": own, "scheme": "MINOX", "type": "ledger_account"},
            "journal": {"id": entry.journal},
            "document_date": line.date.isoformat(),
            "debit": debit,
            "credit": credit,
            "description": f"{line.description} {entry.reference}".strip() if place == 0 else line.description,
        })  # fmt: skip
    return encode({"reference": entry.reference, "lines": lines})


def completed(payload: bytes, years: Iterable[Year]) -> tuple[str, bytes]:
    """(our reference, the body) with the period of each line. Raises Rejected for a day in no fiscal year."""
    document = decode(payload)
    known = list(years)
    lines = []
    for line in document["lines"]:
        on = day(line["document_date"])
        year = next((year for year in known if year.starts_on <= on <= year.ends_on), None)
        if year is None:
            raise Rejected("minox.fiscal_year_unknown", values={"date": on.isoformat()})
        lines.append(line | {"period": {"id": year.period_of(on), "fiscal_year": year.number}})
    return str(document["reference"]), encode(lines)


def entries(lines: Iterable[Row]) -> list[base.RemoteEntry]:
    """Lines gathered into entries: by their batch, or by journal and number where they came in another way."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for line in lines:
        name = text(line.get("batch_id"))
        key = (name,) if name else (
            text(line["journal"]["id"]), str(line["period"]["fiscal_year"]), str(line["entry_number"]),
        )  # fmt: skip
        found.setdefault(key, []).append(line)
    return [_entry("/".join(key), own) for key, own in found.items()]


def _entry(name: str, rows: list[Row]) -> base.RemoteEntry:
    told = [_line(row) for row in rows]
    lines = tuple(line for line, _ in told)
    references = {reference for _, reference in told} - {""}
    number, journal = text(rows[0].get("entry_number")) or name, text(rows[0]["journal"]["id"])
    currency = text((rows[0].get("currency") or {}).get("id")) or "EUR"
    reference = references.pop() if len(references) == 1 else ""
    return ledgers.entry(name, number, reference, journal, max(line.date for line in lines), currency, lines)


def _line(row: Row) -> tuple[base.OutgoingLine, str]:
    """A line without our reference, and the reference."""
    told = text(row.get("description"))
    ours = OURS.fullmatch(told)
    words, reference = (ours[1], ours[2]) if ours else (told, "")
    amount = money(row.get("debit")) - money(row.get("credit"))
    return base.OutgoingLine(day(row["document_date"]), str(row["account"]["id"]), amount, words), reference


# ------------------------------------------------------------------------------ refusals

# The codes of their messages are not told; these are words.
_REFUSALS = failures.Words(
    (
        (r"periode?\b.*(afgesloten|gesloten|geblokkeerd|closed|blocked)", "period_closed"),
        (r"(boekjaar|fiscal year).*(onbekend|bestaat niet|unknown|not exist)", "fiscal_year_unknown"),
        (r"niet in (evenwicht|balans)|not (in )?balance", "unbalanced"),
        (r"(dagboek|journal)\b.*(onbekend|bestaat niet|unknown|not exist)", "journal_unknown"),
        (r"(dagboek|journal) ?(type|soort)", "journal_type"),
        (r"(rekening|account)\b.*(geblokkeerd|blocked)", "account_blocked"),
        (r"(rekening|account)\b.*(onbekend|bestaat niet|unknown|not exist)", "account_unknown"),
    )
)


def failure(reply: Reply) -> ConnectorError | None:
    """None for a success, else the error to raise. Errors may also stand in an answer that is a success."""
    words = _told(reply)
    if 200 <= reply.status < 300 and not words:
        return None
    if reply.status == 401:
        return failures.expired("minox", 401, words)
    if reply.status == 429:
        return failures.limited("minox", wait(reply))
    if reply.status >= 500:
        return failures.fault("minox", reply.status, words)
    if not words and reply.status not in (403, 404):
        return UnexpectedReply("minox.unreadable", status=reply.status)
    return failures.rejected("minox", reply.status, words, _REFUSALS.code(words))


def _told(reply: Reply) -> str:
    """The messages of a refusal; of a success only those that are errors. "" when there are none."""
    try:
        document = decode(reply.body)
    except UNREADABLE:
        return ""
    success = reply.status < 300
    told = [
        f"{text(one.get('message_code'))} {text(one.get('message'))}".strip()
        for one in (document if isinstance(document, list) else [document])
        if isinstance(one, dict) and (not success or text(one.get("message_type")).lower() == "error")
    ]
    return "; ".join(filter(None, told))[:2000]


def wait(reply: Reply) -> float:
    """Seconds until the limit is lifted: the reset is in milliseconds, since 1970 or from now."""
    try:
        reset = float(reply.headers["x-rate-limit-reset"]) / 1000
        left = reset if reset < 1e8 else reset - parsedate_to_datetime(reply.headers["Date"]).timestamp()
        return min(max(left, 1.0), WINDOW)
    except UNREADABLE:
        return WINDOW
