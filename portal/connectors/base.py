"""What the product asks of a connector: frozen data in, frozen data out.

Nothing here knows a database, Flask or a provider. Amounts are `Decimal` in the currency
named beside them, positive = debit unless a docstring says otherwise. Dates are plain
dates, instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import BinaryIO, Protocol, runtime_checkable

import requests
from requests.auth import AuthBase

from portal.connectors.errors import ConnectorError

Day = date  # for fields that stand after a field named `date`

# --------------------------------------------------------------------------- statements


@dataclass(slots=True)
class StatementLine:
    """One booked movement on a bank account. `amount` > 0: money came in. Never changed once made.

    Not frozen, because that makes it eight times dearer to build: a third of reading a CODA file.
    """

    date: date  # the bank's entry (booking) date
    value_date: Day | None
    amount: Decimal
    description: str = ""  # free communication and detail texts, joined by single spaces
    counterparty: str = ""
    counterparty_account: str = ""  # IBAN or the bank's own number, no spaces
    counterparty_bic: str = ""
    reference: str = ""  # structured reference (Belgian 12 digits, RF…), else ""
    end_to_end_id: str = ""
    bank_reference: str = ""  # the bank's own id of the movement; informative
    transaction_code: str = ""  # CODA 8 digits, ISO "PMNT-RCDT-ESCT", …
    details: tuple[LineDetail, ...] = ()  # the split of a batch, booked as one amount


@dataclass(frozen=True, slots=True)
class LineDetail:
    amount: Decimal
    description: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    reference: str = ""
    end_to_end_id: str = ""


@dataclass(slots=True)
class Statement:
    """Head of one statement. The parser fills `closing` at the latest when its lines are exhausted.

    `lines` may be consumed once, in order, before the next statement is asked for: so a
    file of any size is read in flat memory.
    """

    format: str  # "coda", "camt053"
    account: str  # IBAN without spaces, or the bank's own number
    currency: str
    number: str  # the bank's statement number, "" when none
    opening: Decimal | None
    opening_date: date | None
    closing: Decimal | None = None
    closing_date: date | None = None
    holder: str = ""
    bic: str = ""
    lines: Iterator[StatementLine] = field(default_factory=lambda: iter(()))
    warnings: list[Warning_] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Warning_:
    """Something worth telling that does not refuse the file, e.g. code "camt.balance_without_sign"."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    line: int | None = None


class StatementParser(Protocol):
    """A module in `connectors.files`. Raises `errors.Refused`, and nothing else, on bad input."""

    FORMAT: str

    def identify(self, head: bytes) -> bool:
        """True when the first 4 KiB look like this format, whatever the file is called."""
        ...

    def parse(self, stream: BinaryIO) -> Iterator[Statement]: ...


# --------------------------------------------------------------------------- bookkeeping


class AuthMode(StrEnum):
    """How an authorisation comes about."""

    OAUTH2 = "oauth2"  # people log in at the provider and come back with a code
    KEY = "key"  # people type what the manifest's form asks for
    HOSTED = "hosted"  # people log in on a page that the provider makes for us, and come back
    FILE = "file"  # there is no server: entries become files that people fetch


class FieldKind(StrEnum):
    TEXT = "text"
    SECRET = "secret"  # noqa: S105 (a kind; what is typed is stored sealed and never shown again)
    URL = "url"  # a server that people name: asked for over https and never on a private network
    CHOICE = "choice"
    DATE = "date"  # ISO 8601


@dataclass(frozen=True, slots=True)
class FormField:
    """One question of the form that makes an authorisation. Texts are message ids."""

    key: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    help: str = ""  # where to find it
    required: bool = True
    example: str = ""
    pattern: str = ""  # of the whole value, as a regular expression
    choices: Sequence[tuple[str, str]] = ()  # value, label
    default: str = ""


class Form(dict[str, str]):
    """What people typed, by the key of its field, secrets too; so it never shows itself."""

    def __repr__(self) -> str:
        return f"Form({', '.join(self)})"


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
class FieldUse:
    """One line of "what it reads and sends": field names with the reason, as message ids."""

    fields: str
    why: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    bank_entries: bool = False
    drafts: bool = False
    own_key: bool = False  # the provider refuses a repeated reference by itself
    several_dossiers: bool = False
    invoices: bool = False
    reversal: bool = False  # an entry turned round, booked for good, undoes another; see `sync/reversal.py`
    batch_size: int = 1  # entries that `Batching.post_many` takes at once; 1: it has no batches
    reference_length: int = 20
    finds: bool = True  # a look-up is proof; without, an uncertain posting waits for a person
    general_entries: bool = True


