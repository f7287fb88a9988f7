"""The state of one sandbox, shared by its pages, its API and its control."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from sandbox.clock import Base
from sandbox.faults import Fault
from sandbox.oauth import hashed
from sandbox.ponto.oauth import OAuth
from sandbox.ponto.schema import SCHEMA
from sandbox.ponto.settings import Settings
from sandbox.ponto.signing import Key
from sandbox.store import Row, Store
from sandbox.world import World

TICK = 0.2  # seconds between looks at what time has brought
KINDS = {
    "drop": "the connection is closed, nothing is done",
    "drop_after": "the work is done, then the connection is closed without an answer",
    "429": "refused as too many requests",
    "500": "refused with an internal error",
    "503": "refused as unavailable",
    "slow": "waits `seconds` before the work",
    "slow_after": "waits `seconds` between the work and the answer",
    "garbage": "the work is done, the answer is not what was agreed",
    "truncated": "half of the answer is sent, then the connection is closed",
    "unauthorized": "the access token ends just before the call",
    "failing_fetch": "the fetch at the bank fails with `details` {code, detail}; the endpoint is fetch/ACCOUNT",
}
_SPACE = uuid.UUID("0f7d4a56-6f2e-4f0e-8c66-1a3a0c6b9d11")


class Sandbox(World[Settings, Fault]):
    """Ponto Connect and the banks behind it. `origin` is where this server is reached."""

    def __init__(self, data: Path, clock: Base | None = None) -> None:
        super().__init__(Store(data / "ponto.sqlite", SCHEMA), clock, Settings, KINDS, Fault)
        self.oauth = OAuth(self.store, self.clock)
        self.key = Key(self.store)
        self.origin = self.store.value("origin") or ""

    def stand_at(self, origin: str) -> None:
        """Where this server is reached: it names itself so in links and webhooks."""
        if origin != self.origin:
            self.origin = origin
            self.store.keep("origin", origin)

    def reset(self) -> None:
        """Forget everything, settings and clock included, but not where this server stands."""
        super().reset()
        self.store.keep("origin", self.origin)
        self.oauth = OAuth(self.store, self.clock)
        self.key = Key(self.store)

    def signing_time(self) -> int:
        return self.clock.ms() // 1000 if self.settings.webhook_virtual_time else int(time.time())

    def add_app(
        self, client_id: str, secret: str, redirect_uris: list[str], application_id: str = "", webhook: str = ""
    ) -> None:
        """Register an app, or register it anew; without a `webhook` it is told nothing."""
        self.store.run("DELETE FROM apps WHERE client_id = ?", (client_id,))
        self.store.insert(
            "apps", client_id=client_id, name="Koppelpoort", secret_hash=hashed(secret),
            redirect_uris=json.dumps(redirect_uris), application_id=application_id or client_id, webhook=webhook,
        )  # fmt: skip

    def organisation(self, login: str) -> Row | None:
        return self.store.one("SELECT * FROM organisations WHERE login = ?", (login,))


def named_id(*parts: object) -> str:
    """An id that is the same in every run."""
    return str(uuid.uuid5(_SPACE, "/".join(map(str, parts))))


def iso(moment: int | None) -> str | None:
    """`2026-05-04T09:06:08.044Z`."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
