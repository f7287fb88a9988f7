"""Wire format of MyUnisoft to the shared dataclasses and back. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from email.utils import parsedate_to_datetime
from typing import Any

from portal.connectors import base, failures, ledgers
from portal.connectors.calls import UNREADABLE, decode, encode
from portal.connectors.errors import ConnectorError, Rejected, UnexpectedReply
from portal.connectors.values import day, money, text
from portal.kernel.http import Reply

Row = Mapping[str, Any]

LABEL_LENGTH = 50
WINDOW = 10.0  # seconds that their limit is counted over
OUR_PIECE = re.compile(r"KP0[A-Z2-70]{2,22}")


# ------------------------------------------------------------------------------ master data

_COUNTRIES = {"BELGIQUE": "BE", "LUXEMBOURG": "LU", "MONACO": "MC", "SUISSE": "CH"}
_KINDS = (
    ("51", "bank"), ("53", "cash"), ("40", "payable"), ("41", "receivable"), ("445", "vat"), ("6", "costs"),
    ("7", "revenue"), ("4", "general"), ("5", "general"),
)  # fmt: skip
_JOURNAL_TYPES = {
    "BQ": base.JournalType.BANK,
    "CAISSE": base.JournalType.CASH,
    "VTE": base.JournalType.SALES,
    "ACH": base.JournalType.PURCHASE,
    "OD": base.JournalType.GENERAL,
}


def identity(document: Row) -> base.Identity:
    """A key belongs to a firm (`schemaId`), or to one society of it; it names no person."""
    target = document["target"]
    society = text(target.get("societyId")) if target.get("type") != "firm" else ""
    return base.Identity(
        user_id=f"{target['schemaId']}/{society}" if society else str(target["schemaId"]),
        user_name="",
        email="",
        company=f"MyUnisoft {target['schemaId']}",
        default_dossier=society,
    )


def routes(document: Row) -> set[tuple[str, str]]:
    """(method, path) of everything the key may call, the path without what comes before the version."""
    return {(row["method"].lower(), row["path"].partition("/v1/")[2]) for row in document["routes"]}


def societies(document: Any) -> list[base.Dossier]:
    """A firm's key gives a list; the key of one society gives that society itself."""
    return [_society(row) for row in document.get("society_array", [document])]


def _society(row: Row) -> base.Dossier:
    code, siret = str(row["society_id"]), text(row.get("siret"))
    return base.Dossier(
        code=code,
        name=text(row["name"]),
        number=text(row.get("folder_reference")) or code,
        status=base.DossierStatus.ACTIVE,  # disabled and archived ones are not on the list
        country=_COUNTRIES.get(text(row.get("country")).upper(), "FR"),
        currency="EUR",
        enterprise_number=siret[:9],
        siret=siret if len(siret) == 14 else "",
    )


def ledger_account(row: Row) -> base.LedgerAccount:
    """The French chart tells by the first digits of a number what an account is for."""
    number = text(row["account_number"])
    return base.LedgerAccount(
        code=number,
        name=text(row["label"]) or number,
        id=str(row["account_id"]),
        kind=next((kind for start, kind in _KINDS if number.startswith(start)), "other"),
        blocked=bool(row.get("blocked") or row.get("closed")),
    )


def journal(row: Row) -> base.Journal:
    account = row.get("account") or {}
    return base.Journal(
        code=text(row["code"]),
        name=text(row["name"]),
        type=_JOURNAL_TYPES.get(text(row.get("diary_type_code")), base.JournalType.OTHER),
        id=str(row["diary_id"]),
        ledger_account=text(account.get("number")),
        blocked=bool(row.get("blocked") or row.get("closed")),
    )


def vat_code(row: Row) -> base.VatCode:
    rate = money(row["vat"]["rate"])
    return base.VatCode(
        code=text(row["code"]),
        name=f"{text(row['vat_type']['label'])} {rate:f} %",
        percentage=rate / 100,
        blocked=bool(row.get("blocked")),
    )


