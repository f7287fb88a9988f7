"""The part of the OpenAPI document that tells how documents are handed in (portal/routes/api.py)."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
UUID: Schema = {"type": "string", "format": "uuid"}
TEXT: Schema = {"type": "string"}
DAY: Schema = {"type": "string", "format": "date"}
AMOUNT: Schema = {"type": "string", "pattern": "^-?[0-9]+\\.[0-9]{2}$"}
COUNT: Schema = {"type": "integer", "minimum": 0}
BYTES: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}

_DOCUMENT: dict[str, Schema] = {
    "id": UUID, "direction": {"enum": ["sales", "purchase"]}, "kind": {"enum": ["invoice", "credit", "takings"]},
    "number": TEXT, "date": DAY, "due_date": {"anyOf": [DAY, {"type": "null"}]},
    "currency": {"type": "string", "pattern": "^[A-Z]{3}$"}, "party": TEXT, "net": AMOUNT, "vat": AMOUNT,
    "gross": AMOUNT, "payable": AMOUNT, "in_entry": {"type": "boolean"}, "settled": {"type": "boolean"},
}  # fmt: skip
_FILE: Schema = {
    "type": "object",
    "properties": {"id": UUID, "filename": TEXT, "state": {"enum": ["stored", "known", "refused"]}},
    "required": ["id", "filename", "state"],
}
SCHEMAS: dict[str, Schema] = {
    "Document": {"type": "object", "properties": _DOCUMENT, "required": list(_DOCUMENT), "additionalProperties": False},
    "HandedIn": {
        "type": "object",
        "properties": {
            "file": _FILE, "stored": COUNT, "known": COUNT, "warnings": {"type": "array", "items": TEXT},
            "documents": {"type": "array", "items": {"$ref": "#/components/schemas/Document"}},
        },
        "required": ["file", "stored", "known", "warnings", "documents"],
    },
    "DocumentError": {
        "type": "object",
        "properties": {
            "file": _FILE,
            "error": {
                "type": "object",
                "properties": {
                    "code": TEXT, "message": TEXT, "line": {"anyOf": [COUNT, {"type": "null"}]},
                    "values": {"type": "object"},
                },
                "required": ["code", "message"],
            },
        },
        "required": ["error"],
    },
}  # fmt: skip
CLIENT: Schema = {"name": "client_account", "in": "path", "required": True, "schema": UUID}
_ID: Schema = {"name": "document_id", "in": "path", "required": True, "schema": UUID}


def _json(description: str, name: str) -> Schema:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_MISSING = {
    "description": "Not there, or no such address.",
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/DocumentError"}},
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
    },
}
_REFUSED = {
    "404": _MISSING,
    "401": _json("The key is missing, unknown, revoked or of another account.", "DocumentError"),
    "429": _json("More than 300 calls a minute with this key.", "DocumentError"),
}
PATHS: dict[str, Schema] = {
    "/api/v1/c/{client_account}/documents": {
        "post": {
            "operationId": "handInDocument", "summary": "Hand in one file: UBL, Factur-X or takings as CSV.",
            "tags": ["Documents"], "security": [{"apiKey": []}],
            "parameters": [
                CLIENT,
                {"name": "filename", "in": "query", "required": False, "schema": TEXT},
                {"name": "Idempotency-Key", "in": "header", "required": False, "schema": TEXT | {"maxLength": 255},
                 "description": "A call that is repeated with it gets its first answer."},
            ],
            "requestBody": {
                "required": False,
                "content": {
                    "application/xml": {"schema": BYTES}, "application/pdf": {"schema": BYTES},
                    "text/csv": {"schema": BYTES}, "application/octet-stream": {"schema": BYTES},
                    "multipart/form-data": {
                        "schema": {"type": "object", "properties": {"file": BYTES}, "required": ["file"]}
                    },
                },
            },
            "responses": {
                "200": _json("Known already: nothing new.", "HandedIn"),
                "201": _json("Stored: at least one document is new.", "HandedIn"),
                "409": _json("The idempotency key was used for another file, or is too long.", "DocumentError"),
                "413": _json("Larger than 10 MiB.", "DocumentError"),
                "422": _json("Refused: nothing of the file was stored; error says why.", "DocumentError"),
                **_REFUSED,
            },
        }
    },
    "/api/v1/c/{client_account}/documents/{document_id}": {
        "get": {
            "operationId": "getDocument", "summary": "How a document stands.", "tags": ["Documents"],
            "security": [{"apiKey": []}], "parameters": [CLIENT, _ID],
            "responses": {
                "200": _json("The document.", "Document"), **_REFUSED,
            },
        }
    },
}  # fmt: skip
