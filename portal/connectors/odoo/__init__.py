"""Odoo, as data. README.md tells its quirks."""

from __future__ import annotations

import requests
from requests.auth import AuthBase

from portal.connectors import uses
from portal.connectors.base import Gate
from portal.connectors.login import Application, AuthMode, FieldKind, Form, FormField
from portal.connectors.manifest import Capabilities, FieldUse, Limits, Manifest
from portal.connectors.odoo.client import Client
from portal.connectors.odoo.explanations import EXPLANATIONS
from portal.connectors.refusals import N_
from portal.connectors.signing import bearer

__all__ = ["EXPLANATIONS", "MANIFEST", "connect", "sign"]


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Client:
    return Client(session, host, gate, form)


def sign(form: Form, application: Application, host: str) -> AuthBase:
    return bearer(host, form["key"], X_Odoo_Database=form["database"])


MANIFEST = Manifest(
    key="odoo",
    label="Odoo",
    kind="bookkeeping",
    auth=AuthMode.KEY,
    hosts={},
    host_field="url",
    form=(
        FormField(
            "url",
            N_("Address of Odoo"),
            FieldKind.URL,
            help=N_("As the browser shows it after logging in, without what comes after the name."),
            example="https://kantoor.odoo.com",
        ),
        FormField(
            "database",
            N_("Database"),
            help=N_("At Odoo Online the first part of the address; else ask whoever runs the server."),
            example="kantoor",
            pattern=r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}",
        ),
        FormField(
            "user",
            N_("User"),
            help=N_("The log-in name of an own user for Koppelpoort, with the rights of a bookkeeper."),
            example="koppelpoort@kantoor.be",
            pattern=r"\S.{0,198}\S",
        ),
        FormField(
            "key",
            N_("API key"),
            FieldKind.SECRET,
            help=N_(
                "Made by that user under Preferences, Account Security. From Odoo 18 on it ends after three months at "
                "most: then make a new one and type it here."
            ),
            pattern=r"[\x21-\x7e]{16,200}",
        ),
        FormField(
            "expires_on",
            N_("Key valid until"),
            FieldKind.DATE,
            help=N_("The last day of the key, as chosen when it was made. Koppelpoort warns in time."),
            required=False,
        ),
    ),
    reads=(
        FieldUse(N_("Name, log-in and company of the user"), uses.TO_RECOGNISE),
        FieldUse(N_("Companies: name, country, VAT and enterprise number, currency"), uses.TO_MATCH),
        FieldUse(N_("Ledger accounts, journals and taxes: code, name, type"), uses.TO_CHOOSE),
        FieldUse(N_("Lock dates of the company"), N_("because Odoo books on another day what is dated before them")),
        uses.RELATIONS,
        FieldUse(N_("Entries of the journals that Koppelpoort books in, with their lines"), uses.TO_COMPARE),
    ),
    sends=(
        FieldUse(
            N_(
                "Journal entries: date, journal, our reference, and for each line ledger account, debit or credit, "
                "description, customer or supplier"
            ),
            N_("to book bank statements"),
        ),
        FieldUse(
            N_(
                "Invoices, bills and credit notes: customer or supplier, number, dates, payment reference, our "
                "reference, and for each rate ledger account, amount and tax"
            ),
            N_("to book documents"),
        ),
    ),
    never=(
        uses.NO_PAYMENTS,
        N_("Nothing that is booked is changed or deleted"),
        uses.NO_DOCUMENTS,
    ),
    capabilities=Capabilities(
        bank_entries=True,
        several_dossiers=True,
        invoices=True,
        counts_vat=True,
        reversal=True,
        batch_size=50,
        reference_length=20,
    ),
    limits=Limits(settle_seconds=120, shared=True, at_once=4),
    countries=("BE", "NL", "FR"),
    maturity="live",  # Odoo 17.0 and 19.0
    source="official",
)
