"""A world of the shared contract for any package of `sandbox.packages`.

A connector's test module says what its package is like, and inherits the rest:

    class XeroWorld(PackageWorld):
        key, connect = "xero", staticmethod(connect)
        capabilities = MANIFEST.capabilities
        ...

    @pytest.fixture(scope="module")
    def control(tmp_path_factory):
        yield from serving(XeroWorld, tmp_path_factory.mktemp("xero"))

    @pytest.fixture
    def world(control):
        return fresh(XeroWorld, control)

    class TestContract(BookkeepingContract):
        pass
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import requests
from requests.auth import AuthBase

from portal.connectors.base import Bookkeeping, EntryKind, LedgerAccount
from portal.connectors.calls import Calls
from portal.connectors.login import Form
from portal.connectors.manifest import Capabilities
from portal.kernel import http
from sandbox.packages import serve
from tests.connectors.contract.world import Fault, RecordingGate

LOGIN, OPEN_CODE, FOREIGN_CODE = "kantoor", "500001", "500002"
OPEN, CLOSED, LOCKED_UNTIL = date(2026, 3, 18), date(2026, 1, 15), "2026-01-31"
FAULTS: dict[Fault, dict[str, Any]] = {
    Fault.LOST_BEFORE: {"kind": "drop_before_commit"},
    Fault.LOST_AFTER: {"kind": "drop_after_commit"},
    Fault.LATE: {"kind": "commit_late", "seconds": 30},
    Fault.RATE_LIMITED: {"kind": "429", "seconds": 17},
    Fault.FAULTY: {"kind": "500"},
    Fault.BUSY: {"kind": "503"},
    Fault.SLOW: {"kind": "slow_after", "seconds": 1.2},
    Fault.GARBAGE: {"kind": "garbage"},
    Fault.TRUNCATED: {"kind": "truncated"},
}


class Control:
    """The control of the stand-ins, for one package; the connector knows nothing of it."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        self._session = http.session()

    def __call__(self, method: str, path: str, **sent: Any) -> Any:
        answer = self._session.request(method, f"{self.url}/control/api/{path}", **sent)
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content else None

    def get(self, path: str, **query: Any) -> Any:
        return self("GET", path, params={"package": self.key, **query})

    def post(self, path: str, **body: Any) -> Any:
        return self("POST", path, json={"package": self.key, **body})

    @property
    def host(self) -> str:
        return f"{self.url}/{self.key}"


class Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class PackageWorld:
    """See `contract.world.World`. A subclass overrides what its package has otherwise."""

    key: ClassVar[str]
    connect: ClassVar[Any]  # the connector's `connect`, as a staticmethod
    capabilities: Capabilities
    others: ClassVar[int] = 64  # dossiers that the login sees besides the open one
    country: ClassVar[str] = "BE"

    most_lines = 1100
    foreign_statuses: Sequence[int] = (403, 404)
    party_lines = True
    tells_closed = tells_who = True
    bank_journal, general_journal = "20", "90"
    bank_account, suspense_account = "550000", "499000"
    foreign_account = LedgerAccount("999999", "Nowhere", "00000000-0000-4000-8000-000000000000", "general")
    open_day, closed_day = OPEN, CLOSED
    invoice_journals: Mapping[EntryKind, str] = {EntryKind.SALES: "70", EntryKind.PURCHASE: "60"}
    party_accounts: Mapping[EntryKind, str] = {EntryKind.SALES: "400000", EntryKind.PURCHASE: "440000"}
    result_account, vat_code = "702000", "4"

    def __init__(self, control: Control) -> None:
        self.control = control
        self.secret = self.log_in()
        self.gate = RecordingGate()
        self.form = self.fill_in()
        named = {row["code"]: row for row in control.get("dossiers")["dossiers"]}
        self.dossier, self.foreign_dossier = (self.name_of(named[code]) for code in (OPEN_CODE, FOREIGN_CODE))
        self.dossier_count = self.others + 1
        relations = control.get("lists/relations", dossier=OPEN_CODE)["rows"]
        self.relation = self.name_of(next(row for row in relations if row["customer"] and row["supplier"]))
        self.connection = self.connection_to(control.host)
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.unreachable = self.connection_to(f"http://127.0.0.1:{port}/{self.key}")

    # -------------------------------------------------------------------------- what a package may do otherwise

    @classmethod
    def prepare(cls, control: Control) -> None:
        """Once for all tests of a module, after the dossiers and the login were made."""

    def log_in(self) -> str:
        """Makes what signs the requests: an access token; override for keys (`control.post("keys", …)["key"]`)."""
        token: str = self.control.post("grants", login=LOGIN)["access_token"]
        return token

    def fill_in(self) -> Form:
        """What people would type in the form of the manifest."""
        return Form()

    def signature(self, host: str) -> AuthBase:
        return Bearer(self.secret)

    def name_of(self, row: Mapping[str, Any]) -> str:
        """What the connector calls a dossier or relation, given its row: its GUID, `code`, or `str(row["seq"])`."""
        return str(row["id"])

    # -------------------------------------------------------------------------- the same for all

    def connection_to(self, host: str) -> Bookkeeping:
        session = http.session(connect=1, read=0.6)
        session.auth = self.signature(host)
        made: Bookkeeping = type(self).connect(session, host, self.gate, self.form)
        patient(made)
        return made

    def fault(self, fault: Fault, *, write: bool, times: int = 1) -> None:
        self.control.post("faults", write=write, times=times, dossier=self.dossier, **FAULTS[fault])

    def expire(self) -> None:
        self.control.post("withdraw")

    def settle(self) -> None:
        self.control.post("clock", advance=31)

    def booked(self, reference: str) -> int:
        found = self.control.get("ledger", dossier=self.dossier, reference=reference)["entries"]
        return sum(1 for entry in found if entry["state"] == "posted")

    def balance(self, ledger_account: str) -> Decimal:
        balances = self.control.get("balances", dossier=self.dossier)["balances"]
        return Decimal(balances.get(ledger_account, "0"))


def patient(connection: object) -> None:
    """No waiting between repeated reads: every `Calls` that the connection holds is told so."""
    for held in vars(connection).values():
        if isinstance(held, Calls):
            vars(held)["_sleep"] = lambda seconds: None


def serving(world: type[PackageWorld], data: Path) -> Iterator[Control]:
    """A server with the dossiers and the login of the world, for a module's fixture."""
    running = serve(port=0, data=data)
    control = Control(running.url, world.key)
    control.post("logins", login=LOGIN, company="Kantoor Peeters")
    control.post("dossiers", code=OPEN_CODE, name="Bakkerij", country=world.country)
    control.post("dossiers", code=FOREIGN_CODE, name="Ander", country=world.country, licence="other")
    for number in range(world.others):
        control.post("dossiers", code=str(600000 + number), name="Klant", country=world.country)
    control.post("lock", dossier=OPEN_CODE, until=LOCKED_UNTIL)
    world.prepare(control)
    yield control
    running.stop()


W = TypeVar("W", bound=PackageWorld)


def fresh(world: type[W], control: Control) -> W:
    """The world without faults, limits or shifts of the clock that an earlier test left behind.

    The clock stands still, so that no limit is lifted in the middle of a test.
    """
    control("DELETE", "faults")
    control.post("clock", real=True, freeze=True)
    control.post("settings", per_window=0, per_day=0, at_once=0)
    return world(control)
