"""Odoo's records and refusals, as real servers of 17 and 19 gave them, to ours; our entries to its values."""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portal.connectors import base, xml_rpc
from portal.connectors.calls import UNREADABLE
from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary, UnexpectedReply
from portal.connectors.login import FieldKind
from portal.connectors.odoo import EXPLANATIONS, MANIFEST, mapping
from portal.kernel import http

ON = date(2026, 3, 18)
ACCOUNTS = {
    "550001": base.LedgerAccount("550001", "Bank", "1134", "bank"),
    "499000": base.LedgerAccount("499000", "Suspense", "928", "general"),
}


def entry(*amounts: str, kind: base.EntryKind = base.EntryKind.BANK) -> base.OutgoingEntry:
    lines = [
        line
        for amount in amounts
        for line in (
            base.OutgoingLine(ON, "550001", Decimal(amount), "Invoice 17"),
            base.OutgoingLine(ON, "499000", -Decimal(amount), "Invoice 17"),
        )
    ]
    moved = sum((Decimal(amount) for amount in amounts), Decimal(0))
    return base.OutgoingEntry(
        kind, "KP-AAAA-BBBB", "BNK1", ON, "EUR", "550001", Decimal(250), Decimal(250) + moved, tuple(lines)
    )


def rendered(given: base.OutgoingEntry) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(mapping.render(given, ACCOUNTS))
    return document


# ------------------------------------------------------------------------------ master data


def test_a_company_is_a_dossier() -> None:
    row = {
        "id": 4, "name": "Bakkerij  Filiaal", "country_code": "BE", "vat": "BE0477472701", "active": True,
        "company_registry": "0477472701", "currency_id": [125, "EUR"],
    }  # fmt: skip
    found = mapping.dossier(row)
    assert (found.code, found.name, found.country, found.currency) == ("4", "Bakkerij Filiaal", "BE", "EUR")
    assert (found.status, found.siret) == (base.DossierStatus.ACTIVE, "")
    archived = mapping.dossier({**row, "active": False, "vat": False})
    assert (archived.status, archived.vat_number) == (base.DossierStatus.ARCHIVED, "")


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("asset_cash", "bank"), ("asset_receivable", "receivable"), ("liability_payable", "payable"),
        ("income_other", "revenue"), ("expense_direct_cost", "costs"), ("asset_current", "general"),
        ("equity_unaffected", "general"), ("off_balance", "other"),
    ],
)  # fmt: skip
def test_an_account_says_what_it_is(told: str, kind: str) -> None:
    found = mapping.ledger_account({"id": 928, "code": "499000", "name": "Suspense", "account_type": told})
    assert (found.id, found.kind, found.blocked) == ("928", kind, False)


@pytest.mark.parametrize("closed", [{"deprecated": True}, {"active": False}])
def test_an_account_is_closed_in_the_words_of_its_version(closed: dict[str, bool]) -> None:
    row = {"id": 1, "code": "1", "name": "x", "account_type": "equity", **closed}
    assert mapping.ledger_account(row).blocked


def test_a_journal_names_its_account_by_code() -> None:
    row = {
        "id": 13, "code": "BNK1", "name": "Bank", "type": "bank", "currency_id": False,
        "default_account_id": [1134, "550001 Bank"], "bank_acc_number": "BE71 0961 2345 6769", "active": True,
    }  # fmt: skip
    found = mapping.journal(row)
    assert (found.code, found.type, found.ledger_account) == ("BNK1", base.JournalType.BANK, "550001")
    assert (found.currency, found.iban) == ("", "BE71096123456769")
    other = mapping.journal({**row, "type": "credit", "default_account_id": False, "bank_acc_number": False})
    assert (other.type, other.ledger_account, other.iban) == (base.JournalType.OTHER, "", "")


