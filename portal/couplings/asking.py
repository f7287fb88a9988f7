"""Asking the provider on behalf of a person who is choosing: dossiers anew, and books before a coupling exists.

No transaction is open during the calls.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from datetime import datetime, timedelta

from portal.access import Actor, Scope
from portal.authorisations.models import Authorisation
from portal.couplings.books import DossierBooks, Lists, fetch_books, has_bank_entries
from portal.couplings.dossiers import Fetch, store_dossiers
from portal.couplings.reading import Connect
from portal.kernel import clock
from portal.kernel.db import Database, Setting

KEPT = timedelta(minutes=15)
MOST = 64
Key = tuple[uuid.UUID, uuid.UUID, str]


def list_anew(database: Database, connect: Connect, holder: uuid.UUID, kind: str, authorisation_id: uuid.UUID,
              actor: Actor) -> Fetch:  # fmt: skip
    """Read the dossiers of an authorisation again; `holder` is its tenant. Raises the connector's errors.

    For a firm that acts in a client account the list is its portal's, so this is done there.
    """
    listed = connect(holder, authorisation_id).dossiers()
    setting = Setting(tenant=holder, portal=holder if kind == "portal" else None)
    with database.scoped(setting) as session:
        return store_dossiers(Scope(session, holder, kind, "", actor), authorisation_id, listed)


class BooksOnTrial:
    """The lists of dossiers that somebody is about to couple, kept in memory for a quarter of an hour.

    They belong to no coupling yet, so there is no row to keep them in; a process that does not
    have them asks again.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[datetime, Lists]] = OrderedDict()
        self._lock = threading.Lock()

    def lists(self, connect: Connect, authorisation: Authorisation, dossier: str) -> Lists:
        """Raises the connector's errors."""
        key, now = (authorisation.tenant_id, authorisation.id, dossier), clock.now()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and now - kept[0] < KEPT:
            return kept[1]
        lists = fetch_books(connect(authorisation.tenant_id, authorisation.id), dossier)
        with self._lock:
            self._kept[key] = (now, lists)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return lists


def as_books(lists: Lists, app: str) -> DossierBooks:
    """The lists as if they had been stored just now."""
    return DossierBooks(
        {account.code: account for account in lists["ledger_accounts"]},
        {journal.code: journal for journal in lists["journals"]},
        {code.code: code for code in lists["vat_codes"]},
        list(lists["periods"]),
        clock.now(),
        has_bank_entries(app),
    )
