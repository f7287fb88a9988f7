"""Dynamics 365 Business Central, as data. README.md tells its quirks."""

from __future__ import annotations

import requests

from portal.connectors.base import Gate
from portal.connectors.business_central.client import Client
from portal.connectors.business_central.explanations import EXPLANATIONS
from portal.connectors.login import AuthMode, Form, OAuth2
from portal.connectors.manifest import Capabilities, FieldUse, Limits, Manifest
from portal.connectors.refusals import N_
from portal.connectors.uses import NO_PAYMENTS, TO_BOOK, TO_CHOOSE, TO_COMPARE, TO_MATCH, TO_WARN

__all__ = ["EXPLANATIONS", "MANIFEST", "connect"]

LOGIN = "https://login.microsoftonline.com"
SCOPE = "https://api.businesscentral.dynamics.com/.default offline_access"


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Client:
    return Client(session, host, gate)


MANIFEST = Manifest(
    key="business_central",
    label="Dynamics 365 Business Central",
    kind="bookkeeping",
    auth=AuthMode.OAUTH2,
    hosts={"online": "https://api.businesscentral.dynamics.com"},
    reads=(
        FieldUse(
            N_("Environments: name, type, country, and the organisation they belong to"),
            N_("to find the companies, and to recognise the same log-in next time"),
        ),
        FieldUse(N_("Companies: name, VAT number, currency"), TO_MATCH),
        FieldUse(
            N_("Ledger accounts, journal batches and VAT posting groups: number or code, name, category, blocked"),
            TO_CHOOSE,
        ),
        FieldUse(N_("Accounting periods, open or closed"), TO_WARN),
        FieldUse(
            N_(
                "General ledger entries with a document number of Koppelpoort: date, ledger account, amount, "
                "description"
            ),
            TO_COMPARE,
        ),
        FieldUse(
            N_("Unposted lines in the journal batches that Koppelpoort made"),
            N_("to throw away what was left unfinished before sending it again"),
        ),
    ),
    sends=(
        FieldUse(
            N_("A journal batch for each run, removed once it is posted"),
            N_("to post nothing but what Koppelpoort sent"),
        ),
        FieldUse(
            N_(
                "Journal lines: date, amount, ledger account, description, our reference as document number, and the "
                "order to post them"
            ),
            TO_BOOK,
        ),
    ),
    never=(
        NO_PAYMENTS,
        N_("Nothing is changed or deleted but the journal batches that Koppelpoort made"),
        N_("Customers, vendors, documents and attachments are not read"),
    ),
    # A repeated number is refused by the look-up before each posting: Business Central itself would take it.
    capabilities=Capabilities(several_dossiers=True, own_key=True, reversal=True, batch_size=50, reference_length=20),
    # A request may wait eight minutes in line and run for eight more.
    limits=Limits(per_minute=6000, window_seconds=300, shared=True, at_once=5, settle_seconds=960),
    countries=("BE", "NL", "FR"),
    maturity="sandbox",
    source="official",
    oauth=OAuth2(
        authorise_path="/organizations/oauth2/v2.0/authorize",
        token_path="/organizations/oauth2/v2.0/token",  # noqa: S106 (an address, not a password)
        pkce=True,
        min_age=0,
        lifetime=3600,
        refresh_lifetime=90 * 86400,
        grace=86400,
        authorise_params={"scope": SCOPE, "prompt": "select_account"},
        authorise_hosts={"online": LOGIN},
        token_hosts={"online": LOGIN},
        token_params={"scope": SCOPE},
    ),
)