def test_taxes_that_are_no_percentage_are_left_out() -> None:
    def tax(number: int, **more: Any) -> dict[str, Any]:
        plain = {"name": "21%", "amount": Decimal("21.0"), "amount_type": "percent", "type_tax_use": "sale"}
        return {"id": number, "price_include": False, **plain, **more}

    found = mapping.vat_codes([
        tax(5), tax(6, type_tax_use="purchase", price_include=True), tax(7, has_negative_factor=True),
        tax(8, amount_type="fixed"), tax(9, amount=Decimal(-10)), tax(10, amount=Decimal("5.5"), type_tax_use="none"),
    ])  # fmt: skip
    told = [(code.code, code.side, code.type, code.percentage) for code in found]
    assert told == [
        ("5", "sales", "excluding", Decimal("0.21")),
        ("6", "purchase", "including", Decimal("0.21")),
        ("7", "sales", "base", Decimal("0.21")),
        ("10", "", "excluding", Decimal("0.055")),
    ]


@pytest.mark.parametrize(("ranks", "both"), [((1, 0), (True, False)), ((0, 3), (False, True)), ((0, 0), (True, True))])
def test_a_contact_may_become_customer_or_supplier(ranks: tuple[int, int], both: tuple[bool, bool]) -> None:
    row = {"id": 7, "name": "Callens", "customer_rank": ranks[0], "supplier_rank": ranks[1], "ref": False, "vat": False}
    found = mapping.relation(row)
    assert (found.code, found.customer, found.supplier) == ("7", *both)


# ------------------------------------------------------------------------------ lock dates


SEVENTEEN = {"fiscalyear_lock_date": "2026-01-31", "period_lock_date": False, "tax_lock_date": "2026-02-28",
             "max_tax_lock_date": "2026-02-28"}  # fmt: skip
NINETEEN = {
    "fiscalyear_lock_date": "2026-01-31", "user_fiscalyear_lock_date": "1-01-01", "hard_lock_date": False,
    "user_hard_lock_date": "2025-12-31", "sale_lock_date": False, "user_sale_lock_date": "2026-03-31",
    "purchase_lock_date": False, "user_purchase_lock_date": "1-01-01", "tax_lock_date": False,
    "user_tax_lock_date": "2026-06-30",
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "journal", "until"),
    [
        (SEVENTEEN, "bank", date(2026, 1, 31)),
        ({**SEVENTEEN, "period_lock_date": "2026-02-15"}, "general", date(2026, 2, 15)),
        (NINETEEN, "bank", date(2025, 12, 31)),  # our user has an exception from the lock of the fiscal year
        (NINETEEN, "sale", date(2026, 3, 31)),
        (NINETEEN, "purchase", date(2025, 12, 31)),
        ({"fiscalyear_lock_date": False}, "bank", date.min),
    ],
)
def test_the_latest_lock_date_that_moves_an_entry_holds(row: Mapping[str, Any], journal: str, until: date) -> None:
    """That of taxes moves nothing that has none."""
    assert mapping.locked_until([dict(row)], journal) == until


def test_a_company_above_locks_its_branches_too() -> None:
    rows = [{"fiscalyear_lock_date": "2026-01-31"}, {"fiscalyear_lock_date": "2026-02-28"}]
    assert mapping.locked_until(rows, "bank") == date(2026, 2, 28)


def test_a_month_is_closed_when_all_of_it_is() -> None:
    row = {**NINETEEN, "user_hard_lock_date": "2026-02-15"}
    journals = [{"code": "BNK1", "type": "bank"}, {"code": "INV", "type": "sale"}]
    months = {period.number: period for period in mapping.periods([row], journals, range(2026, 2027))}
    assert [months[month].closed_journals for month in (1, 2, 3, 4)] == [
        {"BNK1", "INV"}, {"INV"}, {"INV"}, frozenset(),
    ]  # fmt: skip
    assert (months[2].starts_on, months[2].ends_on) == (date(2026, 2, 1), date(2026, 2, 28))


# ------------------------------------------------------------------------------ entries


def test_an_entry_is_sent_with_both_sides_and_no_taxes() -> None:
    document = rendered(entry("100.50"))
    assert (document["journal"], document["currency"], document["difference"]) == ("BNK1", "EUR", 0)
    values = document["values"]
    assert (values["move_type"], values["date"], values["ref"]) == ("entry", "2026-03-18", "KP-AAAA-BBBB")
    assert [line[2] for line in values["line_ids"]] == [
        {"account_id": 1134, "debit": 100.5, "credit": 0, "name": "Invoice 17", "tax_ids": [[6, 0, []]]},
        {"account_id": 928, "debit": 0, "credit": 100.5, "name": "Invoice 17", "tax_ids": [[6, 0, []]]},
    ]


