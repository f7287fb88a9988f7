"""Odoo's records to our dataclasses, our entries to its values, its refusals to errors. Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from portal.connectors import base, failures, ledgers
from portal.connectors.calls import UNREADABLE, decode, encode
from portal.connectors.errors import ConnectorError, Rejected, UnexpectedReply
from portal.connectors.values import wait
from portal.connectors.xml_rpc import Fault, unmarshalled
from portal.kernel import http

Row = dict[str, Any]

NOUGHT = Decimal(0)
LABEL_LENGTH = 250
OURS = "ref"  # where our reference goes
MOVE = ["name", "ref", "date", "journal_id", "currency_id", "state"]
LINE = ["move_id", "account_id", "partner_id", "balance", "name"]
JOURNALS = {name: base.JournalType(name) for name in ("general", "bank", "cash", "purchase")}
JOURNALS["sale"] = base.JournalType.SALES
ACCOUNTS = {"asset_cash": "bank", "asset_receivable": "receivable", "liability_payable": "payable"}
KINDS = {"income": "revenue", "expense": "costs", "off": "other"}  # by the first word of the account type
# Lock dates, with the type of journal they are for. That of taxes moves what has taxes: our documents alone.
TAXES = "taxes"
LOCKS = {
    "fiscalyear_lock_date": "", "period_lock_date": "", "hard_lock_date": "", "sale_lock_date": "sale",
    "purchase_lock_date": "purchase", "tax_lock_date": TAXES,
}  # fmt: skip
JOURNAL_TYPES = {
    base.EntryKind.BANK: "bank cash credit",
    base.EntryKind.SALES: "sale",
    base.EntryKind.PURCHASE: "purchase",
}


def text(value: Any) -> str:
    """Odoo writes False where there is nothing."""
    return "" if value is None or value is False else " ".join(str(value).split())


def name_of(link: Any) -> str:
    """Of `[7, "EUR"]`, which stands for a record elsewhere."""
    return text(link[1]) if link else ""


def code_of(link: Any) -> str:
    """Of `[7, "550000 Bank"]`: an account is named by its code first."""
    return name_of(link).partition(" ")[0]


def day(value: Any) -> date | None:
    """`2026-03-31`, and `1-01-01`, as Odoo writes the day before all days."""
    if not value:
        return None
    year, month, number = str(value).split("-")
    return date(int(year), int(month), int(number))


def certain_day(row: Row) -> date:
    """Of an entry. Raises ValueError where it has none."""
    on = day(row["date"])
    if on is None:
        raise ValueError("an entry without a date")
    return on


# ------------------------------------------------------------------------------ master data


def identity(me: Row, database: str) -> base.Identity:
    return base.Identity(
        user_id=f"{database}/{int(me['id'])}",
        user_name=text(me["name"]),
        email=text(me.get("email")) or text(me["login"]),
        company=name_of(me["company_id"]),
        default_dossier=str(int(me["company_id"][0])),
    )


def dossier(row: Row) -> base.Dossier:
    code = str(int(row["id"]))
    return base.Dossier(
        code=code,
        name=text(row["name"]),
        number=code,
        status=base.DossierStatus.ACTIVE if row.get("active", True) else base.DossierStatus.ARCHIVED,
        country=text(row.get("country_code")).upper(),
        currency=name_of(row["currency_id"]),
        vat_number=text(row.get("vat")),
        enterprise_number=text(row.get("company_registry")),
        siret=text(row.get("siret")),
    )


def ledger_account(row: Row) -> base.LedgerAccount:
    told = text(row["account_type"])
    return base.LedgerAccount(
        code=text(row["code"]),
        name=text(row["name"]) or text(row["code"]),
        id=str(int(row["id"])),
        kind=ACCOUNTS.get(told) or KINDS.get(told.partition("_")[0], "general"),
        blocked=bool(row.get("deprecated")) or not row.get("active", True),
    )


def journal(row: Row) -> base.Journal:
    return base.Journal(
        code=text(row["code"]),
        name=text(row["name"]),
        type=JOURNALS.get(row["type"], base.JournalType.OTHER),
        id=str(int(row["id"])),
        currency=name_of(row["currency_id"]),
        ledger_account=code_of(row["default_account_id"]),
        iban=text(row["bank_acc_number"]).replace(" ", ""),
        blocked=not row["active"],
    )


def vat_codes(rows: Iterable[Row]) -> list[base.VatCode]:
    """Taxes by their number, for names are not unique. What is no percentage of an amount is left out."""
    sides = {"sale": "sales", "purchase": "purchase"}
    return [
        base.VatCode(
            code=str(int(row["id"])),
            name=text(row["name"]),
            percentage=Decimal(row["amount"]) / 100,
            side=sides.get(row["type_tax_use"], ""),
            type="base" if row.get("has_negative_factor") else "including" if row.get("price_include") else "excluding",
        )
        for row in rows
        if row["amount_type"] == "percent" and 0 <= row["amount"] < 100
    ]


def relation(row: Row) -> base.Relation:
    """Nobody is both neither customer nor supplier: a new one may become either."""
    customer, supplier = int(row["customer_rank"] or 0) > 0, int(row["supplier_rank"] or 0) > 0
    return base.Relation(
        id=str(int(row["id"])),
        code=text(row.get("ref")) or str(int(row["id"])),
        name=text(row["name"]),
        country=text(row.get("country_code")).upper(),
        vat_number=text(row.get("vat")),
        enterprise_number=text(row.get("company_registry")),
        customer=customer or not supplier,
        supplier=supplier or not customer,
    )


# ------------------------------------------------------------------------------ lock dates


def locked_until(companies: Iterable[Row], *of: str) -> date:
    """The last day on which Odoo books nothing in such a journal: it would move the entry to a later one.

    `of`: the type of the journal, and TAXES for a document that has any.
    `companies` are the dossier's and those above it. Where Odoo tells the lock dates as they are for our
    user, exceptions and companies above included, those hold.
    """
    wanted = [name for name, only in LOCKS.items() if only in ("", *of)]
    told = [row.get(f"user_{name}", row.get(name)) for row in companies for name in wanted]
    return max((day(one) or date.min for one in told), default=date.min)


def periods(companies: Sequence[Row], journals: Iterable[Row], years: range) -> list[base.Period]:
    """Months: Odoo has no periods. One is closed for a journal when all its days are locked there."""
    until = [(text(row["code"]), locked_until(companies, row["type"])) for row in journals]
    months = [(year, month, calendar.monthrange(year, month)[1]) for year in years for month in range(1, 13)]
    return [
        base.Period(
            year, month, date(year, month, 1), date(year, month, last),
            frozenset(code for code, locked in until if date(year, month, last) <= locked),
        )
        for year, month, last in months
    ]  # fmt: skip


# ------------------------------------------------------------------------------ entries


def render(entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
    """The values of a journal entry, with the journal by its code and the currency beside them.

    A line has no day of its own in Odoo: one that differs from the entry's is told in words. Taxes are
    named as none: Odoo 17 would add those of the ledger account.
    Raises Rejected for an unknown ledger account.
    """
    lines = [
        {
            "account_id": ledgers.account_number("odoo", line.ledger_account, accounts),
            **dict(zip(("debit", "credit"), map(digits, ledgers.sides(line.amount)), strict=True)),
            "name": label(line, entry),
            "tax_ids": [[6, 0, []]],
            **({"partner_id": int(line.relation)} if line.relation else {}),
        }
        for line in entry.lines
    ]
    values = {
        "move_type": "entry", "date": entry.date.isoformat(), "ref": entry.reference,
        "line_ids": [[0, 0, line] for line in lines],
    }  # fmt: skip
    told = {"journal": entry.journal, "currency": entry.currency, "difference": digits(_difference(entry))}
    return encode({**told, "values": values})


def _difference(entry: base.OutgoingEntry) -> Decimal:
    """What keeps the lines from balancing, or the bank's own from leading from one balance to the other.

    Checked here, for Odoo 17 balances some entries by itself with the default account of the journal.
    """
    total = sum((line.amount for line in entry.lines), NOUGHT)
    if entry.kind is not base.EntryKind.BANK or entry.opening is None or entry.closing is None:
        return total
    bank = sum((line.amount for line in entry.lines if line.ledger_account == entry.bank_account), NOUGHT)
    return total or entry.closing - entry.opening - bank


def digits(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01")) if amount == amount.quantize(Decimal("0.01")) else amount.normalize()


def label(line: base.OutgoingLine, whole: base.OutgoingEntry) -> str:
    return "".join(sign for sign in ledgers.described(line, whole) if sign.isprintable())[:LABEL_LENGTH]


def hindrance(
    kind: base.EntryKind, document: Row, journal: Row | None, companies: Sequence[Row], currency: str
) -> Rejected | None:
    """Why a rendered entry must not be sent: Odoo would refuse it, or book it on another day or in other money."""
    values = document["values"]
    if journal is None or not journal["active"]:
        return Rejected("odoo.journal_unknown", values={"journal": document["journal"]})
    if kind in JOURNAL_TYPES and journal["type"] not in JOURNAL_TYPES[kind].split():
        return Rejected("odoo.journal_type", values={"journal": document["journal"]})
    if {document["currency"], name_of(journal["currency_id"]) or currency} != {currency}:
        return Rejected("odoo.currency", values={"currency": document["currency"]})
    if document.get("difference"):
        return Rejected("odoo.unbalanced", values={"difference": str(document["difference"])})
    taxed = [TAXES] if any(line["tax_ids"][0][2] for _, _, line in values.get("invoice_line_ids", ())) else []
    until = locked_until(companies, journal["type"], *taxed)
    if date.fromisoformat(values["date"]) <= until:
        return Rejected("odoo.period_closed", values={"until": until.isoformat()})
    return None


def same(row: Row, lines: Sequence[Row], values: Row) -> bool:
    """Whether a draft says what is to be sent: its day, and accounts, amounts and words in any order."""
    there = [(int(own["account_id"][0]), Decimal(own["balance"]), str(own["name"] or "")) for own in lines]
    ours = [
        (int(own["account_id"]), Decimal(own["debit"]) - Decimal(own["credit"]), str(own["name"]))
        for _, _, own in values["line_ids"]
    ]
    return bool(text(row["date"]) == values["date"] and sorted(there) == sorted(ours))


def entry(row: Row, lines: Sequence[Row], journal_code: str, bank_account: str = "") -> base.RemoteEntry:
    """`bank_account`: that of a bank entry, whose lines are the bank's side."""
    on = certain_day(row)
    own = tuple(
        base.OutgoingLine(
            on, code_of(line["account_id"]), Decimal(line["balance"]), str(line["name"] or ""),
            relation=str(line["partner_id"][0]) if line["partner_id"] else "",
        )
        for line in lines
        if not bank_account or code_of(line["account_id"]) != bank_account
    )  # fmt: skip
    total = max(ledgers.totalled(own), ledgers.totalled(own) - sum(line.amount for line in own))
    return remote(row, OURS, journal_code, own, total)


