"""The addresses: environments, companies, lists, journal batches with their lines, and posting."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from sandbox import wsgi
from sandbox.business_central import batches, odata
from sandbox.business_central.odata import Json, Wrong
from sandbox.packages import oauth
from sandbox.packages.core import Stand
from sandbox.packages.package import bearer
from sandbox.store import Row

ENVIRONMENT = "Production"
ROOT = f"/v2.0/{ENVIRONMENT}/api/v2.0"
COMPANY = f"{ROOT}/companies(<uuid:company>)"
BATCH = f"{COMPANY}/journals(<uuid:journal>)"
IN_A_BATCH = 100
CATEGORIES = {
    "bank": ("Assets", "Cash"), "cash": ("Assets", "Cash"), "receivable": ("Assets", "Accounts Receivable"),
    "payable": ("Liabilities", "Accounts Payable"), "vat": ("Liabilities", "VAT"), "general": ("Assets", ""),
    "revenue": ("Income", ""), "costs": ("Expense", ""),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Desk:
    """One company, opened by a log-in that may see it."""

    stand: Stand
    company: Row

    @property
    def id(self) -> int:
        return int(self.company["seq"])

    @property
    def guid(self) -> str:
        return str(self.company["id"])


def routes(stand: Stand) -> Blueprint:
    made = Blueprint("business_central", __name__)
    oauth.add(made, stand, "/organizations/oauth2/v2.0/authorize", "/organizations/oauth2/v2.0/token")

    @made.errorhandler(Wrong)
    def wrong(error: Wrong) -> Response:
        return odata.error(error.status, error.code, error.words)

    @made.get("/environments/v1.2")
    def environments() -> Response:
        licence = _who(stand)
        country = stand.package.country
        named = [ENVIRONMENT, *filter(None, stand.settings["closed_environment"].split())]
        return wsgi.json_answer({"value": [environment(licence, country, name) for name in named]})

    @made.get("/v2.0/<environment>/api/v2.0/companies")
    def closed(environment: str) -> Response:
        raise Wrong(403, "Authorization_RequestDenied", f"The user has no access to environment {environment}.")

    @made.get(f"{ROOT}/companies")
    def companies() -> Response:
        licence, named = _who(stand), _named(stand)
        rows = [company_row(row) for row in stand.books.dossiers(licence, named)]
        return odata.page(rows, stand.settings["page_size"])

    @made.post(f"{ROOT}/$batch")
    def batch() -> Response:
        _who(stand)
        return _together(stand)

    _list_routes(made, stand)
    _batch_routes(made, stand)
    return made


def _list_routes(made: Blueprint, stand: Stand) -> None:
    def add(name: str, rows: Callable[[Desk], list[Json]]) -> None:
        def serve(company: uuid.UUID) -> Response:
            return odata.page(rows(desk(stand, company)), stand.settings["page_size"])

        made.add_url_rule(f"{COMPANY}/{name}", name, serve, methods=["GET"])

    for name, rows in LISTS.items():
        add(name, rows)


def _batch_routes(made: Blueprint, stand: Stand) -> None:
    @made.post(f"{COMPANY}/journals")
    def make(company: uuid.UUID) -> Response:
        opened = desk(stand, company)
        return odata.one(batches.make(stand, opened.guid, opened.id, body()), 201)

    @made.route(BATCH, methods=["GET", "DELETE"])
    def single(company: uuid.UUID, journal: uuid.UUID) -> Response:
        opened = desk(stand, company)
        found = batches.shown(batches.get(stand, opened.guid, opened.id, str(journal)))
        if request.method == "GET":
            return odata.one(found)
        if "If-Match" not in request.headers:
            raise Wrong(400, "BadRequest_RequiredParamNotProvided", "If-Match must be given.")
        if request.headers["If-Match"] not in ("*", odata.tag(found)):
            raise Wrong(409, "Request_EntityChanged", "Another user has already changed the record.")
        batches.remove(stand, opened.guid, str(journal))
        return Response(status=204)

    @made.route(f"{BATCH}/journalLines", methods=["GET", "POST"])
    def lines(company: uuid.UUID, journal: uuid.UUID) -> Response:
        opened = desk(stand, company)
        found = batches.get(stand, opened.guid, opened.id, str(journal))
        if request.method == "POST":
            return odata.one(batches.add_line(stand, opened.id, found, body()), 201)
        return odata.page(batches.lines(stand, found), stand.settings["page_size"])

    @made.post(f"{BATCH}/Microsoft.NAV.post")
    def post(company: uuid.UUID, journal: uuid.UUID) -> Response:
        opened = desk(stand, company)
        batches.post(stand, opened.id, batches.get(stand, opened.guid, opened.id, str(journal)))
        return Response(status=204)


def body() -> Json:
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise Wrong(400, "BadRequest", "The request body is not valid JSON.")
    return sent


# ------------------------------------------------------------------------------ who may see what


def _who(stand: Stand) -> str:
    who = stand.access.who(bearer(request))
    if who is None:
        raise Wrong(401, "Authentication_InvalidCredentials", "The server has rejected the client credentials.")
    return who.licence


def _named(stand: Stand) -> tuple[str, ...] | None:
    who = stand.access.who(bearer(request))
    return who.dossiers if who else ()


def desk(stand: Stand, company: uuid.UUID) -> Desk:
    licence, named = _who(stand), _named(stand)
    found = next((row for row in stand.books.dossiers(licence, named) if row["id"] == str(company)), None)
    if found is None:
        raise Wrong(404, "BadRequest_ResourceNotFound", f"The company {company} does not exist.")
    return Desk(stand, found)


# ------------------------------------------------------------------------------ lists


def environment(licence: str, country: str, name: str) -> Json:
    tenant = str(uuid.uuid5(uuid.NAMESPACE_URL, f"tenant/{licence}"))
    home = f"https://businesscentral.dynamics.com/{tenant}/{name}"
    return {
        "aadTenantId": tenant, "applicationFamily": "BusinessCentral", "name": name,
        "type": "Production" if name == ENVIRONMENT else "Sandbox", "countryCode": country,
        "webServiceUrl": "https://api.businesscentral.dynamics.com", "webClientLoginUrl": home, "ringName": "PROD",
    }  # fmt: skip


def company_row(row: Row) -> Json:
    return {
        "id": row["id"], "systemVersion": "26.0.0.0", "name": row["code"], "displayName": row["name"],
        "businessProfileId": "",
    }  # fmt: skip


def _information(at: Desk) -> list[Json]:
    row = at.company
    return [{
        "id": row["id"], "displayName": row["name"], "phoneNumber": "", "email": "", "website": "",
        "taxRegistrationNumber": row["vat_number"], "currencyCode": row["currency"],
        "currentFiscalYearStartDate": "2026-01-01", "industry": "", "lastModifiedDateTime": moment(0),
    }]  # fmt: skip


def _accounts(at: Desk) -> list[Json]:
    rows = [_account(row) for row in at.stand.books.accounts(at.id)]
    heading = {"number": "0", "displayName": "Balance sheet", "accountType": "Heading", "directPosting": False}
    return [{**rows[0], "id": str(uuid.uuid5(uuid.NAMESPACE_URL, at.guid)), **heading}, *rows] if rows else []


def _account(row: Row) -> Json:
    category, part = CATEGORIES[row["kind"]]
    return {
        "id": row["id"], "number": row["code"], "displayName": row["name"], "category": category, "subCategory": part,
        "blocked": bool(row["blocked"]), "accountType": "Posting", "directPosting": True, "netChange": 0,
        "lastModifiedDateTime": moment(0),
    }  # fmt: skip


def _vat_groups(at: Desk) -> list[Json]:
    return [
        {"id": row["id"], "code": row["code"], "displayName": row["name"], "lastModifiedDateTime": moment(0)}
        for row in at.stand.books.vat_codes(at.id)
    ]


def _periods(at: Desk) -> list[Json]:
    return [
        {
            "id": row["id"], "startingDate": row["starts"], "name": f"{row['number']}", "closed": bool(row["shut"]),
            "newFiscalYear": row["number"] == 1, "dateLocked": bool(row["shut"]), "lastModifiedDateTime": moment(0),
        }
        for row in at.stand.books.periods(at.id)
    ]  # fmt: skip


def _journals(at: Desk) -> list[Json]:
    return [batches.shown(one) for one in batches.all_of(at.stand, at.guid, at.id)]


DOCUMENT = re.compile(r"documentNumber eq '([^']*)'")


def _ledger(at: Desk) -> list[Json]:
    """Every line of every posted entry, as general ledger entries; of named documents only, where some are."""
    books, told = at.stand.books, request.args.get("$filter", "")
    named = DOCUMENT.findall(told) if DOCUMENT.sub("", told).replace(" or ", "") == "" else []
    rows = [row for number in named or [None] for row in books.entries(at.id, state="posted", reference=number)]
    heads = {row["seq"]: row for row in rows}
    ids = {row["code"]: row["id"] for row in books.accounts(at.id)}
    return [
        _ledger_entry(line, heads[number], ids[line["account"]])
        for number, lines in books.lines(list(heads)).items()
        for line in lines
    ]


def _ledger_entry(line: Row, head: Row, account: str) -> Json:
    amount = line["amount"] / 100
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"ledger/{line['seq']}")), "entryNumber": line["seq"],
        "postingDate": line["date"], "documentNumber": head["reference"] or f"G{head['number']}", "documentType": " ",
        "accountId": account, "accountNumber": line["account"], "description": line["text"],
        "debitAmount": max(amount, 0), "creditAmount": max(-amount, 0), "lastModifiedDateTime": moment(head["created"]),
    }  # fmt: skip


def moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


LISTS: dict[str, Callable[[Desk], list[Json]]] = {
    "companyInformation": _information,
    "accounts": _accounts,
    "vatProductPostingGroups": _vat_groups,
    "accountingPeriods": _periods,
    "journals": _journals,
    "generalLedgerEntries": _ledger,
}


# ------------------------------------------------------------------------------ many requests in one


INNER = re.compile(
    r"companies\((?P<company>[0-9a-f-]{36})\)/(?:companyInformation|journals\((?P<journal>[0-9a-f-]{36})\)/journalLines)"
)


class _Undone(Exception):
    pass


def _together(stand: Stand) -> Response:
    """A $batch. With `Isolation: snapshot`, one refusal undoes all of it."""
    asked = body().get("requests")
    if not isinstance(asked, list) or not 1 <= len(asked) <= IN_A_BATCH:
        raise Wrong(400, "BadRequest", f"A batch holds 1 to {IN_A_BATCH} requests.")
    whole = request.headers.get("Isolation") == "snapshot"
    answers: list[Json] = []
    opened, found = dict[str, Desk](), dict[str, Json]()
    try:
        with stand.store.attempt():
            for one in asked:
                answers.append(_inner(stand, one, opened, found))
                if whole and answers[-1]["status"] >= 400:
                    raise _Undone
    except _Undone:
        told = {"error": {"code": "FailedDependency", "message": "Another request in the batch failed."}}
        failed = answers[-1]
        answers = [failed if one["id"] == failed["id"] else _answer(one, 424, told) for one in asked]
    return wsgi.json_answer({"responses": answers})


def _inner(stand: Stand, one: Any, opened: dict[str, Desk], found: dict[str, Json]) -> Json:
    """One of the requests: a line for a batch, or what a company tells of itself. What was opened stays open."""
    told = INNER.fullmatch(str(one["url"]))
    try:
        if told is None or (told["journal"] is None) == (one["method"] == "POST"):
            raise Wrong(404, "BadRequest_NotFound", f"No HTTP resource was found for {one['url']}.")
        company, journal = told["company"], told["journal"]
        if company not in opened:
            opened[company] = desk(stand, uuid.UUID(company))
        at = opened[company]
        if journal is None:
            return _answer(one, 200, {"value": _information(at)})
        if journal not in found:
            found[journal] = batches.get(stand, at.guid, at.id, journal)
        return _answer(one, 201, batches.add_line(stand, at.id, found[journal], one["body"]))
    except Wrong as error:
        return _answer(one, error.status, {"error": {"code": error.code, "message": error.words}})


def _answer(one: Json, status: int, told: Any) -> Json:
    return {"id": one["id"], "status": status, "headers": {"content-type": "application/json"}, "body": told}
