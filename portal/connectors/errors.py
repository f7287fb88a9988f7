"""The five ways a provider can fail us, told apart by who has to act.

A connector raises nothing else. `kernel.http` tells the transport's failures apart; a
connector turns them into these, and adds what only it can know from the reply.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Base of the five. `code` is a stable key, e.g. "exact.period_closed", worded at the edge."""

    def __init__(
        self,
        code: str,
        *,
        provider_text: str = "",
        status: int | None = None,
        values: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {provider_text}" if provider_text else code)
        self.code = code
        self.provider_text = provider_text
        self.status = status
        self.values = values or {}


class Temporary(ConnectorError):
    """Nobody has to act: try again, not before `retry_after` seconds (None: our own back-off).

    `sent` says whether the request may have reached the provider. False only when it surely
    did not (refused connection, own limit reached, breaker open); a write that raises
    Temporary(sent=True) is uncertain, never "not done".
    """

    def __init__(
        self,
        code: str,
        *,
        retry_after: float | None = None,
        sent: bool = True,
        provider_text: str = "",
        status: int | None = None,
        values: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code, provider_text=provider_text, status=status, values=values)
        self.retry_after = retry_after
        self.sent = sent


class AuthorisationExpired(ConnectorError):
    """The owner of the authorisation has to log in at the provider again."""


class Rejected(ConnectorError):
    """The provider read the request and refused it; nothing was booked. Somebody must mend data or rights."""


class AlreadyPosted(ConnectorError):
    """The provider says that this very reference is there already."""

    def __init__(self, external_id: str, *, provider_text: str = "") -> None:
        super().__init__("already_posted", provider_text=provider_text)
        self.external_id = external_id


class UnexpectedReply(ConnectorError):
    """The provider answered something we cannot read. After a write this means: uncertain."""


class Refused(Exception):
    """A statement file that cannot be read. Nothing of it may be stored.

    `code` is a stable key such as "coda.balance" that has a wording in every language;
    `values` fill the wording; `line` is the 1-based line of the file where known.
    """

    def __init__(self, code: str, *, line: int | None = None, **values: str) -> None:
        self.code = code
        self.line = line
        self.values = values
        where = f" (line {line})" if line else ""
        what = ", ".join(f"{k}={v}" for k, v in values.items())
        super().__init__(f"{code}{where}{': ' + what if what else ''}")