def test_a_line_of_another_day_says_so() -> None:
    given = entry("1.00")
    lines = (replace(given.lines[0], date=date(2026, 3, 2)), *given.lines[1:])
    names = [line[2]["name"] for line in rendered(replace(given, lines=lines))["values"]["line_ids"]]
    assert names == ["02/03 Invoice 17", "Invoice 17"]


def test_a_line_may_be_of_a_contact() -> None:
    given = entry("1.00")
    lines = (given.lines[0], replace(given.lines[1], relation="7"))
    told = [line[2].get("partner_id") for line in rendered(replace(given, lines=lines))["values"]["line_ids"]]
    assert told == [None, 7]


@pytest.mark.parametrize(
    ("given", "difference"),
    [
        (replace(entry("10.00"), closing=Decimal("251.00")), -9),
        (replace(entry("10.00"), lines=entry("10.00").lines[:1]), 10),
        (replace(entry("10.00"), lines=entry("10.00").lines[:1], kind=base.EntryKind.GENERAL), 10),
        (replace(entry("10.00"), closing=Decimal(7), kind=base.EntryKind.GENERAL), 0),
        (replace(entry("10.00"), opening=None), 0),
    ],
)
def test_what_does_not_balance_is_seen(given: base.OutgoingEntry, difference: int) -> None:
    assert rendered(given)["difference"] == difference


@pytest.mark.parametrize("number", ["", "x", "00000000-0000-4000-8000-000000000000"])
def test_an_account_without_a_number_of_odoo_is_refused(number: str) -> None:
    accounts = ACCOUNTS | {"499000": replace(ACCOUNTS["499000"], id=number)}
    with pytest.raises(Rejected) as caught:
        mapping.render(entry("1.00"), accounts)
    assert (caught.value.code, caught.value.values) == ("odoo.account_unknown", {"account": "499000"})


def test_an_amount_that_no_number_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="more digits"):
        mapping.render(entry("99999999999999999.99"), ACCOUNTS)


LINES = [
    {"id": 1, "move_id": [1, ""], "account_id": [1134, "550001 Bank"], "balance": Decimal("100.0"), "name": "t",
     "partner_id": False},
    {"id": 2, "move_id": [1, ""], "account_id": [928, "499000 Suspense Accounts"], "balance": Decimal("-100.0"),
     "name": "Café", "partner_id": [7, "Callens"]},
]  # fmt: skip
MOVE = {
    "id": 1, "name": "BNK1/2026/00001", "state": "posted", "date": "2026-03-18", "ref": "KP-A",
    "currency_id": [125, "EUR"], "journal_id": [13, "Bank"],
}  # fmt: skip


def test_an_entry_is_read_back_without_the_banks_side() -> None:
    found = mapping.entry(MOVE, LINES, "BNK1", "550001")
    assert (found.id, found.number, found.reference, found.journal) == ("1", "BNK1/2026/00001", "KP-A", "BNK1")
    assert (found.date, found.currency, found.total_debit, found.line_count) == (ON, "EUR", Decimal(100), 1)
    (line,) = found.lines
    assert (line.ledger_account, line.amount, line.description, line.relation) == ("499000", Decimal(-100), "Café", "7")
    assert mapping.entry(MOVE, LINES, "MISC").line_count == 2


def test_a_draft_is_ours_when_it_says_the_same_in_any_order() -> None:
    values = rendered(entry("100"))["values"]
    there = [{**LINES[1], "name": "Invoice 17"}, {**LINES[0], "name": "Invoice 17"}]
    assert mapping.same(MOVE, there, values)
    assert not mapping.same({**MOVE, "date": "2026-03-19"}, there, values)
    assert not mapping.same(MOVE, there[:1], values)
    assert not mapping.same(MOVE, [there[0], {**there[1], "balance": Decimal(99)}], values)


# ------------------------------------------------------------------------------ refusals


def json_reply(status: int, name: str, message: str) -> http.Reply:
    told = {"name": name, "message": message, "arguments": [message], "context": {}, "debug": "Traceback…"}
    return http.Reply(status, {"Content-Type": "application/json"}, json.dumps(told).encode())


