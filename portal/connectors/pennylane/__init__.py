"""Pennylane, as data. README.md tells its quirks."""

from __future__ import annotations

import requests
from requests.auth import AuthBase

from portal.connectors.base import Gate
from portal.connectors.login import Application, AuthMode, FieldKind, Form, FormField
from portal.connectors.manifest import Capabilities, FieldUse, Limits, Manifest, Told
from portal.connectors.pennylane.client import Client
from portal.connectors.pennylane.explanations import EXPLANATIONS
from portal.connectors.refusals import N_
from portal.connectors.signing import bearer
from portal.connectors.uses import NO_CHANGES, NO_PAYMENTS, TO_BOOK, TO_CHOOSE, TO_COMPARE, TO_MATCH, YEARS

__all__ = ["EXPLANATIONS", "MANIFEST", "connect", "sign"]


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Client:
    return Client(session, host, gate, firm=form.get("interface") == "firm")


def sign(form: Form, application: Application, host: str) -> AuthBase:
    return bearer(host, form["token"])


MANIFEST = Manifest(
    key="pennylane",
    label="Pennylane",
    kind="bookkeeping",
    auth=AuthMode.KEY,
    hosts={"fr": "https://app.pennylane.com"},
    form=(
        FormField(
            "interface",
            N_("Whose token"),
            FieldKind.CHOICE,
            help=N_("A firm's token opens all companies of the firm, a company's token that company only."),
            choices=(("firm", N_("Of the firm")), ("company", N_("Of one company"))),
            default="firm",
        ),
        FormField(
            "token",
            N_("Token"),
            FieldKind.SECRET,
            help=N_(
                "Made in Pennylane under Settings, Connectivity, Developers. It needs reading of companies, journals, "
                "ledger accounts and fiscal years, and reading and writing of ledger entries."
            ),
            pattern=r"[\x21-\x7e]{16,512}",
        ),
    ),
    reads=(
        FieldUse(N_("Name and e-mail address of the person a company's token belongs to"), N_("to show whose it is")),
        FieldUse(N_("Companies: id, name, client code, SIREN"), TO_MATCH),
        FieldUse(
            N_("Ledger accounts and journals: id, number or code, name, type, VAT rate, in use or not"),
            TO_CHOOSE,
        ),
        YEARS,
        FieldUse(
            N_(
                "Ledger entries and lines of the journals that Koppelpoort books in: date, label, piece number, ledger "
                "account, debit, credit"
            ),
            TO_COMPARE,
        ),
    ),
    sends=(
        FieldUse(
            N_(
                "Ledger entries: date, journal, currency, our reference as label and piece number, and for each line "
                "ledger account, debit or credit, description"
            ),
            TO_BOOK,
        ),
    ),
    never=(
        NO_PAYMENTS,
        NO_CHANGES,
        N_("Invoices, documents and attachments are not read"),
    ),
    capabilities=Capabilities(several_dossiers=True, reversal=True, reference_length=20),
    # The firm's interface allows 5 a second, a company's 25 in five seconds: this keeps to both.
    limits=Limits(
        per_minute=5,
        window_seconds=1,
        shared=True,
        settle_seconds=120,
        window_told=Told("ratelimit-remaining", "ratelimit-reset"),
    ),
    countries=("FR",),
    maturity="sandbox",
    source="official",
)
