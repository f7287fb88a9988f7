"""Imports every model, so that metadata is whole for migrations and checks."""

from portal.activity import models as activity
from portal.apikeys import models as apikeys
from portal.approvals import models as approvals
from portal.archives import models as archives
from portal.authorisations import models as authorisations
from portal.billing import models as billing
from portal.couplings import models as couplings
from portal.documents import models as documents
from portal.exchange import models as exchange
from portal.feeds import models as feeds
from portal.identity import models as identity
from portal.kernel import mail, vault
from portal.kernel.db import Base
from portal.ledger import models as ledger
from portal.permissions import models as permissions
from portal.reconciliation import models as reconciliation
from portal.software import models as software
from portal.store import models as store
from portal.sync import models as sync
from portal.team import models as team
from portal.tenants import models as tenants

metadata = Base.metadata
__all__ = [
    "activity",
    "apikeys",
    "approvals",
    "archives",
    "authorisations",
    "billing",
    "couplings",
    "documents",
    "exchange",
    "feeds",
    "identity",
    "ledger",
    "mail",
    "metadata",
    "permissions",
    "reconciliation",
    "software",
    "store",
    "sync",
    "team",
    "tenants",
    "vault",
]
