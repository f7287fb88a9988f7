"""The models as rows of values: what is read, filtered and named. A link to another record is `(number, name)`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.odoo.answers import Failed
from sandbox.odoo.documents import BOUGHT, SIGNS
from sandbox.packages.books import money
from sandbox.packages.core import Stand
from sandbox.store import Row

Record = dict[str, Any]

TYPES = {
    "bank": "asset_cash", "cash": "asset_cash", "receivable": "asset_receivable", "payable": "liability_payable",
    "vat": "liability_current", "general": "asset_current", "revenue": "income", "costs": "expense",
}  # fmt: skip
JOURNALS = {"sales": "sale"}
CURRENCY = (1, "EUR")
OURS = ("ref", "invoice_origin")  # what entries are asked for by name


def company(stand: Stand, row: Row) -> Record:
    locked = row["locked_until"] or False
    told = {
        "id": row["seq"], "name": row["name"], "country_code": row["country"], "vat": row["vat_number"] or False,
        "company_registry": row["enterprise_number"] or False, "currency_id": (1, row["currency"]),
        "active": bool(row["active"]), "parent_id": False, "fiscalyear_lock_date": locked, "tax_lock_date": False,
    }  # fmt: skip
    if stand.settings["version"] < 18:
        return told | {"period_lock_date": False, "max_tax_lock_date": "1-01-01"}
    others = ("tax_lock_date", "sale_lock_date", "purchase_lock_date", "hard_lock_date")
    user = {f"user_{name}": "1-01-01" for name in others} | {"user_fiscalyear_lock_date": locked or "1-01-01"}
    return told | dict.fromkeys(others, False) | user


def account(stand: Stand, row: Row) -> Record:
    told = {"id": row["seq"], "code": row["code"], "name": row["name"], "account_type": TYPES[row["kind"]]}
    if stand.settings["version"] < 18:
        return told | {"company_id": (row["dossier"], ""), "deprecated": bool(row["blocked"])}
    return told | {"company_ids": [row["dossier"]], "active": not row["blocked"]}


def journal(stand: Stand, row: Row) -> Record:
    books = stand.books.by_code("accounts", row["dossier"], row["account"]) if row["account"] else None
    return {
        "id": row["seq"], "code": row["code"], "name": row["name"], "type": JOURNALS.get(row["type"], row["type"]),
        "company_id": (row["dossier"], ""), "currency_id": False, "bank_acc_number": False, "active": True,
        "default_account_id": (books["seq"], f"{books['code']} {books['name']}") if books else False,
    }  # fmt: skip


def tax(row: Row, side: str, number: int) -> Record:
    return {
        "id": number, "name": row["name"], "amount": round(float(row["percentage"]) * 100, 4),
        "amount_type": "percent", "type_tax_use": side,
        "price_include": False, "has_negative_factor": False, "company_id": (row["dossier"], ""), "active": True,
    }  # fmt: skip


def partner(stand: Stand, row: Row) -> Record:
    return {
        "id": row["seq"], "name": row["name"], "ref": row["code"], "vat": row["vat_number"] or False,
        "company_registry": row["enterprise_number"] or False, "country_code": row["country"] or False,
        "customer_rank": row["customer"], "supplier_rank": row["supplier"], "parent_id": False,
        "company_id": (row["dossier"], ""), "active": True,
    }  # fmt: skip


def move(stand: Stand, row: Row) -> Record:
    """A draft has the day that was asked for, whatever is locked; its number comes, at 19, when it is booked."""
    books = stand.books.by_code("journals", row["dossier"], row["journal"])
    draft, extra = row["state"] == "draft", json.loads(row["extra"])
    number = f"{row['journal']}/{row['date'][:4]}/{row['number']:0>5}"
    is_document = extra.get("move_type") in SIGNS
    lines = stand.books.lines([row["seq"]])[row["seq"]] if is_document else []
    tax = abs(sum(line["vat"] for line in lines))
    total = abs(sum(line["amount"] for line in lines if line["part"] == "party"))
    return {
        "id": row["seq"], "name": (False if stand.settings["version"] >= 18 else "/") if draft else number,
        "ref": (extra["ref"] if is_document else row["reference"]) or False,
        "invoice_origin": (is_document and row["reference"]) or False, "amount_tax": float(money(tax)),
        "amount_total": float(money(total)), "state": row["state"], "move_type": extra.get("move_type", "entry"),
        "date": extra.get("asked", row["date"]) if draft else row["date"], "currency_id": (1, row["currency"]),
        "journal_id": (books["seq"], books["name"]) if books else False, "journal_id.code": row["journal"],
        "company_id": (row["dossier"], ""),
    }  # fmt: skip


PARTS = {"vat": "tax", "party": "payment_term"}


def move_line(
    row: Row, accounts: Mapping[str, Row], partners: Mapping[int, Row], taxes: Mapping[str, Row], sign: int
) -> Record:
    """`sign`: of a price in its entry, as a debit."""
    books, who, tax = accounts[row["account"]], partners.get(row["relation"]), taxes.get(row["vat_code"])
    return {
        "id": row["seq"], "move_id": (row["entry"], ""), "balance": float(money(row["amount"])),
        "name": row["text"] or False, "display_type": PARTS.get(row["part"], "product"),
        "tax_ids": [json.loads(row["extra"]).get("tax", tax["seq"])] if tax else [],
        "price_subtotal": float(money(sign * row["amount"])),
        "price_total": float(money(sign * (row["amount"] + row["vat"]))),
        "account_id": (books["seq"], f"{books['code']} {books['name']}"),
        "partner_id": (who["seq"], who["name"]) if who else False,
    }  # fmt: skip


Domain = Sequence[Any]
Reader = Callable[[Stand, Sequence[int], Domain], list[Record]]


def _all(name: str, show: Callable[[Stand, Row], Record]) -> Reader:
    def read(stand: Stand, companies: Sequence[int], domain: Domain) -> list[Record]:
        return [show(stand, row) for one in companies for row in getattr(stand.books, name)(one)]

    return read


def _taxes(stand: Stand, companies: Sequence[int], domain: Domain) -> list[Record]:
    """One that is for both sides is two here."""
    rows = [row for one in companies for row in stand.books.vat_codes(one)]
    sold = [tax(row, "sale", row["seq"]) for row in rows if row["side"] != "purchase"]
    bought = [row for row in rows if row["side"] != "sales"]
    return sold + [tax(row, "purchase", row["seq"] + (0 if row["side"] else BOUGHT)) for row in bought]


def _companies(stand: Stand, companies: Sequence[int], domain: Domain) -> list[Record]:
    rows = [stand.books.dossier(one) for one in companies]
    return [company(stand, row) for row in rows if row is not None]


def _moves(stand: Stand, companies: Sequence[int], domain: Domain) -> list[Record]:
    """By number, reference or days where these are asked for, so that large books are not read whole."""
    asked = {(name, operator): wanted for name, operator, wanted in domain}
    numbers, name = asked.get(("id", "in")), next((name for name in OURS if (name, "=") in asked), "")
    wanted = next((asked[name, "in"] for name in OURS if (name, "in") in asked), [asked.get((name, "="))])
    if numbers is not None:
        rows = [stand.books.by_id("entries", one, number) for one in companies for number in numbers]
    else:
        since, until = asked.get(("date", ">=")), asked.get(("date", "<="))
        rows = [
            row for one in companies for reference in wanted
            for row in stand.books.entries(one, reference=reference, since=since, until=until)
        ]  # fmt: skip
    return [move(stand, row) for row in rows if row is not None]


def _lines(stand: Stand, companies: Sequence[int], domain: Domain) -> list[Record]:
    numbers: list[int] = next(
        (wanted for name, operator, wanted in domain if (name, operator) == ("move_id", "in")), []
    )
    found = [row for rows in stand.books.lines(numbers).values() for row in rows]
    shown: list[Record] = []
    for one in companies:
        accounts = {row["code"]: row for row in stand.books.accounts(one)}
        partners = {row["seq"]: row for row in stand.books.relations(one)}
        taxes = {row["code"]: row for row in stand.books.vat_codes(one)}
        heads = {row["entry"]: stand.books.by_id("entries", one, row["entry"]) for row in found}
        signs = {
            number: SIGNS.get(json.loads(head["extra"]).get("move_type"), 1) for number, head in heads.items() if head
        }
        shown += [
            move_line(row, accounts, partners, taxes, signs[row["entry"]]) for row in found if row["dossier"] == one
        ]
    return shown


MODELS: Mapping[str, Reader] = {
    "res.company": _companies,
    "account.account": _all("accounts", account),
    "account.journal": _all("journals", journal),
    "account.tax": _taxes,
    "res.partner": _all("relations", partner),
    "account.move": _moves,
    "account.move.line": _lines,
}


def search(records: list[Record], domain: Sequence[Any], fields: Sequence[str], limit: int = 0) -> list[Record]:
    """Those that pass, by number. Raises Failed for a field or operator that is not known."""
    found = sorted((record for record in records if passes(record, domain)), key=lambda record: int(record["id"]))
    return [shown(record, fields) for record in (found[:limit] if limit else found)]


def passes(record: Record, domain: Sequence[Any]) -> bool:
    return all(_holds(record, *condition) for condition in domain)


def _holds(record: Record, name: str, operator: str, wanted: Any) -> bool:
    if name not in record:
        raise Failed("builtins.ValueError", f"Invalid field {name!r} in domain", 500)
    value = record[name][0] if isinstance(record[name], tuple) else record[name]
    values = value if isinstance(value, list) else [value]
    if operator in ("in", "parent_of", "not in"):
        return bool(set(values) & set(wanted)) is (operator != "not in")
    compare: dict[str, Callable[[], bool]] = {
        "=": lambda: bool(value == wanted), ">": lambda: bool(value > wanted),
        ">=": lambda: bool(value >= wanted), "<=": lambda: bool(value <= wanted),
    }  # fmt: skip
    if operator not in compare:
        raise Failed("builtins.ValueError", f"Invalid operator {operator!r} in domain", 500)
    return compare[operator]()


def shown(record: Record, fields: Sequence[str]) -> Record:
    for name in fields:
        if name not in record or "." in name:
            raise Failed("builtins.ValueError", f"Invalid field {name!r}", 500)
    told = {name: record[name] for name in ("id", *fields)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}
