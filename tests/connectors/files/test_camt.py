from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from portal.connectors.files import camt as parser
from portal.connectors.files.answers import Answers
from tests.connectors.files.camt_documents import IBAN, amount, balance, document, entry, statement, transaction
from tests.connectors.files.reading import only, read, refused

PARTY = (
    "<RltdPties><Dbtr><Nm>Peeters  BV</Nm></Dbtr><DbtrAcct><Id><IBAN>BE71 0961 2345 6769</IBAN></Id></DbtrAcct>"
    "</RltdPties><RltdAgts><DbtrAgt><FinInstnId><BIC>KREDBEBB</BIC></FinInstnId></DbtrAgt></RltdAgts>"
)


def test_an_entry_has_all_its_fields() -> None:
    details = (
        "<TxDtls><Refs><AcctSvcrRef>T1</AcctSvcrRef><EndToEndId>E2E-1</EndToEndId></Refs>"
        f"{PARTY}<RmtInf><Ustrd>factuur\n 17</Ustrd><Ustrd>en 18</Ustrd></RmtInf></TxDtls>"
    )
    more = (
        "<AcctSvcrRef>B1</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly>"
        "</Domn></BkTxCd><AddtlNtryInf>overschrijving</AddtlNtryInf>"
    )
    found = only(document(statement(
        balance("OPBD", "100.00", day="2024-01-30"), balance("CLBD", "112.34"),
        entry("12.34", details=details, more=more),
    )))  # fmt: skip
    head, (line,) = found.head, found.lines
    assert (head.format, head.account, head.currency, head.number) == ("camt053", IBAN, "EUR", "12")
    assert (head.opening, head.closing) == (Decimal("100.00"), Decimal("112.34"))
    assert (head.opening_date, head.closing_date) == (date(2024, 1, 30), date(2024, 1, 31))
    assert (line.date, line.value_date, line.amount) == (date(2024, 1, 31), date(2024, 1, 30), Decimal("12.34"))
    assert line.description == "factuur 17 en 18 overschrijving"
    assert (line.counterparty, line.counterparty_account, line.counterparty_bic) == (
        "Peeters BV", "BE71096123456769", "KREDBEBB",
    )  # fmt: skip
    assert (line.end_to_end_id, line.bank_reference, line.transaction_code) == ("E2E-1", "B1", "PMNT-RCDT-ESCT")
    assert line.details == ()
    assert found.warnings == []


@pytest.mark.parametrize("version", ["02", "03", "04", "06", "07", "08", "10", "13"])
def test_newer_versions_keep_things_elsewhere(version: str) -> None:
    new = version >= "07"
    name = "<Pty><Nm>Peeters BV</Nm></Pty>" if new else "<Nm>Peeters BV</Nm>"
    bic = "BIC" if version == "02" else "BICFI"
    inner = (
        f"<RltdPties><Dbtr>{name}</Dbtr></RltdPties>"
        f"<RltdAgts><DbtrAgt><FinInstnId><{bic}>KREDBEBB</{bic}></FinInstnId></DbtrAgt></RltdAgts>"
    )
    status = "<Sts><Cd>BOOK</Cd></Sts>" if new else "<Sts>BOOK</Sts>"
    pending = entry("5.00", status=status.replace("BOOK", "PDNG"))
    found = only(
        document(statement(entry("1.00", status=status, details=transaction(inner=inner)), pending), version=version)
    )
    (line,) = found.lines
    assert (line.counterparty, line.counterparty_bic) == ("Peeters BV", "KREDBEBB")
    assert found.warnings == ["camt.not_booked"]


@pytest.mark.parametrize("prefix", [b"d:", b""])
def test_names_count_and_namespaces_do_not(prefix: bytes) -> None:
    data = document(statement(balance("OPBD", "0"), balance("CLBD", "1.00"), entry("1.00")))
    if prefix:
        data = data.replace(b"</", b"\0").replace(b"<?", b"\1").replace(b"<", b"<d:")
        data = data.replace(b"\0", b"</d:").replace(b"\1", b"<?").replace(b"xmlns=", b"xmlns:d=")
    else:
        data = data.replace(b' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"', b"")
    assert len(only(data).lines) == 1


def test_the_sign_comes_from_its_own_element() -> None:
    found = only(document(statement(
        balance("OPBD", "5.00", "DBIT"), balance("CLBD", "7.50", "DBIT"), entry("4.00", "DBIT"), entry("1.50"),
    )))  # fmt: skip
    assert [str(line.amount) for line in found.lines] == ["-4.00", "1.50"]
    assert (found.head.opening, found.head.closing) == (Decimal("-5.00"), Decimal("-7.50"))


