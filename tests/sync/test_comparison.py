"""Both sides beside each other: every seeded difference is found, and nothing else."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.connectors.errors import Temporary
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from portal.sync import comparison
from portal.sync.comparison import compare, compare_all, compare_night, night_of
from portal.sync.models import Comparison, Standing
from portal.sync.sending import post
from tests.sync.office import Office, open_office


def booked(database: Database, vault: Vault, days: int) -> Office:
    """A dossier with one booked entry a day."""
    office = open_office(database, vault, frequency="daily")
    office.bank_says(*[(date(2024, 1, 1) + timedelta(days=n), f"{n + 1}.50") for n in range(days)])
    for entry in office.draft(date(2025, 1, 1)):
        row = office.offer(entry)
        post(office.runtime, office.client.id, row.id, office.connect)
    return office


def compared(office: Office) -> comparison.Result:
    return compare(office.runtime, office.client.id, office.coupling.id, office.connect, reach=None)


def test_fifty_seeded_differences_are_found_and_no_other(database: Database, vault: Vault) -> None:
    office = booked(database, vault, 80)
    entries = office.package.entries[office.coupling.dossier_code]
    seeded: dict[str, str] = {}
    chosen = random.Random(7).sample(range(len(entries)), 48)
    kinds = ["missing", "doubled", "altered_amount", "altered_lines"]
    for number, index in enumerate(chosen):
        entry, kind = entries[index], kinds[number % len(kinds)]
        seeded[entry.reference] = kind.partition("_")[0]
        if kind == "doubled":
            entries.append(replace(entry, id="copy", number="copy"))
        elif kind == "altered_amount":
            entries[index] = replace(entry, total_debit=entry.total_debit + Decimal("0.01"))
        elif kind == "altered_lines":
            entries[index] = replace(entry, line_count=entry.line_count + 1)
    gone = {reference for reference, kind in seeded.items() if kind == "missing"}
    stranger = replace(entries[0], reference="KP-AAAAAAAAAAAAAAAA", id="s", number="s")
    entries.append(stranger)
    office.package.entries[office.coupling.dossier_code] = [one for one in entries if one.reference not in gone]
    seeded[stranger.reference] = "unknown"
    waiting = office.offered((date(2024, 6, 1), "9.00"))
    office.package.entries[office.coupling.dossier_code].append(
        replace(stranger, reference=waiting.reference, id="u", number="u", date=date(2024, 6, 1))
    )
    seeded[waiting.reference] = "unexpected"

    result = compared(office)
    assert {finding.reference: finding.kind for finding in result.findings} == seeded
    assert len(result.findings) == 50
    assert (result.offered, result.booked, result.found) == (81, 80, 68)
    assert (result.missing, result.doubled, result.altered) == (12, 12, 24)


def test_when_both_sides_agree_nothing_is_found(database: Database, vault: Vault) -> None:
    office = booked(database, vault, 5)
    office.package.entries[office.coupling.dossier_code].append(
        replace(office.package.entries[office.coupling.dossier_code][0], reference="", id="theirs", number="theirs")
    )
    result = compared(office)
    assert result.clean
    assert (result.offered, result.booked, result.found) == (5, 5, 5)


def test_a_general_entry_is_counted_with_its_bank_side(database: Database, vault: Vault) -> None:
    office = open_office(database, vault, entry_kind="general", journal="90")
    office.bank_says((date(2024, 3, 5), "12.50"), (date(2024, 3, 20), "-2.25"))
    (entry,) = office.draft(date(2024, 4, 1))
    row = office.step(office.offer(entry))
    assert (row.remote_lines, row.code) == (3, "")
    assert compared(office).clean


def test_what_is_booked_while_we_read_is_not_missing(database: Database, vault: Vault) -> None:
    office = booked(database, vault, 2)
    row = office.offered((date(2024, 1, 20), "3.00"))
    there = list(office.package.entries[office.coupling.dossier_code])

    def slow_read(*_: object, **__: object) -> object:
        office.step(row)
        office.package.entries[office.coupling.dossier_code] = there  # what the provider listed before
        return office.connect()

    result = compare(office.runtime, office.client.id, office.coupling.id, slow_read, reach=None)  # type: ignore[arg-type]  # a stand-in
    assert result.clean
    assert result.booked == 2


def test_a_difference_shows_in_the_standing_and_is_written_down(database: Database, vault: Vault) -> None:
    office = booked(database, vault, 2)
    office.package.entries[office.coupling.dossier_code].pop()
    compared(office)
    with office.scope() as scope:
        standing = scope.session.get_one(Standing, office.client.id)
        row = scope.session.scalars(select(Comparison)).one()
    assert (standing.state, standing.code, standing.values) == ("attention", "standing.differences", {"count": 1})
    assert (row.missing, row.findings[0]["kind"]) == (1, "missing")


def test_what_nobody_expected_there_shows_in_the_standing(database: Database, vault: Vault) -> None:
    office = booked(database, vault, 1)
    there = office.package.entries[office.coupling.dossier_code]
    there.append(replace(there[0], reference="KP-AAAAAAAAAAAAAAAA", id="s", number="s"))
    compared(office)
    with office.scope() as scope:
        standing = scope.session.get_one(Standing, office.client.id)
    assert (standing.code, standing.values) == ("standing.differences", {"count": 1})


def test_a_night_is_compared_once(database: Database, vault: Vault) -> None:
    office = booked(database, vault, 1)
    compare_night(office.runtime, office.client.id, office.coupling.id, office.connect)
    calls = len(office.package.calls)
    compare_night(office.runtime, office.client.id, office.coupling.id, office.connect)
    assert len(office.package.calls) == calls


def test_a_provider_that_is_away_leaves_the_night_open(database: Database, vault: Vault) -> None:
    office = booked(database, vault, 1)

    def away(*_: object, **__: object) -> object:
        raise Temporary("pretend.unreachable", sent=False)

    compare_night(office.runtime, office.client.id, office.coupling.id, away)  # type: ignore[arg-type]  # a stand-in
    with office.scope() as scope:
        assert scope.session.scalars(select(Comparison)).all() == []
    (row,) = compare_all(office.runtime, office.client.id, away)  # type: ignore[arg-type]  # a stand-in
    assert (row.result, row.error) == (None, "pretend.unreachable")


def test_all_clients_can_be_compared_in_one_go(fresh_database: Database, vault: Vault) -> None:
    office = booked(fresh_database, vault, 1)
    open_office(fresh_database, vault)  # posted nothing, so it is no line of the table
    (row,) = compare_all(office.runtime, connect=office.connect)
    assert (row.tenant_id, row.error) == (office.client.id, "")
    assert row.result is not None
    assert row.result.clean


def test_old_nights_without_findings_are_forgotten(database: Database, vault: Vault) -> None:
    office = booked(database, vault, 1)
    with office.scope() as scope:
        for ago, findings in ((200, []), (201, [{"kind": "missing"}]), (10, [])):
            scope.session.add(
                Comparison(
                    tenant_id=office.client.id, coupling_id=office.coupling.id, compared_at=clock.now(), offered=0,
                    night=clock.today() - timedelta(days=ago), booked=0, found=0, missing=len(findings), doubled=0,
                    altered=0, findings=findings,
                )
            )  # fmt: skip
    compared(office)
    with office.scope() as scope:
        nights = scope.session.scalars(select(Comparison.night).order_by(Comparison.night)).all()
    assert len(nights) == 3
    assert nights[0] == clock.today() - timedelta(days=201)


@pytest.mark.parametrize(
    ("moment", "night"),
    [
        (datetime(2026, 3, 10, 0, 59, tzinfo=UTC), date(2026, 3, 9)),  # 01:59 in Brussels
        (datetime(2026, 3, 10, 1, 0, tzinfo=UTC), date(2026, 3, 10)),
        (datetime(2026, 7, 10, 0, 0, tzinfo=UTC), date(2026, 7, 10)),
    ],
)
def test_a_night_is_named_by_its_morning(moment: datetime, night: date) -> None:
    assert night_of(moment) == night