def remote(
    row: Row, ours: str, journal_code: str, lines: Sequence[base.OutgoingLine], total: Decimal
) -> base.RemoteEntry:
    """`ours`: the field that has our reference."""
    number, currency = str(int(row["id"])), name_of(row["currency_id"])
    return ledgers.entry(
        number, text(row["name"]), text(row[ours]), journal_code, certain_day(row), currency, lines, total
    )


# ------------------------------------------------------------------------------ refusals

# Texts are English: every call that books asks for that language.
_REFUSALS = failures.Words(
    (
        ("you are not allowed to", "user_rights"),
        ("not balanced", "unbalanced"),
        ("lock date|prior to and inclusive of", "period_closed"),
        (r"is (deprecated|archived)|using a deprecated account", "account_blocked"),
        (r"account_id_fkey|\(account_id\)|\(account\.account\)|account\.account\(", "account_unknown"),
        (r"account\.journal\b", "journal_unknown"),
        (r"account\.tax\b", "vat_code"),
        (r"res\.partner\b|partner_id", "relation_missing"),
        ("inactive currency", "currency"),
        ("unauthorized or invalid companies", "company_foreign"),
    )
)
_NO_DATABASE = re.compile(r'database "[^"]*" does not exist|Database not found|No database is selected', re.IGNORECASE)
_FAULTS = {2: 422, 3: 401, 4: 403}  # of XML-RPC, as the states of JSON-2 that mean the same


