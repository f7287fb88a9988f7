"""A year of billing for 300 accounts, to the cent against a calculation of its own.

The other calculation knows nothing of the product's: it walks through the year day by day, asks of
each day who managed which account, which bank accounts were alive and what a day cost, and rounds
what came together of one account, item and price in a month. It works in whole thousandths of a
cent of fractions, not in decimals.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy import insert, update

from portal.feeds.models import FeedSpan
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.tenants.models import Grant, Management, Tenant
from tests import factories as make
from tests.billing.office import Office, price

ACCOUNTS, FIRMS, SEED = 300, 3, 20260301
FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
PRICES = {
    "client_account": [(date(2024, 1, 1), 450), (date(2025, 4, 17), 475), (date(2025, 10, 1), 499)],
    "ponto_account": [(date(2024, 6, 1), 300), (date(2025, 7, 9), 333)],
}  # cents
TOLD_LATE = 9  # after this month was closed a price turns out to be another since July, and accounts to have ended
FIRST_KNOWN = {"ponto_account": [(date(2024, 6, 1), 300), (date(2025, 7, 9), 380)]}


@dataclass
class Account:
    tenant: Tenant
    managed: list[tuple[date, date | None, int]] = field(default_factory=list)  # from, until, which firm
    banks: list[list[tuple[date, date | None]]] = field(default_factory=list)


def play(dice: random.Random, account: Account) -> None:
    """Join, leave, come back and move on any day; bank accounts come and go whether it is managed or not."""

    def day(least: date) -> date:
        return least + timedelta(days=dice.randint(0, 200))

    at, firm = (
        FIRST - timedelta(days=40) + timedelta(days=dice.choice([0, 0, 40, dice.randint(1, 390)])),
        dice.randrange(FIRMS),
    )
    while at <= LAST and len(account.managed) < 5:
        what = dice.random()
        until = None if what < 0.35 else day(at)
        account.managed.append((at, until, firm))
        if until is None:
            break
        if what < 0.7:  # moves to another firm that very day
            at, firm = until, dice.randrange(FIRMS)
        else:  # managed by nobody for a while, perhaps less than a day
            at = until + timedelta(days=dice.choice([0, 1, 3, 45]))
    for _ in range(dice.choice([0, 0, 1, 1, 2, 3])):
        spans: list[tuple[date, date | None]] = []
        begins = day(FIRST - timedelta(days=100))
        while begins <= LAST and len(spans) < 4:
            ends = None if dice.random() < 0.4 else begins + timedelta(days=dice.randint(0, 60))
            spans.append((begins, ends))
            if ends is None:
                break
            begins = ends + timedelta(days=dice.choice([0, 0, 5, 20]))
        account.banks.append(spans)


def cents_of_a_day(item: str, day: date) -> int | None:
    return next((cents for since, cents in reversed(PRICES[item]) if since <= day), None)


def half_up(cents: Fraction) -> int:
    return int(cents + Fraction(1, 2))  # nothing here is below nought


def expected(accounts: list[Account]) -> dict[tuple[int, int], int]:
    """(firm, month) → cents without VAT."""
    totals: Counter[tuple[int, int]] = Counter()
    for account in accounts:
        for month in range(1, 13):
            days = [FIRST + timedelta(days=n) for n in range(365) if (FIRST + timedelta(days=n)).month == month]
            used: Counter[tuple[int, str, int, int]] = Counter()
            for day in days:
                firms = {
                    firm for since, until, firm in account.managed if since <= day and (until is None or day < until)
                }
                assert len(firms) <= 1
                for firm in firms:
                    if (cents := cents_of_a_day("client_account", day)) is not None:
                        used[firm, "client_account", 0, cents] += 1
                    for number, spans in enumerate(account.banks):
                        if any(since <= day and (until is None or day < until) for since, until in spans):
                            used[firm, "ponto_account", number, cents_of_a_day("ponto_account", day) or 0] += 1
            for (firm, _, _, cents), count in used.items():
                totals[firm, month] += half_up(Fraction(cents * count, len(days)))
    return dict(totals)


@pytest.fixture(scope="module")
def dice() -> random.Random:
    return random.Random(SEED)


def put_down(office: Office, accounts: list[Account], firms: list[Tenant], late: list[Account]) -> None:
    """The facts as the product would have noted them; that the `late` ones ended is told later."""
    now = clock.now()
    with office.admin() as admin, admin.scoped() as session:
        for account in accounts:
            tenant = account.tenant.id
            for firm in {firm for *_, firm in account.managed}:
                session.execute(
                    insert(Grant).values(
                        tenant_id=tenant, id=uuid7(), email=firms[firm].email, role="editor", state="active",
                        portal_id=firms[firm].id, created_at=now, activated_at=now,
                    )
                )  # fmt: skip
            for since, until, firm in account.managed:
                told = None if account in late and (since, until, firm) == account.managed[-1] else until
                session.execute(
                    insert(Management).values(
                        tenant_id=tenant,
                        id=uuid7(),
                        portal_id=firms[firm].id,
                        starts_on=since,
                        stops_on=told,
                        noted_at=now,
                    )
                )
            for spans in account.banks:
                bank = uuid.uuid4()
                for since, until in spans:
                    session.execute(
                        insert(FeedSpan).values(
                            tenant_id=tenant, id=uuid7(), feed_account_id=bank, provider="ponto", number=bank.hex[:12],
                            starts_on=since, stops_on=until,
                        )
                    )  # fmt: skip


def tell_the_rest(office: Office, late: list[Account]) -> None:
    with office.admin() as admin, admin.scoped() as session:
        for account in late:
            mine = (Management.tenant_id == account.tenant.id, Management.stops_on.is_(None))
            session.execute(update(Management).where(*mine).values(stops_on=account.managed[-1][1]))


def price_list(prices: dict[str, list[tuple[date, int]]]) -> str:
    return "".join(
        price(item, f"{since}", f"{Decimal(cents) / 100:.2f}") for item, row in prices.items() for since, cents in row
    )


@pytest.mark.slow
def test_a_year_of_300_accounts_adds_up_to_the_cent(office: Office, dice: random.Random) -> None:
    office.load(price_list({item: row[:2] for item, row in PRICES.items() if item == "client_account"} | FIRST_KNOWN))
    firms = [office.firm(f"Firm {number}") for number in range(FIRMS)]
    accounts = [Account(make.make_tenant(office.database, "client", f"Client {n}")) for n in range(ACCOUNTS)]
    for account in accounts:
        play(dice, account)
    late = [account for account in accounts if account.managed and account.managed[-1][1] is not None][:40]
    put_down(office, accounts, firms, late)
    # Months are closed one after the other, now and then two at once, and each of them twice.
    for month in range(1, 13):
        for number, firm in enumerate(firms):
            if month == 12 or month % 5 != number:
                office.close(firm, date(2025, month, 1))
                assert office.close(firm, date(2025, month, 1)) is None
        if month == TOLD_LATE:
            office.load(price_list(PRICES))
            tell_the_rest(office, late)
    theirs = expected(accounts)
    ours: Counter[tuple[int, int]] = Counter()
    lines, corrected = 0, 0
    for number, firm in enumerate(firms):
        for invoice in office.invoices(firm):
            used = office.usages(firm, invoice)
            lines += len(used)
            corrected += sum(line.correction for line in office.lines(firm, invoice))
            for use in used:
                if use.month.year == 2025:
                    ours[number, use.month.month] += int(use.net * 100)
            assert sum(line.net for line in office.lines(firm, invoice)) == invoice.net == abs(sum(u.net for u in used))
            assert invoice.vat == (invoice.net * 21 / 100).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    different = {key: (ours[key], theirs.get(key, 0)) for key in ours | theirs if ours[key] != theirs.get(key, 0)}
    total = Decimal(sum(theirs.values())) / 100
    print(
        f"\n{ACCOUNTS} accounts, {FIRMS} firms, 12 months: {lines} amounts ({corrected} lines of correction),"
        f" {total} EUR, {len(different)} different"
    )
    assert corrected > 40
    assert different == {}
    assert sum(ours.values()) == sum(theirs.values()) > 100_000
