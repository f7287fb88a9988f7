"""The stand-in server that a connector is tested with: what it must be able to do, and to do wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from portal.connectors.base import Bookkeeping, EntryKind, LedgerAccount
from portal.connectors.errors import ConnectorError
from portal.connectors.manifest import Capabilities


class Fault(StrEnum):
    """What the stand-in server does to the next call it applies to."""

    LOST_BEFORE = "lost_before"  # the connection breaks, nothing was done
    LOST_AFTER = "lost_after"  # the work is done, the answer is lost
    LATE = "late"  # the connection breaks, the work is done at World.settle()
    RATE_LIMITED = "rate_limited"
    FAULTY = "faulty"  # a fault of theirs, in words; nothing was done
    BUSY = "busy"  # 503; nothing was done
    SLOW = "slow"  # the work is done, the answer comes after the time-out
    GARBAGE = "garbage"  # the work is done, the answer is nonsense
    TRUNCATED = "truncated"  # the work is done, the answer breaks off


@dataclass
class RecordingGate:
    """Writes down every call; `refuse` is raised instead of letting a call through."""

    calls: list[tuple[str, str, str, bool | int]] = field(default_factory=list)
    refuse: ConnectorError | None = None

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.calls.append(("before", dossier, endpoint, write))

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        self.calls.append(("after", dossier, endpoint, status))

    @property
    def writes(self) -> int:
        return sum(1 for call in self.calls if call[0] == "before" and call[3] is True)


class World(Protocol):
    """One stand-in server with a login, an open dossier and an oracle that does not use the connector.

    Without `Capabilities.bank_entries` a statement goes as a general entry that carries the bank's side, in
    `bank_journal`, or in `general_journal` where `bank_journal` is "": the package has no journals to choose.
    """

    capabilities: Capabilities
    dossier: str  # active
    dossier_count: int  # that the login sees: more than one page of the provider holds
    foreign_dossier: str  # exists, but is not this login's to see
    bank_journal: str
    general_journal: str
    bank_account: str  # ledger account of the bank journal
    most_lines: int  # that an entry may have
    foreign_statuses: Sequence[int]  # how a dossier that is not the login's is refused
    tells_who: bool  # the provider says whose login it is
    tells_closed: bool  # the package tells which periods are closed, and not only by refusing
    party_lines: bool  # an entry that is no invoice may book on the account of a customer or supplier
    suspense_account: str
    foreign_account: LedgerAccount  # an account that no dossier has
    open_day: date  # with a week before and after it in the same open period
    closed_day: date  # in a period that is closed for the bank journal
    # Where the package takes invoices (`Capabilities.invoices`):
    invoice_journals: Mapping[EntryKind, str]
    party_accounts: Mapping[EntryKind, str]  # ledger accounts of customers and of suppliers
    result_account: str  # takes both revenue and costs
    vat_code: str  # of 21 % on top
    relation: str  # id of one that is customer and supplier
    secret: str  # what signs the requests
    gate: RecordingGate
    connection: Bookkeeping  # read time-out of about a second, no waiting between repeated reads
    unreachable: Bookkeeping  # the same towards a port where nobody listens

    def fault(self, fault: Fault, *, write: bool, times: int = 1) -> None:
        """Let the next writes (or reads) of the dossier meet this fault."""
        ...

    def expire(self) -> None:
        """The provider stops accepting the login."""
        ...

    def settle(self) -> None:
        """Let whatever the server would still commit late be committed."""
        ...

    def booked(self, reference: str) -> int:
        """Entries in the server's books whose lines carry this reference."""
        ...

    def balance(self, ledger_account: str) -> Decimal:
        """Debit minus credit in the server's books."""
        ...
