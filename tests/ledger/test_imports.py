"""Files through the front door: stored, known already, or refused and why."""

from __future__ import annotations

import io
import threading
from datetime import date
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import func, select

from bench.makers.camt import camt_file
from bench.makers.coda import coda_file
from portal.access import Scope
from portal.activity.service import timeline
from portal.connectors.statement import LineDetail, StatementLine
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.ledger import gathering, wording
from portal.ledger.accounts import accounts, bank_of, in_fours, rename_account
from portal.ledger.imports import clean_name, import_file
from portal.ledger.models import BankAccount, Entry, Import, Statement
from portal.ledger.models import StatementLine as StoredLine
from portal.ledger.undoing import delete_import
from tests import factories as make
from tests.connectors.files import camt_documents as camt
from tests.ledger.conftest import Bring
from tests.ledger.making import Cut, bring_in, statement, stored

NOW, DAY = clock.now(), date(2024, 1, 31)
LATER = "<BookgDt><Dt>2024-02-01</Dt></BookgDt><ValDt><Dt>2024-02-01</Dt></ValDt>"


def count(scope: Scope, model: type[StoredLine] | type[Statement] | type[Import]) -> int:
    query = select(func.count()).select_from(model).where(model.tenant_id == scope.tenant_id)
    return scope.session.scalar(query) or 0


SMALL = camt.document(
    camt.statement(
        camt.balance("OPBD", "100.00"),
        camt.balance("CLBD", "90.00"),
        camt.entry("5.00", details=camt.transaction(text="one")),
        camt.entry("15.00", "DBIT", details=camt.transaction(text="two")),
    )
)
BROKEN = SMALL.replace(b">90.00<", b">91.00<")


def test_a_file_is_stored_and_told(scope: Scope, bring: Bring) -> None:
    row = bring(SMALL)
    assert (row.state, row.format, row.stored, row.known, row.size) == ("stored", "camt053", 2, 0, len(SMALL))
    assert wording.RESULTS[wording.result_of(row)].format(stored=2, known=0)
    assert [a.tag for a in timeline(scope)] == ["import.stored", "bank_account.seen"]


def test_the_same_file_again_is_known(scope: Scope, bring: Bring) -> None:
    bring(SMALL)
    again = bring(SMALL, "renamed by a person.xml")
    assert (again.state, again.stored, again.known) == ("known", 0, 2)
    assert wording.result_of(again) == "known"
    assert (count(scope, StoredLine), count(scope, Statement), count(scope, Import)) == (2, 1, 2)


def test_a_download_with_a_new_number_is_known_too(bring: Bring) -> None:
    bring(SMALL)
    assert bring(SMALL.replace(b"S-12<", b"S-13<").replace(b">12<", b">13<")).state == "known"


def test_a_refused_file_stores_nothing_but_the_reason(scope: Scope, bring: Bring) -> None:
    row = bring(BROKEN)
    assert (row.state, row.code, row.values["closing"]) == ("refused", "camt.balance", "91.00")
    assert (count(scope, StoredLine), count(scope, Statement), accounts(scope)) == (0, 0, [])
    assert wording.result_of(row) == ""


def test_a_good_file_after_a_refused_one_in_the_same_request(scope: Scope, bring: Bring) -> None:
    assert [bring(data).state for data in (BROKEN, SMALL, b"", SMALL)] == ["refused", "stored", "refused", "known"]
    assert count(scope, StoredLine) == 2


def test_a_good_statement_before_a_broken_one_is_not_stored(scope: Scope, bring: Bring) -> None:
    bad = camt.statement(camt.balance("OPBD", "1.00"), camt.balance("CLBD", "3.00"), camt.entry("1.00"))
    good = camt.statement(camt.balance("OPBD", "0.00"), camt.balance("CLBD", "1.00"), camt.entry("1.00"))
    assert bring(camt.document(good, bad)).state == "refused"
    assert count(scope, Statement) == 0


