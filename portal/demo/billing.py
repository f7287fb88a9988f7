"""The bills of the demo: some clients that the firm manages itself, and what it was asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from portal.access import Scope
from portal.billing import closing, configuring
from portal.billing.rules import next_month
from portal.kernel.db import Setting
from portal.tenants import management

if TYPE_CHECKING:
    from portal.demo.scene import Scene

PRICE_LIST = Path(__file__).with_name("prices.toml")
MANAGED = 12  # of the forty
DAY = timedelta(days=1)


def bill(scene: Scene, months: Sequence[date]) -> None:
    """Each month on the day after it; two clients came in the middle of one, and one took over its account."""
    owner = scene.made.settings.owner_database_url
    if not owner:  # where the schema is another's, its prices are too
        return
    configuring.load_as_owner(owner, configuring.read(PRICE_LIST.read_text(encoding="utf-8")))
    for index, client in enumerate(scene.clients[:MANAGED]):
        with scene.made.database.scoped(Setting(tenant=client.tenant_id)) as session:
            scope = Scope.system(session, client.tenant_id)
            management.begin_management(scope, scene.firm, months[0] + index % 3 * 17 * DAY)
            session.flush()
            if index == MANAGED - 1:
                management.end_management(scope, months[-1] + 11 * DAY)
    for month in months:
        means = closing.Means(scene.made.vault, scene.made.settings.base_url, on=next_month(month))
        with scene.made.database.scoped(Setting(tenant=scene.firm, portal=scene.firm)) as session:
            closing.close_month(Scope.system(session, scene.firm, "portal"), means, month)
