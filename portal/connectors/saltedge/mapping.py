"""Salt Edge's rows to ours, its refusals to our errors. Pure: same input, same output."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NoReturn

from portal.connectors.base import Identity
from portal.connectors.calls import UNREADABLE as UNREADABLE
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
from portal.connectors.files import references
from portal.connectors.statement import StatementLine
from portal.connectors.values import figure

Row = Mapping[str, Any]
DECIMALS = 5  # the most that a currency amount has in ISO 20022
_NOISE = Decimal("1e-9")
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_KINDS = {
    "account": "checking", "checking": "checking", "savings": "savings", "card": "card", "credit_card": "card",
    "debit_card": "card", "investment": "securities", "loan": "loan", "mortgage": "loan", "credit": "loan",
}  # fmt: skip
_EXPIRED = frozenset(
    ("consent_expired", "consent_revoked", "connection_disabled", "invalid_credentials",
     "invalid_interactive_credentials", "identification_required", "account_locked")
)  # fmt: skip
_NOT_NOW = frozenset(
    ("rate_limit_exceeded", "too_many_requests", "background_fetch_limit_exceeded", "connection_cannot_be_refreshed",
     "connection_already_processing")
)  # fmt: skip
_USUAL_WAIT = {  # seconds, where the reply does not say
    "rate_limit_exceeded": 60.0, "too_many_requests": 60.0, "connection_already_processing": 30.0,
    "background_fetch_limit_exceeded": 6 * 3600.0,
}  # fmt: skip
_FAULTS = frozenset(
    ("provider_unavailable", "provider_error", "provider_inactive", "interactive_timeout", "fetching_timeout",
     "internal_server_error", "connection_failed", "connection_fetching_stopped", "service_unavailable")
)  # fmt: skip


# --------------------------------------------------------------------------- reading


def decode(body: bytes) -> Row:
    """The document of a reply. Amounts keep their digits: no binary fraction is ever made."""
    found = json.loads(body, parse_float=figure, parse_int=figure, parse_constant=_no_number)
    if not isinstance(found, dict):
        raise ValueError("an object was expected")
    return found


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def text(value: object) -> str:
    """Ids come as text or as numbers."""
    return "" if value is None else str(value).strip()


def moment(value: object) -> datetime | None:
    """Aware UTC; Salt Edge writes instants with a Z."""
    if not value:
        return None
    read = datetime.fromisoformat(str(value))
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def day(value: object) -> date | None:
    """A plain date as the bank tells it: never moved by a zone."""
    return date.fromisoformat(str(value)[:10]) if value else None


def _amount(value: object) -> Decimal:
    """Some amounts pass through binary fractions on their way: 0.30000000000000004 is 0.3."""
    if not isinstance(value, Decimal):
        raise TypeError("an amount is a number")
    if value == (rounded := round(value, DECIMALS)):
        return value
    if abs(value - rounded) > _NOISE:
        raise ValueError(f"an amount has at most {DECIMALS} decimals")
    return rounded.normalize()


def institution(row: Row) -> Institution:
    code, country = text(row["code"]), text(row["country_code"]).upper()
    days = row.get("max_consent_days")
    return Institution(
        id=code,
        name=text(row["name"]),
        country=country,
        bic=text(next(iter(row.get("bic_codes") or ()), "")),
        max_consent_days=None if days is None else int(days),
        sandbox=country == "XF" or code.startswith("fake"),
    )


def number(row: Row) -> str:
    """The IBAN of an account where it is told, else the bank's own number, else its name, which is often the number."""
    extra = row.get("extra") or {}
    given = (text(extra.get("iban")), text(extra.get("account_number")), text(row.get("name")))
    return next(filter(None, given), "").replace(" ", "").upper()


def account(row: Row, connection: Row, ends_at: datetime | None) -> FeedAccount:
    extra = row.get("extra") or {}
    balance = row.get("balance")
    return FeedAccount(
        id=text(row["id"]),
        number=number(row),
        currency=text(row["currency_code"]).upper(),
        name=text(extra.get("account_name")) or text(row.get("name")),
        holder=text(extra.get("client_name")),
        kind=_KINDS.get(text(row.get("nature")), text(row.get("nature"))),
        institution=text(connection.get("provider_code")),
        balance=None if balance is None else _amount(balance),
        balance_at=moment(row.get("updated_at")),
        consent_ends_at=ends_at,
        available=text(connection.get("status")) == "active",
    )


def transaction(row: Row, own: str = "") -> FeedTransaction:
    """`own` is the number of the account itself, which some banks repeat where the counterparty's is expected."""
    extra = row.get("extra") or {}
    amount = _amount(row["amount"])
    booked = day(extra.get("posting_date")) or day(row["made_on"])
    if booked is None:
        raise ValueError("a transaction has a date")
    theirs, ours = ("payer", "payee") if amount > 0 else ("payee", "payer")
    counter = text(extra.get("account_number")).replace(" ", "").upper()
    end_to_end = text(extra.get("end_to_end_id"))
    described = _joined(
        row.get("description"), extra.get("additional"), extra.get("information"), extra.get(f"{theirs}_information")
    )
    line = StatementLine(
        date=booked,
        value_date=None,
        amount=amount,
        description=described,
        counterparty=text(extra.get(theirs)) or text(extra.get(ours)),
        counterparty_account="" if counter == own else counter,
        reference=_reference(text(extra.get("variable_code")), described),
        end_to_end_id="" if end_to_end.upper() == "NOTPROVIDED" else end_to_end,
        bank_reference=text(extra.get("id")) or text(extra.get("record_number")),
    )
    return FeedTransaction(text(row["id"]), _status(row), line)


