"""Odoo, as data. README.md tells its quirks."""

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
)
from portal.connectors.odoo.client import Client
from portal.connectors.odoo.explanations import EXPLANATIONS
from portal.connectors.refusals import N_

__all__ = ["EXPLANATIONS", "MANIFEST", "connect", "sign"]


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Client:
    return Client(session, host, gate, form)


def sign(form: Form, application: Application, host: str) -> AuthBase:
    return _Key(form, host.rstrip("/") + "/")


class _Key(AuthBase):
    """Shows the key to the server that was typed with it, and to no other."""

    def __init__(self, form: Form, root: str) -> None:
        self._form = form
        self._root = root

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not (request.url or "").startswith(self._root):
            raise ValueError("a key goes to its own server only")
        request.headers["Authorization"] = f"Bearer {self._form['key']}"
        request.headers["X-Odoo-Database"] = self._form["database"]
        return request


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
        FieldUse(N_("Name, log-in and company of the user"), N_("to recognise the same login next time")),
        FieldUse(
            N_("Companies: name, country, VAT and enterprise number, currency"),
            N_("to match dossiers with client accounts"),
        ),
        FieldUse(N_("Ledger accounts, journals and taxes: code, name, type"), N_("to choose from when configuring")),
        FieldUse(N_("Lock dates of the company"), N_("because Odoo books on another day what is dated before them")),
        FieldUse(
            N_("Customers and suppliers: name, VAT and enterprise number"),
            N_("to book sales and purchases on the right account; only when documents are synchronised"),
        ),
        FieldUse(
            N_("Entries of the journals that Koppelpoort books in, with their lines"),
            N_("to look an entry up and to compare both sides"),
        ),
    ),
    sends=(
        FieldUse(
            N_(
                "Journal entries: date, journal, our reference, and for each line ledger account, debit or credit, "
                "description, customer or supplier"
            ),
            N_("to book bank statements"),
        ),
    ),
    never=(
        N_("Payments are never made or prepared"),
        N_("Nothing that is booked is changed or deleted"),
        N_("Documents and attachments are not read"),
    ),
    capabilities=Capabilities(bank_entries=True, several_dossiers=True, batch_size=50, reference_length=20),
    limits=Limits(settle_seconds=120, shared=True, at_once=4),
    countries=("BE", "NL", "FR"),
    maturity="live",  # Odoo 17.0 and 19.0
    source="official",
)
