"""Exact Online, as data. README.md tells its quirks."""

from __future__ import annotations

import requests

from portal.connectors import uses
from portal.connectors.base import Gate
from portal.connectors.exact.client import Client
from portal.connectors.exact.explanations import EXPLANATIONS, N_
from portal.connectors.login import AuthMode, Form, OAuth2
from portal.connectors.manifest import Capabilities, FieldUse, Limits, Manifest, Told

__all__ = ["EXPLANATIONS", "MANIFEST", "connect"]


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Client:
    return Client(session, host, gate)


MANIFEST = Manifest(
    key="exact",
    label="Exact Online",
    kind="bookkeeping",
    auth=AuthMode.OAUTH2,
    hosts={
        "be": "https://start.exactonline.be",
        "nl": "https://start.exactonline.nl",
        "fr": "https://start.exactonline.fr",
    },
    reads=(
        FieldUse(N_("Name and e-mail address of the connected login"), uses.TO_RECOGNISE),
        FieldUse(N_("Dossiers: name, number, status, country, VAT and enterprise number"), uses.TO_MATCH),
        uses.LISTS,
        FieldUse(N_("Fiscal years and periods, open or closed"), uses.TO_WARN),
        uses.RELATIONS,
        uses.LINES,
    ),
    sends=(
        FieldUse(
            N_("Bank entries: balances, and for each line date, amount, ledger account, description, our reference"),
            N_("to book bank statements"),
        ),
        FieldUse(
            N_("General journal entries: date, amount, ledger account, description, our reference"),
            N_("to book where no bank journal is used"),
        ),
        FieldUse(
            N_(
                "Sales and purchase entries: customer or supplier, number, dates, and for each rate amount, ledger "
                "account, VAT code and VAT, our reference"
            ),
            N_("to book documents"),
        ),
    ),
    never=(
        uses.NO_PAYMENTS,
        uses.NO_CHANGES,
        uses.NO_DOCUMENTS,
    ),
    capabilities=Capabilities(
        bank_entries=True, several_dossiers=True, invoices=True, reversal=True, reference_length=20
    ),
    limits=Limits(
        per_minute=60,
        per_day=5000,
        reserve_per_day=500,
        errors_per_hour=5,
        settle_seconds=120,
        window_told=Told("X-RateLimit-Minutely-Remaining", "X-RateLimit-Minutely-Reset", unit=0.001),
        day_told=Told("X-RateLimit-Remaining", "X-RateLimit-Reset", unit=0.001),
    ),
    countries=("BE", "NL", "FR"),
    maturity="sandbox",
    source="official",
    oauth=OAuth2(
        authorise_path="/api/oauth2/auth",
        token_path="/api/oauth2/token",  # noqa: S106 (an address, not a password)
        pkce=True,
        min_age=570,
        lifetime=600,
        refresh_lifetime=30 * 86400,
        grace=0,
        authorise_params={"force_login": "1"},
    ),
)