def test_the_closing_balance_before_is_an_opening_balance_when_there_is_no_other() -> None:
    data = document(statement(balance("PRCD", "1.00"), balance("CLBD", "3.00"), entry("2.00")))
    assert only(data).head.opening == Decimal("1.00")
    both = document(statement(balance("PRCD", "9.00"), balance("OPBD", "1.00"), balance("CLBD", "3.00"), entry("2.00")))
    assert only(both).head.opening == Decimal("1.00")


def test_available_and_interim_balances_are_not_booked_balances() -> None:
    found = only(document(statement(*(balance(code, "9.99") for code in ("OPAV", "CLAV", "FWAV", "ITBD", "ITAV")))))
    assert (found.head.opening, found.head.closing, found.warnings) == (None, None, [])


def test_balances_after_the_entries_are_read_and_compared() -> None:
    parts = (entry("2.00"), balance("OPBD", "1.00"), entry("3.00"), balance("CLBD", "6.00"))
    found = only(document(statement(*parts)))
    assert (found.head.opening, found.head.closing) == (Decimal("1.00"), Decimal("6.00"))
    assert refused(document(statement(*parts, entry("0.01")))).code == "camt.balance"


def test_several_statements_and_an_empty_one() -> None:
    data = document(
        statement(balance("OPBD", "0"), balance("CLBD", "1.00"), entry("1.00"), number="1"),
        statement(balance("OPBD", "1.00"), balance("CLBD", "1.00"), number="2"),
        statement(entry("7.00"), account="<Othr><Id>US-ACCT 0099</Id></Othr>", currency="<Ccy>EUR</Ccy>", number="3"),
    )
    assert [(s.head.number, s.head.account, len(s.lines)) for s in read(data)] == [
        ("1", IBAN, 1), ("2", IBAN, 0), ("3", "US-ACCT0099", 1),
    ]  # fmt: skip


def test_the_currency_may_stand_at_an_amount_only() -> None:
    assert only(document(statement(entry("1.00"), currency=""))).head.currency == "EUR"


def test_a_batch_is_one_line_with_details() -> None:
    details = "<Btch><PmtInfId>LONEN-01</PmtInfId></Btch>" + "".join(
        transaction(value, text=text, sign=sign)
        for value, text, sign in (("10.00", "een", ""), ("25.00", "twee", "DBIT"), ("5.00", "drie", "CRDT"))
    )
    (line,) = only(document(statement(entry("30.00", "DBIT", details=details)))).lines
    assert (str(line.amount), line.description) == ("-30.00", "LONEN-01")
    assert [(str(d.amount), d.description) for d in line.details] == [
        ("-10.00", "een"), ("-25.00", "twee"), ("5.00", "drie"),
    ]  # fmt: skip


def test_version_02_keeps_the_amount_of_a_detail_deeper() -> None:
    inner = '<AmtDtls><TxAmt><Amt Ccy="EUR">10.00</Amt></TxAmt></AmtDtls>'
    (line,) = only(document(statement(entry("20.00", details=transaction(inner=inner) * 2)))).lines
    assert [detail.amount for detail in line.details] == [Decimal("10.00")] * 2


@pytest.mark.parametrize("count", [63, 64, 65, 1_000, 3_000])
def test_a_long_batch_keeps_every_detail_in_order(count: int) -> None:
    filler = "".join(transaction("1.00", text=f"nummer {n} " + "x" * 60) for n in range(count))
    data = document(statement(entry(str(count), details=filler), entry("1.00", details=transaction(text="los"))))
    batch, single = only(data).lines
    assert [d.description.split()[1] for d in batch.details] == [str(n) for n in range(count)]
    assert (single.details, single.description) == ((), "los")


def test_details_may_stand_in_several_groups() -> None:
    groups = "</NtryDtls><NtryDtls>".join(transaction("1.00", text=f"nummer {n} " + "x" * 900) for n in range(200))
    (line,) = only(document(statement(entry("200", details=groups)))).lines
    assert [d.description.split()[1] for d in line.details] == [str(n) for n in range(200)]


def test_too_many_details_are_counted_and_left_out() -> None:
    data = document(statement(entry("10500", details=transaction("1.00") * 10_500)))
    found = only(data)
    assert len(found.lines[0].details) == 10_000
    assert dict(found.head.warnings[0].values) == {"amount": "10500", "count": "10500", "kept": "10000"}


