"""Scripted trouble of this provider: its kinds, and which calls a fault hits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from sandbox.faults import Script

# What each fault does. The token endpoint is endpoint "token".
KINDS = {
    "drop_before_commit": "the connection is closed, nothing is done",
    "drop_after_commit": "the work is done, then the connection is closed without an answer",
    "commit_late": "the connection is closed now, the work is done `seconds` later",
    "slow": "waits `seconds`, before the work (phase before) or between work and answer (phase after)",
    "429": "refused as over the limit of the minute",
    "500": "refused with an internal error, nothing is done",
    "503": "refused as unavailable, nothing is done",
    "500_after_commit": "the work is done, the answer is an internal error",
    "garbage": "the work is done, the answer is not what was agreed",
    "truncated": "the work is done, half of the answer is sent, then the connection is closed",
    "revoke_grant": "the user withdraws the consent just before the call",
    "expire_token": "the access token ends just before the call",
    "close_period": "all periods of the journal close just before the call",
    "token_answer_lost": "the token call is done, its answer never arrives",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Script):
    """None matches all; the endpoint is told without case. `phase` is "before" or "after" the work."""

    method: str | None
    endpoint: str | None
    division: int | None
    phase: str

    @classmethod
    def specified(cls, spec: Mapping[str, Any]) -> dict[str, Any]:
        return Script.specified(spec) | {
            "method": spec.get("method") and str(spec["method"]).upper(), "endpoint": spec.get("endpoint"),
            "division": None if spec.get("division") is None else int(spec["division"]),
            "phase": "after" if spec.get("phase") == "after" else "before",
        }  # fmt: skip

    def concerns(self, method: str, endpoint: str, division: int) -> bool:
        if self.kind == "token_answer_lost" and endpoint != "token":
            return False
        return (
            (self.method is None or self.method == method)
            and (self.endpoint is None or fnmatch(endpoint.lower(), self.endpoint.lower()))
            and (self.division is None or self.division == division)
        )