def test_a_file_of_another_account_is_refused_on_the_page_of_one(scope: Scope, bring: Bring) -> None:
    other = BankAccount(tenant_id=scope.tenant_id, number="BE43068999999501", currency="EUR", name="x", created_at=NOW)
    scope.session.add(other)
    scope.session.flush()
    row = bring(SMALL, expected=other.id)
    assert (row.state, row.code, row.values["found"]) == ("refused", "file.other_account", camt.IBAN)
    assert "{" not in wording.REFUSALS[row.code].format(**row.values)
    with pytest.raises(NotFound):
        bring(SMALL, expected="00000000-0000-0000-0000-000000000001")


@pytest.mark.parametrize("amount", ["99999999999999.00", "9999999999999.99"])
def test_an_amount_beyond_the_ledger_is_refused(bring: Bring, amount: str) -> None:
    many = [camt.entry(amount) for _ in range(30)]
    row = bring(camt.document(camt.statement(*many)))
    assert row.state == "refused"
    assert row.code in ("camt.amount", "file.amount")


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 100, b"%PDF-1.7", b"<html/>", "é€".encode("utf-16"), b"0" * 128, SMALL[:-200]]
)
def test_nonsense_is_refused_with_words(scope: Scope, bring: Bring, content: bytes) -> None:
    row = bring(content)
    assert (row.state, row.stored) == ("refused", 0)
    assert row.code


def test_too_many_statements_of_one_day_are_refused(bring: Bring) -> None:
    one = [
        camt.statement(camt.balance("OPBD", f"{n}.00"), camt.balance("CLBD", f"{n + 1}.00"), camt.entry("1.00"))
        for n in range(101)
    ]
    row = bring(camt.document(*one))
    assert row.code == "file.statements_a_day"


def test_an_empty_statement_continues_the_chain(bring: Bring) -> None:
    empty = camt.document(camt.statement(camt.balance("OPBD", "90.00"), camt.balance("CLBD", "90.00")))
    assert wording.result_of(bring(empty)) == "empty"
    assert wording.result_of(bring(empty)) == "known_empty"


def test_the_same_movements_as_coda_and_as_camt_are_stored_once(scope: Scope, bring: Bring, tmp_path: Path) -> None:
    """As two independent writers put them into files: other texts, other references, other layout."""
    coda, xml = tmp_path / "a.cod", tmp_path / "b.xml"
    coda_file(coda, 3, 60)
    camt_file(xml, 3, 60)
    assert [(r.stored, r.known) for r in (bring(coda), bring(xml))] == [(180, 0), (0, 180)]
    assert count(scope, StoredLine) == 180


def test_two_imports_at_once_store_each_line_once(database: Database) -> None:
    client = make.make_tenant(database, "client", "Twee tegelijk")
    results: list[tuple[int, int]] = []

    def work() -> None:
        with database.session() as session:
            row = import_file(make.scope_in(session, client), "a.xml", io.BytesIO(SMALL), len(SMALL))
            session.commit()
            results.append((row.stored, row.known))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(0, 2)] * 5 + [(2, 0)]


@pytest.mark.parametrize("held", [0, 2_000])
def test_every_field_comes_back_as_it_was(scope: Scope, held: int) -> None:
    texts = ['a "quoted" \\ text', "NULL", "{1,2}", "", "tab\tand\nline", "é€漢 'x'"]
    given = [
        StatementLine(
            DAY, None if n % 2 else DAY, Decimal("-0.00001") * n, text, text, text, text, text, text, text, text,
            (LineDetail(Decimal("1.10"), text, reference=text),) if n % 3 else (),
        )
        for n, text in enumerate(texts)
    ]  # fmt: skip
    with patch.object(gathering, "HELD", held):
        row = bring_in(scope, statement(camt.IBAN, Cut(given, Decimal("10.5"))))
    kept = {line.position: line for line in stored(scope, camt.IBAN)}
    for position, line in enumerate(given, 1):
        found = kept[position]
        names = ("date", "value_date", "amount", "description", "counterparty", "counterparty_account", "reference",
                 "end_to_end_id", "bank_reference", "transaction_code")  # fmt: skip
        assert [getattr(found, name) for name in names] == [getattr(line, name) for name in names]
        assert [d["description"] for d in found.details or ()] == [d.description for d in line.details if d.description]
    head = scope.session.scalars(select(Statement).where(Statement.import_id == row.id)).one()
    assert (head.opening, head.closing, head.line_count) == (Decimal("10.5"), kept[6].balance, 6)
    scope.session.refresh(row)
    assert (row.state, row.stored, row.warnings, row.values, row.line) == ("stored", 6, [], {}, None)


