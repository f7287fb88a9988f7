"""Ponto Connect, as data. README.md tells its quirks."""

from __future__ import annotations

from portal.connectors.login import AuthMode, OAuth2
from portal.connectors.manifest import Capabilities, FieldUse, Limits, Manifest
from portal.connectors.ponto.callbacks import judge
from portal.connectors.ponto.client import Banks, Client
from portal.connectors.ponto.explanations import EXPLANATIONS, N_

__all__ = ["EXPLANATIONS", "MANIFEST", "callbacks", "connect", "directory"]

connect = Client
directory = Banks
callbacks = judge

API = "https://api.ibanity.com/ponto-connect"

MANIFEST = Manifest(
    key="ponto",
    label="Ponto",
    kind="feed",
    auth=AuthMode.OAUTH2,
    hosts={"live": API, "sandbox": API},
    reads=(
        FieldUse(
            N_("Bank accounts shared in Ponto: number, holder, balance, end of the consent"),
            N_("to join them to the client's accounts"),
        ),
        FieldUse(
            N_("Transactions: dates, amount, counterparty, communication, references"), N_("to make statement lines")
        ),
        FieldUse(N_("Name of the organisation in Ponto"), N_("to recognise the same one next time")),
        FieldUse(N_("How each fetch at the bank went"), N_("to say why nothing came, and who can mend it")),
    ),
    sends=(
        FieldUse(
            N_("The internet address of the person who presses Synchronise now"),
            N_("because a bank wants to know that a person asked"),
        ),
    ),
    never=(
        N_("Payments are never made or prepared"),
        N_("The password of the bank is never seen by Koppelpoort"),
        N_("Accounts that were not shared are not read"),
    ),
    capabilities=Capabilities(),
    limits=Limits(settle_seconds=0),
    countries=("BE", "NL", "FR"),
    maturity="sandbox",
    oauth=OAuth2(
        authorise_path="/oauth2/auth",
        token_path="/oauth2/token",  # noqa: S106 (an address, not a password)
        pkce=True,
        min_age=0,
        lifetime=1799,
        refresh_lifetime=28 * 86400,
        grace=0,
        authorise_params={"scope": "offline_access ai"},
        authorise_hosts={
            "live": "https://authorization.myponto.com",
            "sandbox": "https://sandbox-authorization.myponto.com",
        },
        basic=True,
    ),
    client_certificate=True,
)
