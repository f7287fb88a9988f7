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

import requests

from portal.connectors.base import Gate, Identity
from portal.connectors.statement import StatementLine


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

    def identity(self) -> Identity:
        """Whose link it is; compared on every new consent."""
        ...

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

    def renewal(self, return_to: str, state: str, account: str = "") -> str:
        """The address where the person who may renew the consent is sent.

        `account` says which consent where a link holds several banks; "" is the one that ends first.
        """
        ...

    def revoke(self) -> None:
        """End the link at the provider; done when it says that it knows none."""
        ...


class ConnectFeed(Protocol):
    """How a connector makes its client: a session that signs requests, a gate, and the remote id of the link.

    `link` is "" where the session itself says whose link it is (OAuth 2).
    """

    def __call__(self, session: requests.Session, host: str, gate: Gate, link: str = "") -> BankFeed: ...


@dataclass(frozen=True, slots=True)
class Beginning:
    """`address`: where the person is sent. `customer`: the provider's id of our client, to be given along next time."""

    address: str
    customer: str = ""


class Directory(Protocol):
    """What a provider tells before there is a link; the session signs as our own application."""

    def institutions(self, country: str) -> Sequence[Institution]:
        """All banks of a country (ISO 3166 alpha-2), by name."""
        ...

    def begin(
        self, institution: str, return_to: str, state: str, *, person: str, customer: str = "", locale: str = "en"
    ) -> Beginning:
        """Start a link. `person` is our own lasting key of the client, `customer` the provider's when known.

        Only where `Manifest.auth` is not OAUTH2: there the log-in of `authorisations` begins.
        """
        ...


class OpenDirectory(Protocol):
    def __call__(self, session: requests.Session, host: str, gate: Gate) -> Directory: ...


class Callbacks(Protocol):
    """How a provider's callbacks are judged. Raises Rejected for whatever is not surely from the provider.

    `url` is our own address as registered there, `host` the provider's, `application` our id there.
    """

    def __call__(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        now: datetime,
        *,
        host: str,
        application: str,
        fetch_keys: Fetch,
    ) -> Sequence[Notice]: ...


class Fetch(Protocol):
    """Reads public keys of the provider, by an absolute path on its server; with a time-out. Raises OSError."""

    def __call__(self, path: str) -> bytes: ...
