"""Rows of the books as Pennylane writes them, and its words of refusal."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Response, request

from sandbox import wsgi
from sandbox.packages.books import money
from sandbox.store import Row

Json = dict[str, Any]
HOME = "https://app.pennylane.com/api/external"


class Wrong(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


def error(status: int, words: str) -> Response:
    return wsgi.json_answer({"error": words, "status": status}, status)


def moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


# ------------------------------------------------------------------------------ lists


def conditions(fields: Mapping[str, Callable[[str], Any]]) -> list[tuple[str, str, Any]]:
    """The `filter` of the request: (field, operator, value). `fields`: what may be filtered on, and how it is read."""
    try:
        given = json.loads(request.args.get("filter") or "[]")
        found = []
        for one in given:
            read = fields[one["field"]]
            many = one["operator"] in ("in", "not_in")
            value = [read(str(each)) for each in one["value"]] if many else read(str(one["value"]))
            if one["operator"] not in OPERATORS:
                raise ValueError(one["operator"])
            found.append((one["field"], one["operator"], value))
    except (LookupError, TypeError, ValueError):
        raise Wrong(400, "The filter is not valid") from None
    return found


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda ours, theirs: bool(ours == theirs),
    "not_eq": lambda ours, theirs: bool(ours != theirs),
    "lt": lambda ours, theirs: bool(ours < theirs),
    "lteq": lambda ours, theirs: bool(ours <= theirs),
    "gt": lambda ours, theirs: bool(ours > theirs),
    "gteq": lambda ours, theirs: bool(ours >= theirs),
    "in": lambda ours, theirs: ours in theirs,
    "not_in": lambda ours, theirs: ours not in theirs,
    "start_with": lambda ours, theirs: str(ours).startswith(str(theirs)),
}


def fits(values: Mapping[str, Any], wanted: Iterable[tuple[str, str, Any]]) -> bool:
    return all(OPERATORS[operator](values[field], value) for field, operator, value in wanted)


def by_cursor(rows: Sequence[Any], shown: Callable[[Any], Json], most: int = 100) -> Response:
    """One page of a list that is turned over by a cursor."""
    limit = _whole("limit", 20, most)
    cursor = request.args.get("cursor")
    try:
        start = int(base64.urlsafe_b64decode(cursor).decode().removeprefix("after:")) if cursor else 0
    except ValueError:
        raise Wrong(400, "The cursor is not valid") from None
    more = start + limit < len(rows)
    following = base64.urlsafe_b64encode(f"after:{start + limit}".encode()).decode() if more else None
    page = [shown(row) for row in rows[start : start + limit]]
    return wsgi.json_answer({"items": page, "has_more": more, "next_cursor": following})


def by_number(rows: Sequence[Any], shown: Callable[[Any], Json], most: int) -> Response:
    """One page of a list whose pages are numbered."""
    size, number = _whole("per_page", 20, most), _whole("page", 1, 10**9)
    page = [shown(row) for row in rows[(number - 1) * size : number * size]]
    pages = max(-(-len(rows) // size), 1)
    told = {"total_pages": pages, "current_page": number, "total_items": len(rows), "per_page": size}
    return wsgi.json_answer({"items": page, **told})


def _whole(name: str, otherwise: int, most: int) -> int:
    given = request.args.get(name, str(otherwise))
    if not given.isdigit() or not 1 <= int(given) <= most:
        raise Wrong(400, f"{name} must be between 1 and {most}")
    return int(given)


# ------------------------------------------------------------------------------ rows


def company(row: Row) -> Json:
    return {
        "id": row["seq"], "name": row["name"], "billing_company_name": row["name"],
        "siren": row["enterprise_number"], "address": "1 rue de la Paix", "city": "Paris", "postal_code": "75002",
        "activity_nomenclature": "NAFRev2", "activity_code": "6920Z", "external_id": row["id"],
        "client_code": row["code"],
    }  # fmt: skip


def account(row: Row, *, firm: bool) -> Json:
    charged = row["kind"] in ("revenue", "costs")
    told = {
        "id": row["seq"], "number": row["code"], "label": row["name"], "vat_rate": "FR_200" if charged else "any",
        "country_alpha2": "FR", "enabled": not row["blocked"], "letterable": row["kind"] in ("receivable", "payable"),
    }  # fmt: skip
    if firm:
        return told | {"archived_at": None}
    return told | {"type": "custom", "created_at": moment(0), "updated_at": moment(0)}


JOURNAL_TYPES = {"sales": "sales", "purchase": "purchases", "bank": "bank", "cash": "cash", "general": "miscellaneous"}


def journal(row: Row) -> Json:
    return {"id": row["seq"], "code": row["code"], "label": row["name"], "type": JOURNAL_TYPES[row["type"]]}


def year(months: Sequence[Row], *, firm: bool) -> Json:
    """A financial year of the months that the books have; closed when its last month is."""
    status = "closed" if months[-1]["shut"] else "open"
    told = {"id": months[0]["seq"], "start": months[0]["starts"], "finish": months[-1]["ends"], "status": status}
    return told if firm else told | {"created_at": moment(0), "updated_at": moment(0)}


def entry(row: Row, journal: Row, place: str, *, firm: bool, lines: Sequence[Json] | None = None) -> Json:
    """`place`: the address that the journal is found under. Only a company's single entries show their lines."""
    piece = json.loads(row["extra"]).get("piece_number", row["number"])
    told = {
        "id": row["seq"], "label": row["text"], "piece_number": piece, "date": row["date"],
        "due_date": row["due"] or None, "invoice_number": None,
        "journal": {"id": journal["seq"], "url": f"{place}/journals/{journal['seq']}"},
        "status": "entry", "categories": [], "attachment": None,
        "created_at": moment(row["created"]), "updated_at": moment(row["created"]),
    }  # fmt: skip
    return told if lines is None or firm else told | {"ledger_entry_lines": list(lines)}


def deprecated(journal: Row) -> Json:
    """What a company's interface still shows besides."""
    return {"journal_id": journal["seq"], "ledger_attachment_filename": None}


def line(row: Row, account: Row, place: str) -> Json:
    amount = row["amount"]
    return {
        "id": row["seq"], "debit": money(max(amount, 0)), "credit": money(max(-amount, 0)), "label": row["text"],
        "ledger_account": {
            "id": account["seq"], "number": account["code"], "url": f"{place}/ledger_accounts/{account['seq']}",
        },
    }  # fmt: skip


def listed_line(row: Row, entry: Row, account: Row, journal: Row, place: str, *, firm: bool) -> Json:
    """A line in the list of all lines, which tells more of it."""
    told = line(row, account, place) | {
        "categories": [], "date": entry["date"],
        "journal": {"id": journal["seq"], "url": f"{place}/journals/{journal['seq']}"},
        "ledger_entry": {"id": entry["seq"]},
        "lettered_ledger_entry_lines": {"ids": [], "url": f"{place}/ledger_entry_lines/{row['seq']}/lettered"},
        "created_at": moment(entry["created"]), "updated_at": moment(entry["created"]),
    }  # fmt: skip
    if firm:
        told["ledger_entry"]["url"] = f"{place}/ledger_entries/{entry['seq']}"
        told["imputation_dates"] = []
    return told
