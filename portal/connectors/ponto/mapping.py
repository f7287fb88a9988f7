"""Ponto's wire format to our dataclasses. Pure: no calls, no clock.

A JSON:API resource is an object with `id`, `attributes`, `meta` and `relationships`. Every
function raises one of `UNREADABLE` when it is not what it should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from portal.connectors import base
from portal.connectors.calls import UNREADABLE as UNREADABLE
from portal.connectors.calls import decode as decode
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.connectors.feed import (
    Attempt,
    FeedAccount,
    FeedTransaction,
    Institution,
    LinkStatus,
    RefreshStatus,
    TransactionStatus,
)
from portal.connectors.statement import StatementLine

REQUEST_ID = "ibanity-request-id"
SOON = 300.0  # seconds between two fetches of one account that Ponto asks for
CONSENT_ENDED = frozenset(("authorizationExpired", "authorizationInvalid", "authorizationRevoked"))
# What Ponto calls its errors, as far as known: each becomes a code of ours and has an explanation.
KNOWN = CONSENT_ENDED | {
    "accountDeprecated", "accountRecentlySynchronized", "financialInstitutionError", "financialInstitutionUnavailable",
    "forbidden", "internalServerError", "invalid_client", "invalid_grant", "resourceNotFound", "tooManyRequests",
}  # fmt: skip
Resource = Mapping[str, Any]

# ------------------------------------------------------------------------------ wire values


def resources(document: Any) -> tuple[list[Resource], str]:
    """(resources, address of the next page or "") of a list."""
    content = document["data"]
    if not isinstance(content, list):
        raise TypeError("not a list")
    return content, text((document.get("links") or {}).get("next"))


def text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def money(value: Any) -> Decimal:
    """Amounts are JSON numbers, which `decode` never makes binary fractions of."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(f"not an amount: {type(value).__name__}")
    return Decimal(value)


def day(value: Any) -> date | None:
    """The date as it is written in `2020-06-19T00:00:00.000Z`: a day of the bank, not an instant to move."""
    return date.fromisoformat(str(value)[:10]) if value else None


def instant(value: Any) -> datetime | None:
    if not value:
        return None
    found = datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _words(*parts: Any) -> str:
    """Joined by single spaces; a part that repeats what stands there already is left out."""
    found = ""
    for part in parts:
        tidy = " ".join(text(part).split())
        if tidy and tidy not in found:
            found = f"{found} {tidy}".strip()
    return found


# ------------------------------------------------------------------------------ what is read


def identity(document: Any) -> base.Identity:
    """`sub` is the organisation: whichever colleague consents again, it is the same."""
    name = text(document.get("name"))
    return base.Identity(str(document["sub"]), name, "", name, "")


def institution(row: Resource) -> Institution:
    told = row["attributes"]
    return Institution(
        id=row["id"], name=text(told["name"]), country=text(told.get("country")).upper(), bic=text(told.get("bic"))
    )


def is_offered(row: Resource) -> bool:
    return not row["attributes"].get("deprecated")


def account(row: Resource) -> FeedAccount:
    told, meta = row["attributes"], row.get("meta") or {}
    bank = ((row.get("relationships") or {}).get("financialInstitution") or {}).get("data") or {}
    balance = told.get("currentBalance")
    return FeedAccount(
        id=row["id"],
        number=text(told["reference"]).replace(" ", ""),
        currency=text(told["currency"]),
        name=text(told.get("description")) or text(told.get("product")),
        holder=text(told.get("holderName")),
        kind=text(told.get("subtype")),
        institution=text(bank.get("id")),
        balance=None if balance is None else money(balance),
        balance_at=instant(told.get("currentBalanceReferenceDate") or meta.get("synchronizedAt")),
        consent_ends_at=instant(told.get("authorizationExpirationExpectedAt")),
        available=meta.get("availability") != "unavailable",
    )


def is_dated(row: Resource) -> bool:
    """What a bank only announces may have no day yet, and cannot be shown on one."""
    return bool(row["attributes"].get("executionDate") or row["attributes"].get("valueDate"))


def transaction(row: Resource, status: TransactionStatus) -> FeedTransaction:
    """The execution date is the bank's booking date; a few banks tell only the value date."""
    told = row["attributes"]
    remittance, structured = told.get("remittanceInformation"), told.get("remittanceInformationType") == "structured"
    booked = day(told.get("executionDate")) or day(told.get("valueDate"))
    if booked is None:
        raise ValueError("no date")
    line = StatementLine(
        date=booked,
        value_date=day(told.get("valueDate")),
        amount=money(told["amount"]),
        description=_words(None if structured else remittance, told.get("additionalInformation"))
        or _words(told.get("description")),
        counterparty=_words(told.get("counterpartName")),
        counterparty_account=text(told.get("counterpartReference")).replace(" ", ""),
        reference=_reference(text(remittance)) if structured else "",
        end_to_end_id=text(told.get("endToEndId")),
        bank_reference=text(told.get("internalReference")),
        transaction_code=text(told.get("bankTransactionCode")),
    )
    return FeedTransaction(str(row["id"]), status, line)


