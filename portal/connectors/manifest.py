"""What a connector says of its app, as data: what it can do, how fast it may be asked, how its refusals are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from portal.connectors.login import AuthMode, FormField, OAuth2


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
    counts_vat: bool = False  # of an invoice, by itself: one that says otherwise is refused before it is booked
    reversal: bool = False  # an entry turned round, booked for good, undoes another; see `sync/reversal.py`
    batch_size: int = 1  # entries that `Batching.post_many` takes at once; 1: it has no batches
    reference_length: int = 20
    finds: bool = True  # a look-up is proof; without, an uncertain posting waits for a person
    general_entries: bool = True


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
    drafts_where: tuple[str, str] | None = None  # field of the form and its value, where entries are drafts by choice

    def capabilities_for(self, form: Mapping[str, str]) -> Capabilities:
        """What holds for a log-in whose form says so: what is booked for good can be undone, and drafts cannot."""
        if self.drafts_where is None:
            return self.capabilities
        field_, value = self.drafts_where
        drafts = form.get(field_) == value
        return replace(self.capabilities, drafts=drafts, reversal=self.capabilities.reversal and not drafts)

    @property
    def proof(self) -> str:
        """How far it is proved: "live" on a real server, else by its `source`."""
        return "live" if self.maturity == "live" else self.source


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
