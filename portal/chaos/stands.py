"""The stand-ins of the trial, each seen the same way: dossiers, people who log in, faults, and what is booked."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import requests

from config import APPS
from portal.connectors import registry
from portal.connectors.login import AuthMode
from portal.kernel.services.process import wait_until
from portal.supervisor import ROOT, answers

APP_ID, APP_SECRET = str(uuid.uuid5(uuid.NAMESPACE_URL, "chaos")), "chaos-secret"
BACK = "http://127.0.0.1/*"
HOME = "http://127.0.0.1/"  # where a provider's page leads back to


@dataclass(frozen=True, slots=True)
class Books:
    """How an app is configured. `form` is what people would type; {key} and {host} are filled in."""

    journal: str
    bank: str
    suspense: str
    country: str = "BE"
    form: Mapping[str, str] = field(default_factory=dict)


BOOKS: Mapping[str, Books] = {
    "exact": Books("20", "550000", "499000"),
    "xero": Books("MJ", "580000", "499000"),
    "business_central": Books("90", "580000", "499000"),
    "odoo": Books(
        "20",
        "550000",
        "499000",
        "BE",
        {"url": "{host}", "database": "kantoor", "user": "{login}", "key": "{key}"},
    ),
    "pennylane": Books("90", "580000", "471000", "FR", {"interface": "firm", "token": "{key}"}),
    "myunisoft": Books("20", "512000", "471000", "FR", {"key": "{key}", "booking": "booked"}),
    "minox": Books("20", "1100", "2000", "NL", {"tenant": "12345"}),
    "inqom": Books("20", "512000", "471000", "FR"),  # of the three behind Chift, the one that is surely found again
}


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry of the stand-in's books. `names` are all ids that the product may know it by."""

    day: str  # ISO
    reference: str
    names: frozenset[str]
    moved: Decimal  # of the bank's own ledger account


class Stand(Protocol):
    app: str
    environment: str

    def furnish(self) -> None:
        """What is there before anybody logs in."""
        ...

    def log_in(self, login: str) -> Mapping[str, Any]:
        """Tokens as a token endpoint answers, or what people would type: in our form, or on the provider's page."""
        ...

    def add_dossier(self, number: int, name: str) -> None: ...

    def script(self, kind: str, *, write: bool, **more: Any) -> None:
        """Let a fault strike some of the calls, by the probability and seed in `more`."""
        ...

    def booked(self, number: int) -> Sequence[Booked]:
        """What stands in the books of the dossier with this number."""
        ...


