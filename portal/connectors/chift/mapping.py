"""Wire format of Chift to the shared dataclasses and back. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from portal.connectors import base, failures, ledgers
from portal.connectors.calls import UNREADABLE, decode, encode
from portal.connectors.errors import AlreadyPosted, ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.connectors.values import day, money, text, wait
from portal.kernel.http import Reply

Row = Mapping[str, Any]

OURS = re.compile(r"KP-[A-Z2-7-]+")
OUR_NUMBER = re.compile(r"[A-Z2-7]{16}")
NUMBER_LENGTH = 16  # what the narrowest package takes, and as long as our references are without "KP-"
LONGEST_WAIT = 3600.0  # seconds; Chift has no limit of its own, a package behind it may
IN_PROCESS = 30.0  # seconds until it is worth asking again for what is being processed


# ------------------------------------------------------------------------------ connections


def integration_id(rows: Iterable[Row], name: str) -> int | None:
    """The number that our account knows the package by; None when it is not switched on there."""
    for row in rows:
        if text(row["name"]).casefold() == name.casefold() and row["status"] == "active":
            return int(row["integrationid"])
    return None


def connection(rows: Iterable[Row], name: str) -> tuple[str, bool]:
    """(id, active) of the consumer's connection to the package, an active one first; ("", False) for none."""
    found = [row for row in rows if text(row["integration"]).casefold() == name.casefold()]
    found.sort(key=lambda row: row["status"] != "active")
    return (str(found[0]["connectionid"]), found[0]["status"] == "active") if found else ("", False)


# ------------------------------------------------------------------------------ master data

_KINDS = {
    "bank": "bank", "cash": "cash", "receivable": "receivable", "payable": "payable", "vat": "vat",
    "income": "revenue", "expense": "costs", "other_expense": "costs",
}  # fmt: skip
_JOURNAL_TYPES = {
    "customer_invoice": base.JournalType.SALES,
    "customer_refund": base.JournalType.SALES,
    "supplier_invoice": base.JournalType.PURCHASE,
    "supplier_refund": base.JournalType.PURCHASE,
    "miscellaneous_operation": base.JournalType.GENERAL,
}
_VAT_SIDES = {"sale": "sales", "purchase": "purchase"}


def folder(row: Row) -> base.Dossier:
    """Only what was selected at Chift can be used, and only what is active in the package."""
    usable = row.get("selected") is not False and row.get("active") is not False
    addresses = row.get("addresses") or [{}]
    return base.Dossier(
        code=text(row["id"]),
        name=text(row["name"]),
        number=text(row["id"]),
        status=base.DossierStatus.ACTIVE if usable else base.DossierStatus.INACTIVE,
        country=text(addresses[0].get("country")).upper()[:2] or "FR",
        currency=text(row.get("main_currency")) or "EUR",
        vat_number=text(row.get("vat")),
        enterprise_number=text(row.get("company_number")),
    )


def ledger_account(row: Row) -> base.LedgerAccount:
    number = text(row["number"])
    return base.LedgerAccount(
        code=number,
        name=text(row["name"]) or number,
        id=number,
        kind=_KINDS.get(text(row.get("type")), "general"),
        blocked=row.get("active") is False,
    )


def journal(row: Row) -> base.Journal:
    """Bank and cash are one type; the French chart tells them apart by the account that is booked against."""
    account = text(row.get("counterpart_account"))
    type_ = _JOURNAL_TYPES.get(row["journal_type"], base.JournalType.OTHER)
    if row["journal_type"] == "financial_operation":
        type_ = base.JournalType.CASH if account.startswith("53") else base.JournalType.BANK
    return base.Journal(
        code=text(row.get("code")) or text(row["id"]),
        name=text(row["name"]),
        type=type_,
        id=text(row["id"]),
        currency=text(row.get("currency")),
        ledger_account=account,
        iban=text(row.get("iban")).replace(" ", ""),
        blocked=bool(row.get("blocked")),
    )


def vat_code(row: Row) -> base.VatCode:
    return base.VatCode(
        code=text(row["id"]),
        name=text(row["label"]),
        percentage=money(row["rate"]) / 100,
        side=_VAT_SIDES.get(row["type"], ""),
        blocked=row.get("active") is False,
    )


def periods(rows: Iterable[Row], journals: Iterable[str]) -> list[base.Period]:
    return ledgers.years(((day(row["start"]), day(row["end"]), bool(row["closed"])) for row in rows), journals)


# ------------------------------------------------------------------------------ entries


def number(reference: str) -> str:
    """Our reference as the number of an entry, which must be unique and short."""
    return reference.removeprefix("KP-").replace("-", "")[-NUMBER_LENGTH:]