def _status(row: Row) -> TransactionStatus:
    if row.get("duplicated"):
        return TransactionStatus.DUPLICATE
    return TransactionStatus.BOOKED if text(row["status"]) == "posted" else TransactionStatus.PENDING


def _joined(*parts: object) -> str:
    """Texts by single spaces, none that stands in an earlier one."""
    found = ""
    for part in parts:
        words = " ".join(text(part).split())
        if words and words not in found:
            found = f"{found} {words}".strip()
    return found


def _reference(told: str, described: str) -> str:
    """The reference that the bank tells apart, else a Belgian one printed in the text."""
    return told or references.printed_belgian(described)


def identity(connection: Row) -> Identity:
    return Identity(
        user_id=text(connection["customer_id"]),
        user_name=text(connection.get("customer_identifier")),
        email="",
        company=text(connection.get("provider_name")),
        default_dossier="",
    )


# --------------------------------------------------------------------------- the state of a link


def attempt(connection: Row) -> Attempt | None:
    """The last attempt at the bank; its id is what Salt Edge's support asks for."""
    row = connection.get("last_attempt")
    if not row:
        return None
    error, told = text(row.get("fail_error_class")), text(row.get("fail_message"))
    if error or row.get("fail_at"):
        status = RefreshStatus.FAILED
    else:
        status = RefreshStatus.DONE if row.get("success_at") or row.get("finished") else RefreshStatus.RUNNING
    return Attempt(
        status=status,
        code=code_of(error) if error else "",
        text=f"{error}: {told}" if error and told else error or told,
        request_id=text(row.get("id")),
        at=moment(row.get("fail_at") or row.get("success_at") or row.get("updated_at") or row.get("created_at")),
    )


def consent(connection: Row, consents: Sequence[Row]) -> Row | None:
    """The consent in force: the one the connection names, else the newest."""
    last = text(connection.get("last_consent_id"))
    named = next((row for row in consents if text(row.get("id")) == last), None)
    return named or max(consents, key=lambda row: text(row.get("created_at")), default=None)


def link_status(connection: Row, consents: Sequence[Row], now: datetime) -> LinkStatus:
    row = consent(connection, consents)
    ends_at = moment(row.get("expires_at")) if row else None
    return LinkStatus(
        consent_ends_at=ends_at,
        next_refresh_at=moment(connection.get("next_refresh_possible_at")),
        last_success_at=moment(connection.get("last_success_at")),
        last_attempt=attempt(connection),
        ended=_ended(connection, row, ends_at, now),
    )


def _ended(connection: Row, row: Row | None, ends_at: datetime | None, now: datetime) -> str:
    if row and (row.get("revoked_at") or text(row.get("status")) in ("revoked", "expired")):
        expired = "expired" in (text(row.get("revoke_reason")), text(row.get("status")))
        return "saltedge.consent_expired" if expired else "saltedge.consent_revoked"
    if text(connection.get("status")) == "disabled":
        return "saltedge.connection_disabled"
    return "saltedge.consent_expired" if ends_at and ends_at <= now else ""


# --------------------------------------------------------------------------- refusals


def code_of(error_class: str) -> str:
    """ "AispConsentExpired" (v5) and "ConsentExpired" (v6) are both "saltedge.consent_expired"."""
    snake = _CAPITAL.sub("_", error_class.replace("Aisp", "")).lower()
    return f"saltedge.{re.sub('[^a-z0-9_]', '', snake)}" if snake else "saltedge.refused"


def failure(status: int, headers: Mapping[str, str], body: bytes) -> ConnectorError | None:
    """None for a success. What the five errors mean: `portal.connectors.errors`."""
    if 200 <= status < 300:
        return None
    error_class, told = _told(body)
    code = code_of(error_class) if error_class else _by_status(status)
    kind = code.partition(".")[2]
    words = told[:500]
    if kind in _EXPIRED:
        return AuthorisationExpired(code, provider_text=words, status=status)
    if kind in _NOT_NOW or (not error_class and status == 429):
        wait = retry_after(headers)
        wait = _USUAL_WAIT.get(kind) if wait is None else wait
        return Temporary(code, retry_after=wait, sent=False, provider_text=words, status=status)
    if kind in _FAULTS or status >= 500:
        return Temporary(code, retry_after=retry_after(headers), sent=True, provider_text=words, status=status)
    if error_class or 400 <= status < 500:
        return Rejected(code, provider_text=words, status=status)
    return UnexpectedReply("saltedge.unreadable", status=status)


def _told(body: bytes) -> tuple[str, str]:
    """(class, message). Some answers have a bare text under `error`, some are no JSON at all."""
    try:
        error = json.loads(body)["error"]
    except UNREADABLE:
        return "", ""
    if isinstance(error, dict):
        return text(error.get("class")), text(error.get("message"))
    return "", text(error)


def _by_status(status: int) -> str:
    known = {401: "not_recognised", 403: "not_allowed", 404: "not_found", 429: "too_many_requests"}
    return f"saltedge.{known.get(status, 'fault' if status >= 500 else 'refused')}"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from `Retry-After` as a number; None when the reply does not say."""
    given = headers.get("Retry-After", "")
    return float(given) if given.isascii() and given.isdigit() else None
