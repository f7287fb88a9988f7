"""Bank accounts: made at first sight, named after their bank."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from portal.access import Scope
from portal.activity import service as activity
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Invalid
from portal.ledger.models import BankAccount

MAX_NAME = 80
Number = tuple[str, str]  # number and currency


def create_accounts(scope: Scope, seen: Iterable[tuple[str, str, str]]) -> None:
    """Make the accounts of (number, currency, BIC) that are not there yet."""
    made = [_row(scope, (number, currency), bic) for number, currency, bic in seen]
    statement = insert(BankAccount).values(made).on_conflict_do_nothing().returning(BankAccount)
    for account in scope.session.scalars(statement):
        subject = ("bank_account", account.id)
        activity.record(scope, "bank_account.seen", subject, number=account.number, name=account.name)


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
