"""The bills of the demo: some clients that the firm manages itself, and what it was asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from portal.access import Scope
from portal.billing import closing, configuring
from portal.billing.rules import next_month
from portal.kernel.db import Setting
from portal.tenants import management

if TYPE_CHECKING:
    from portal.demo.scene import Scene

PRICE_LIST = """
[seller]
name = "Koppelpoort BV"
street = "Poortstraat 1"
postcode = "2800"
city = "Mechelen"
country = "BE"
enterprise_number = "07123456{check}"
vat_number = "BE07123456{check}"
iban = "BE71 0961 2345 6769"
bic = "GKCCBEBB"
email = "billing@koppelpoort.example"
prefix = "KP"
due_days = 30

[[price]]
item = "client_account"
valid_from = 2024-01-01
amount = "4.50"

[[price]]
item = "ponto_account"
valid_from = 2024-01-01
amount = "3.00"

[[vat]]
country = "BE"
valid_from = 2020-01-01
rate = "21"

[[vat]]
country = "NL"
valid_from = 2020-01-01
rate = "21"

[[vat]]
country = "FR"
valid_from = 2020-01-01
rate = "20"
""".format(check=97 - 7_123_456 % 97)
MANAGED = 12  # of the forty
DAY = timedelta(days=1)


def bill(scene: Scene, months: Sequence[date]) -> None:
    """Each month on the day after it; two clients came in the middle of one, and one took over its account."""
    owner = scene.made.settings.owner_database_url
    if not owner:  # where the schema is another's, its prices are too
        return
    configuring.load_as_owner(owner, configuring.read(PRICE_LIST))
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