@pytest.mark.parametrize(
    ("inner", "reference", "description"),
    [
        ("<Strd><CdtrRefInf><Ref>RF18 5390 0754 7034</Ref></CdtrRefInf></Strd>", "RF18539007547034", ""),
        ("<Strd><CdtrRefInf><Ref>090933755493</Ref></CdtrRefInf></Strd><Ustrd>dank</Ustrd>", "090933755493", "dank"),
        ("<Strd><RfrdDocInf><Nb>F-17</Nb></RfrdDocInf><AddtlRmtInf>korting</AddtlRmtInf></Strd>", "", "F-17 korting"),
        (
            "<Strd><CdtrRefInf><Ref>A</Ref></CdtrRefInf></Strd><Strd><CdtrRefInf><Ref>B</Ref></CdtrRefInf></Strd>",
            "A",
            "B",
        ),
        ("<Ustrd>+++090/9337/55493+++</Ustrd>", "090933755493", "+++090/9337/55493+++"),
        ("<Ustrd>+++090/9337/55494+++</Ustrd>", "", "+++090/9337/55494+++"),
        ("<Ustrd>NOTPROVIDED</Ustrd>", "", ""),
    ],
)
def test_references(inner: str, reference: str, description: str) -> None:
    details = transaction(inner=f"<RmtInf>{inner}</RmtInf>")
    (line,) = only(document(statement(entry("1.00", details=details)))).lines
    assert (line.reference, line.description) == (reference, description)


def side(name: str, who: str, account: str = "") -> str:
    number = f"<{name}Acct><Id><IBAN>{account}</IBAN></Id></{name}Acct>" if account else ""
    return f"<{name}><Nm>{who}</Nm></{name}>{number}"


@pytest.mark.parametrize(
    ("sign", "reversal", "parties", "found"),
    [
        ("CRDT", "", side("Dbtr", "A", "BE1") + side("Cdtr", "Wij", IBAN), ("A", "BE1")),
        ("DBIT", "", side("Dbtr", "Wij", IBAN) + side("Cdtr", "B", "BE2"), ("B", "BE2")),
        ("CRDT", "", side("Cdtr", "C", "BE3"), ("C", "BE3")),  # one side, whatever the direction
        ("CRDT", "", side("Cdtr", "Wij", IBAN), ("", "")),
        ("CRDT", "", side("Dbtr", "Wij", IBAN), ("", "")),
        ("CRDT", "", side("Cdtr", "D"), ("D", "")),
        ("DBIT", "", side("UltmtCdtr", "E"), ("E", "")),
        # A direct debit of ours that comes back: we are still the creditor.
        ("DBIT", "true", side("Dbtr", "F", "BE4") + side("Cdtr", "Wij", IBAN), ("F", "BE4")),
    ],
)
def test_the_other_party(sign: str, reversal: str, parties: str, found: tuple[str, str]) -> None:
    flag = f"<RvslInd>{reversal}</RvslInd>" if reversal else ""
    details = transaction(inner=f"<RltdPties>{parties}</RltdPties>")
    (line,) = only(document(statement(entry("1.00", sign, reversal=flag, details=details)))).lines
    assert (line.counterparty, line.counterparty_account) == found


def test_why_a_payment_came_back() -> None:
    inner = "<RtrInf><Rsn><Cd>MD01</Cd></Rsn><AddtlInf>geen mandaat</AddtlInf></RtrInf>"
    (line,) = only(document(statement(entry("1.00", details=transaction(inner=inner))))).lines
    assert line.description == "MD01 geen mandaat"


REVERSED = statement(
    balance("OPBD", "10.00"), balance("CLBD", "13.00"),
    entry("5.00"), entry("2.00", reversal="<RvslInd>true</RvslInd>"),
)  # fmt: skip


def test_a_reversal_keeps_its_own_sign() -> None:
    right = REVERSED.replace("13.00", "17.00")
    assert [str(line.amount) for line in only(document(right)).lines] == ["5.00", "2.00"]


def test_a_bank_that_means_the_original_direction_is_recognised_by_its_balances() -> None:
    refusal = refused(document(REVERSED))
    assert (refusal.code, refusal.values["count"]) == ("camt.reversal_sign", "1")
    turned = only(document(REVERSED), Answers(invert_reversals=True))
    assert [str(line.amount) for line in turned.lines] == ["5.00", "-2.00"]
    assert turned.warnings == ["camt.reversals_inverted"]
    assert refused(document(REVERSED.replace("13.00", "14.00"))).code == "camt.balance"


@pytest.mark.parametrize(
    ("dates", "found"),
    [
        ("<BookgDt><Dt>2024-01-31+02:00</Dt></BookgDt>", (date(2024, 1, 31), None)),
        ("<BookgDt><DtTm>2024-01-31T23:30:00-05:00</DtTm></BookgDt>", (date(2024, 1, 31), None)),
        ("<ValDt><Dt>2024-02-02</Dt></ValDt>", (date(2024, 2, 2), date(2024, 2, 2))),
    ],
)
def test_dates_are_taken_as_written(dates: str, found: tuple[date, date | None]) -> None:
    (line,) = only(document(statement(entry("1.00", dates=dates)))).lines
    assert (line.date, line.value_date) == found


