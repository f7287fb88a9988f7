"""Account groups: bank accounts under one name, to be given to people.

Every act takes the scope of who asks and plain data, and can be carried out later from the
same data as it was stored: everything is looked up and checked again then.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, select, text, tuple_

from portal.access import Scope
from portal.activity.service import record
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Forbidden, Invalid
from portal.people.naming import require_free
from portal.people.payload import Payload, a_name, an_id, listed, maybe_id
from portal.people.users import people_having
from portal.permissions.models import AccountGroup, AccountGroupAccount, LegalEntity, MemberGroup
from portal.permissions.rights import Permission, Right

MOST_NAME = 80
Account = tuple[uuid.UUID, uuid.UUID]  # the client account, the bank account
# Accounts that exist, of the tenant itself or of client accounts that let the firm in; by row-level security.
_THERE = text("SELECT tenant_id, id FROM bank_accounts WHERE id = ANY(:ids)")
_LOOSE = text(
    "SELECT b.tenant_id, b.id FROM bank_accounts b WHERE NOT EXISTS (SELECT 1 FROM account_group_accounts a"
    " WHERE a.tenant_id = :tenant AND a.client_id = b.tenant_id AND a.bank_account_id = b.id)"
)


def create_group(scope: Scope, payload: Payload) -> uuid.UUID:
    """`payload`: name; legal_entity (an id or none); accounts [[client account, bank account]]. Returns its id.

    Raises Invalid for a name that is empty or taken, and for an account that this tenant, or
    somebody who is limited to account groups, does not reach.
    """
    scope.require(Permission.ACCOUNT_GROUPS, Right.CREATE)
    name, accounts, entity = a_name(payload, MOST_NAME), reached(scope, payload), _entity(scope, payload)
    require_free(scope, AccountGroup, name)
    now = clock.now()
    row = AccountGroup(
        tenant_id=scope.tenant_id, id=uuid7(), name=name, legal_entity_id=entity, created_at=now, changed_at=now
    )
    scope.session.add(row)
    scope.session.flush()
    _add(scope, row.id, accounts)
    record(scope, "account_group.created", ("account_group", row.id), name=name, accounts=_told(accounts))
    return row.id


def change_group(scope: Scope, payload: Payload) -> uuid.UUID:
    """`payload` as for `create_group`, and id. Counts at the next request of everybody who has the group.

    Raises as `create_group` does; NotFound for a group that is no more; Forbidden("people.wider")
    when it holds accounts that whoever changes it does not see.
    """
    scope.require(Permission.ACCOUNT_GROUPS, Right.EDIT)
    row = scope.get(AccountGroup, an_id(payload.get("id"), "id"), lock=True)
    name, accounts, entity = a_name(payload, MOST_NAME), reached(scope, payload), _entity(scope, payload)
    if name.lower() != row.name.lower():
        require_free(scope, AccountGroup, name, row.id)
    before = accounts_of(scope, row.id)
    _require_all_seen(scope, before)
    added, gone = accounts - before, before - accounts
    if not added and not gone and (name, entity) == (row.name, row.legal_entity_id):
        return row.id
    _add(scope, row.id, added)
    _drop(scope, row.id, gone)
    old, row.name, row.legal_entity_id, row.changed_at = row.name, name, entity, clock.now()
    record(
        scope, "account_group.changed", ("account_group", row.id), name=name, name_before=old, added=_told(added),
        gone=_told(gone), more=len(added), fewer=len(gone),
    )  # fmt: skip
    return row.id


def add_loose_accounts(scope: Scope, payload: Payload) -> int:
    """`payload`: id. Puts every bank account that is in no group into this one; how many.

    Nobody limited to account groups sees such accounts, so none can be added by them.
    """
    scope.require(Permission.ACCOUNT_GROUPS, Right.EDIT)
    row = scope.get(AccountGroup, an_id(payload.get("id"), "id"), lock=True)
    found = loose_accounts(scope)
    if found:
        _add(scope, row.id, found)
        row.changed_at = clock.now()
        record(
            scope, "account_group.changed", ("account_group", row.id), name=row.name, name_before=row.name,
            added=_told(found), gone=[], more=len(found), fewer=0,
        )  # fmt: skip
    return len(found)


def remove_group(scope: Scope, payload: Payload) -> None:
    """`payload`: id. Raises Conflict("account_group.held") while somebody has it: their limit would go with it."""
    scope.require(Permission.ACCOUNT_GROUPS, Right.EDIT)
    row = scope.get(AccountGroup, an_id(payload.get("id"), "id"), lock=True)
    if number := people_having(scope, MemberGroup, MemberGroup.group_id == row.id):
        raise Conflict("account_group.held", name=row.name, count=number)
    _require_all_seen(scope, accounts_of(scope, row.id))
    record(scope, "account_group.removed", ("account_group", row.id), name=row.name)
    scope.session.delete(row)
    scope.session.flush()


def loose_accounts(scope: Scope) -> set[Account]:
    """The bank accounts within reach that are in no group of this tenant."""
    return {(client, account) for client, account in scope.session.execute(_LOOSE, {"tenant": scope.tenant_id})}


def accounts_of(scope: Scope, group_id: uuid.UUID) -> set[Account]:
    """All that stand in the group, within reach now or not."""
    query = select(AccountGroupAccount.client_id, AccountGroupAccount.bank_account_id).where(
        AccountGroupAccount.tenant_id == scope.tenant_id, AccountGroupAccount.group_id == group_id
    )
    return {(client, account) for client, account in scope.session.execute(query)}


def reached(scope: Scope, payload: Payload) -> set[Account]:
    """The accounts of a payload. Raises Invalid("account_group.account") for one that is not within reach."""
    wanted = {_account(pair) for pair in listed(payload, "accounts")}
    ids = [account for _, account in wanted]
    there = {(client, account) for client, account in scope.session.execute(_THERE, {"ids": ids})}
    if wanted - there:
        raise Invalid("account_group.account", field="accounts")
    return wanted


def _account(pair: Any) -> Account:
    try:
        client, account = pair
    except (TypeError, ValueError):
        raise Invalid("people.choice", field="accounts") from None
    return an_id(client, "accounts"), an_id(account, "accounts")


def _require_all_seen(scope: Scope, accounts: Iterable[Account]) -> None:
    if scope.role and scope.accounts is not None and {account for _, account in accounts} - scope.accounts:
        raise Forbidden("people.wider")


def _entity(scope: Scope, payload: Payload) -> uuid.UUID | None:
    found = maybe_id(payload, "legal_entity")
    return scope.get(LegalEntity, found).id if found else None


def _add(scope: Scope, group_id: uuid.UUID, accounts: Iterable[Account]) -> None:
    now = clock.now()
    scope.session.add_all(
        AccountGroupAccount(
            tenant_id=scope.tenant_id, group_id=group_id, client_id=client, bank_account_id=account, added_at=now
        )
        for client, account in sorted(accounts)
    )
    scope.session.flush()


def _drop(scope: Scope, group_id: uuid.UUID, accounts: Iterable[Account]) -> None:
    pair = tuple_(AccountGroupAccount.client_id, AccountGroupAccount.bank_account_id)
    mine = (AccountGroupAccount.tenant_id == scope.tenant_id, AccountGroupAccount.group_id == group_id)
    scope.session.execute(delete(AccountGroupAccount).where(*mine, pair.in_(list(accounts))))


def _told(accounts: Iterable[Account]) -> Sequence[str]:
    return [str(account) for _, account in sorted(accounts)]
