"""A dossier as an accounting firm would set it up, from the chart of its country."""

from __future__ import annotations

import calendar
import uuid
from datetime import date
from typing import Any

from sandbox.exact.charts import CHARTS
from sandbox.packages.core import Stand

YEARS = range(2024, 2028)
KINDS = {
    10: "cash", 12: "bank", 20: "receivable", 22: "payable", 24: "vat", 90: "general", 110: "revenue",
    111: "costs", 121: "costs", 122: "costs", 123: "costs",
}  # fmt: skip
JOURNALS = {10: "cash", 12: "bank", 20: "sales", 21: "sales", 22: "purchase", 90: "general"}
RELATIONS = (
    ("C001", "Maalderij Callens", "BE", "BE0417497106", "0417497106", True, True),
    ("C002", "Brasserie du Nord", "FR", "FR40303265045", "303265045", True, False),
    ("C003", "De Gouden Korst", "NL", "NL001234567B01", "12345678", False, True),
)


def dossier(
    stand: Stand, code: str, name: str = "", country: str = "", licence: str = "firm", **more: Any
) -> dict[str, Any]:
    """Make a dossier with its books, unless it is there. `more`: any further column. Returns its names."""
    country = country or stand.package.country
    found = stand.books.dossier(code)
    if found is None:
        values = {
            "package": stand.key, "id": _guid(stand.key, code), "code": code, "name": name or f"Dossier {code}",
            "country": country, "currency": "EUR", "vat_number": "", "enterprise_number": "", "licence": licence,
        }  # fmt: skip
        with stand.store.transaction():
            stand.store.insert("dossiers", **values | more)
            found = stand.books.dossier(code)
            if found is not None:
                _fill(stand, found["seq"], code, country)
    return {} if found is None else {"id": found["id"], "code": found["code"], "seq": found["seq"]}


def _fill(stand: Stand, dossier: int, code: str, country: str) -> None:
    chart = CHARTS[country]

    def rows(table: str, items: list[dict[str, Any]], key: str = "code") -> None:
        named = [{"dossier": dossier, "id": _guid(stand.key, code, table, str(item[key])), **item} for item in items]
        stand.store.insert_many(table, named)

    rows("accounts", [{"code": own, "name": name, "kind": KINDS[kind]} for own, kind, name in chart.accounts])
    rows(
        "journals",
        [{"code": own, "name": name, "type": JOURNALS[kind], "account": account}
         for own, kind, name, account in chart.journals],
    )  # fmt: skip
    rows(
        "vat_codes",
        [{"code": own, "name": name, "percentage": str(percentage), "side": "", "account": f"{to_pay}/{to_claim}"}
         for own, percentage, name, to_pay, to_claim in chart.vat],
    )  # fmt: skip
    names = ("code", "name", "country", "vat_number", "enterprise_number", "customer", "supplier")
    rows("relations", [dict(zip(names, relation, strict=True)) for relation in RELATIONS])
    rows("periods", [_period(year, month) for year in YEARS for month in range(1, 13)], "starts")


def _period(year: int, month: int) -> dict[str, Any]:
    last = calendar.monthrange(year, month)[1]
    starts, ends = date(year, month, 1), date(year, month, last)
    return {"year": year, "number": month, "starts": starts.isoformat(), "ends": ends.isoformat()}


def _guid(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts)))


def demo(stand: Stand) -> None:
    """A login and a few dossiers, for people to try."""
    if stand.access.logins():
        return
    stand.access.add_login("kantoor", "Els Peeters", "els@kantoor.example", "Kantoor Peeters")
    for number, name in enumerate(("Bakkerij Janssens", "Garage Dubois", "Studio Lumen"), 1):
        dossier(stand, f"{number:04d}", name)
    if stand.package.seed is not None:
        stand.package.seed(stand)
