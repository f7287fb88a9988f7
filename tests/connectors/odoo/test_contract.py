"""The shared rules for bookkeeping connectors, kept by Odoo against its stand-in, over both protocols."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from requests.auth import AuthBase

from portal import conformance
from portal.connectors.base import Batching, EntryKind, LedgerAccount, OutgoingEntry, RemoteEntry
from portal.connectors.calls import decode, encode
from portal.connectors.errors import AlreadyPosted, AuthorisationExpired, ConnectorError, Rejected, Temporary
from portal.connectors.login import Application, Form
from portal.connectors.odoo import MANIFEST, connect, sign
from portal.connectors.odoo.client import Client
from portal.kernel import http
from tests.connectors.contract import BookkeepingContract
from tests.connectors.contract.entries import accounts_of, bank_entry, look_up, refusal_of, send
from tests.connectors.contract.world import Fault
from tests.connectors.package_world import LOCKED_UNTIL, LOGIN, OPEN_CODE, Control, PackageWorld, fresh, serving

DATABASE = "kantoor"


class OdooWorld(PackageWorld):
    key, connect = "odoo", staticmethod(connect)
    capabilities = MANIFEST.capabilities
    most_lines = 300  # Odoo has no such limit; the stand-in is given little time
    foreign_account = LedgerAccount("999999", "Nowhere", "999999999", "general")
    foreign_statuses: Sequence[int] = (403, 404, 200)  # XML-RPC refuses with 200

    def log_in(self) -> str:
        key: str = self.control.post("keys", login=LOGIN)["key"]
        return key

    def fill_in(self) -> Form:
        return Form(url=self.control.host, database=DATABASE, user=LOGIN, key=self.secret)

    def signature(self, host: str) -> AuthBase:
        return sign(self.form, Application("", ""), host)

    def name_of(self, row: Mapping[str, Any]) -> str:
        return str(row["seq"])

    def typed(self, **values: str) -> Client:
        """A connection for a form that says something else."""
        self.form = Form(self.form | values)
        made = self.connection_to(self.control.host)
        assert isinstance(made, Client)
        return made


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    yield from serving(OdooWorld, tmp_path_factory.mktemp("odoo"))


@pytest.fixture(params=[19, 17], ids=["json-2", "xml-rpc"])
def world(control: Control, request: pytest.FixtureRequest) -> OdooWorld:
    control.post("lock", dossier=OPEN_CODE, until=LOCKED_UNTIL)
    control.post(
        "settings", version=request.param, returns_none=False, account_taxes=False, may_book=True, approval=False
    )
    return fresh(OdooWorld, control)


class TestContract(BookkeepingContract):
    pass


# ------------------------------------------------------------------------------ protocols


@pytest.mark.parametrize(
    ("version", "path"), [(19, "/json/2/"), (20, "/json/2/"), (18, "/xmlrpc/2/"), (17, "/xmlrpc/2/")]
)
def test_the_server_is_asked_how_it_is_spoken_to(world: OdooWorld, version: int, path: str) -> None:
    world.control.post("settings", version=version)
    world.connection = world.connection_to(world.control.host)
    world.gate.calls.clear()
    assert world.connection.journals(world.dossier)
    assert world.connection.journals(world.dossier)
    endpoints = [call[2] for call in world.gate.calls if call[0] == "before"]
    assert endpoints.count("web/version") == 1
    assert ("authenticate" in endpoints) is (path == "/xmlrpc/2/")


def test_a_method_that_returns_nothing_has_done_its_work(world: OdooWorld) -> None:
    """Over XML-RPC it answers by a fault that says so."""
    world.control.post("settings", returns_none=True)
    entry = bank_entry(world)
    assert send(world, entry).id == look_up(world, entry)[0].id


@pytest.mark.parametrize(
    ("typed", "error", "code"),
    [
        ({"database": "nowhere"}, Rejected, "database_unknown"),
        ({"key": "another-key-0123456789"}, AuthorisationExpired, "authorisation_expired"),
    ],
)
def test_what_was_typed_wrong_is_told(
    world: OdooWorld, typed: dict[str, str], error: type[Exception], code: str
) -> None:
    caught = refusal_of(world.typed(**typed).identity)
    assert isinstance(caught, error)
    assert caught.code == f"odoo.{code}"


def test_who_is_logged_in_is_told_with_the_database(world: OdooWorld) -> None:
    identity = world.connection.identity()
    assert identity.user_id.startswith(f"{DATABASE}/")
    assert identity.default_dossier == world.dossier


def test_the_key_goes_to_its_own_server_only(world: OdooWorld) -> None:
    session = vars(world.connection)["_calls"]._session
    session.auth = sign(world.form, Application("", ""), "https://odoo.kantoor.be")
    with pytest.raises(ValueError, match="own provider"):
        world.connection.identity()


@pytest.mark.parametrize("host", ["https://127.0.0.1", "https://[::1]", "http://127.0.0.1:8069", "https://localhost"])
def test_a_server_inside_is_not_called(world: OdooWorld, host: str) -> None:
    """The session of an authorisation goes outward only, whatever address was kept."""
    session = http.session(outward_only=True)
    session.auth = sign(world.form, Application("", ""), host)
    error = refusal_of(connect(session, host, world.gate, world.form).identity)
    assert isinstance(error, Rejected)
    assert error.code == "odoo.not_public"


# ------------------------------------------------------------------------------ lock dates


def test_an_entry_that_odoo_would_move_is_not_sent(world: OdooWorld) -> None:
    world.control.post("lock", dossier=OPEN_CODE, until=world.open_day.isoformat())
    entry = bank_entry(world)
    world.gate.calls.clear()
    error = refusal_of(lambda: send(world, entry))
    assert (error.code, error.values) == ("odoo.period_closed", {"until": world.open_day.isoformat()})
    assert world.control.get("ledger", dossier=world.dossier, reference=entry.reference)["entries"] == []
    send(world, bank_entry(world, on=world.open_day + timedelta(1)))


def test_the_day_is_read_back_when_it_was_locked_meanwhile(world: OdooWorld) -> None:
    """The stand-in moves it as real ones do: to the end of the month after the lock date, without a word."""
    entry = bank_entry(world)
    until = (entry.date + timedelta(1)).isoformat()
    world.control.post("faults", kind="close_period", dossier=world.dossier, write=True, details={"until": until})
    posted = send(world, entry)
    assert posted.date is not None
    assert posted.date > entry.date
    assert look_up(world, entry)[0].date == posted.date


# ------------------------------------------------------------------------------ drafts


def drafts(world: OdooWorld, entry: OutgoingEntry) -> list[str]:
    found = world.control.get("ledger", dossier=world.dossier, reference=entry.reference)["entries"]
    return [str(row["state"]) for row in found]


def left_behind(world: OdooWorld, entry: OutgoingEntry) -> None:
    """A draft whose booking never arrived."""
    world.fault(Fault.LOST_BEFORE, write=True)
    refusal_of(lambda: send(world, entry))
    assert drafts(world, entry) == ["draft"]


def test_a_draft_is_not_in_the_books(world: OdooWorld) -> None:
    entry = bank_entry(world)
    left_behind(world, entry)
    assert list(look_up(world, entry)) == []
    listed = world.connection.entries(world.dossier, entry.kind, entry.journal, entry.date, entry.date)
    assert entry.reference not in [found.reference for found in listed]


def test_a_draft_that_was_left_behind_is_booked_and_not_made_again(world: OdooWorld) -> None:
    entry = bank_entry(world, "10.00", "-3.25")
    left_behind(world, entry)
    send(world, entry)
    assert drafts(world, entry) == ["posted"]


def test_a_draft_that_says_something_else_is_left_to_people(world: OdooWorld) -> None:
    entry = bank_entry(world)
    left_behind(world, entry)
    other = bank_entry(world, "99.00")
    error = refusal_of(lambda: send(world, replace(other, reference=entry.reference)))
    assert (error.code, drafts(world, entry)) == ("odoo.other_draft", ["draft"])


@pytest.mark.parametrize("lost", ["drop_before_commit", "drop_after_commit", "garbage", "500", "503"])
def test_a_draft_whose_answer_was_lost_leaves_no_doubt(world: OdooWorld, lost: str) -> None:
    """Nothing is booked before the second call: sending again is safe, and makes no second one."""
    entry = bank_entry(world)
    payload = world.connection.render(entry, accounts_of(world))
    world.control.post("faults", kind=lost, dossier=world.dossier, endpoint="account.move/create")
    error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
    assert isinstance(error, Temporary)
    assert not error.sent
    world.connection.post(world.dossier, entry.kind, payload)
    assert drafts(world, entry) == ["posted"]


def test_a_reference_that_is_booked_is_not_booked_again(world: OdooWorld) -> None:
    """Odoo itself would: the same reference twice is nothing to it."""
    entry = bank_entry(world)
    posted = send(world, entry)
    error = refusal_of(lambda: send(world, entry))
    assert isinstance(error, AlreadyPosted)
    assert error.external_id == posted.id
    assert drafts(world, entry) == ["posted"]


def test_what_waits_for_approval_is_told_and_is_not_booked(world: OdooWorld) -> None:
    world.control.post("settings", approval=True)
    entry = bank_entry(world)
    assert refusal_of(lambda: send(world, entry)).code == "odoo.not_booked"
    assert world.booked(entry.reference) == 0


def test_a_user_who_may_not_book_is_told(world: OdooWorld) -> None:
    world.control.post("settings", may_book=False)
    error = refusal_of(lambda: send(world, bank_entry(world)))
    assert (error.code, error.status) == ("odoo.user_rights", 403)


def test_taxes_of_the_account_are_not_added(world: OdooWorld) -> None:
    """Odoo 17 books those of the ledger account on an entry that names none."""
    world.control.post("settings", account_taxes=True)
    entry = bank_entry(world, "121.00")
    lines = tuple(
        replace(line, ledger_account="702000") if line.ledger_account == world.suspense_account else line
        for line in entry.lines
    )
    send(world, replace(entry, lines=lines))
    (found,) = look_up(world, entry)
    assert [(line.ledger_account, line.amount) for line in found.lines] == [("702000", Decimal(-121))]


def test_an_unbalanced_payload_is_refused_in_odoos_words(world: OdooWorld) -> None:
    """What got past our own check is still refused as a whole."""
    entry = bank_entry(world)
    document = decode(world.connection.render(entry, accounts_of(world)))
    document["values"]["line_ids"][0][2]["debit"] = 7
    error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, encode(document)))
    assert isinstance(error, Rejected)
    assert (error.code, error.status) == ("odoo.unbalanced", 422)
    assert "not balanced" in error.provider_text
    assert drafts(world, entry) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [({"journal": "ZZ"}, "journal_unknown"), ({"currency": "USD"}, "currency"), ({"journal": "90"}, "journal_type")],
)
def test_what_odoo_would_book_wrong_is_told_before(world: OdooWorld, change: dict[str, str], code: str) -> None:
    entry = replace(bank_entry(world), **change)  # type: ignore[arg-type]  # fields of text
    world.gate.calls.clear()
    assert refusal_of(lambda: send(world, entry)).code == f"odoo.{code}"
    assert drafts(world, entry) == []


@pytest.mark.parametrize("dossier", ["", "0", "x", "1; drop", "99999999"])
def test_a_dossier_that_is_no_company_is_told(world: OdooWorld, dossier: str) -> None:
    assert refusal_of(lambda: world.connection.journals(dossier)).code == "odoo.company_foreign"


# ------------------------------------------------------------------------------ batches


def batch(world: OdooWorld, *entries: OutgoingEntry) -> Sequence[RemoteEntry | ConnectorError]:
    accounts = accounts_of(world)
    payloads = [world.connection.render(entry, accounts) for entry in entries]
    assert isinstance(world.connection, Batching)
    world.gate.calls.clear()
    return world.connection.post_many(world.dossier, entries[0].kind, payloads)


def test_a_batch_is_booked_in_one_call(world: OdooWorld) -> None:
    entries = [bank_entry(world, f"{number}.10") for number in range(1, 21)]
    answers = batch(world, *entries)
    assert world.gate.writes == 1
    assert len([call for call in world.gate.calls if call[0] == "before"]) <= 10
    for entry, answer in zip(entries, answers, strict=True):
        assert isinstance(answer, RemoteEntry)
        assert answer.reference == entry.reference
        assert answer == look_up(world, entry)[0]  # with its lines: what a batch holds is held against ours at once


def test_in_a_batch_each_has_its_own_answer(world: OdooWorld) -> None:
    """One is there already, one is locked, one is refused by Odoo; the others are booked."""
    there, good, late, other = (bank_entry(world, f"{number}.00") for number in range(1, 5))
    send(world, there)
    closed = bank_entry(world, on=world.closed_day)
    nowhere = accounts_of(world) | {world.suspense_account: world.foreign_account}
    accounts = accounts_of(world)
    payloads = [world.connection.render(entry, accounts) for entry in (there, good, closed)]
    payloads += [world.connection.render(late, nowhere), world.connection.render(other, accounts)]
    assert isinstance(world.connection, Batching)
    answers = world.connection.post_many(world.dossier, EntryKind.BANK, payloads)
    told = [answer.code if isinstance(answer, ConnectorError) else "booked" for answer in answers]
    assert told == ["already_posted", "booked", "odoo.period_closed", "odoo.account_unknown", "booked"]
    assert [world.booked(entry.reference) for entry in (there, good, closed, late, other)] == [1, 1, 0, 0, 1]


def test_a_batch_in_doubt_is_wholly_in_doubt(world: OdooWorld) -> None:
    entries = [bank_entry(world, "1.00"), bank_entry(world, "2.00")]
    world.fault(Fault.LOST_AFTER, write=True)
    error = refusal_of(lambda: batch(world, *entries))
    assert isinstance(error, Temporary)
    assert error.sent
    assert [len(look_up(world, entry)) for entry in entries] == [1, 1]


def test_an_entry_by_hand_is_listed_and_is_not_ours(world: OdooWorld) -> None:
    day = world.open_day - timedelta(40)
    lines = [{"account": "550000", "amount": "5.00", "text": "Hand"}, {"account": "499000", "amount": "-5.00"}]
    world.control.post("entries", dossier=OPEN_CODE, journal="20", date=day.isoformat(), lines=lines)
    *_, found = world.connection.entries(world.dossier, EntryKind.BANK, "20", day, day)
    assert (found.reference, found.total_debit, found.line_count) == ("", Decimal(5), 1)


# ------------------------------------------------------------------------------ the command


def conform(world: OdooWorld, **options: str) -> tuple[int, dict[str, str]]:
    out = io.StringIO()
    named = {"url": world.control.host, "database": DATABASE, "user": LOGIN, "key": world.secret}
    foreign = {"dossier": world.dossier, "foreign": world.foreign_dossier}
    status = conformance.run("odoo", named | foreign | options, out)
    rows = out.getvalue().splitlines()[1:-1]
    return status, {row[:34].strip(): row[34:43].strip() for row in rows}


def test_the_command_tries_every_row(world: OdooWorld) -> None:
    """It books without being told to: who runs it names a server and a database."""
    status, rows = conform(world)
    assert (status, set(rows.values())) == (0, {"ok"})
    assert {"post", "post a batch", "repeat", "refuse a closed period", "refuse an unbalanced entry"} <= set(rows)


def test_the_command_books_nothing_when_told_so(world: OdooWorld) -> None:
    status, rows = conform(world, write="no")
    assert (status, rows["post"], rows["refuse a foreign dossier"]) == (0, "skipped", "ok")


def test_the_command_fails_on_what_was_typed_wrong(world: OdooWorld) -> None:
    status, rows = conform(world, database="nowhere")
    assert (status, rows.pop("log in"), set(rows.values())) == (1, "failed", {"skipped"})
