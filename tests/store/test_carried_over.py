"""What was connected before there was a store goes on working after it came."""

from __future__ import annotations

from portal.couplings.service import end_coupling
from portal.kernel import migrate
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.store import service as store
from tests import factories as make
from tests.conftest import Urls
from tests.world import make_world


def test_couplings_and_log_ins_of_before_are_installed_and_ticked(
    fresh_database: Database, fresh_database_urls: Urls, vault: Vault
) -> None:
    world = make_world(fresh_database)
    login = make.make_authorisation(fresh_database, vault, world.firm)
    make.make_coupling(fresh_database, world.client, login)
    own = make.make_authorisation(fresh_database, vault, world.shut_client)
    ended = make.make_coupling(fresh_database, world.shut_client, own)
    with fresh_database.scoped(Setting(tenant=world.shut_client.id)) as session:
        end_coupling(make.scope_in(session, world.shut_client), ended.id)
    fresh_database.engine.dispose()
    migrate.downgrade(fresh_database_urls.owner, "0021")
    migrate.upgrade(fresh_database_urls.owner)
    with fresh_database.scoped(Setting(tenant=world.firm.id, portal=world.firm.id)) as session:
        scope = make.scope_in(session, world.firm)
        assert set(store.installations(scope)) == {"exact"}
        assert store.accesses(scope, "exact") == {world.client.id: True}
        assert store.may_use(scope, world.client.id, world.firm.id, "exact")
        assert not store.may_use(scope, world.other_client.id, world.rival.id, "exact")
    with fresh_database.scoped(Setting(tenant=world.shut_client.id)) as session:
        scope = make.scope_in(session, world.shut_client)
        assert set(store.installations(scope)) == {"exact"}
        assert store.may_use(scope, world.shut_client.id, world.shut_client.id, "exact")
