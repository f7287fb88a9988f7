"""A stand-in for Xero's accounting API. See README.md."""

from __future__ import annotations

from sandbox.packages.access import TokenRules
from sandbox.packages.package import Package, Rules
from sandbox.store import Row
from sandbox.xero import api, wire


def _claims(login: Row) -> dict[str, object]:
    return {
        "xero_userid": login["id"],
        "sub": login["id"].replace("-", ""),
        "aud": "https://identity.xero.com/resources",
    }


PACKAGE = Package(
    key="xero",
    name="Xero",
    country="BE",
    routes=api.routes,
    call=api.call,
    refusal=wire.refusal,
    limits=Rules(per_window=60, window=60, per_day=5000, at_once=5),
    tokens=TokenRules(lifetime=1800, refresh_lifetime=60 * 86400, grace=1800, claims=_claims),
    settings={
        "key_minutes": 10,  # how long an Idempotency-Key is remembered; how long Xero does is not known
        "bank_by_hand": False,  # whether manual journals may use bank accounts and those of contacts
        "unique_numbers": True,  # whether the number of a sales invoice may be used once only
    },
)