def render(key: str, entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
    """All of the body but the id of the journal, which `completed` adds. Raises Rejected."""
    items = []
    for line in entry.lines:
        debit, credit = ledgers.sides(line.amount)
        items.append({
            "account_type": "general_account",
            "account": ledgers.account(key, line.ledger_account, accounts).code,
            "description": ledgers.described(line, entry),
            "debit": debit,
            "credit": credit,
        })  # fmt: skip
    return encode({
        "journal_code": entry.journal,
        "number": number(entry.reference),
        "reference": entry.reference,
        "currency": entry.currency,
        "date": entry.date.isoformat(),
        "items": items,
        "posted": True,
    })  # fmt: skip


def completed(key: str, body: Row, journals: Mapping[str, str]) -> bytes:
    """What was rendered with the id that the dossier has for the journal. Raises Rejected."""
    code = body["journal_code"]
    if code not in journals:
        raise Rejected(f"{key}.journal_unknown", values={"journal": code})
    return encode({"journal_id": journals[code], **{name: body[name] for name in body if name != "journal_code"}})


def entry(row: Row, codes: Mapping[str, str]) -> base.RemoteEntry:
    """`codes`: of journals, by id. A package that keeps no reference may keep the number."""
    on = day(row["date"])
    lines = tuple(
        base.OutgoingLine(
            on, text(item["account_number"]), money(item["debit"]) - money(item["credit"]), text(item["description"])
        )
        for item in row.get("items") or ()
    )
    currencies = {text(item["currency"]) for item in row.get("items") or ()}
    named, given = text(row.get("name")), text(row.get("reference"))
    own = given if OURS.fullmatch(given) else f"KP-{named}" if OUR_NUMBER.fullmatch(named) else ""
    id_, journal_id = text(row["id"]), text(row["journal_id"])
    currency = currencies.pop() if len(currencies) == 1 else ""
    return ledgers.entry(id_, named or id_, own, codes.get(journal_id, journal_id), on, currency, lines)


def succeeded(record: Row | None) -> bool:
    """Whether Chift's own record of a request says that it was done."""
    return record is not None and 200 <= int(record["status_code"]) < 300


def only_known(reference: str, made: str, journal: str, on: date) -> base.RemoteEntry:
    """An entry that stands there by Chift's record, and that the package does not show."""
    return ledgers.entry(made or reference, made, reference, journal, on, "")


# ------------------------------------------------------------------------------ refusals

_CODES = {
    "ERROR_ENTRY_NOT_BALANCED": "unbalanced", "ERROR_DEBIT_CREDIT_VALUE": "unbalanced",
    "ERROR_BOOKYEAR_CLOSED": "period_closed", "ERROR_BOOKYEAR_NOT_FOUND": "fiscal_year_unknown",
    "ERROR_ACCOUNT_NUMBER_NOT_FOUND": "account_unknown", "ERROR_ACCOUNT_NUMBER_NOT_ACTIVE": "account_blocked",
    "ERROR_JOURNAL_NOT_FOUND": "journal_unknown", "ERROR_INVALID_FIELD_FORMAT_JOURNAL_ID": "journal_unknown",
    "ERROR_WRONG_ENTRY_TYPE": "journal_type", "ERROR_JOURNAL_NOT_GOOD_SCOPE": "journal_type",
    "ERROR_JOURNAL_ALREADY_OPEN": "journal_open", "ERROR_PARTNER_ACCOUNT_MISSING": "relation_missing",
    "ERROR_PARTNER_NOT_FOUND": "relation_missing", "ERROR_COLLECTIVE_ACCOUNT_MISSING": "relation_missing",
    "ERROR_MULTIPLE_PARTNER_ACCOUNTS": "relation_missing",
    "ERROR_CURRENCY_NOT_FOUND": "currency", "ERROR_INVALID_CURRENCY_FORMAT": "currency",
    "ERROR_MULTIPLE_CURRENCIES": "currency",
    "ERROR_CONNECTOR_CONFIGURATION": "package_settings", "ERROR_CONFIGURATION_CONNECTION": "package_settings",
    "ERROR_FOLDER_NOT_FOUND": "not_found", "ERROR_RESOURCE_NOT_SUPPORTED": "not_supported",
    "ERROR_API_RESOURCE_NOT_FOUND": "not_supported",
}  # fmt: skip
_ENDED = ("ERROR_CONNECTOR_AUTHENTICATION", "ERROR_NO_ACTIVE_CONNECTION")
# Refusals by name, faults by nature: nobody knows what the package has done.
_FAULTS = ("ERROR_UNKNOWN", "ERROR_TECHNICAL_MAPPING", "ERROR_INVALID_RESPONSE", "ERROR_DATA_VALIDATION")


def failure(key: str, reply: Reply) -> ConnectorError | None:
    """None for a success, else the error to raise; `AlreadyPosted` without an id, which Chift's record has."""
    if 200 <= reply.status < 300:
        return None
    code, words = _told(reply.body)
    if code == "REQUEST_ALREADY_PROCESSED":
        return AlreadyPosted("", provider_text=words)
    if code == "REQUEST_IN_PROCESS":
        return Temporary(f"{key}.in_process", retry_after=IN_PROCESS, provider_text=words, status=reply.status)
    if code in _ENDED:
        return failures.expired(key, reply.status, words)
    if reply.status == 401:  # the token is bought anew for the next call
        return Temporary(f"{key}.token_refused", retry_after=1, sent=False, provider_text=words, status=401)
    if reply.status == 429:
        return failures.limited(key, wait(reply.headers, "Retry-After", LONGEST_WAIT, 60.0))
    known = _CODES.get(code)
    if known is None and (reply.status >= 500 or code in _FAULTS or code.startswith("UNEXPECTED_")):
        return failures.fault(key, reply.status, words)
    if not words:
        return UnexpectedReply(f"{key}.unreadable", status=reply.status)
    return failures.rejected(key, reply.status, words, known or "")


def _told(body: bytes) -> tuple[str, str]:
    """(error code, words for people); the code has a number at its end where there are several wordings."""
    try:
        error = decode(body)
        code = re.sub(r"_\d+$", "", text(error.get("error_code")))
        words = " ".join(filter(None, (code, text(error.get("message")), text(error.get("detail")))))
        return code, words[:2000]
    except UNREADABLE:
        return "", ""