class Control:
    """A call of a stand-in's control API; the keywords are the JSON that is sent."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"

    def __call__(self, verb: str, path: str, **body: Any) -> Any:
        answer = requests.request(verb, f"{self.root}/control/api/{path}", json=body or None, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None


class Exact:
    app, environment = "exact", "be"
    FIRST = 700_001

    def __init__(self, control: Control) -> None:
        self._control = control
        self._first = 0  # the division that a login lists the others from

    def furnish(self) -> None:
        # Renewals have a trial of their own; here a token outlives the run.
        self._control("PATCH", "settings", token_lifetime=86_400)

    def log_in(self, login: str) -> Mapping[str, Any]:
        user = {"environment": self.environment, "licence": "chaos", "role": "firm", "current": self._first}
        self._control("POST", "users", login=login, **user)
        tokens: Mapping[str, Any] = self._control(
            "POST", "grants", client_id=APP_ID, login=login, environment=self.environment
        )
        return tokens

    def add_dossier(self, number: int, name: str) -> None:
        place = {"country": "BE", "environment": self.environment, "licence": "chaos"}
        self._control("POST", "divisions", code=self.FIRST + number, name=name, **place)
        self._first = self._first or self.FIRST + number

    def script(self, kind: str, *, write: bool, **more: Any) -> None:
        where = {"method": "POST", "endpoint": "*/BankEntries"} if write else {"method": "GET", "endpoint": "*"}
        self._control("POST", "faults", kind=kind, times=None, **where, **more)

    def booked(self, number: int) -> Sequence[Booked]:
        entries = self._control("GET", f"ledger?division={self.FIRST + number}")["entries"]
        return [
            Booked(
                entry["lines"][0]["date"], next((line["notes"] for line in entry["lines"] if line["notes"]), ""),
                frozenset((entry["id"],)), _moved(entry["lines"], "gl_account", BOOKS["exact"].bank),
            )
            for entry in entries
        ]  # fmt: skip


class Package:
    """A package of the shared stand-in."""

    FIRST = 1000

    def __init__(self, app: str, control: Control) -> None:
        self.app, self._control = app, control
        self.host = f"{control.root}/{app}"
        self.environment = next(iter(registry.load(app).MANIFEST.hosts), self.host)

    def furnish(self) -> None:
        self._post("apps", client_id=APP_ID, secret=APP_SECRET, redirect_uris=[BACK])
        self._post("settings", token_lifetime=86_400)

    def log_in(self, login: str) -> Mapping[str, Any]:
        self._post("logins", login=login, licence="chaos")
        auth = registry.load(self.app).MANIFEST.auth
        if auth is AuthMode.OAUTH2:
            return dict(self._post("grants", login=login, app=APP_ID))
        if auth is AuthMode.HOSTED:
            return {"login": login}
        values = {"key": self._post("keys", login=login)["key"], "login": login, "host": self.host}
        return {name: text.format(**values) for name, text in BOOKS[self.app].form.items()}

    def add_dossier(self, number: int, name: str) -> None:
        country = BOOKS[self.app].country
        self._post("dossiers", code=str(self.FIRST + number), name=name, country=country, licence="chaos")

    def script(self, kind: str, *, write: bool, **more: Any) -> None:
        self._post("faults", kind=kind, write=write, times=None, **more)

    def booked(self, number: int) -> Sequence[Booked]:
        found = self._control("GET", f"ledger?package={self.app}&dossier={self.FIRST + number}")["entries"]
        return [
            Booked(
                entry["date"], entry["reference"],
                frozenset(str(entry[name]) for name in ("id", "seq", "number", "key", "reference")),
                _moved(entry["lines"], "account", BOOKS[self.app].bank),
            )
            for entry in found
            if entry["state"] == "posted"
        ]  # fmt: skip

    def _post(self, path: str, **body: Any) -> Any:
        return self._control("POST", path, package=self.app, **body)


def _moved(lines: Sequence[Mapping[str, Any]], account: str, bank: str) -> Decimal:
    return sum((Decimal(line["amount"]) for line in lines if line[account] == bank), Decimal(0))


# ------------------------------------------------------------------------------ processes


def variables(apps: Sequence[str], exact: int, packages: int) -> dict[str, str]:
    """What the product is told of the stand-ins on these ports."""
    found: dict[str, str] = {}
    for app in apps:
        names = APPS[app]
        hosts = (
            {"be": f"http://127.0.0.1:{exact}/be"} if app == "exact" else {"*": f"http://127.0.0.1:{packages}/{app}"}
        )
        told = {names.id: APP_ID, names.secret: APP_SECRET, names.hosts: json.dumps(hosts)}
        found |= {name: value for name, value in told.items() if name}
    return found


def start(module: str, port: int, home: Path, environment: Mapping[str, str], *more: str) -> subprocess.Popen[bytes]:
    """A stand-in as a process of its own that answers. Raises RuntimeError when it does not."""
    name = module.rpartition(".")[2]
    command = [sys.executable, "-m", module, "--port", str(port), "--data", str(home / "sandbox" / name), *more]
    log = home / "logs" / f"sandbox-{name}.log"
    with log.open("ab") as out:
        child = subprocess.Popen(command, cwd=ROOT, env=dict(environment), stdout=out, stderr=out)
    if not wait_until(lambda: answers(port, "/control/" if name == "packages" else "/control"), child, 60):
        raise RuntimeError(f"a stand-in did not start; see {log}")
    return child
