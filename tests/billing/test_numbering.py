"""Numbers have no gap and no double, whoever bills at the same moment and whatever is rolled back."""

from __future__ import annotations

import random
import threading
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.billing import closing
from portal.billing.numbers import payment_reference, printed_reference
from portal.connectors.files.references import is_belgian, is_rf
from portal.kernel.db import Setting
from portal.tenants.models import Tenant
from tests.billing.office import Office

THREADS, ROUNDS = 6, 8
MONTHS = [date(2025 + at // 12, at % 12 + 1, 1) for at in range(ROUNDS)]


class ThrownAway(Exception):
    pass


def test_numbers_have_no_gap_with_threads_and_rollbacks(office: Office) -> None:
    firms = [office.firm(f"Firm {at}") for at in range(THREADS)]
    for firm in firms:
        office.client(firm, f"Client of {firm.name}", MONTHS[0])
    thrown: list[int] = []
    failed: list[BaseException] = []

    def close_and_die(firm: Tenant, month: date) -> None:
        with office.inside(firm) as scope:
            assert closing.close_month(scope, office.means(date(2026, 1, 15)), month) is not None
            raise ThrownAway

    def bill(at: int) -> None:
        dice = random.Random(at)
        try:
            for month in MONTHS:
                while dice.random() < 0.4:  # a transaction that dies after it had its number
                    with pytest.raises(ThrownAway):
                        close_and_die(firms[at], month)
                    thrown.append(at)
                assert office.close(firms[at], month, on=date(2026, 1, 15)) is not None
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=bill, args=(at,)) for at in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(thrown) > THREADS
    serials = sorted(invoice.serial for firm in firms for invoice in office.invoices(firm))
    assert serials == list(range(1, THREADS * ROUNDS + 1))
    numbers = {invoice.number for firm in firms for invoice in office.invoices(firm)}
    assert numbers == {f"{office.prefix}-2026-{serial:05d}" for serial in serials}


def test_one_month_closed_at_the_same_moment_is_billed_once(office: Office) -> None:
    firm = office.firm()
    office.client(firm, "Bakkerij", date(2026, 1, 1))
    together = threading.Barrier(6)

    def close() -> None:
        together.wait()
        office.close(firm, date(2026, 1, 1))

    threads = [threading.Thread(target=close) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [invoice.serial for invoice in office.invoices(firm)] == [1]


def test_each_year_begins_with_one(office: Office) -> None:
    firm = office.firm()
    office.client(firm, "Bakkerij", date(2025, 11, 1))
    for month in (date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1)):
        office.close(firm, month)
    assert [(i.year, i.serial, i.number) for i in office.invoices(firm)] == [
        (2025, 1, f"{office.prefix}-2025-00001"), (2026, 1, f"{office.prefix}-2026-00001"),
        (2026, 2, f"{office.prefix}-2026-00002"),
    ]  # fmt: skip


def test_the_application_cannot_choose_a_number(office: Office) -> None:
    firm = office.firm()
    office.client(firm, "Bakkerij", date(2026, 1, 1))
    office.close(firm, date(2026, 1, 1))
    for statement in (
        "UPDATE invoice_counters SET last = 41", "INSERT INTO invoice_counters SELECT seller_id, 2031, 5 FROM invoices",
        "UPDATE prices SET amount = 0", "DELETE FROM sellers",
    ):  # fmt: skip
        with (
            pytest.raises(DBAPIError, match="permission denied"),
            office.database.scoped(Setting(tenant=firm.id)) as session,
        ):
            session.execute(text(statement))


def test_references_carry_their_check_digits() -> None:
    for serial in (1, 42, 96, 97, 999_999):
        belgian, other = payment_reference("BE", 2026, serial), payment_reference("NL", 2026, serial)
        assert is_belgian(belgian)
        assert is_rf(other)
        assert printed_reference(belgian) == f"+++{belgian[:3]}/{belgian[3:7]}/{belgian[7:]}+++"
        assert printed_reference(other).replace(" ", "") == other
