"""What the product asks of a bank feed provider: consents, accounts and transactions, as frozen data.

A *link* is one consent of one client at one bank through one provider. Amounts follow the bank's
side: > 0 came in. Dates are plain dates as the bank tells them, never moved by a zone; instants
are aware UTC. Errors are the five of `connectors.errors`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from portal.connectors.base import StatementLine


class TransactionStatus(StrEnum):
    BOOKED = "booked"
    PENDING = "pending"  # shown to people, never stored as a statement line
    DUPLICATE = "duplicate"  # the provider itself says that it told this one before


class RefreshStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Institution:
    """A bank that the provider reaches. `max_consent_days`: None when the provider does not say."""

    id: str
    name: str
    country: str  # ISO 3166 alpha-2, upper case
    bic: str = ""
    max_consent_days: int | None = None
    sandbox: bool = False


@dataclass(frozen=True, slots=True)
class FeedAccount:
    """`consent_ends_at`: None when the provider does not say. `balance` is the booked one, at `balance_at`."""

    id: str
    number: str  # IBAN without spaces, or the bank's own number
    currency: str
    name: str = ""
    holder: str = ""
    kind: str = ""  # "checking", "savings", "card", …
    institution: str = ""
    balance: Decimal | None = None
    balance_at: datetime | None = None
    consent_ends_at: datetime | None = None
    available: bool = True


@dataclass(frozen=True, slots=True)
class FeedTransaction:
    """`id` is the provider's; unique per account, but banks change and re-use theirs: never proof by itself."""

    id: str
    status: TransactionStatus
    line: StatementLine


@dataclass(frozen=True, slots=True)
class FeedPage:
    """`cursor` continues after this page, also on another day; "" when the provider gives none."""

    transactions: Sequence[FeedTransaction]
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a fetch at the bank went. `code` is the provider's own, `request_id` what its support asks for."""

    status: RefreshStatus
    code: str = ""
    text: str = ""
    request_id: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """`next_refresh_at`: before it the provider refuses a refresh. `ended` is its code for a consent that is over."""

    consent_ends_at: datetime | None = None
    next_refresh_at: datetime | None = None
    last_success_at: datetime | None = None
    last_attempt: Attempt | None = None
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a callback says: something happened to `link` or `account`; read what from the provider, not from here."""

    event: str  # the provider's own name of it
    link: str = ""  # remote id of the link, "" when only the account is told
    account: str = ""
    state: str = ""  # what we gave along when the link was begun, "" when not told back
    failed: bool = False
    code: str = ""


@runtime_checkable
class BankFeed(Protocol):
    """One link at a provider, signed in. Every method makes bounded calls with time-outs."""

    def accounts(self) -> Sequence[FeedAccount]: ...

    def transactions(self, account: str, cursor: str = "") -> Iterator[FeedPage]:
        """All that was created or changed after `cursor`, page by page to the end, however the provider orders them."""
        ...

    def pending(self, account: str) -> Sequence[FeedTransaction]:
        """What the bank announces but has not booked."""
        ...

    def status(self) -> LinkStatus: ...

    def refresh(self, account: str, customer_address: str) -> str:
        """Ask the provider to fetch from the bank now; the id of that fetch.

        `customer_address` is the address of the person who asked, whom PSD2 wants present.
        Raises Temporary with `retry_after` when it is too soon.
        """
        ...

    def refreshed(self, refresh: str) -> Attempt: ...

    def renewal(self, return_to: str, state: str) -> str:
        """The address where the person who may renew the consent is sent."""
        ...

    def revoke(self) -> None:
        """End the link at the provider; done when it says that it knows none."""
        ...


class Callbacks(Protocol):
    """How a provider's callbacks are judged. Raises Rejected for whatever is not surely from the provider."""

    def __call__(
        self, url: str, headers: Mapping[str, str], body: bytes, now: datetime, *, fetch_keys: Fetch
    ) -> Sequence[Notice]: ...


class Fetch(Protocol):
    """Reads public keys of the provider, by path; with a time-out."""

    def __call__(self, path: str) -> bytes: ...