def _reference(written: str) -> str:
    """`+++090/9337/55493+++` as twelve digits; others without blanks."""
    bare = "".join(written.split()).strip("+*")
    digits = bare.replace("/", "")
    return digits if digits.isdigit() else bare


def attempt(row: Resource | None, request_id: str = "") -> Attempt | None:
    """How a synchronisation went. Its errors stand in its attributes, in a reply that is a 200."""
    if not row:
        return None
    told = row["attributes"]
    errors = told.get("errors") or []
    first = errors[0] if errors else {}
    status = {"success": RefreshStatus.DONE, "error": RefreshStatus.FAILED}.get(told["status"], RefreshStatus.RUNNING)
    bank = ((first.get("meta") or {}).get("financialInstitutionResponse") or {}).get("requestId")
    return Attempt(
        status=RefreshStatus.FAILED if errors else status,
        code=_code(text(first.get("code"))) if errors or status is RefreshStatus.FAILED else "",
        text=_told_in_full(text(first.get("code")), text(first.get("detail"))),
        request_id=text(bank) or request_id,
        at=instant(told.get("updatedAt") or told.get("createdAt")),
    )


def link_status(accounts: Iterable[Resource]) -> LinkStatus:
    """Of all accounts of a link together: the earliest end, the latest news; an ended consent comes first in those.

    The link itself has ended when all its accounts have: one bank's consent does not stop the others.
    """
    rows = list(accounts)
    ends = [end for row in rows if (end := account(row).consent_ends_at)]
    metas = [row.get("meta") or {} for row in rows]
    successes = [at for meta in metas if (at := instant(meta.get("synchronizedAt")))]
    attempts = [found for meta in metas if (found := attempt(meta.get("latestSynchronization")))]
    ended = [found for found in attempts if found.code.removeprefix("ponto.") in CONSENT_ENDED]
    oldest = datetime.min.replace(tzinfo=UTC)
    return LinkStatus(
        consent_ends_at=min(ends, default=None),
        last_success_at=max(successes, default=None),
        last_attempt=max(ended or attempts, key=lambda found: found.at or oldest, default=None),
        ended=ended[0].code if ended and len(ended) == len(rows) else "",
    )


def renewal(document: Any) -> str:
    address = str(document["data"]["links"]["redirect"])
    if urlsplit(address).scheme not in ("https", "http"):
        raise ValueError("not an address")
    return address


# ------------------------------------------------------------------------------ refusals


def failure(status: int, headers: Mapping[str, str], body: bytes) -> ConnectorError | None:
    """None for a success, else the error to raise. Ponto's own code becomes ours, after `ponto.`."""
    if 200 <= status < 300:
        return None
    code, detail = _told(body)
    words = _told_in_full(code, detail)
    values = {"request_id": text(headers.get(REQUEST_ID))}
    told: dict[str, Any] = {"provider_text": words, "status": status, "values": values}
    if code == "accountRecentlySynchronized":
        return Temporary(_code(code), sent=False, retry_after=_seconds(headers, SOON), **told)
    if status == 429 or code == "tooManyRequests":
        return Temporary("ponto.tooManyRequests", sent=False, retry_after=_seconds(headers, 60.0), **told)
    if status == 401 or code in CONSENT_ENDED:
        return AuthorisationExpired(_code(code, "authorisation_expired"), **told)
    if status >= 500:
        return Temporary("ponto.server_error", retry_after=_seconds(headers, None), **told)
    if status in (400, 403, 404, 409, 410, 422):
        plain = {403: "forbidden", 404: "resourceNotFound", 410: "resourceNotFound"}.get(status, "refused")
        return Rejected(_code(code, plain), **told)
    return UnexpectedReply("ponto.unreadable", **told)


def _told(body: bytes) -> tuple[str, str]:
    """(code, words) of a JSON:API error or of the flat one of the log-in side."""
    try:
        document = decode(body)
        if "errors" in document:
            first = document["errors"][0]
            return text(first.get("code")), text(first.get("detail") or first.get("title"))
        return text(document.get("error")), text(document.get("error_description"))
    except UNREADABLE:
        return "", ""


def _code(told: str, otherwise: str = "refused") -> str:
    return f"ponto.{told if told in KNOWN else otherwise}"


def _told_in_full(code: str, words: str) -> str:
    """With a code that is not ours, for whoever asks Ponto about it."""
    return (f"{code}: {words}" if code and code not in KNOWN else words)[:2000]


def _seconds(headers: Mapping[str, str], otherwise: float | None) -> float | None:
    told = text(headers.get("Retry-After"))
    return min(max(float(told), 1.0), 86400.0) if told.isascii() and told.isdigit() else otherwise