def failure(reply: http.Reply) -> ConnectorError | None:
    """None for a success, else the error to raise."""
    if reply.status == 429:  # answered before the request is looked at: nothing was done
        return failures.limited("odoo", wait(reply.headers, "Retry-After", 3600.0, 60.0))
    if 200 <= reply.status < 300:
        return _fault(reply.body) if b"<fault>" in reply.body[:400] else None
    if 300 <= reply.status < 400:
        return Rejected("odoo.elsewhere", status=reply.status)
    name, words = _told(reply.body)
    if not name and reply.status == 404:  # a page of HTML: no such database, or no Odoo
        return Rejected("odoo.database_unknown", status=404)
    if reply.status >= 500:
        return failures.fault("odoo", reply.status, words)
    return refusal(reply.status, name, words) if name else UnexpectedReply("odoo.unreadable", status=reply.status)


def _fault(body: bytes) -> ConnectorError | None:
    try:
        unmarshalled(body)
    except Fault as fault:
        words = str(fault.faultString).strip()
        if fault.faultCode in _FAULTS:
            return refusal(_FAULTS[int(fault.faultCode)], "", words[:2000])
        if _NO_DATABASE.search(words):
            return Rejected("odoo.database_unknown", status=404)
        last = words.rpartition("\n")[2][:500]  # of what their program was doing, only how it ended
        return failures.fault("odoo", 500, last)
    return None


def refusal(status: int, name: str, words: str) -> ConnectorError:
    if status == 401 or name.endswith((".AccessDenied", ".SessionExpiredException")):
        return failures.expired("odoo", status, words)
    return failures.rejected("odoo", status, words, _REFUSALS.code(words))


def _told(body: bytes) -> tuple[str, str]:
    """Name and words of a JSON-2 error, or two empty ones."""
    try:
        told = decode(body)
        return str(told["name"]), str(told["message"])[:2000]
    except UNREADABLE:
        return "", ""
