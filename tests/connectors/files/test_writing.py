"""Statements written as CODA and CAMT.053: what our readers, the schema and a peer read is what was written."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from portal.connectors.errors import Refused
from portal.connectors.files import open_statements, write_camt, write_coda
from portal.connectors.statement import LineDetail, Statement, StatementLine

MADE = datetime(2026, 4, 1, 8, 30, tzinfo=UTC)
FIRST = date(2026, 3, 2)
IBAN = "BE68539007547034"


def statement(lines: list[StatementLine], opening: str = "100.00", **more: object) -> Statement:
    start = Decimal(opening)
    made = Statement(
        format="", account=IBAN, currency="EUR", number="7", opening=start, opening_date=FIRST - timedelta(days=1),
        closing=sum((line.amount for line in lines), start), closing_date=FIRST + timedelta(days=30),
        holder="Boulangerie Delmotte SRL", bic="KREDBEBB",
    )  # fmt: skip
    made.lines = iter(lines)
    return replace(made, **more)  # type: ignore[arg-type]  # fields by name


def read(data: bytes) -> tuple[str, Statement, list[StatementLine]]:
    format, statements = open_statements(io.BytesIO(data))
    found = list(_with_lines(statements))
    assert len(found) == 1
    return format, *found[0]


def _with_lines(statements: Iterator[Statement]) -> Iterator[tuple[Statement, list[StatementLine]]]:
    for one in statements:
        yield one, list(one.lines)


LINES = [
    StatementLine(FIRST, FIRST, Decimal("12.50"), "", "Restaurant Het Anker", "BE29001444555564", "GEBABEBB",
                  "123456789002", "E2E-1", "REF1", "00150000"),
    StatementLine(FIRST, FIRST + timedelta(days=1), Decimal("-1850.00"), "Huur café “De Markt” – maart <& €", "Immo",
                  "NL91ABNA0417164300", "", "", "", "REF2", "PMNT-ICDT-ESCT"),
    StatementLine(FIRST + timedelta(days=3), None, Decimal("0.01"), "x" * 120 + " " + "y" * 130, "", "", "",
                  "RF18539007547034"),
    StatementLine(FIRST + timedelta(days=4), FIRST, Decimal("-3.20")),
]  # fmt: skip


def coda(made: Statement) -> bytes:
    return b"".join(write_coda.write(made, MADE.date()))


def camt(made: Statement) -> bytes:
    return b"".join(write_camt.write(made, MADE, name="BE68-2026-03"))


@pytest.mark.parametrize("writer", [coda, camt])
def test_what_was_written_is_read(writer: object) -> None:
    assert callable(writer)
    format, head, lines = read(writer(statement(LINES)))
    assert format in ("coda", "camt053")
    assert (head.account, head.currency, head.opening, head.closing) == (
        IBAN, "EUR", Decimal("100.00"), Decimal("100.00") + sum(line.amount for line in LINES))  # fmt: skip
    for wrote, found in zip(LINES, lines, strict=True):
        assert (found.date, found.amount, found.reference, found.end_to_end_id) == (
            wrote.date, wrote.amount, wrote.reference, wrote.end_to_end_id)  # fmt: skip
        assert (found.counterparty, found.counterparty_account) == (wrote.counterparty, wrote.counterparty_account)
    assert lines[1].description.startswith("Huur café")
    assert lines[2].description.replace(" ", "") == "x" * 120 + "y" * 130


def test_each_coda_record_has_128_columns_and_the_last_one_counts_them() -> None:
    records = coda(statement(LINES)).split(b"\r\n")[:-1]
    assert {len(record) for record in records} == {128}
    counted = [record for record in records if record[:1] in (b"1", b"2", b"3", b"8")]
    last = records[-1]
    assert (int(last[16:22]), int(last[22:37]), int(last[37:52])) == (len(counted), 1_853_200, 12_510)


def test_a_statement_without_movements_is_written() -> None:
    for writer in (coda, camt):
        _, head, lines = read(writer(statement([])))
        assert (head.opening, head.closing, lines) == (Decimal("100.00"), Decimal("100.00"), [])


def test_what_a_format_cannot_hold_is_refused() -> None:
    with pytest.raises(Refused, match=r"coda\.write_balance"):
        coda(replace(statement([]), opening=None))
    with pytest.raises(Refused, match=r"coda\.write_amount"):
        coda(statement([StatementLine(FIRST, FIRST, Decimal("0.00001"))]))
    with pytest.raises(Refused, match=r"camt\.write_balance"):
        camt(replace(statement([]), closing=None))


def test_a_batch_keeps_its_parts_in_camt() -> None:
    parts = (LineDetail(Decimal("4.00"), "one", "A"), LineDetail(Decimal("6.00"), "two", "B"))
    _, _, (line,) = read(camt(statement([StatementLine(FIRST, FIRST, Decimal("10.00"), details=parts)])))
    assert [(part.amount, part.counterparty) for part in line.details] == [(Decimal(4), "A"), (Decimal(6), "B")]


texts = st.text(max_size=300)
amounts = st.decimals("-99999999", "99999999", places=2).filter(bool)
written = st.lists(
    st.builds(
        StatementLine, st.dates(FIRST, FIRST + timedelta(days=25)), st.just(None), amounts, texts, texts,
        st.sampled_from(["", "BE29001444555564", "NL91ABNA0417164300", "123-456"]),
    ),
    max_size=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(written)
def test_any_text_is_written_so_that_amounts_and_days_survive(lines: list[StatementLine]) -> None:
    for writer in (coda, camt):
        _, head, found = read(writer(statement(list(lines))))
        assert [(line.date, line.amount) for line in found] == [(line.date, line.amount) for line in lines]
        assert head.closing == Decimal("100.00") + sum((line.amount for line in lines), Decimal(0))


def test_camt_is_valid_by_the_schema() -> None:
    folder = os.environ.get("CAMT_SCHEMAS")
    if not folder:
        pytest.skip("CAMT_SCHEMAS names no folder with camt.053.001.02.xsd")
    schema = etree.XMLSchema(etree.parse(Path(folder) / "camt.053.001.02.xsd"))
    parts = (LineDetail(Decimal("4.00"), "one", "A"), LineDetail(Decimal("6.00"), "two", "B"))
    batch = StatementLine(FIRST, FIRST, Decimal("10.00"), details=parts)
    for made in (statement([*LINES, batch]), statement([]), statement(LINES, account="123456", bic="", holder="")):
        schema.assertValid(etree.fromstring(camt(made)))


def test_the_order_of_elements_is_the_schema_s() -> None:
    """The sequence that the schema prescribes for an entry, without the schema itself."""
    tree = etree.fromstring(camt(statement(LINES[:1])))
    space = {"c": write_camt.NAMESPACE}
    entry = tree.find(".//c:Ntry", space)
    assert entry is not None
    names = [etree.QName(child).localname for child in entry]
    assert names == ["Amt", "CdtDbtInd", "Sts", "BookgDt", "ValDt", "AcctSvcrRef", "BkTxCd", "NtryDtls"]
    details = tree.find(".//c:TxDtls", space)
    assert details is not None
    assert [etree.QName(child).localname for child in details] == ["Refs", "RltdPties", "RmtInf"]
