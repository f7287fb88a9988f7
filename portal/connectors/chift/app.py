"""An app that reaches its package through Chift: what all of them have, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import requests
from requests.auth import AuthBase

from portal.connectors.base import Gate
from portal.connectors.chift.client import Client, Login
from portal.connectors.chift.signing import Signature
from portal.connectors.login import Application, AuthMode, Form, HostedLogin
from portal.connectors.manifest import Capabilities, Explanation, FieldUse, Limits, Manifest
from portal.connectors.refusals import CHECK_CONFIGURATION, N_, RETRIED, SEND_AGAIN, SUPPORT, explained
from portal.connectors.uses import LINES, LISTS, NO_CHANGES, NO_PAYMENTS, TO_MATCH, YEARS


@dataclass(frozen=True, slots=True)
class App:
    """`name` is what Chift calls the package. `finds`: reading its entries again is proof."""

    key: str
    label: str
    name: str
    finds: bool

    def connect(self, session: requests.Session, host: str, gate: Gate, form: Form) -> Client:
        return Client(self.key, self.name, session, host, gate, form)

    def sign(self, form: Form, application: Application, host: str) -> AuthBase:
        return Signature(self.key, application, host)

    def open_login(
        self, session: requests.Session, host: str, name: str, email: str, return_to: str, form: Form
    ) -> HostedLogin:
        return Login(self.key, self.name, session, host).open(name, email, return_to, form)

    def manifest(self) -> Manifest:
        return Manifest(
            key=self.key,
            label=self.label,
            kind="bookkeeping",
            auth=AuthMode.HOSTED,
            hosts={"fr": "https://api.chift.eu"},
            reads=(
                FieldUse(N_("Dossiers: name, number, VAT and company number"), TO_MATCH),
                LISTS,
                YEARS,
                LINES,
            ),
            sends=(
                FieldUse(N_("Name and e-mail address of the firm, to Chift"), N_("to open the page where you connect")),
                FieldUse(
                    N_("Entries: journal, date, number, our reference, and for each line ledger account, amount, text"),
                    N_("to book bank statements and documents; they pass through Chift"),
                ),
            ),
            never=(
                NO_PAYMENTS,
                NO_CHANGES,
                N_("The password of the package is typed at Chift and never seen here"),
            ),
            # Where an entry cannot be looked up for sure, nobody could prove that it is undone.
            capabilities=Capabilities(
                own_key=True, several_dossiers=True, reversal=self.finds, reference_length=24, finds=self.finds
            ),
            limits=Limits(at_once=4, shared=True, settle_seconds=300),
            countries=("FR",),
            maturity="sandbox",
            source="official",
        )

    def explanations(self) -> Mapping[str, Explanation]:
        return explained(self.key, **_OWN)


_OWN = {
    "authorisation_expired": Explanation(
        N_("The connection with the package has ended"),
        N_("The package no longer accepts the log-in that was given at Chift. Nothing was booked; entries wait."),
        "firm",
        (N_("Open the authorisation."), N_("Choose Connect again and log in on the page that opens.")),
        can_test=True,
    ),
    "integration_inactive": Explanation(
        N_("The package is not switched on for Koppelpoort"),
        N_("Our account at Chift does not have this package yet."),
        "us",
        (SUPPORT,),
    ),
    "package_settings": Explanation(
        N_("The package is not set up for connections"),
        N_("A licence is missing, a service is stopped or a setting is wrong. Nothing was booked."),
        "firm",
        (N_("The words of the package are in the technical details. Ask its administrator to mend this."), SEND_AGAIN),
        can_test=True,
    ),
    "journal_open": Explanation(
        N_("Somebody is working in the journal"),
        N_("The package books nothing in a journal that is open on a screen. Nothing was booked."),
        "firm",
        (N_("Close the journal in the package."), SEND_AGAIN),
    ),
    "relation_missing": Explanation(
        N_("The package asks for a customer or supplier"),
        N_("The journal or a ledger account may only be used with a customer or supplier. Nothing was booked."),
        "firm",
        (N_("Choose a journal for miscellaneous operations."), CHECK_CONFIGURATION, SEND_AGAIN),
    ),
    "not_supported": Explanation(
        N_("The package does not offer this"),
        N_("Chift has no way to ask this of the package. Nothing was booked."),
        "us",
        (SUPPORT,),
    ),
    "in_process": Explanation(
        N_("The entry is still being booked"),
        N_("The package has not finished with it yet. Koppelpoort looks again and sends nothing twice."),
        "us",
        (RETRIED,),
    ),
    "token_refused": Explanation(
        N_("The provider asks us to sign in again"), N_("Nothing was booked."), "us", (RETRIED,)
    ),
}