@dataclass(frozen=True, slots=True)
class OAuth2:
    """Where to log in: paths under the host of the chosen environment."""

    authorise_path: str
    token_path: str
    pkce: bool
    min_age: float  # seconds a token must be old before a refresh is allowed, 0 when free
    lifetime: float  # seconds an access token lives when the reply does not say
    refresh_lifetime: float  # seconds an unused refresh token lives
    grace: float  # seconds an old refresh token stays usable after a lost answer, 0 when none
    authorise_params: Mapping[str, str] = field(default_factory=dict)
    authorise_hosts: Mapping[str, str] = field(default_factory=dict)  # by environment, where people log in elsewhere
    token_hosts: Mapping[str, str] = field(default_factory=dict)  # by environment, where tokens are given elsewhere
    token_params: Mapping[str, str] = field(default_factory=dict)  # sent with every token call, such as a scope
    basic: bool = False  # our id and secret also go in the Authorization header


@dataclass(frozen=True, slots=True)
class Told:
    """Names of the headers that tell what is left of one limit, and when it is whole again.

    `reset` is a moment since 1970 or a wait, in units of `unit` seconds; "" when only the rest is told.
    """

    remaining: str
    reset: str = ""
    unit: float = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """As published; a reply's headers overrule. None: unlimited.

    Counted for each dossier where `shared` is False, and for the whole authorisation where it is True.
    """

    per_minute: int | None = None
    per_day: int | None = None
    reserve_per_day: int = 0  # kept for look-ups and people
    errors_per_hour: int | None = None  # our breaker opens at this many, per endpoint
    settle_seconds: float = 120  # how late the provider may still commit a write
    shared: bool = False
    window_seconds: int = 60  # what `per_minute` counts over, for providers with another window
    at_once: int | None = None  # calls in flight for each dossier or, where shared, authorisation
    window_told: Told | None = None  # headers on what is left of `per_minute`
    day_told: Told | None = None  # headers on what is left of `per_day`


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything the product shows and decides about an app, as data."""

    key: str
    label: str
    kind: str  # "bookkeeping" or "feed"
    auth: AuthMode
    hosts: Mapping[str, str]  # environment key ("be", "nl", …) → "https://start.exactonline.be"
    reads: Sequence[FieldUse]
    sends: Sequence[FieldUse]
    never: Sequence[str]
    capabilities: Capabilities
    limits: Limits
    countries: Sequence[str]
    maturity: str  # "sandbox", "recordings", "live"
    oauth: OAuth2 | None = None
    form: Sequence[FormField] = ()  # asked before the log-in, or in place of one
    host_field: str = ""  # key of the URL field that holds the provider's address, in place of `hosts`
    client_certificate: bool = False  # the provider knows us by a certificate of our own on every connection
    source: str = "notes"  # what it was written after: "official", the provider's own description, or others' "notes"
    registered: bool = False  # a KEY app that also wants our own registration at the provider
    key_days: int | None = None  # days that a key lives; a DATE field `expires_on` of the form says it better
    idle_days: int | None = None  # days without a call after which the provider ends a key

    @property
    def proof(self) -> str:
        """How far it is proved: "live" on a real server, else by its `source`."""
        return "live" if self.maturity == "live" else self.source


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


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a refusal is told to people. Texts are message ids, worded in the reader's language at the edge.

    `who` can mend it: "firm", "client", "bank" or "us". `can_test`: a test button makes sense
    after the steps. A connector module holds them as `EXPLANATIONS`, by error code.
    """

    title: str
    happened: str  # what happened, and what did not
    who: str
    steps: tuple[str, ...] = ()
    can_test: bool = False


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


@dataclass(frozen=True, slots=True)
class Application:
    """Our own registration at a provider, from the settings of the installation."""

    id: str
    secret: str = field(repr=False)


class Sign(Protocol):
    """How requests show who they are from, for apps without OAuth 2. Offered as `sign` by the connector module.

    `host` is the provider's address, the only place that the signature may go to.
    """

    def __call__(self, form: Form, application: Application, host: str) -> AuthBase: ...


@dataclass(frozen=True, slots=True)
class HostedLogin:
    """A page of the provider to send a person to, and what to keep for when the person is back."""

    url: str
    form: Form


class OpenLogin(Protocol):
    """Offered as `open_login` by modules of `AuthMode.HOSTED`. `name` and `email` are those of the firm.

    `session` is signed by `sign` with an empty form. Raises the five errors.
    """

    def __call__(
        self, session: requests.Session, host: str, name: str, email: str, return_to: str, form: Form
    ) -> HostedLogin: ...
