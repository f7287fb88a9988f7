"""The one OpenAPI document (3.1) of all addresses under /api/v1/, exact enough to write a program from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.routes._openapi_documents import PATHS as DOCUMENT_PATHS
from portal.routes._openapi_documents import SCHEMAS as DOCUMENT_SCHEMAS
from portal.routes._software_formats import ACCOUNT, CAMT, CODA, CSV, JSON, LINE, MIMETYPES, STATEMENT
from portal.software.reading import BY_DAY, BY_ID, MOST

Schema = dict[str, Any]
UUID: Schema = {"type": "string", "format": "uuid"}
DAY: Schema = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
AMOUNT: Schema = {"type": "string", "pattern": "^-?[0-9]+\\.[0-9]{2,5}$", "description": "Exact; a minus: money out."}
TEXT: Schema = {"type": "string"}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: Mapping[str, Schema], description: str = "") -> Schema:
    """Every property is there and no other is."""
    made = {"type": "object", "properties": dict(properties), "required": list(properties)}
    return made | {"additionalProperties": False} | ({"description": description} if description else {})


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_NEXT = _or_null({"type": "string", "description": "The cursor of the next page; null: this is the last."})
_STATEMENT: dict[str, Schema] = {
    "id": UUID, "number": TEXT, "opening": _or_null(AMOUNT), "opening_date": _or_null(DAY),
    "closing": _or_null(AMOUNT), "closing_date": _or_null(DAY), "first_date": _or_null(DAY),
    "last_date": _or_null(DAY), "lines": {"type": "integer", "minimum": 0},
}  # fmt: skip
SCHEMAS: dict[str, Schema] = {
    "Problem": {
        "type": "object",
        "description": "What is wrong and how to put it right (RFC 9457).",
        "properties": {
            "type": TEXT, "title": TEXT, "status": {"type": "integer"}, "code": TEXT, "detail": TEXT,
            "seconds": {"type": "integer", "description": "How long to wait."},
        },
        "required": ["type", "title", "status", "code", "detail"],
    },
    "Group": _object({"id": UUID, "name": TEXT}),
    "Balance": _object({"date": DAY, "amount": AMOUNT}, "At the end of the day."),
    "Account": _object({
        "id": UUID, "number": {"type": "string", "description": "IBAN without blanks, or the bank's own number."},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"}, "name": TEXT, "bic": TEXT,
        "holder": _object({
            "name": TEXT, "scheme": {"enum": ["kbo", "kvk", "siren"]}, "enterprise_number": TEXT,
        }),
        "groups": _list(_ref("Group")), "balance": _or_null(_ref("Balance")),
    }),
    "Transaction": _object({
        "id": UUID, "statement_id": UUID, "date": DAY, "value_date": _or_null(DAY), "amount": AMOUNT,
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "balance": _or_null(AMOUNT), "description": TEXT, "counterparty": TEXT, "counterparty_account": TEXT,
        "reference": {"type": "string", "description": "Structured: 12 digits (Belgium), RF…, or empty."},
        "end_to_end_id": TEXT, "bank_reference": TEXT, "transaction_code": TEXT,
        "details": _list({
            "type": "object", "description": "The parts of a batch that was booked as one amount.",
            "properties": {
                "amount": TEXT, "description": TEXT, "counterparty": TEXT, "counterparty_account": TEXT,
                "reference": TEXT, "end_to_end_id": TEXT,
            },
            "required": ["amount"],
        }),
    }, "A booked line."),
    "Statement": _object(_STATEMENT, "Null where the bank did not tell."),
    "WholeStatement": _object(
        _STATEMENT | {"account": _ref("Account"), "transactions": _list(_ref("Transaction"))}
    ),
}  # fmt: skip


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


FROM = _query("from", DAY, "The first day.")
TO = _query("to", DAY, "The last day; not before the first.")
LIMIT = _query("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": 100}, "Rows on a page.")


def _cursor(pattern: str) -> Schema:
    schema = {"type": "string", "pattern": pattern}
    return _query("cursor", schema, "What the page before gave as next; left out: the first page.")


ACCOUNT_ID: Schema = {"name": "account_id", "in": "path", "required": True, "schema": UUID}
STATEMENT_ID: Schema = {"name": "statement_id", "in": "path", "required": True, "schema": UUID}


def _format(*offered: str) -> Schema:
    return _query("format", {"type": "string", "enum": list(offered)}, "Goes before the Accept header.")


LIMIT_HEADERS: dict[str, Schema] = {
    "RateLimit-Limit": {"description": "Calls a minute.", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "Calls left in it.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until there are as many again.", "schema": {"type": "integer"}},
}


def _problem(description: str, headers: Mapping[str, Schema] | None = None) -> Schema:
    told: Schema = {"description": description, "content": {"application/problem+json": {"schema": _ref("Problem")}}}
    return told | ({"headers": dict(headers)} if headers else {})


RESPONSES: dict[str, Schema] = {
    "Unauthorized": _problem(
        "User code and password are missing or wrong, or the password was changed: detail says what to do.",
        {"WWW-Authenticate": {"schema": TEXT}},
    ),
    "Forbidden": _problem("The first sign-in is not done, or this address may not call: detail says what to do."),
    "NotFound": _problem("Not there, or in none of the groups of this software user."),
    "NotAcceptable": _problem("None of the formats that Accept names is offered."),
    "Conflict": _problem("This cannot be written as a statement: balances are missing or do not chain."),
    "Invalid": _problem("A parameter is not right: detail says which and how it should be."),
    "TooMany": _problem(
        "More than 300 calls a minute, or too many wrong passwords.",
        LIMIT_HEADERS | {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
    ),
}
_REFUSALS = {"401": "Unauthorized", "403": "Forbidden", "406": "NotAcceptable", "422": "Invalid", "429": "TooMany"}
_TABLES = {
    "Accounts": ACCOUNT, "Transactions": LINE, "Statements": STATEMENT, "Balances": ("date", "balance", "currency"),
}  # fmt: skip
_FILES: dict[str, Schema] = {
    CAMT: {"schema": {"type": "string", "description": "camt.053.001.02"}},
    CODA: {"schema": {"type": "string", "description": "CODA 2.6, ISO-8859-1 with CRLF"}},
}


def _get(
    operation: str, summary: str, answer: Schema, *, parameters: tuple[Schema, ...] = (), table: str = "",
    files: bool = False, found: bool = False, pages: str = "",
) -> Schema:  # fmt: skip
    """`table`: also as CSV with these columns; `files`: also as CAMT.053 and CODA; `found`: may not be there;
    `pages`: how its cursors look."""
    content: Schema = {MIMETYPES[JSON]: {"schema": answer}}
    offered = [JSON]
    if table:
        offered.append(CSV)
        columns = "With commas; the first line names the columns: " + ", ".join(_TABLES[table])
        content[MIMETYPES[CSV]] = {"schema": {"type": "string", "description": columns}}
    if files:
        offered += [CAMT, CODA]
        content |= {MIMETYPES[form]: _FILES[form] for form in (CAMT, CODA)}
    headers = dict(LIMIT_HEADERS)
    if pages:
        headers["Link"] = {"description": 'The next page, with rel="next".', "schema": TEXT}
    refusals = _REFUSALS | ({"404": "NotFound"} if found else {}) | ({"409": "Conflict"} if files else {})
    return {
        "operationId": operation, "summary": summary, "tags": ["Bank accounts"], "security": [{"userCode": []}],
        "parameters": [*parameters, *((LIMIT, _cursor(pages)) if pages else ()), _format(*offered)],
        "responses": {
            "200": {"description": summary, "content": content, "headers": headers},
            **{status: {"$ref": f"#/components/responses/{name}"} for status, name in sorted(refusals.items())},
        },
    }  # fmt: skip


PATHS: dict[str, Schema] = {
    "/api/v1/groups": {
        "get": _get(
            "listGroups", "The account groups of this software user.", _object({"groups": _list(_ref("Group"))})
        )
    },
    "/api/v1/accounts": {
        "get": _get(
            "listAccounts", "The bank accounts of the groups.",
            _object({"accounts": _list(_ref("Account")), "next": _NEXT}), table="Accounts", pages=BY_ID,
        )
    },
    "/api/v1/accounts/{account_id}": {
        "get": _get("getAccount", "One bank account.", _ref("Account"), parameters=(ACCOUNT_ID,), found=True)
    },
    "/api/v1/accounts/{account_id}/balances": {
        "get": _get(
            "listBalances", "The balance at the end of each day, of at most 366 days; the last 31 when none are given.",
            _object({"account": _ref("Account"), "balances": _list(_ref("Balance"))}),
            parameters=(ACCOUNT_ID, FROM, TO), table="Balances", found=True,
        )
    },
    "/api/v1/accounts/{account_id}/transactions": {
        "get": _get(
            "listTransactions",
            "Booked lines, oldest first. As camt053 or coda the days from and to are one statement, without pages.",
            _object({"transactions": _list(_ref("Transaction")), "next": _NEXT}),
            parameters=(ACCOUNT_ID, FROM, TO), table="Transactions", files=True, found=True, pages=BY_DAY,
        )
    },
    "/api/v1/accounts/{account_id}/statements": {
        "get": _get(
            "listStatements", "The statements of the bank, by the day on which they end, oldest first.",
            _object({"statements": _list(_ref("Statement")), "next": _NEXT}),
            parameters=(ACCOUNT_ID, FROM, TO), table="Statements", found=True, pages=BY_DAY,
        )
    },
    "/api/v1/accounts/{account_id}/statements/{statement_id}": {
        "get": _get(
            "getStatement", "One statement with all its lines.", _ref("WholeStatement"),
            parameters=(ACCOUNT_ID, STATEMENT_ID), table="Transactions", files=True, found=True,
        )
    },
}  # fmt: skip


def document(base_url: str) -> Schema:
    """`base_url`: where this installation answers, without a slash at its end."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Koppelpoort", "version": "1",
            "description": "Accounting software reads bank accounts with a user code and a password; other software"
            " hands documents in with a key. A cursor is opaque; amounts are strings, as they are exact.",
        },
        "servers": [{"url": base_url}],
        "paths": PATHS | DOCUMENT_PATHS,
        "components": {
            "schemas": SCHEMAS | DOCUMENT_SCHEMAS,
            "responses": RESPONSES,
            "securitySchemes": {
                "userCode": {
                    "type": "http", "scheme": "basic",
                    "description": "The user code, and the password that was chosen at the first sign-in.",
                },
                "apiKey": {"type": "http", "scheme": "bearer", "description": "A key of the client account (kp_…)."},
            },
        },
    }  # fmt: skip
