"""A process dies by SIGKILL at each named point of a fetch; the next one ends with every line, once."""

from __future__ import annotations

import json
import multiprocessing
import signal
from pathlib import Path

import pytest

from portal.feeds.fetching import LEASE
from portal.feeds.points import CRASH_POINTS
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests.conftest import Urls
from tests.feeds import victim
from tests.feeds.office import Office, open_office
from tests.feeds.test_fetching import DAYS
from tests.sync.office import Clock


def told(office: Office) -> str:
    return json.dumps(
        {
            remote: [[one.id, one.line.date.isoformat(), str(one.line.amount), one.line.description] for one in a.told]
            for remote, a in office.bank.accounts.items()
        }
    )


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_a_death_at_any_point_loses_and_doubles_nothing(
    database: Database, database_urls: Urls, vault: Vault, moving: Clock, tmp_path: Path, point: str
) -> None:
    office = open_office(database, vault)
    (remote,) = office.bank.accounts
    office.bank.grow(remote, *DAYS, *DAYS)  # equal amounts on equal days are lines of their own
    feed_id = office.link()
    (row,) = office.accounts(feed_id)
    environment = {
        "DATABASE_URL": database_urls.app, "REDIS_URL": "redis://127.0.0.1:1/0", "KOPPELPOORT_HOME": str(tmp_path),
        "SECRET_KEY": "x" * 40, "AUDIT_KEY": "y" * 40, "KEY_ENCRYPTION_KEYS": "tests:" + "A" * 43 + "=",
        "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    place = victim.Place(environment, office.client.id, row.id, told(office))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.feeds.victim"])
    process = context.Process(target=victim.work, args=(place, point))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL, f"{point} was not reached"
    office.fetch(feed_id)  # the lease still holds: nobody works beside a fetch that may be alive
    moving.pass_(LEASE.total_seconds() + 1)
    office.fetch(feed_id)
    assert office.stored() == office.told()
    (row,) = office.accounts(feed_id)
    assert row.cursor == str(len(DAYS) * 2)
