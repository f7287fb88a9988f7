"""Minox, as data. README.md tells its quirks."""

from __future__ import annotations

import requests

from portal.connectors.base import Gate
from portal.connectors.login import AuthMode, Form, FormField, OAuth2
from portal.connectors.manifest import Capabilities, FieldUse, Limits, Manifest, Told
from portal.connectors.minox.client import Client
from portal.connectors.minox.explanations import EXPLANATIONS
from portal.connectors.refusals import N_
from portal.connectors.uses import LINES, LISTS, NO_DOCUMENTS, NO_PAYMENTS, TO_BOOK, TO_MATCH

__all__ = ["EXPLANATIONS", "MANIFEST", "connect"]

SCOPES = "administration:read journal:read ledger_account:read vat:read transaction:read transaction:write"


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Client:
    return Client(session, host, gate, form)


MANIFEST = Manifest(
    key="minox",
    label="Minox",
    kind="bookkeeping",
    auth=AuthMode.OAUTH2,
    hosts={"nl": "https://app.minox.nl"},
    form=(
        FormField(
            "tenant",
            N_("Client number"),
            help=N_("The number that you log in to Minox with."),
            example="12345",
            pattern=r"[0-9]{1,9}",
        ),
    ),
    reads=(
        FieldUse(N_("Administrations: name, number, country, Chamber of Commerce number"), TO_MATCH),
        LISTS,
        FieldUse(N_("Fiscal years and their periods"), N_("to book each line in its period")),
        LINES,
    ),
    sends=(
        FieldUse(
            N_("Entries: for each line journal, date, period, ledger account, amount, description; our reference"),
            TO_BOOK,
        ),
    ),
    never=(
        NO_PAYMENTS,
        N_("Nothing is changed or deleted but entries that Koppelpoort sent itself"),
        NO_DOCUMENTS,
    ),
    capabilities=Capabilities(several_dossiers=True, reversal=True, reference_length=24),
    limits=Limits(
        per_minute=20,
        window_seconds=120,
        shared=True,
        window_told=Told("x-rate-limit-remaining", "x-rate-limit-reset", 0.001),
    ),
    countries=("NL",),
    maturity="sandbox",
    oauth=OAuth2(
        authorise_path="/oauth/authorize",
        token_path="/oauth/token",  # noqa: S106 (an address, not a password)
        pkce=False,
        min_age=0,
        lifetime=3600,
        refresh_lifetime=14 * 86400,
        grace=0,
        authorise_params={"scope": SCOPES},
    ),
)
