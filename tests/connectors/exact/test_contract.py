"""The shared rules for bookkeeping connectors, kept by Exact against its stand-in server."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from portal import conformance
from portal.connectors.base import Bookkeeping, EntryKind, LedgerAccount
from portal.connectors.errors import Temporary
from portal.connectors.exact import MANIFEST
from portal.connectors.exact.client import Client
from portal.kernel import http
from sandbox.exact import Running, serve
from tests.connectors.contract import BookkeepingContract
from tests.connectors.contract.entries import bank_entry, look_up, refusal_of, send
from tests.connectors.contract.world import Fault, RecordingGate, World

ENVIRONMENT, APP = "be", "11111111-2222-3333-4444-555555555555"
DOSSIER, FOREIGN, FIRST_OTHER, OTHERS = 500001, 500002, 600000, 64
OPEN, CLOSED = date(2026, 3, 18), date(2026, 1, 15)
FAULTS: dict[Fault, dict[str, Any]] = {
    Fault.LOST_BEFORE: {"kind": "drop_before_commit"},
    Fault.LOST_AFTER: {"kind": "drop_after_commit"},
    Fault.LATE: {"kind": "commit_late", "seconds": 30},
    Fault.FAULTY: {"kind": "500"},
    Fault.BUSY: {"kind": "503"},
    Fault.SLOW: {"kind": "slow", "seconds": 1.2, "phase": "after"},
    Fault.GARBAGE: {"kind": "garbage"},
    Fault.TRUNCATED: {"kind": "truncated"},
}


class Control:
    """The stand-in's own control, which the connector knows nothing of."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = http.session()

    def __call__(self, method: str, path: str, **sent: Any) -> Any:
        answer = self._session.request(method, f"{self.url}/control/api/{path}", **sent)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def post(self, path: str, **body: Any) -> Any:
        return self("POST", path, json=body)


