"""MyUnisoft, as data. README.md tells its quirks."""

from __future__ import annotations

import requests
from requests.auth import AuthBase

from portal.connectors.base import (
    Application,
    AuthMode,
    Capabilities,
    FieldKind,
    FieldUse,
    Form,
    FormField,
    Gate,
    Limits,
    Manifest,
    Told,
)
from portal.connectors.myunisoft.client import DRAFT, Client, Signature
from portal.connectors.myunisoft.explanations import EXPLANATIONS
from portal.connectors.refusals import N_

__all__ = ["EXPLANATIONS", "MANIFEST", "connect", "sign"]


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Client:
    return Client(session, host, gate, form)


def sign(form: Form, application: Application, host: str) -> AuthBase:
    return Signature(form["key"], application.secret, host)


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
        FieldUse(
            N_("Dossiers: name, reference, country and SIRET number"), N_("to match dossiers with client accounts")
        ),
        FieldUse(
            N_("Ledger accounts, journals and VAT codes: code, name, type"), N_("to choose from when configuring")
        ),
        FieldUse(N_("Fiscal years, open or closed"), N_("to say before sending what would be refused")),
        FieldUse(
            N_("Lines of the journals that Koppelpoort books in"), N_("to look an entry up and to compare both sides")
        ),
    ),
    sends=(
        FieldUse(
            N_("Entries: journal, date, our reference, and for each line ledger account, amount, label, due date"),
            N_("to book bank statements and documents"),
        ),
    ),
    never=(
        N_("Payments are never made or prepared"),
        N_("Nothing in the dossier is changed or deleted"),
        N_("Files are never imported: MyUnisoft could replace a year by one"),
    ),
    capabilities=Capabilities(drafts=True, own_key=True, several_dossiers=True, reference_length=24),
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
