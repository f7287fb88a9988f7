"""Xero, as data. README.md tells its quirks."""

from __future__ import annotations

import requests

from portal.connectors.base import Gate
from portal.connectors.login import AuthMode, Form, OAuth2
from portal.connectors.manifest import Capabilities, FieldUse, Limits, Manifest, Told
from portal.connectors.refusals import N_
from portal.connectors.uses import NO_PAYMENTS, TO_CHOOSE, TO_COMPARE, TO_RECOGNISE
from portal.connectors.xero.client import Client
from portal.connectors.xero.explanations import EXPLANATIONS

__all__ = ["EXPLANATIONS", "MANIFEST", "connect"]

SCOPES = (
    "openid profile email offline_access accounting.settings.read accounting.contacts.read "
    "accounting.manualjournals accounting.invoices"
)


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Client:
    return Client(session, host, gate)


MANIFEST = Manifest(
    key="xero",
    label="Xero",
    kind="bookkeeping",
    auth=AuthMode.OAUTH2,
    hosts={"xero": "https://api.xero.com"},
    reads=(
        FieldUse(N_("Id of the connected login"), TO_RECOGNISE),
        FieldUse(
            N_("Organisations: name, status, country, currency, tax and registration number, lock dates"),
            N_("to match dossiers with client accounts, and to say before sending what would be refused"),
        ),
        FieldUse(N_("Ledger accounts and tax rates: code, name, type"), TO_CHOOSE),
        FieldUse(
            N_("Contacts: name, tax and registration number"),
            N_("to book sales and purchases on the right account; only when documents are synchronised"),
        ),
        FieldUse(N_("Manual journals, invoices and credit notes, with their lines"), TO_COMPARE),
    ),
    sends=(
        FieldUse(
            N_("Manual journals: date, our reference, and for each line ledger account, amount, description"),
            N_("to book bank statements"),
        ),
        FieldUse(
            N_(
                "Invoices, bills and credit notes: contact, number, dates, our reference, and for each rate ledger "
                "account, amount, tax rate and tax"
            ),
            N_("to book documents"),
        ),
    ),
    never=(
        NO_PAYMENTS,
        N_("Nothing in the organisation is changed or deleted"),
        N_("Files and attachments are not read"),
    ),
    capabilities=Capabilities(several_dossiers=True, invoices=True, reversal=True, reference_length=20),
    limits=Limits(
        per_minute=60,
        per_day=5000,
        reserve_per_day=500,
        at_once=5,
        settle_seconds=120,
        window_told=Told("X-MinLimit-Remaining"),
        day_told=Told("X-DayLimit-Remaining"),
    ),
    countries=("BE", "NL", "FR"),
    maturity="sandbox",
    source="official",
    oauth=OAuth2(
        authorise_path="/identity/connect/authorize",
        token_path="/connect/token",  # noqa: S106 (an address, not a password)
        pkce=True,
        min_age=0,
        lifetime=1800,
        refresh_lifetime=60 * 86400,
        grace=1800,
        authorise_params={"scope": SCOPES},
        authorise_hosts={"xero": "https://login.xero.com"},
        token_hosts={"xero": "https://identity.xero.com"},
        basic=True,
    ),
)