def fault(code: int, words: str) -> http.Reply:
    body = xmlrpc.client.dumps(xmlrpc.client.Fault(code, words), methodresponse=True).encode()
    return http.Reply(200, {"Content-Type": "text/xml"}, body)


WORDS = [
    ("The entry is not balanced.", 422, "unbalanced"),
    ("An error has occurred.\n\nThe move (Draft Entry (* 3) (KP-U)) is not balanced.\nThe total …", 422, "unbalanced"),
    ("You cannot add/modify entries prior to and inclusive of: Global Lock Date (01/31/2026).", 422, "period_closed"),
    ("The account Suspense Accounts (499000) is deprecated.", 422, "account_blocked"),
    ("The account Suspense Accounts (499000) is archived.", 422, "account_blocked"),
    ("Model: Journal Item\nConstraint: account_move_line_account_id_fkey\n", 422, "account_unknown"),
    ("The troublemaker is: 'Journal Item' (account.move.line)\n … constraint: 'Account' (account_id)", 422,
     "account_unknown"),
    ("Uh-oh! …\nSorry, koppel (id=6) doesn't have 'read' access to:\n- Account (account.account)", 403,
     "account_unknown"),
    ("Record does not exist or has been deleted.\n(Record: account.journal(999999,), User: 6)", 404, "journal_unknown"),
    ("Access to unauthorized or invalid companies.", 403, "company_foreign"),
    ("You are not allowed to create 'Journal Entry' (account.move) records.", 403, "user_rights"),
    ("You are not allowed to access 'Journal' (account.journal) records.\n\nThis operation is …", 403, "user_rights"),
    ("Something that nobody wrote down.", 422, "refused"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "status", "code"), WORDS)
def test_a_refusal_is_known_by_its_words_over_both_protocols(words: str, status: int, code: str) -> None:
    number = 4 if status == 403 else 2
    for reply in (json_reply(status, "odoo.exceptions.UserError", words), fault(number, words)):
        found = mapping.failure(reply)
        assert isinstance(found, Rejected)
        assert found.code == f"odoo.{code}"
        assert found.provider_text


