"""How values and refusals look on Xero's wire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from flask import Response

from sandbox import wsgi
from sandbox.packages.trouble import usage
from sandbox.store import Row

KINDS = {
    "bank": ("BANK", ""), "cash": ("CURRENT", ""), "receivable": ("CURRENT", "DEBTORS"),
    "payable": ("CURRLIAB", "CREDITORS"), "vat": ("CURRLIAB", "GST"), "general": ("CURRENT", ""),
    "revenue": ("REVENUE", ""), "costs": ("EXPENSE", ""),
}  # fmt: skip
CONDITIONS = ("Date", "Type", "Status")  # what a list of documents can be narrowed by
_CLAUSE = re.compile(
    r'(?P<field>\w+)\s*(?P<sign>==|>=|<=|>|<)\s*(?:"(?P<text>[^"]*)"|DateTime\((?P<day>\d+,\s*\d+,\s*\d+)\))'
)


class ApiError(Exception):
    """An answer that is no success, as JSON."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


def invalid(element: Mapping[str, Any], *messages: str) -> ApiError:
    told = {**element, "ValidationErrors": [{"Message": message} for message in messages]}
    return ApiError(400, {
        "ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception occurred",
        "Elements": [told],
    })  # fmt: skip


def malformed(message: str) -> ApiError:
    return ApiError(400, {"ErrorNumber": 14, "Type": "PostDataInvalidException", "Message": message})


def forbidden() -> ApiError:
    return ApiError(403, {
        "Type": None, "Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful", "Instance": "",
    })  # fmt: skip


def unauthorised() -> ApiError:
    return ApiError(401, {
        "Type": None, "Title": "Unauthorized", "Status": 401, "Detail": "TokenExpired: token is not valid",
        "Instance": "",
    })  # fmt: skip


def refusal(status: int, seconds: float, which: str) -> Response:
    if status == 429:
        answer = Response("", 429)
        answer.headers["X-Rate-Limit-Problem"] = {"day": "day", "at_once": "concurrent"}.get(which, "minute")
        answer.headers["Retry-After"] = str(max(int(seconds + 0.999), 1))
        return answer
    title = "An error occurred in Xero. Check the API Status page" if status == 500 else "The Organisation is offline"
    return wsgi.json_answer({"ErrorNumber": status, "Type": "Exception", "Message": title}, status)


def answer(name: str, rows: list[dict[str, Any]], now: datetime, paging: Mapping[str, int] | None = None) -> Response:
    head = {"Id": "00000000-0000-0000-0000-000000000000", "Status": "OK", "ProviderName": "Koppelpoort"}
    body = {
        **head,
        "DateTimeUTC": f"/Date({int(now.timestamp() * 1000)})/",
        **({"pagination": paging} if paging else {}),
    }
    made = wsgi.json_answer({**body, name: rows})
    left = usage()
    made.headers["X-MinLimit-Remaining"] = str(left.window_left)
    made.headers["X-DayLimit-Remaining"] = str(left.day_left)
    made.headers["X-AppMinLimit-Remaining"] = "9999"
    return made


def ms_date(day: str) -> str:
    """`2026-03-18` as `/Date(1773792000000+0000)/`."""
    return f"/Date({int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)}+0000)/"


def day(value: Any, element: Mapping[str, Any], today: date) -> date:
    """A date as sent; today when there is none. Raises ApiError."""
    if value in (None, ""):
        return today
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise invalid(element, f"The date '{value}' is not a valid date") from None


def conditions(where: str) -> list[tuple[str, str, str]]:
    """(field, sign, value) of clauses joined by AND; days as ISO. Raises ApiError."""
    found = []
    for clause in filter(None, re.split(r"\s+AND\s+|\s*&&\s*", where)):
        read = _CLAUSE.fullmatch(clause.strip())
        if read is None or read["field"] not in CONDITIONS:
            raise ApiError(400, {
                "ErrorNumber": 16, "Type": "QueryParseException", "Message": f"Where clause not understood: {clause}",
            })  # fmt: skip
        value = read["text"] if read["day"] is None else date(*map(int, read["day"].split(","))).isoformat()
        found.append((read["field"], read["sign"], value))
    return found


def fits(value: str, sign: str, wanted: str) -> bool:
    return {
        "==": value == wanted, ">=": value >= wanted, "<=": value <= wanted, ">": value > wanted, "<": value < wanted,
    }[sign]  # fmt: skip


def account(row: Row) -> dict[str, Any]:
    kind, system = KINDS[row["kind"]]
    told = {
        "AccountID": row["id"], "Code": row["code"], "Name": row["name"], "Type": kind, "TaxType": "NONE",
        "Status": "ARCHIVED" if row["blocked"] else "ACTIVE", "EnablePaymentsToAccount": False,
        "ShowInExpenseClaims": False, "HasAttachments": False,
    }  # fmt: skip
    return told | ({"SystemAccount": system} if system else {})


def organisation(row: Row) -> dict[str, Any]:
    told = {
        "OrganisationID": row["id"], "Name": row["name"], "LegalName": row["name"], "PaysTax": True,
        "OrganisationType": "COMPANY", "BaseCurrency": row["currency"], "CountryCode": row["country"],
        "OrganisationStatus": "ACTIVE" if row["active"] else "ARCHIVED", "TaxNumber": row["vat_number"],
        "RegistrationNumber": row["enterprise_number"], "FinancialYearEndDay": 31, "FinancialYearEndMonth": 12,
        "ShortCode": f"!{row['code']}", "IsDemoCompany": False,
    }  # fmt: skip
    return told | ({"PeriodLockDate": ms_date(row["locked_until"])} if row["locked_until"] else {})


def tax_rate(row: Row) -> dict[str, Any]:
    percentage = float(row["percentage"]) * 100
    return {
        "Name": row["name"], "TaxType": row["code"], "Status": "ACTIVE", "DisplayTaxRate": round(percentage, 4),
        "EffectiveRate": round(percentage, 4), "CanApplyToAssets": True, "CanApplyToEquity": True,
        "CanApplyToExpenses": True, "CanApplyToLiabilities": True, "CanApplyToRevenue": True,
        "TaxComponents": [{
            "Name": "Btw", "Rate": round(percentage, 4), "IsCompound": False, "IsNonRecoverable": False,
        }],
    }  # fmt: skip


def contact(row: Row) -> dict[str, Any]:
    return {
        "ContactID": row["id"], "AccountNumber": row["code"], "Name": row["name"], "ContactStatus": "ACTIVE",
        "TaxNumber": row["vat_number"], "CompanyNumber": row["enterprise_number"],
        "IsCustomer": bool(row["customer"]), "IsSupplier": bool(row["supplier"]),
        "Addresses": [{"AddressType": "STREET", "Country": row["country"]}], "Phones": [],
    }  # fmt: skip


def head(row: Row) -> dict[str, Any]:
    """What was sent, kept with the entry."""
    found: dict[str, Any] = json.loads(row["extra"])
    return found
