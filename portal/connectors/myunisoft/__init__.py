"""MyUnisoft, as data. README.md tells its quirks."""

from __future__ import annotations

import requests
from requests.auth import AuthBase

from portal.connectors.base import Gate
from portal.connectors.login import Application, AuthMode, FieldKind, Form, FormField
from portal.connectors.manifest import Capabilities, FieldUse, Limits, Manifest, Told
from portal.connectors.myunisoft.client import DRAFT, Client
from portal.connectors.myunisoft.explanations import EXPLANATIONS
from portal.connectors.refusals import N_
from portal.connectors.signing import bearer
from portal.connectors.uses import LINES, LISTS, NO_CHANGES, NO_PAYMENTS, TO_BOOK, TO_MATCH, YEARS

__all__ = ["EXPLANATIONS", "MANIFEST", "connect", "sign"]


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Client:
    return Client(session, host, gate, form)


def sign(form: Form, application: Application, host: str) -> AuthBase:
    """The key that the firm made for us, and our secret as an application."""
    return bearer(host, form["key"], X_Third_Party_Secret=application.secret)


MANIFEST = Manifest(
    key="myunisoft",
    label="MyUnisoft",
    kind="bookkeeping",
    auth=AuthMode.KEY,
    hosts={"fr": "https://api.myunisoft.fr"},
    form=(
        FormField(
            "key",
            N_("Key"),
            FieldKind.SECRET,
            help=N_("In MyUnisoft: Paramètres, Connecteurs cabinet, Koppelpoort, Générer. Copy it before closing."),
            pattern=r"[A-Za-z0-9_\-.=]{20,4000}",
        ),
        FormField(
            "booking",
            N_("Book entries"),
            FieldKind.CHOICE,
            help=N_("Entries for approval wait in MyUnisoft until somebody there approves them."),
            choices=(("booked", N_("at once")), (DRAFT, N_("for approval in MyUnisoft"))),
            default="booked",
        ),
    ),
    reads=(
        FieldUse(N_("What the key may be used for"), N_("to say at once when something is missing")),
        FieldUse(N_("Dossiers: name, reference, country and SIRET number"), TO_MATCH),
        LISTS,
        YEARS,
        LINES,
    ),
    sends=(
        FieldUse(
            N_("Entries: journal, date, our reference, and for each line ledger account, amount, label, due date"),
            TO_BOOK,
        ),
    ),
    never=(
        NO_PAYMENTS,
        NO_CHANGES,
        N_("Files are never imported: MyUnisoft could replace a year by one"),
    ),
    capabilities=Capabilities(drafts=True, own_key=True, several_dossiers=True, reversal=True, reference_length=24),
    drafts_where=("booking", DRAFT),
    limits=Limits(
        per_minute=20,
        window_seconds=10,
        at_once=10,
        shared=True,
        settle_seconds=120,
        window_told=Told("X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"),
    ),
    countries=("FR",),
    maturity="sandbox",
    source="official",
    registered=True,
)