class Bearer(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class ExactWorld:
    """See `contract.world.World`."""

    capabilities = MANIFEST.capabilities
    dossier, foreign_dossier = str(DOSSIER), str(FOREIGN)
    dossier_count = OTHERS + 1
    bank_journal, general_journal = "20", "90"
    bank_account, suspense_account = "550000", "499000"
    foreign_statuses: Sequence[int] = (403, 404)
    most_lines, party_lines = 1100, True
    tells_closed = tells_who = True
    foreign_account = LedgerAccount("999999", "Nowhere", "00000000-0000-4000-8000-000000000000", "general")
    open_day, closed_day = OPEN, CLOSED
    result_account, vat_code = "702000", "4"

    def __init__(self, control: Control) -> None:
        self._control = control
        self.invoice_journals: Mapping[EntryKind, str] = {EntryKind.SALES: "70", EntryKind.PURCHASE: "60"}
        self.party_accounts: Mapping[EntryKind, str] = {EntryKind.SALES: "400000", EntryKind.PURCHASE: "440000"}
        self.secret = control.post("grants", environment=ENVIRONMENT, client_id=APP, login="kantoor")["access_token"]
        self.gate = RecordingGate()
        self.connection: Bookkeeping = self._connect(control.url)
        self.relation = self._relation()
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.unreachable: Bookkeeping = self._connect(f"http://127.0.0.1:{port}")

    def _connect(self, url: str) -> Client:
        session = http.session(connect=1, read=0.6)
        session.auth = Bearer(self.secret)
        return Client(session, f"{url}/{ENVIRONMENT}", self.gate, sleep=lambda seconds: None)

    def _relation(self) -> str:
        """Made at the provider, as a bookkeeper does."""
        address = f"{self._control.url}/{ENVIRONMENT}/api/v1/{DOSSIER}/crm/Accounts"
        body = {"Name": "Maalderij Callens", "VATNumber": "BE0417497106", "Status": "C", "IsSupplier": True}
        headers = {"Authorization": f"Bearer {self.secret}", "Accept": "application/json"}
        answer = http.session().post(address, json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        made: str = answer.json()["d"]["ID"]
        return made

    def fault(self, fault: Fault, *, write: bool, times: int = 1) -> None:
        if fault is Fault.RATE_LIMITED:
            self._control.post("settings", per_minute=1)
        else:
            method = "POST" if write else "GET"
            self._control.post("faults", division=DOSSIER, method=method, times=times, **FAULTS[fault])

    def expire(self) -> None:
        grant = self._control("GET", "grants")["grants"][-1]
        self._control.post(f"grants/{grant['id']}/revoke")

    def settle(self) -> None:
        self._control.post("clock", advance=31)

    def booked(self, reference: str) -> int:
        entries = self._control("GET", "ledger", params={"division": DOSSIER, "reference": reference})["entries"]
        return sum(1 for entry in entries if any(line["notes"] == reference for line in entry["lines"]))

    def balance(self, ledger_account: str) -> Decimal:
        balances = self._control("GET", "balances", params={"division": DOSSIER})["balances"]
        return sum((Decimal(row["balance"]) for row in balances if row["gl_account"] == ledger_account), Decimal(0))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving(tmp_path_factory.mktemp("exact"))


def serving(data: Path) -> Iterator[Running]:
    """The stand-in with the dossiers and the login of these tests."""
    running = serve(port=0, data=data)
    control = Control(running.url)
    control.post("apps", client_id=APP, name="Test", secret="s", redirect_uris=["http://127.0.0.1:*"])
    control.post("divisions", code=DOSSIER, name="Bakkerij", country="BE", environment=ENVIRONMENT)
    control.post("divisions", code=FOREIGN, name="Ander", country="BE", environment=ENVIRONMENT, licence="other")
    for number in range(OTHERS):
        control.post("divisions", code=FIRST_OTHER + number, name="Klant", country="BE", environment=ENVIRONMENT)
    control.post("users", login="kantoor", environment=ENVIRONMENT, current=DOSSIER)
    control.post("periods", division=DOSSIER, year=CLOSED.year, period=CLOSED.month, journal="20", status="closed")
    yield running
    running.stop()


@pytest.fixture
def control(server: Running) -> Control:
    """Without limits, faults or shifts of the clock that an earlier test left behind."""
    control = Control(server.url)
    control("DELETE", "faults")
    control.post("clock", real=True)
    control.post(
        "settings", per_minute=0, per_day=0, errors_per_hour=0, post_echo="full", post_status=201, unfilterable={}
    )
    return control


@pytest.fixture
def world(control: Control) -> World:
    """The clock stands still, so that no limit of the minute is lifted in the middle of a test."""
    control.post("clock", freeze=True)
    return ExactWorld(control)


class TestContract(BookkeepingContract):
    pass


def test_a_lost_ledger_account_is_seen_when_read_back(world: World) -> None:
    """Exact takes an account of another dossier without a word and books the line on none."""
    entry = bank_entry(world)
    others = {account.code: account for account in world.connection.ledger_accounts(str(FIRST_OTHER))}
    payload = world.connection.render(entry, others)
    world.connection.post(world.dossier, entry.kind, payload)
    (found,) = look_up(world, entry)
    assert [line.ledger_account for line in found.lines] == [""]


def test_an_echo_of_the_key_alone_is_enough(world: World, control: Control) -> None:
    control.post("settings", post_echo="nulls", post_status=200)
    entry = bank_entry(world)
    assert send(world, entry).id == look_up(world, entry)[0].id


def test_a_refused_filter_does_not_hide_an_entry(world: World, control: Control) -> None:
    entry = bank_entry(world)
    send(world, entry)
    control.post("settings", unfilterable={"bulk/Financial/TransactionLines": ["Notes"]})
    assert [found.reference for found in look_up(world, entry)] == [entry.reference]


def test_a_real_minute_limit_tells_when_it_ends(world: World, control: Control) -> None:
    control.post("settings", per_minute=1)
    error = refusal_of(lambda: [world.connection.journals(world.dossier) for _ in range(2)])
    assert isinstance(error, Temporary)
    assert error.retry_after is not None
    assert 1 <= error.retry_after <= 60


@pytest.mark.parametrize("environment", list(MANIFEST.hosts))
def test_every_environment_is_a_world_of_its_own(control: Control, environment: str) -> None:
    code = 700000 + list(MANIFEST.hosts).index(environment)
    control.post(
        "divisions", code=code, name="Klant", country=environment.upper(), environment=environment, licence="l"
    )
    control.post("users", login="ander", environment=environment, current=code, licence="l")
    minted = control.post("grants", environment=environment, client_id=APP, login="ander")
    session = http.session()
    session.auth = Bearer(minted["access_token"])
    connection = Client(session, f"{control.url}/{environment}", RecordingGate())
    assert connection.identity().default_dossier == str(code)
    assert [(dossier.code, dossier.country) for dossier in connection.dossiers()] == [(str(code), environment.upper())]
    assert connection.ledger_accounts(str(code))


# ------------------------------------------------------------------------------ the command


def conform(control: Control, world: ExactWorld, **options: str) -> tuple[int, dict[str, str]]:
    out = io.StringIO()
    given = {"host": f"{control.url}/{ENVIRONMENT}", "token": world.secret, "foreign": str(FOREIGN)} | options
    status = conformance.run("exact", given, out)
    rows = out.getvalue().splitlines()[1:-1]
    return status, {row[:34].strip(): row[34:43].strip() for row in rows}


def test_the_command_tries_every_row(control: Control, world: ExactWorld) -> None:
    status, rows = conform(control, world, write="yes", dossier=world.dossier)
    assert rows.pop("post a batch") == "skipped"  # it has none
    assert (status, set(rows.values())) == (0, {"ok"})
    assert len(rows) == len(conformance.ROWS) - 1


def test_the_command_books_nothing_unless_told(control: Control, world: ExactWorld) -> None:
    before = len(control("GET", "ledger")["entries"])
    status, rows = conform(control, world)
    assert (status, rows["post"], rows["find again"]) == (0, "skipped", "skipped")
    assert len(control("GET", "ledger")["entries"]) == before


def test_the_command_fails_when_a_row_fails(control: Control, world: ExactWorld) -> None:
    status, rows = conform(control, world, foreign=world.dossier)
    assert (status, rows["refuse a foreign dossier"]) == (1, "failed")


def test_the_command_stops_when_it_cannot_log_in(control: Control, world: ExactWorld) -> None:
    status, rows = conform(control, world, token="made-up-token", write="yes")
    assert (status, rows.pop("log in")) == (1, "failed")
    assert set(rows.values()) == {"skipped"}


@pytest.mark.parametrize(
    ("key", "options", "complaint"),
    [
        ("nothing", {}, "no connector 'nothing'"),
        ("exact", {}, "'host' is needed"),
        ("exact", {"host": "be"}, "'token' is needed"),
        ("exact", {"host": "mars", "token": "x"}, "neither an address"),
        ("exact", {"host": "be", "token": "@/nowhere/at/all"}, "cannot read the token"),
        ("exact", {"host": "be", "token": "x", "colour": "red"}, "no option 'colour'"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_options(key: str, options: dict[str, str], complaint: str) -> None:
    with pytest.raises(conformance.BadOption, match=complaint):
        conformance.run(key, options, io.StringIO())


def test_a_token_may_stand_in_a_file(tmp_path: Path, control: Control, world: ExactWorld) -> None:
    kept = tmp_path / "token"
    kept.write_text(world.secret + "\n")
    assert conform(control, world, token=f"@{kept}")[0] == 0