def test_what_banks_leave_out_is_told() -> None:
    bare = balance("OPBD", "1.00").replace("<CdtDbtInd>CRDT</CdtDbtInd>", "")
    found = only(document(statement(bare, balance("CLBD", "3.00"), entry("2.00", status="", dates=""))))
    assert found.warnings == ["camt.balance_without_sign", "camt.entry_without_status", "camt.entry_without_date"]
    assert found.lines[0].date == date(2024, 1, 31)


@pytest.mark.parametrize("value", ["0.00001", ".5", "1.", "1", " 12.34 ", "9999999999999.99999"])
def test_amounts_are_exact(value: str) -> None:
    assert only(document(statement(entry(value)))).lines[0].amount == Decimal(value.strip())


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1", "windows-1252"])
def test_declared_encodings_are_read(encoding: str) -> None:
    data = document(statement(entry("1.00", details=transaction(text="café à Liège"))), encoding=encoding)
    assert only(data).lines[0].description == "café à Liège"


def test_comments_and_sections_do_not_split_a_text() -> None:
    data = document(statement(entry("1<!-- -->2.5<![CDATA[0]]>", details=transaction(text="a<!-- x -->b"))))
    (line,) = only(data).lines
    assert (str(line.amount), line.description) == ("12.50", "ab")


def test_an_envelope_is_looked_through() -> None:
    inner = document(statement(entry("1.00"))).partition(b"?>")[2]
    assert len(only(b"<message><AppHdr><Fr/></AppHdr>" + inner + b"<Sgntr/></message>").lines) == 1


REPORT = document(statement(entry("1.00")))


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("camt.balance", document(statement(balance("OPBD", "1"), balance("CLBD", "2"), entry("1.01")))),
        ("camt.not_a_statement", REPORT.replace(b"BkToCstmrStmt", b"BkToCstmrAcctRpt").replace(b"Stmt>", b"Rpt>")),
        ("camt.not_a_statement", REPORT.replace(b"BkToCstmrStmt", b"BkToCstmrDbtCdtNtfctn")),
        ("camt.no_statement", document()),
        ("camt.no_statement", document().replace(b"BkToCstmrStmt", b"CstmrCdtTrfInitn")),
        ("camt.structure", document(entry("1.00"))),
        ("camt.structure", document(statement(statement(entry("1.00"))))),
        ("camt.account", document(statement(entry("1.00"), account=""))),
        ("camt.account", document("<Stmt/>")),
        ("camt.currency", document(statement(entry("1.00").replace("EUR", "USD")))),
        ("camt.currency", document(statement(balance("OPBD", "1.00").replace("EUR", "USD")))),
        ("camt.amount", document(statement(entry("12..34")))),
        ("camt.amount", document(statement(entry("-1.00")))),
        ("camt.amount", document(statement(entry("1e5")))),
        ("camt.amount", document(statement(entry("NaN")))),
        ("camt.amount", document(statement(entry("1,00")))),
        ("camt.amount", document(statement(entry("١")))),
        ("camt.amount", document(statement(entry("1_0")))),
        ("camt.amount", document(statement(entry("")))),
        ("camt.amount", document(statement(entry("1" + "0" * 13)))),
        ("camt.amount", document(statement(entry("2", details=transaction("1") + transaction("x"))))),
        ("camt.decimals", document(statement(entry("1.000000")))),
        ("camt.sign", document(statement(entry("1.00", "CREDIT")))),
        ("camt.sign", document(statement(balance("OPBD", "1.00", "")))),
        ("camt.missing", document(statement(entry("1.00").replace(amount("1.00"), "<CdtDbtInd>CRDT</CdtDbtInd>")))),
        ("camt.missing", document(statement(entry("1.00").replace("<CdtDbtInd>CRDT</CdtDbtInd>", "")))),
        ("camt.missing", document(statement(balance("OPBD", "1.00").replace(amount("1.00"), "")))),
        ("camt.missing", document(statement(entry("1.00", dates="")).replace("CreDtTm", "X"))),
        ("camt.date", document(statement(entry("1.00", dates="<BookgDt><Dt>2024-02-30</Dt></BookgDt>")))),
        ("camt.date", document(statement(entry("1.00", dates="<BookgDt><Dt>soon</Dt></BookgDt>")))),
    ],
)
def test_what_makes_no_sense_is_refused(code: str, data: bytes) -> None:
    assert refused(data).code == code


def test_a_refused_entry_is_named_by_its_number() -> None:
    assert refused(document(statement(entry("1.00"), entry("x")))).values["entry"] == "2"


def test_other_formats_are_not_taken_for_camt() -> None:
    assert not parser.identify(b"")
    assert not parser.identify(b"<?xml version='1.0'?><OFX></OFX>")
    assert not parser.identify(b"<DocumentType/>")
    assert parser.identify(b"\xef\xbb\xbf<ns0:Document>")
    assert parser.identify("<Document>".encode("utf-16"))