def test_a_refused_key_asks_for_another() -> None:
    for reply in (
        json_reply(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey"),
        json_reply(403, "odoo.exceptions.AccessDenied", "Access Denied"),
        json_reply(403, "odoo.http.SessionExpiredException", "Session expired"),
        fault(3, "Access Denied"),
    ):
        assert isinstance(mapping.failure(reply), AuthorisationExpired)


def test_a_page_in_place_of_an_answer_says_that_there_is_no_database() -> None:
    page = b"<!DOCTYPE html>\n<title>404 Not Found</title><p>No database is selected and the requested URL"
    words = 'Traceback (most recent call last):\npsycopg2.OperationalError: FATAL:  database "nodb" does not exist\n\n'
    for reply in (http.Reply(404, {}, page), fault(1, words)):
        found = mapping.failure(reply)
        assert isinstance(found, Rejected)
        assert (found.code, found.status) == ("odoo.database_unknown", 404)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_address_that_leads_elsewhere_is_told(status: int) -> None:
    found = mapping.failure(http.Reply(status, {"Location": "https://www.kantoor.be"}, b""))
    assert isinstance(found, Rejected)
    assert found.code == "odoo.elsewhere"


def test_a_fault_of_theirs_leaves_doubt_and_tells_only_how_it_ended() -> None:
    trace = 'Traceback (most recent call last):\n  File "/opt/odoo/x.py", line 3\nValueError: day is out of range'
    for reply in (
        json_reply(500, "builtins.ValueError", "day is out of range"),
        fault(1, trace),
        http.Reply(502, {}, b"<html>Bad Gateway</html>"),
    ):
        found = mapping.failure(reply)
        assert isinstance(found, Temporary)
        assert found.sent
        assert "/opt" not in found.provider_text


@pytest.mark.parametrize(("told", "wait"), [("17", 17), ("", 60), ("soon", 60), ("999999", 3600), ("0", 1)])
def test_too_many_calls_were_not_looked_at(told: str, wait: float) -> None:
    found = mapping.failure(http.Reply(429, {"Retry-After": told} if told else {}, b"<html>"))
    assert isinstance(found, Temporary)
    assert (found.sent, found.retry_after) == (False, wait)


def test_a_refusal_that_says_nothing_is_not_understood() -> None:
    assert isinstance(mapping.failure(http.Reply(422, {}, b"<html>")), UnexpectedReply)
    assert mapping.failure(http.Reply(200, {}, b"[]")) is None


def test_every_code_is_explained() -> None:
    codes = mapping._REFUSALS.codes | {
        "refused", "user_rights", "not_found", "authorisation_expired", "database_unknown", "elsewhere",
        "server_error", "rate_limited", "unreadable", "other_draft", "not_booked", "journal_type", "currency",
        "not_public", "too_large", "timeout", "unreachable", "cut_off", "endless_list",
    }  # fmt: skip
    assert {f"odoo.{code}" for code in codes} - set(EXPLANATIONS) == set()


# ------------------------------------------------------------------------------ XML-RPC


def answer(value: str) -> bytes:
    return f"<?xml version='1.0'?><methodResponse><params><param>{value}</param></params></methodResponse>".encode()


def test_amounts_keep_their_digits_over_xml() -> None:
    sent = xml_rpc.marshalled("execute_kw", ("db", 5, [{"debit": Decimal("999999999.99"), "name": "Café & <b>"}]))
    assert b"<double>999999999.99</double>" in sent
    found = xml_rpc.unmarshalled(answer("<value><double>0.1</double></value>"))
    assert (found, type(found)) == (Decimal("0.1"), Decimal)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("<value><int>7</int></value>", 7),
        ("<value><boolean>0</boolean></value>", False),
        ("<value>plain</value>", "plain"),
        ("<value><string>Café € \U0001f40b</string></value>", "Café € \U0001f40b"),
        ("<value><nil/></value>", None),
        ("<value><array><data><value><int>1</int></value></data></array></value>", [1]),
        ("<value><struct><member><name>a</name><value><int>1</int></value></member></struct></value>", {"a": 1}),
    ],
)
def test_values_are_read(value: str, read: object) -> None:
    assert xml_rpc.unmarshalled(answer(value)) == read


def test_a_method_that_returned_nothing_is_no_failure() -> None:
    words = "Traceback (most recent call last):\nTypeError: cannot marshal None unless allow_none is enabled\n"
    reply = fault(1, words)
    assert mapping.failure(reply) is None
    assert xml_rpc.unmarshalled(reply.body) is None


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<methodResponse><params><param><value><string>&b;</string></value></param></params></methodResponse>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<methodResponse><params><param><value><string>&a;</string></value></param></params></methodResponse>"""


@pytest.mark.parametrize(
    "body",
    [
        BOMB, OUTSIDE, b"<!DOCTYPE html><html></html>", b"", b"<html>", b"not xml", b"<methodResponse/>",
        answer("<value><int>1</int></value>")[:-20], answer("<value><int>x</int></value>"),
        answer("<value><boolean>2</boolean></value>"), answer("<value><double>x</double></value>"),
        b"<methodResponse><params></params></methodResponse>", b"<methodResponse><fault></fault></methodResponse>",
    ],
)  # fmt: skip
def test_what_is_no_answer_is_not_read(body: bytes) -> None:
    with pytest.raises(UNREADABLE):
        xml_rpc.unmarshalled(body)


def test_deep_nesting_is_read_flat() -> None:
    deep = "<value><array><data>" * 20_000 + "</data></array></value>" * 20_000
    found = xml_rpc.unmarshalled(answer(deep))
    assert isinstance(found, list)


# ------------------------------------------------------------------------------ the manifest


def test_the_form_asks_for_what_is_needed_and_hides_the_key() -> None:
    fields = {one.key: one for one in MANIFEST.form}
    assert list(fields) == ["url", "database", "user", "key", "expires_on"]
    assert [key for key, one in fields.items() if one.kind is FieldKind.SECRET] == ["key"]
    assert fields[MANIFEST.host_field].kind is FieldKind.URL
    assert not fields["expires_on"].required
