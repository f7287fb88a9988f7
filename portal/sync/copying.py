"""One configuration for many client accounts: what differs there is shown first, then it is made, safe to repeat.

Many at once are made by a job: see `portal.sync.copies`.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select

from portal.access import Scope, role_in_client
from portal.couplings.books import DossierBooks, read_books
from portal.couplings.configurations import Choices, create_configuration, problems
from portal.couplings.defaults import journal_for
from portal.couplings.models import Configuration, Coupling
from portal.couplings.service import active_coupling
from portal.kernel import clock
from portal.kernel.errors import Conflict, Invalid, NotFound, PortalError
from portal.ledger.accounts import accounts
from portal.ledger.models import BankAccount
from portal.tenants.entering import inside
from portal.tenants.models import Grant, Tenant

MOST = 200


@dataclass(frozen=True, slots=True)
class Copy:
    """What becomes of one bank account of one client, or of a client as a whole; `code` says why not.

    `differs`: (field, the value that is copied, the value here), where the dossier asks for another.
    """

    client_id: uuid.UUID
    name: str
    account_id: uuid.UUID | None = None
    account: str = ""
    dossier: str = ""
    choices: Choices | None = None
    differs: Sequence[tuple[str, str, str]] = ()
    code: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def can(self) -> bool:
        return not self.code


def source_of(scope: Scope, client_id: uuid.UUID, configuration_id: uuid.UUID) -> tuple[Configuration, Coupling, str]:
    """(configuration, its coupling, name of the client), read from the portal. Raises NotFound, and Conflict
    "copy.documents" for one that books documents."""
    query = (
        select(Configuration, Coupling, Tenant.name)
        .join(Coupling, (Coupling.tenant_id == Configuration.tenant_id) & (Coupling.id == Configuration.coupling_id))
        .join(Tenant, Tenant.id == Configuration.tenant_id)
        .where(
            Configuration.tenant_id == client_id, Configuration.id == configuration_id,
            Configuration.state != "deleted",
        )
    )  # fmt: skip
    found = scope.session.execute(query).one_or_none()
    if found is None:
        raise NotFound()
    if found[0].bank_account_id is None:
        raise Conflict("copy.documents")
    return found[0], found[1], found[2]


def candidates(scope: Scope, app: str, but: uuid.UUID, find: str = "") -> Sequence[uuid.UUID]:
    """The first MOST clients, by name, that are coupled through this app."""
    query = (
        select(Coupling.tenant_id)
        .join(Tenant, Tenant.id == Coupling.tenant_id)
        .where(Coupling.app == app, Coupling.state == "active", Coupling.tenant_id != but)
        .order_by(Tenant.name, Tenant.id)
    )
    if find:
        query = query.where(Tenant.name.icontains(find, autoescape=True))
    return scope.session.scalars(query.limit(MOST)).all()


def plan(scope: Scope, wanted: Choices, app: str, client_ids: Collection[uuid.UUID]) -> list[Copy]:
    """What copying would do, client by client; nothing is changed. Raises Invalid "copy.too_many"."""
    if len(client_ids) > MOST:
        raise Invalid("copy.too_many", most=MOST)
    return [copy for tenant_id, name, role in let_in(scope, client_ids)
            for copy in _plan(scope, wanted, app, tenant_id, name, role)]  # fmt: skip


def copy_to(scope: Scope, wanted: Choices, app: str, client_ids: Collection[uuid.UUID]) -> list[Copy]:
    """Make what the plan of this moment allows; each account stands on its own. Done before, it does nothing."""
    return [_make(scope, copy, app) if copy.can else copy for copy in plan(scope, wanted, app, client_ids)]


def let_in(scope: Scope, client_ids: Collection[uuid.UUID]) -> list[tuple[uuid.UUID, str, str]]:
    """(id, name, role there) of those that let this portal in today, by name."""
    today = clock.today()
    query = (
        select(Tenant.id, Tenant.name, Grant.role, Grant.ends_on)
        .join(Grant, Grant.tenant_id == Tenant.id)
        .where(Tenant.id.in_(client_ids), Grant.portal_id == scope.tenant_id, Grant.state == "active")
        .order_by(Tenant.name, Tenant.id)
    )
    rows = scope.session.execute(query).all()
    found = {row.id: (row.id, row.name, role_in_client(scope.role, row.role)) for row in rows
             if row.ends_on is None or row.ends_on >= today}  # fmt: skip
    return list(found.values())


def _plan(portal: Scope, wanted: Choices, app: str, client_id: uuid.UUID, name: str, role: str) -> Iterator[Copy]:
    if role == "reader":
        yield Copy(client_id, name, code="coupling.reader")
        return
    with inside(portal, client_id) as scope:
        coupling = active_coupling(scope, app)
        if coupling is None:
            yield Copy(client_id, name, code="configuration.no_coupling")
            return
        books, number = read_books(scope, coupling.id), coupling.dossier_number
        if books.fetched_at is None:
            told = {"number": number}
            yield Copy(client_id, name, dossier=number, code="configuration.books_unread", values=told)
            return
        known, booked = accounts(scope), _booked(scope)
        copies = [_one(wanted, coupling, books, account, account.id in booked, name) for account in known]
    yield from copies or [Copy(client_id, name, dossier=number, code="configuration.no_account")]


def _one(
    wanted: Choices, coupling: Coupling, books: DossierBooks, account: BankAccount, booked: bool, name: str
) -> Copy:
    copy = Copy(coupling.tenant_id, name, account.id, account.number, coupling.dossier_number)
    if booked:
        return replace(copy, code="configuration.account_taken", values={"number": account.number})
    choices = _here(wanted, books, account)
    differs = [
        (key, str(getattr(wanted, key)), str(getattr(choices, key)))
        for key in ("journal", "bank_ledger_account")
        if getattr(wanted, key) != getattr(choices, key)
    ]
    wrong = problems(books, coupling, account, choices, clock.today())
    if wrong:
        return replace(copy, differs=differs, code=wrong[0].code, values=wrong[0].values)
    return replace(copy, choices=choices, differs=differs)


def _here(wanted: Choices, books: DossierBooks, account: BankAccount) -> Choices:
    """The same, but in the journal that bears the account's own number, and on the account of the journal."""
    own = journal_for(books, account)
    journal = own if own is not None and own.iban == account.number else books.journals.get(wanted.journal)
    if journal is None:
        return wanted
    return replace(
        wanted, journal=journal.code, entry_kind=books.kind_in(journal),
        bank_ledger_account=journal.ledger_account or wanted.bank_ledger_account,
    )  # fmt: skip


def _booked(scope: Scope) -> set[uuid.UUID | None]:
    mine = (Configuration.tenant_id == scope.tenant_id, Configuration.state == "active")
    return set(scope.session.scalars(select(Configuration.bank_account_id).where(*mine)))


def _make(portal: Scope, copy: Copy, app: str) -> Copy:
    with inside(portal, copy.client_id) as scope:
        coupling = active_coupling(scope, app)
        if coupling is None or copy.account_id is None or copy.choices is None:
            return replace(copy, code="configuration.no_coupling")
        account = scope.get(BankAccount, copy.account_id)
        try:
            with scope.session.begin_nested():
                create_configuration(scope, coupling.id, account, copy.choices)
        except PortalError as error:
            return replace(copy, code=error.code, values=error.values)
    return copy
