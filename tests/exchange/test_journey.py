"""The whole way with every app without a server: authorise, couple, configure, a statement in, a file out, compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from portal.authorisations import keys, service
from portal.authorisations.models import Authorisation
from portal.couplings.asking import list_anew
from portal.couplings.reading import connector
from portal.exchange import books, dossiers, files
from portal.exchange.models import FileDossier
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from portal.runtime import Runtime
from portal.sync import comparison
from portal.sync.models import PostingState
from tests.authorisations.conftest import Time, make_settings, virtual
from tests.conftest import Servers, Urls
from tests.exchange.shelf import FEC, SIREN, Package, set_form
from tests.exchange.test_contract import FORMS
from tests.journeys.journey import Journey

__all__ = ["virtual"]

MARCH = ((date(2026, 3, 17), "120.50"), (date(2026, 3, 18), "-20.25"), (date(2026, 3, 18), "-20.25"))
APRIL = ((date(2026, 4, 2), "7.77"),)


class World:
    """What a journey asks of a package, answered by whoever reads its files."""

    bank_journal, general_journal = "BQ", "OD"
    bank_account, suspense_account = "512100", "471000"
    dossier = ""
    package: Package

    def settle(self) -> None:
        return None

    def booked(self, reference: str) -> int:
        return self.package.booked(reference)

    def balance(self, account: str) -> Decimal:
        return self.package.balance(account)


@dataclass
class FileJourney(Journey):
    form: dict[str, str] | None = None
    dossier: FileDossier = field(init=False)

    def pass_(self, seconds: float) -> None:
        self.virtual.pass_(seconds=seconds)

    def authorise(self) -> None:
        """Nothing is typed and nobody is called; then the dossiers are said."""
        with self.as_firm() as scope:
            row = keys.create(self.means, scope, self.app, "", "Kantoor", {})
        with self.as_firm() as scope:
            service.activate(self.means, scope, row.id)
            self.authorisation = scope.get(Authorisation, row.id)
            draft = dossiers.Draft("F1", "Bakkerij", "FR", SIREN, date(2026, 1, 1), date(2026, 12, 31))
            dossier = dossiers.add_dossier(scope, row.id, draft)
            dossiers.bring_chart(scope, dossier.id, FEC)
        assert self.authorisation.state == "active"
        set_form(self.means.database, self.firm, self.authorisation, **(self.form or {}))
        connect = connector(self.means.database, self.means.vault, self.means.settings)
        with self.as_firm() as scope:
            list_anew(self.means.database, connect, self.firm.id, "portal", row.id, scope.actor)
        world = cast(World, self.world)
        world.dossier = str(dossier.id)
        world.package = Package(self.means.database, self.firm, dossier, self.app, **(self.form or {}))
        self.dossier = dossier


@pytest.fixture(params=list(FORMS))
def journey(
    request: pytest.FixtureRequest, virtual: Time, tmp_path: Path, database_urls: Urls, servers: Servers,
    database: Database, vault: Vault,
) -> FileJourney:  # fmt: skip
    app, form = FORMS[request.param]
    settings = make_settings(tmp_path, database_urls, servers, "http://127.0.0.1:9")
    made = FileJourney(
        app, Runtime(replace(settings, settle_seconds=None), database, vault), cast(Any, World()), virtual, form=form
    )
    made.authorise()
    made.couple()
    return made


def test_the_whole_way(journey: FileJourney) -> None:
    journey.bank_says(*MARCH)
    journey.bank_says(*APRIL)
    assert [row.state for row in journey.run()] == [PostingState.INTENT] * 2
    found = journey.work()
    assert [(row.state, row.code) for row in found] == [(PostingState.CONFIRMED, "")] * 2
    assert sorted(row.remote_number for row in found) == ["1", "2"]
    assert journey.count() == (0, 0)
    assert journey.world.balance("512100") == Decimal("87.77")
    assert journey.world.balance("471000") == Decimal("-87.77")
    compared = comparison.compare(journey.means, journey.client.id, journey.coupling.id)
    assert (compared.booked, compared.found, compared.clean) == (2, 2, True)


def test_what_is_refused_goes_out_once_it_was_mended(journey: FileJourney) -> None:
    (year,) = _years(journey)
    journey.bank_says(*MARCH)
    journey.run()
    with journey.as_firm() as scope:
        dossiers.close_year(scope, year, closed=True)
    (row,) = journey.work()
    assert (row.state, row.code) == (PostingState.REJECTED, f"{journey.app}.period_closed")
    with journey.as_firm() as scope:
        dossiers.close_year(scope, year, closed=False)
    journey.decide()
    journey.see_through()
    assert journey.count() == (0, 0)


def test_switched_off_it_waits_and_goes_on(journey: FileJourney) -> None:
    journey.bank_says(*MARCH)
    journey.run()
    with journey.as_firm() as scope:
        service.deactivate(scope, journey.authorisation.id)
    journey.step()
    assert [row.state for row in journey.postings()] == [PostingState.INTENT]
    with journey.as_firm() as scope:
        service.activate(journey.means, scope, journey.authorisation.id)
    journey.pass_(3600)
    journey.see_through()
    assert journey.count() == (0, 0)


def test_a_withdrawn_file_is_no_difference(journey: FileJourney) -> None:
    """The register holds the entry all the same: only the file is made anew."""
    journey.bank_says(*MARCH)
    journey.run()
    journey.work()
    with journey.as_firm() as scope:
        (made,) = files.make_files(scope, journey.dossier.id)
        files.withdraw_file(scope, made.id, "Sage did not take it")
    assert comparison.compare(journey.means, journey.client.id, journey.coupling.id).clean
    assert journey.count() == (0, 0)


def _years(journey: FileJourney) -> list[Any]:
    with journey.as_firm() as scope:
        return [year.id for year in books.years_of(scope.session, journey.dossier)]
