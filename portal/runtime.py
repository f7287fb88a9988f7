"""What a process of the product has once: settings, database, vault.

`create_app()`, `worker.py` and the commands make it; jobs ask for it. Tests set their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from config import Settings
from portal.activity import service as activity
from portal.kernel import crash, queue
from portal.kernel.db import POOL_SIZE, Database
from portal.kernel.vault import Kek, Vault


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    database: Database
    vault: Vault


_current: Runtime | None = None


def make(settings: Settings, *, application: str = "portal", pool_size: int = POOL_SIZE) -> Runtime:
    """Connect this process: database as the application role, vault, doorbell, audit key."""
    database = Database(settings.database_url, pool_size=pool_size, application=application)
    vault = Vault([Kek(key_id, key) for key_id, key in settings.key_encryption_keys.items()])
    activity.set_key(settings.audit_key)
    queue.connect(settings.redis_url)
    crash.arm(settings.crash_at or None)
    return set(Runtime(settings, database, vault))


def set(runtime: Runtime) -> Runtime:
    global _current
    _current = runtime
    return runtime


def get() -> Runtime:
    if _current is None:
        raise RuntimeError("This process has no runtime yet; call runtime.make() first.")
    return _current
