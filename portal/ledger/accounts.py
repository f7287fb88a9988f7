"""Bank accounts: made at first sight, named after their bank."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from portal.access import Scope
from portal.activity import service as activity
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Invalid
from portal.ledger.models import BankAccount

MAX_NAME = 80
Number = tuple[str, str]  # number and currency


def ensure_accounts(scope: Scope, seen: Iterable[tuple[str, str, str]]) -> dict[Number, BankAccount]:
    """The accounts of (number, currency, BIC) by number and currency, made where new, all locked.

    The lock puts imports into one account in one order; it is taken in the order of the
    numbers, so that two files with the same accounts do not wait for each other.
    """
    told = {(number, currency): bic for number, currency, bic in seen}
    found = _locked(scope, told)
    missing = [number for number in told if number not in found]
    if missing:
        made = [_row(scope, number, told[number]) for number in missing]
        statement = insert(BankAccount).values(made).on_conflict_do_nothing()
        fresh = set(scope.session.scalars(statement.returning(BankAccount.id)))
        found = _locked(scope, told)
        for account in found.values():
            if account.id in fresh:
                subject = ("bank_account", account.id)
                activity.record(scope, "bank_account.seen", subject, number=account.number, name=account.name)
    return found


def rename_account(scope: Scope, account_id: uuid.UUID | str, name: str) -> BankAccount:
    """Raises Invalid("bank_account.name") for an empty or overlong name."""
    account = scope.get(BankAccount, account_id, lock=True)
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise Invalid("bank_account.name", field="name", limit=MAX_NAME)
    if name != account.name:
        subject = ("bank_account", account.id)
        activity.record(scope, "bank_account.renamed", subject, before=account.name, name=name)
        account.name = name
    return account


def accounts(scope: Scope) -> Sequence[BankAccount]:
    query = select(BankAccount).where(BankAccount.tenant_id == scope.tenant_id)
    return scope.session.scalars(query.order_by(BankAccount.name, BankAccount.number)).all()


_LOCKED = (
    select(BankAccount)
    .where(BankAccount.tenant_id == bindparam("tenant"), BankAccount.number.in_(bindparam("numbers", expanding=True)))
    .order_by(BankAccount.number, BankAccount.currency)
    .with_for_update()
)


def _locked(scope: Scope, numbers: Iterable[Number]) -> dict[Number, BankAccount]:
    """Also those in another currency under the same number; one that nobody asked for harms nobody."""
    wanted = sorted({number for number, _ in numbers})
    found = scope.session.scalars(_LOCKED, {"tenant": scope.tenant_id, "numbers": wanted})
    return {(account.number, account.currency): account for account in found}


def _row(scope: Scope, number: Number, bic: str) -> dict[str, object]:
    name, found_bic = bank_of(number[0])
    return {
        "tenant_id": scope.tenant_id,
        "id": uuid7(),
        "number": number[0],
        "currency": number[1],
        "name": name or in_fours(number[0]),
        "bic": bic or found_bic,
        "created_at": clock.now(),
    }


def bank_of(number: str) -> tuple[str, str]:
    """Name and BIC of the bank of an IBAN, from the public bank lists; "" where unknown."""
    try:
        iban = IBAN(number)
        return (iban.bank_short_name or iban.bank_name or ""), str(iban.bic or "")
    except SchwiftyException:
        return "", ""


def in_fours(number: str) -> str:
    """An IBAN as people write it; any other number as it is."""
    if len(number) < 15 or not number[:2].isalpha():
        return number
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))
