"""What the product asks of a bookkeeping package: frozen data in, frozen data out.

Nothing here knows a database, Flask or a provider. Amounts are `Decimal` in the currency
named beside them, positive = debit unless a docstring says otherwise. Dates are plain
dates, instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

import requests

from portal.connectors.errors import ConnectorError
from portal.connectors.login import Form


class JournalType(StrEnum):
    CASH = "cash"
    BANK = "bank"
    SALES = "sales"
    PURCHASE = "purchase"
    GENERAL = "general"
    OTHER = "other"


class DossierStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"
    ARCHIVED = "archived"
    BLOCKED = "blocked"


class EntryKind(StrEnum):
    BANK = "bank"
    GENERAL = "general"
    SALES = "sales"
    PURCHASE = "purchase"

    @property
    def is_invoice(self) -> bool:
        """Made of one document, with VAT, on the account of a customer or supplier."""
        return self in (EntryKind.SALES, EntryKind.PURCHASE)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says we are logged in as; compared on every new consent."""

    # Unique on its host: name the database or company too where a number alone is not. "" when a key tells nobody.
    user_id: str
    user_name: str
    email: str
    company: str
    default_dossier: str  # dossier code to start listing from, "" when none


@dataclass(frozen=True, slots=True)
class Dossier:
    code: str  # what goes into URLs; unique within an authorisation only
    name: str
    number: str  # the number people know it by
    status: DossierStatus
    country: str  # ISO 3166 alpha-2, upper case, "" when unknown
    currency: str
    vat_number: str = ""
    enterprise_number: str = ""  # KBO, KVK, SIREN as the provider writes it
    siret: str = ""
    customer_name: str = ""
    archived_on: date | None = None
    blocking: str = ""  # reason key when BLOCKED


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    code: str
    name: str
    id: str
    kind: str  # "bank", "cash", "receivable", "payable", "vat", "general", "revenue", "costs", "other"
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Journal:
    code: str
    name: str
    type: JournalType
    id: str
    currency: str = ""
    ledger_account: str = ""  # code of the account the journal books against
    iban: str = ""
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class VatCode:
    """`side`: "sales", "purchase", or "" for both. `type`: "excluding" (on top of the amount), "including",
    "base" (nothing is charged, the amount is reported), "none", or "" when not told."""

    code: str
    name: str
    percentage: Decimal  # 0.21 for 21 %
    side: str = ""
    type: str = ""
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """A customer or supplier as the dossier knows it."""

    id: str
    code: str
    name: str
    country: str = ""  # ISO 3166 alpha-2
    vat_number: str = ""
    enterprise_number: str = ""
    customer: bool = True
    supplier: bool = True
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Period:
    """A financial period. `open_journals` holds codes; `closed_journals` too; absent = not told."""

    year: int
    number: int
    starts_on: date
    ends_on: date
    closed_journals: frozenset[str] = frozenset()

    def is_open(self, journal: str) -> bool:
        return journal not in self.closed_journals


@dataclass(frozen=True, slots=True)
class OutgoingLine:
    """`amount` > 0 is a debit of `ledger_account` (its code in the dossier).

    On a sales or purchase entry `amount` is without VAT, and `vat` is what comes on top of it, with
    the same sign. `relation` is the id of a customer or supplier, where the line is on its account.
    """

    date: date
    ledger_account: str
    amount: Decimal
    description: str
    vat_code: str = ""
    vat: Decimal = Decimal(0)
    relation: str = ""


@dataclass(frozen=True, slots=True)
class OutgoingInvoice:
    """What a sales or purchase entry tells besides its lines."""

    number: str  # that is printed on it
    relation: str  # id of the customer or supplier
    due_date: date | None
    payment_reference: str
    description: str


@dataclass(frozen=True, slots=True)
class OutgoingEntry:
    """A journal entry as it will be sent. The lines balance to zero, but for EntryKind.SALES and
    PURCHASE: there the package books the VAT and the customer's or supplier's side itself.

    For EntryKind.BANK, `bank_account` names the ledger account of the bank; the lines on it
    are the bank's side, which a package with bank journals books itself from the others, with
    `opening` and `closing` the balances before and after.
    """

    kind: EntryKind
    reference: str  # ours, ≤ 20 characters of A–Z, 2–7 and "-"
    journal: str
    date: date
    currency: str
    bank_account: str
    opening: Decimal | None
    closing: Decimal | None
    lines: tuple[OutgoingLine, ...]
    invoice: OutgoingInvoice | None = None  # of SALES and PURCHASE, and only of these


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """What stands in the package, read back.

    Of a sales or purchase entry `lines` are those that were sent, and `total_debit` is what the
    customer or supplier owes or is owed, VAT included, without a sign.
    """

    id: str
    number: str
    reference: str
    journal: str
    date: date | None
    currency: str
    total_debit: Decimal  # else the sum of the positive lines, bank side included
    line_count: int
    lines: tuple[OutgoingLine, ...] = ()


@runtime_checkable
class Bookkeeping(Protocol):
    """A connection to a bookkeeping package: one authorisation, many dossiers.

    Every method makes bounded calls with time-outs and raises the five errors only. `post`
    is called at most once for a reference until `find` has shown, twice, that it is absent.
    """

    def identity(self) -> Identity: ...
    def dossiers(self) -> Sequence[Dossier]: ...
    def ledger_accounts(self, dossier: str) -> Sequence[LedgerAccount]: ...
    def journals(self, dossier: str) -> Sequence[Journal]: ...
    def vat_codes(self, dossier: str) -> Sequence[VatCode]: ...
    def relations(self, dossier: str) -> Sequence[Relation]: ...
    def periods(self, dossier: str) -> Sequence[Period]: ...

    def render(self, entry: OutgoingEntry, accounts: Mapping[str, LedgerAccount]) -> bytes:
        """The exact bytes `post` will send. Pure: same input, same bytes; they are hashed for approval."""
        ...

    def post(self, dossier: str, kind: EntryKind, payload: bytes) -> RemoteEntry:
        """Send rendered bytes once. A definite refusal is Rejected, doubt Temporary(sent=True) or UnexpectedReply."""
        ...

    def find(self, dossier: str, kind: EntryKind, reference: str, journal: str, on: date) -> Sequence[RemoteEntry]:
        """Entries that carry our reference, by a filtered list (an empty list is an answer, never an error)."""
        ...

    def entries(self, dossier: str, kind: EntryKind, journal: str, since: date, until: date) -> Iterator[RemoteEntry]:
        """All entries of a journal in a span of dates, ours or not, for the nightly comparison."""
        ...


@runtime_checkable
class Batching(Protocol):
    """What a connection offers besides, where `Capabilities.batch_size` is more than one."""

    def post_many(
        self, dossier: str, kind: EntryKind, payloads: Sequence[bytes]
    ) -> Sequence[RemoteEntry | ConnectorError]:
        """Send rendered entries in one call: for each what `post` would give or raise, in their order.

        What concerns all of them is raised, as `post` does; nothing is known of any entry then
        that the error itself does not say.
        """
        ...


class Gate(Protocol):
    """Asked before and told after every call, so that limits and the breaker hold over all processes."""

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        """May raise Temporary(sent=False) when the call must not be made now."""
        ...

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        """`status` is 0 and `headers` empty when no complete reply came."""
        ...


class Connect(Protocol):
    """How a connector module makes its client: given a session that signs requests, and a gate.

    `form` is what was typed for the authorisation, empty where the manifest asks for nothing.
    """

    def __call__(self, session: requests.Session, host: str, gate: Gate, form: Form) -> Bookkeeping: ...
