"""A connection that is signed in by a key, watched: when the provider refuses the key, people are told.

With OAuth 2 the renewal notices; a key is only ever refused in the middle of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import cast

from portal.authorisations import consent
from portal.authorisations.custody import Busy, Custody, Lock
from portal.authorisations.models import State
from portal.connectors.base import (
    Batching,
    Bookkeeping,
    Dossier,
    EntryKind,
    Identity,
    Journal,
    LedgerAccount,
    OutgoingEntry,
    Period,
    Relation,
    RemoteEntry,
    VatCode,
)
from portal.connectors.errors import AuthorisationExpired, ConnectorError

Told = Callable[[AuthorisationExpired], None]


def watched(connection: Bookkeeping, custody: Custody, generation: int) -> Bookkeeping:
    """The same connection; a refusal of the key of `generation` asks for a new one, and is raised all the same."""

    def told(refusal: AuthorisationExpired) -> None:
        refused(custody, generation, refusal)

    return _Batches(connection, told) if isinstance(connection, Batching) else _Watched(connection, told)


def refused(custody: Custody, generation: int, refusal: AuthorisationExpired) -> None:
    """Ask for a new key, unless there is one already."""
    with custody.session() as session, session.begin():
        try:
            found = custody.rows(session, Lock.WAIT)
        except Busy:
            return
        if found is None or found[1].generation != generation or found[0].state != State.ACTIVE:
            return
        consent.ask(session, custody.vault, custody.settings, found[0], refusal.code, refusal.provider_text[:300])


class _Watched:
    """Each method as in `Bookkeeping`."""

    def __init__(self, connection: Bookkeeping, told: Told) -> None:
        self._connection = connection
        self._told = told

    @contextmanager
    def _telling(self) -> Iterator[Bookkeeping]:
        try:
            yield self._connection
        except AuthorisationExpired as refusal:
            self._told(refusal)
            raise

    def identity(self) -> Identity:
        with self._telling() as there:
            return there.identity()

    def dossiers(self) -> Sequence[Dossier]:
        with self._telling() as there:
            return there.dossiers()

    def ledger_accounts(self, dossier: str) -> Sequence[LedgerAccount]:
        with self._telling() as there:
            return there.ledger_accounts(dossier)

    def journals(self, dossier: str) -> Sequence[Journal]:
        with self._telling() as there:
            return there.journals(dossier)

    def vat_codes(self, dossier: str) -> Sequence[VatCode]:
        with self._telling() as there:
            return there.vat_codes(dossier)

    def relations(self, dossier: str) -> Sequence[Relation]:
        with self._telling() as there:
            return there.relations(dossier)

    def periods(self, dossier: str) -> Sequence[Period]:
        with self._telling() as there:
            return there.periods(dossier)

    def render(self, entry: OutgoingEntry, accounts: Mapping[str, LedgerAccount]) -> bytes:
        return self._connection.render(entry, accounts)

    def post(self, dossier: str, kind: EntryKind, payload: bytes) -> RemoteEntry:
        with self._telling() as there:
            return there.post(dossier, kind, payload)

    def find(self, dossier: str, kind: EntryKind, reference: str, journal: str, on: date) -> Sequence[RemoteEntry]:
        with self._telling() as there:
            return there.find(dossier, kind, reference, journal, on)

    def entries(self, dossier: str, kind: EntryKind, journal: str, since: date, until: date) -> Iterator[RemoteEntry]:
        with self._telling() as there:
            yield from there.entries(dossier, kind, journal, since, until)


class _Batches(_Watched):
    """As in `Batching` too."""

    def post_many(
        self, dossier: str, kind: EntryKind, payloads: Sequence[bytes]
    ) -> Sequence[RemoteEntry | ConnectorError]:
        with self._telling() as there:
            return cast(Batching, there).post_many(dossier, kind, payloads)