def periods(rows: Iterable[Row], journals: Iterable[str]) -> list[base.Period]:
    return ledgers.years(
        ((day(row["start_date"]), day(row["end_date"]), bool(row["closed"])) for row in rows), journals
    )


# ------------------------------------------------------------------------------ entries


def piece(reference: str) -> str:
    """Our reference where only letters and digits may stand: "0" is in no reference, so it can be the hyphen."""
    return reference.replace("-", "0")


def reference_of(written: Any) -> str:
    """The reference that a piece number holds, "" for anybody else's."""
    found = text(written)
    return found.replace("0", "-") if OUR_PIECE.fullmatch(found) else ""


def render(entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
    """All of the body that does not depend on the dossier; see `completed`. Raises Rejected."""
    if entry.currency != "EUR":
        raise Rejected("myunisoft.currency", values={"currency": entry.currency})
    lines = []
    for line in entry.lines:
        debit, credit = ledgers.sides(line.amount)
        lines.append({
            "account_id": ledgers.account_number("myunisoft", line.ledger_account, accounts),
            "label": ledgers.described(line, entry, LABEL_LENGTH),
            "debit": debit,
            "credit": credit,
            "deadline": max(line.date, entry.date).isoformat(),
            "piece": piece(entry.reference),
        })  # fmt: skip
    return encode({
        "diary_code": entry.journal,
        "date_piece": entry.date.isoformat(),
        "entry_origin_partner_id": entry.reference,
        "entry_list": lines,
    })  # fmt: skip


def completed(body: Row, society: str, diaries: Mapping[str, str]) -> bytes:
    """What was rendered with the numbers that this dossier has for itself and its journal. Raises Rejected."""
    code = body["diary_code"]
    if code not in diaries:
        raise Rejected("myunisoft.journal_unknown", values={"journal": code})
    rest = {name: value for name, value in body.items() if name != "diary_code"}
    return encode({"etablissement_id": int(society), "diary_id": int(diaries[code]), **rest})


def posted(document: Any, reference: str, *, waits: bool = False) -> base.RemoteEntry:
    """The echo of a new entry, by itself or in a list of one. One that waits for approval has no number yet."""
    row = document["entry_array"][0] if "entry_array" in document else document
    number = str(row["entry_id"])
    return ledgers.entry(number, "" if waits else number, reference, "", None, "EUR")


def origin(document: Any) -> tuple[str, bool]:
    """(id of the entry, whether it waits for approval) of a look-up by our reference; ("", False) for none."""
    row = document[0] if isinstance(document, list) and document else document
    if not row or row.get("id_entry") is None:
        return "", False
    return str(row["id_entry"]), row["type"] == "ENTRIES_TEMP"


def only_known(number: str, reference: str, journal: str, on: date, *, waits: bool) -> base.RemoteEntry:
    """An entry that stands there by its reference, and that the list does not show."""
    return ledgers.entry(number, "" if waits else number, reference, journal, on, "EUR")


def entries(document: Row, *, waits: bool = False) -> list[base.RemoteEntry]:
    return [_entry(row, waits) for row in document["entry_array"] or ()]


def _entry(row: Row, waits: bool) -> base.RemoteEntry:
    on, number = day(row["date_piece"]), str(row["entry_id"])
    lines = tuple(
        base.OutgoingLine(
            on,
            text(line["account"]["account_number"]),
            money(line.get("debit")) - money(line.get("credit")),
            text(line.get("label")),
        )
        for line in row["entry_list"]
    )
    references = {reference_of(line.get("piece")) for line in row["entry_list"]}
    ours = text(row.get("entry_origin_partner_id")) or (references.pop() if len(references) == 1 else "")
    return ledgers.entry(number, "" if waits else number, ours, text(row["diary"]["code"]), on, "EUR", lines)


# ------------------------------------------------------------------------------ refusals

_CODES = {
    "ECR1": "unbalanced", "ECR14": "unbalanced", "ECR2": "unbalanced",
    "ECR10": "fiscal_year_unknown", "EXERCICE1": "fiscal_year_unknown", "EXERCICE10": "fiscal_year_unknown",
    "ECR9": "period_closed", "ECR15": "period_closed", "CLOTURE1": "period_closed", "JOURNAL2": "period_closed",
    "EXERCICE6": "period_closed", "EXERCICE14": "period_closed", "BLOCAGE_PERIODIQUE23": "period_closed",
    "BLOCAGE_PERIODIQUE26": "period_closed",
    "COMPTE1": "account_unknown", "COMPTE2": "account_unknown", "COMPTE5": "account_unknown",
    "COMPTE30": "account_unknown", "COMPTE32": "account_blocked",
    "JOURNAL3": "journal_unknown", "JOURNAL21": "journal_type", "JOURNAL9": "journal_type",
    "JOURNAL13": "journal_type", "ECR36": "journal_type", "ECR37": "journal_type",
    "SOCIETE12": "dossier_inactive", "SOCIETE16": "not_found", "ERR-FOLDER-NOT-FOUND": "not_found",
    "ERR-FORBIDDEN-ROUTE": "routes_missing", "ERR-MISSING-RULE": "routes_missing",
    "ERR-FORBIDDEN-ACCESS": "user_rights",
    "ERR-SECRET-NOT-CONFIGURED": "application_refused", "ERR-SECRET-HEADER-NOT-SET": "application_refused",
    "ERR-INVALID-SECRET": "application_refused", "ERR-THIRD-PARTY-DISCONNECTED": "application_refused",
}  # fmt: skip
_LOGGED_OUT = re.compile(r"ERR-(INVALID-(AUTH-HEADER|(USER-|API-|FIRM-)?JWT)|(API|FIRM)-TOKEN-NOT-FOUND)")
# Something went wrong while it was saved: nobody knows how far it got.
_FAULTS = ("ECR11", "ECR12", "ERR-INTERNAL", "ERR-API-UNDER-MAINTENANCE")


def failure(reply: Reply) -> ConnectorError | None:
    """None for a success, else the error to raise. Their codes decide, never their words."""
    if 200 <= reply.status < 300:
        return None
    code, words = _told(reply.body)
    if reply.status == 429 or code.startswith("ERR-TOO-MANY"):  # refused before it was looked at
        return failures.limited("myunisoft", wait(reply), status=reply.status)
    if _LOGGED_OUT.fullmatch(code):
        return failures.expired("myunisoft", reply.status, words)
    known = _CODES.get(code)
    if known is None and (reply.status >= 500 or code in _FAULTS):
        return failures.fault("myunisoft", reply.status, words)
    if known is None and not code:
        if reply.status == 401:
            return failures.expired("myunisoft", 401)
        return UnexpectedReply("myunisoft.unreadable", status=reply.status)
    return failures.rejected("myunisoft", reply.status, words, known or "")


def _told(body: bytes) -> tuple[str, str]:
    """(code, code and message for people) of an error, ("", "") when it cannot be read."""
    try:
        error = decode(body)["error"]
        code = text(error["code"])
        return code, f"{code} {text(error.get('message'))}"[:2000]
    except UNREADABLE:
        return "", ""


def wait(reply: Reply) -> float:
    """Seconds until their window is over: the reset is an epoch time, and never further than one window."""
    try:
        reset = float(reply.headers["X-Rate-Limit-Reset"])
        reset = reset / 1000 if reset > 1e11 else reset  # the unit is not told: seconds or milliseconds
        return min(max(reset - parsedate_to_datetime(reply.headers["Date"]).timestamp(), 1.0), WINDOW)
    except UNREADABLE:
        return WINDOW
