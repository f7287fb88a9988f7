"""What the API gives as a file, read back: by our own parsers and by others', the same lines and balances."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from portal.connectors.files import camt, coda, csv_bank
from portal.connectors.statement import Statement as ReadStatement
from tests.software.office import Erp, Office, history

CAMT = "{urn:iso:std:iso:20022:tech:xsd:camt.053.001.02}"
Line = tuple[date, Decimal, str, str]


def told(erp: Erp, office: Office) -> tuple[str, Any, list[Line]]:
    """The first statement of the first account: its address, itself as JSON, its lines."""
    address = f"accounts/{office.accounts[0].id}/statements"
    head = erp.get(address).get_json()["statements"][0]
    whole = erp.get(f"{address}/{head['id']}").get_json()
    lines = [
        (date.fromisoformat(one["date"]), Decimal(one["amount"]), one["counterparty"], one["reference"])
        for one in whole["transactions"]
    ]
    assert len(lines) == head["lines"] == 5
    return f"{address}/{head['id']}", whole, lines


def read_back(parser: Any, data: bytes) -> tuple[ReadStatement, list[Line]]:
    (statement,) = ((one, list(one.lines)) for one in parser.parse(io.BytesIO(data)))
    head, lines = statement
    return head, [(line.date, line.amount, line.counterparty, line.reference) for line in lines]


@pytest.mark.parametrize(("form", "parser"), [("camt053", camt), ("coda", coda)])
def test_a_statement_is_read_back_by_our_own_parsers(erp: Erp, office: Office, form: str, parser: Any) -> None:
    address, whole, lines = told(erp, office)
    answer = erp.get(address, {"format": form})
    head, found = read_back(parser, answer.data)
    assert (head.account, head.currency) == (office.accounts[0].number, "EUR")
    assert (str(head.opening), str(head.closing)) == (whole["opening"], whole["closing"])
    assert found == lines
    assert answer.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(("form", "parser"), [("camt053", camt), ("coda", coda)])
def test_a_year_as_one_file_is_read_back(erp: Erp, office: Office, form: str, parser: Any) -> None:
    account = office.accounts[2]
    year = {"from": "2025-01-01", "to": "2025-12-31", "format": form}
    head, found = read_back(parser, erp.get(f"accounts/{account.id}/transactions", year).data)
    stored = history(account)
    assert (head.opening, head.closing) == (stored[0].opening, stored[-1].closing)
    assert [line[:2] for line in found] == [(line.date, line.amount) for one in stored for line in one.lines]


def test_camt_is_read_by_a_plain_reader_of_xml(erp: Erp, office: Office) -> None:
    """Not ours: the elements by their names in ISO 20022."""
    address, whole, lines = told(erp, office)
    root = etree.fromstring(erp.get(address, headers={"Accept": "application/xml"}).data)
    signed = {"CRDT": 1, "DBIT": -1}
    entries = [
        (date.fromisoformat(entry.findtext(f"{CAMT}BookgDt/{CAMT}Dt", "")),
         Decimal(entry.findtext(f"{CAMT}Amt", "")) * signed[entry.findtext(f"{CAMT}CdtDbtInd", "")])
        for entry in root.iter(f"{CAMT}Ntry")
    ]  # fmt: skip
    assert entries == [line[:2] for line in lines]
    balances = {balance.findtext(f".//{CAMT}Cd"): balance.findtext(f"{CAMT}Amt") for balance in root.iter(f"{CAMT}Bal")}
    assert balances == {"OPBD": whole["opening"], "CLBD": whole["closing"]}
    assert root.findtext(f".//{CAMT}Acct/{CAMT}Id/{CAMT}IBAN") == office.accounts[0].number


def test_coda_is_read_by_the_columns_of_the_standard(erp: Erp, office: Office) -> None:
    """Not ours: records of 128 columns, as Febelfin's standard numbers them."""
    address, whole, lines = told(erp, office)
    rows = erp.get(address, headers={"Accept": "text/plain"}).data.decode("iso-8859-1").split("\r\n")[:-1]
    assert {len(row) for row in rows} == {128}

    def amount(sign: str, digits: str) -> Decimal:
        return (Decimal(digits) / 1000) * (-1 if sign == "1" else 1)

    moved = [amount(row[31], row[32:47]) for row in rows if row[:2] == "21"]
    assert moved == [line[1] for line in lines]
    (old,) = (row for row in rows if row[0] == "1")
    (new,) = (row for row in rows if row[0] == "8")
    assert (amount(old[42], old[43:58]), amount(new[41], new[42:57])) == (
        Decimal(whole["opening"]), Decimal(whole["closing"]),
    )  # fmt: skip
    (end,) = (row for row in rows if row[0] == "9")
    assert int(end[16:22]) == sum(row[0] in "1238" for row in rows)
    assert amount("0", end[37:52]) - amount("0", end[22:37]) == sum(moved)


def test_csv_gives_the_same_lines_and_is_read_by_our_own_parser(erp: Erp, office: Office) -> None:
    address, _, lines = told(erp, office)
    answer = erp.get(address, {"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    found = [
        (date.fromisoformat(row["date"]), Decimal(row["amount"]), row["counterparty name"], row["structured reference"])
        for row in rows
    ]
    assert found == lines
    head, ours = read_back(csv_bank, answer.data)
    assert head.account == office.accounts[0].number
    assert ours == lines
