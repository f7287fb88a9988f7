"""Statements that we write, read by readers which are not ours: febelfin-coda for CODA, pycamt for CAMT.053."""

from __future__ import annotations

import io
from datetime import date, timedelta
from decimal import Decimal

from coda import CODA
from hypothesis import given, settings
from hypothesis import strategies as st
from pycamt.parser import Camt053Parser

from portal.connectors.statement import StatementLine
from tests.connectors.files.test_writing import FIRST, IBAN, LINES, camt, coda, statement

Told = tuple[date, date, Decimal]
OPENING = Decimal("100.00")
words = st.text(st.characters(codec="ascii", min_codepoint=32), max_size=200)
lines_of_any_kind = st.lists(
    st.builds(
        StatementLine,
        date=st.dates(FIRST, FIRST + timedelta(days=25)),
        value_date=st.none() | st.dates(FIRST, FIRST + timedelta(days=60)),
        amount=st.decimals("-99999999", "99999999", places=2).filter(bool),
        description=words,
        counterparty=words,
        counterparty_account=st.sampled_from(["", "BE29001444555564", "NL91ABNA0417164300"]),
        reference=st.sampled_from(["", "090933755493", "RF18539007547034"]),
        end_to_end_id=words.map(lambda text: text[:35].strip()),
        bank_reference=words.map(lambda text: text[:21].strip()),
    ),
    max_size=12,
)


def told(lines: list[StatementLine]) -> list[Told]:
    """A movement without a value date has the day on which it was booked."""
    return [(line.date, line.value_date or line.date, line.amount) for line in lines]


def total(lines: list[StatementLine]) -> Decimal:
    return sum((line.amount for line in lines), OPENING)


@settings(max_examples=150, deadline=None)
@given(lines_of_any_kind)
def test_coda(lines: list[StatementLine]) -> None:
    text = coda(statement(list(lines))).decode("latin-1")
    (found,) = CODA(io.StringIO(text, newline="")).statements
    assert [(move.entry_date, move.value_date, move.amount) for move in found.moves] == told(lines)
    assert (found.account.strip(), found.account_currency) == (IBAN, "EUR")
    assert (found.old_balance, found.new_balance) == (OPENING, total(lines))
    assert found.total_credit - found.total_debit == found.new_balance - found.old_balance


@settings(max_examples=150, deadline=None)
@given(lines_of_any_kind)
def test_camt(lines: list[StatementLine]) -> None:
    parser = Camt053Parser(camt(statement(list(lines))))
    (head,) = parser.get_statement_info()
    assert (head["IBAN"], head["Currency"]) == (IBAN, "EUR")
    assert (Decimal(head["OpeningBalance"]), Decimal(head["ClosingBalance"])) == (OPENING, total(lines))
    found = []
    for one in parser.get_transactions():
        day = date.fromisoformat(one["BookingDate"])
        value = date.fromisoformat(one["ValueDate"]) if one["ValueDate"] else day
        sign = -1 if one["CreditDebitIndicator"] == "DBIT" else 1
        found.append((day, value, sign * Decimal(one["Amount"])))
    assert found == told(lines)


def test_who_paid_and_why() -> None:
    (found,) = CODA(io.StringIO(coda(statement(LINES)).decode("latin-1"), newline="")).statements
    first, second, *_ = found.moves
    assert (first.counterparty_name, first.counterparty_account) == ("Restaurant Het Anker", "BE29001444555564")
    assert (first.communication_type, first.communication) == ("101", "123456789002")
    assert (second.counterparty_account, second.communication[:4]) == ("NL91ABNA0417164300", "Huur")

    first, second, *_ = Camt053Parser(camt(statement(LINES))).get_transactions()
    assert (first["DebtorName"], first["DebtorIBAN"]) == ("Restaurant Het Anker", "BE29001444555564")
    assert (first["RemittanceInformation"], first["EndToEndId"]) == ("123456789002", "E2E-1")
    assert (second["CreditorName"], second["CreditorIBAN"]) == ("Immo", "NL91ABNA0417164300")