# ------------------------------------------------------------------ taking out again


def test_a_file_can_be_taken_out_again(scope: Scope, bring: Bring) -> None:
    row = bring(SMALL)
    assert delete_import(scope, row.id) == 2
    scope.session.flush()
    assert (count(scope, StoredLine), count(scope, Statement), count(scope, Import)) == (0, 0, 0)
    assert bring(SMALL).stored == 2


def test_not_while_a_later_file_counts_on_its_lines(scope: Scope, bring: Bring) -> None:
    first = bring(SMALL)
    longer = bring(
        camt.document(
            camt.statement(
                camt.balance("OPBD", "100.00"),
                camt.balance("CLBD", "91.00"),
                camt.entry("5.00", details=camt.transaction(text="one")),
                camt.entry("15.00", "DBIT", details=camt.transaction(text="two")),
                camt.entry("1.00", details=camt.transaction(text="three"), dates=LATER),
            )
        )
    )
    assert (longer.stored, longer.known) == (1, 2)
    with pytest.raises(Conflict) as told:
        delete_import(scope, first.id)
    assert told.value.code == "import.shared"
    delete_import(scope, longer.id)
    assert delete_import(scope, first.id) == 2


def test_not_once_a_line_is_in_an_entry(scope: Scope, bring: Bring, database: Database) -> None:
    row = bring(SMALL)
    line = scope.session.scalars(select(StoredLine).where(StoredLine.tenant_id == scope.tenant_id)).first()
    assert line is not None
    line.entry_id = entry_of(scope, database).id
    scope.session.flush()
    with pytest.raises(Conflict) as told:
        delete_import(scope, row.id)
    assert told.value.code == "import.drafted"


def entry_of(scope: Scope, database: Database) -> Entry:
    from portal.kernel.vault import Kek, Vault
    from portal.tenants.models import Tenant

    client = scope.session.get(Tenant, scope.tenant_id)
    assert client is not None
    authorisation = make.make_authorisation(database, Vault([Kek("tests", bytes(32))]), client)
    coupling = make.make_coupling(database, client, authorisation)
    configuration = make.make_configuration(database, coupling, make.make_bank_account(database, client))
    entry = Entry(
        tenant_id=scope.tenant_id, configuration_id=configuration.id, coupling_id=coupling.id, kind="bank",
        reference="KP-TEST", period_start=DAY, period_end=DAY, sequence=0, journal="20",
        bank_ledger_account="550000", date=DAY, currency="EUR", created_at=NOW,
    )  # fmt: skip
    scope.session.add(entry)
    scope.session.flush()
    return entry


# ------------------------------------------------------------------ accounts and names


def test_an_account_is_named_after_its_bank_or_its_number() -> None:
    assert bank_of("BE43068999999501")[1] == "GKCCBEBB"
    assert bank_of("not an iban") == ("", "")
    assert (in_fours("BE68539007547034"), in_fours("12345")) == ("BE68 5390 0754 7034", "12345")


def test_an_account_can_be_renamed(scope: Scope, bring: Bring) -> None:
    bring(SMALL)
    account = accounts(scope)[0]
    assert rename_account(scope, account.id, "  Zicht \n rekening ").name == "Zicht rekening"
    for name in ("  ", "x" * 81):
        with pytest.raises(Invalid):
            rename_account(scope, account.id, name)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("C:\\Users\\jan\\mei.cod", "mei.cod"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\nc\u202e.xml", "abc.xml"),
        ("", "?"),
        ("x" * 200 + ".xml", "x" * 109 + "…" + "x" * 6 + ".xml"),
    ],
)
def test_a_files_name_is_shown_and_nothing_else(given: str, shown: str) -> None:
    assert clean_name(given) == shown
