"""Salt Edge (API v6), as data. README.md tells its quirks."""

from __future__ import annotations

from portal.connectors.login import AuthMode
from portal.connectors.manifest import Capabilities, FieldUse, Limits, Manifest
from portal.connectors.saltedge.callbacks import callbacks, returned
from portal.connectors.saltedge.client import Client, Directory
from portal.connectors.saltedge.explanations import EXPLANATIONS, N_
from portal.connectors.saltedge.signing import Signature

__all__ = ["EXPLANATIONS", "MANIFEST", "Signature", "callbacks", "connect", "directory", "returned"]

connect = Client
directory = Directory

MANIFEST = Manifest(
    key="saltedge",
    label="Salt Edge",
    kind="feed",
    auth=AuthMode.KEY,
    hosts={"live": "https://www.saltedge.com"},
    reads=(
        FieldUse(
            N_("Bank accounts: number, name, holder, currency, balance"), N_("to join them to your bank accounts")
        ),
        FieldUse(
            N_("Transactions: date, amount, description, name and account of the other party"),
            N_("to make statement lines of them"),
        ),
        FieldUse(N_("State and end of the consent"), N_("to say in time when it must be renewed")),
    ),
    sends=(
        FieldUse(N_("A number that stands for the client, without a name"), N_("to keep clients apart")),
        FieldUse(
            N_("The network address of the person who asks for new transactions"),
            N_("because the bank wants to know that somebody is present"),
        ),
    ),
    never=(
        N_("Payments are never made or prepared"),
        N_("Passwords of the bank are never seen: they are typed at the bank or at Salt Edge"),
    ),
    capabilities=Capabilities(),
    limits=Limits(errors_per_hour=30, settle_seconds=60),
    countries=("BE", "NL", "FR"),
    maturity="sandbox",
)
