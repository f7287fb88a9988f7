"""Reading: one list, one record by key, the lines of a record, a count.

Lists are paged by key: `__next` carries the last row's key in `$skiptoken`, before it the values
of `$orderby` when there is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote_plus

from sandbox.exact import wire
from sandbox.exact.entities import Entity, Field
from sandbox.exact.filters import Filter
from sandbox.exact.messages import ApiError
from sandbox.exact.registry import ENTITIES
from sandbox.exact.settings import Settings
from sandbox.store import Row, Store

_SELECT_NEEDED = "Please add a $select or a $top=1 statement to the query string."
_FILTER_NEEDED = (
    "This endpoint has mandatory filtering applied. A GET request for this endpoint must have a $filter parameter "
    "with one of the following fields in the url: {}."
)
_TOKEN_PART = re.compile(r"guid'([^']*)'|datetime'([^']*)'|'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?)[LMD]?|(null)")


@dataclass(frozen=True, slots=True)
class Query:
    """The `$` options of a URL. `+` is a space; quotes and commas may stand unencoded."""

    filter: str = ""
    select: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()
    orderby: tuple[str, ...] = ()
    top: int | None = None
    skip: int = 0
    skiptoken: str = ""
    inlinecount: bool = False
    as_json: bool = False

    @classmethod
    def read(cls, raw: str) -> Query:
        options = {}
        for part in raw.split("&"):
            name, _, value = part.partition("=")
            options[unquote_plus(name).lower()] = unquote_plus(value)
        return cls(
            filter=options.get("$filter", "").strip(),
            select=_names(options.get("$select", "")),
            expand=_names(options.get("$expand", "")),
            orderby=_names(options.get("$orderby", "")),
            top=_count(options, "$top"),
            skip=_count(options, "$skip") or 0,
            skiptoken=options.get("$skiptoken", ""),
            inlinecount=options.get("$inlinecount", "").lower() == "allpages",
            as_json=options.get("$format", "").lower() == "json",
        )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _count(options: Mapping[str, str], name: str) -> int | None:
    if name not in options:
        return None
    if not options[name].strip().isdigit():
        raise ApiError(400, f"Incorrect format for {name} argument '{options[name]}'.")
    return int(options[name])


@dataclass(frozen=True, slots=True)
class Parent:
    """The record whose lines are listed: the field that points to it, its key, its lines' URL."""

    field: str
    key: str
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads for one caller. `base` is the absolute URL up to and including `/api/v1`."""

    store: Store
    settings: Settings
    base: str
    caller: Mapping[str, Any]  # division, environment, user, role, licence, scope, current, now

    def page(self, entity: Entity, query: Query, parent: Parent | None = None) -> Any:
        """What stands under `d`: a bare list, or results with `__next`."""
        self._check_rules(entity, query, parent is not None)
        page = entity.page
        wanted = page if query.top is None or entity.cursor else min(query.top, page)
        rows, shown = self._rows(entity, query, wanted + 1, parent)
        records = [self.record(entity, row, shown, query) for row in rows[:wanted]]
        bare = query.top is not None and query.top <= 60 and not entity.cursor
        if bare and not query.inlinecount:
            return records
        answer: dict[str, Any] = {"results": records}
        if query.inlinecount:
            answer["__count"] = str(self.count(entity, query, parent))
        left = None if query.top is None or entity.cursor else query.top - wanted
        if len(rows) > wanted and left != 0:
            answer["__next"] = self._next(entity, query, rows[wanted - 1], left, parent)
        return answer

    def count(self, entity: Entity, query: Query, parent: Parent | None = None) -> int:
        where, parameters = self._where(entity, replace(query, skiptoken=""), parent)
        row = self.store.one(f"SELECT count(*) FROM {entity.source} WHERE {where}", parameters)  # noqa: S608 - own tables
        return int(row[0]) if row else 0

    def by_key(self, entity: Entity, key: str, query: Query) -> dict[str, Any]:
        """One record. Raises ApiError 404."""
        row, shown = self._one(entity, key, query)
        return self.record(entity, row, shown, query)

    def exists(self, entity: Entity, key: str) -> Row:
        """The record's fields as kept. Raises ApiError 404."""
        return self._one(entity, key, Query())[0]

    def _one(self, entity: Entity, key: str, query: Query) -> tuple[Row, list[Field]]:
        values = _read_token(key)
        if len(values) != len(entity.key):
            raise ApiError(400, "Bad Request - Error in query syntax.")
        tests = [f"{entity.fields[name].sql} = :k{i}" for i, name in enumerate(entity.key)]
        parameters = {**self.caller, **{f"k{i}": value for i, value in enumerate(values)}}
        shown = self._shown(entity, query)
        sql = (
            f"SELECT {_columns(entity, shown, ())} FROM {entity.source} WHERE {entity.where} AND {' AND '.join(tests)}"  # noqa: S608 - own tables
        )
        row = self.store.one(sql, parameters)
        if row is None:
            raise ApiError(404, "Resource not found for the segment '" + entity.path.rsplit("/", 1)[-1] + "'.")
        return row, shown

    def _check_rules(self, entity: Entity, query: Query, nested: bool) -> None:
        if nested:
            return
        if entity.path in self.settings.select_required and not query.select and query.top != 1:
            raise ApiError(400, _SELECT_NEEDED)
        if entity.filter_needed and not query.skiptoken:
            used = self._filter(entity, query).names if query.filter else set()
            if not used & set(entity.filter_needed):
                raise ApiError(400, _FILTER_NEEDED.format(", ".join(entity.filter_needed)))

    def _filter(self, entity: Entity, query: Query) -> Filter:
        return Filter(entity, query.filter, self.settings.unfilterable.get(entity.path, []))

    def _where(self, entity: Entity, query: Query, parent: Parent | None) -> tuple[str, dict[str, Any]]:
        parameters = dict(self.caller)
        parts = [f"({entity.where})"]
        if parent:
            parts.append(f"{entity.fields[parent.field].sql} = :parent")
            parameters["parent"] = parent.key
        if query.filter:
            compiled = self._filter(entity, query)
            parts.append(f"({compiled.sql})")
            parameters |= compiled.parameters
        if query.skiptoken:
            sql, more = _after(_order(entity, query), _read_token(query.skiptoken))
            parts.append(sql)
            parameters |= more
        return " AND ".join(parts), parameters

    def _rows(self, entity: Entity, query: Query, limit: int, parent: Parent | None) -> tuple[list[Row], list[Field]]:
        order = _order(entity, query)
        shown = self._shown(entity, query)
        where, parameters = self._where(entity, query, parent)
        keys = set(entity.key)
        by = ", ".join(
            f"{f.sql} {direction}" if f.name in keys else f"ifnull({f.sql}, '') {direction}" for f, direction in order
        )
        columns = _columns(entity, shown, [f for f, _ in order])
        sql = f"SELECT {columns} FROM {entity.source} WHERE {where} ORDER BY {by} LIMIT {limit} OFFSET {query.skip}"  # noqa: S608 - own tables
        return self.store.all(sql, parameters), shown

    def _shown(self, entity: Entity, query: Query) -> list[Field]:
        names = [n for n in query.select if n != "*"]
        if not names:
            return list(entity.fields.values())
        found = []
        known = {name.lower(): f for name, f in entity.fields.items()}
        for name in names:
            head = name.split("/")[0].lower()
            if head in known:
                found.append(known[head])
            elif head not in {nav.lower() for nav in entity.lists}:
                raise ApiError(
                    400, f"Could not find a property named '{name}' on type 'Exact.Web.Api.Models.{entity.model}'."
                )
        return found

    def record(self, entity: Entity, row: Row, shown: list[Field], query: Query) -> dict[str, Any]:
        key = ",".join(_literal(entity.fields[name].kind, row[name]) for name in entity.key)
        uri = self._uri(entity, f"({key})")
        record: dict[str, Any] = {"__metadata": {"uri": uri, "type": f"Exact.Web.Api.Models.{entity.model}"}}
        for f in shown:
            record[f.name] = wire.outward(f.kind, row[f.name])
        heads = {name.split("/")[0] for name in query.select}
        for nav, (path, parent_field) in entity.lists.items():
            if nav in query.expand:
                child = ENTITIES[path.lower()]
                record[nav] = {"results": self._expanded(child, nav, query, Parent(parent_field, row[entity.key[0]]))}
            elif not query.select or nav in heads:
                record[nav] = {"__deferred": {"uri": f"{uri}/{nav}"}}
        return record

    def _expanded(self, child: Entity, nav: str, query: Query, parent: Parent) -> list[dict[str, Any]]:
        inner = tuple(n.split("/", 1)[1] for n in query.select if n.startswith(f"{nav}/"))
        wanted = Query(select=inner, orderby=("LineNumber",))
        rows, shown = self._rows(child, wanted, 100_000, parent)
        return [self.record(child, row, shown, wanted) for row in rows]

    def _uri(self, entity: Entity, rest: str) -> str:
        division = "" if entity.path == "current/Me" else f"{self.caller['division']}/"
        return f"{self.base}/{division}{entity.path}{rest}"

    def _next(self, entity: Entity, query: Query, last: Row, left: int | None, parent: Parent | None) -> str:
        token = ",".join(_literal(f.kind, last[f.name]) for f, _ in _order(entity, query))
        options = [("$filter", query.filter), ("$select", ",".join(query.select)), ("$expand", ",".join(query.expand))]
        if not entity.cursor:
            options.append(("$orderby", ",".join(query.orderby)))
        if left is not None:
            options.append(("$top", str(left)))
        if query.inlinecount:
            options.append(("$inlinecount", "allpages"))
        options.append(("$skiptoken", token))
        base = parent.uri if parent else self._uri(entity, "")
        return f"{base}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in options if value)


def _columns(entity: Entity, shown: list[Field], extra: Any) -> str:
    needed = {f.name: f for f in (*shown, *(entity.fields[n] for n in entity.key), *extra)}
    return ", ".join(f'{f.sql} AS "{f.name}"' for f in needed.values())


def _order(entity: Entity, query: Query) -> list[tuple[Field, str]]:
    """The fields to sort by, the key last so that the order is total."""
    found: list[tuple[Field, str]] = []
    known = {name.lower(): f for name, f in entity.fields.items()}
    for part in () if entity.cursor else query.orderby:
        name, _, direction = part.partition(" ")
        if name.lower() not in known or direction.strip().lower() not in ("", "asc", "desc"):
            raise ApiError(400, f"Syntax error in $orderby: '{part}'.")
        if known[name.lower()].name not in entity.key:
            found.append((known[name.lower()], direction.strip().upper() or "ASC"))
        else:
            return [*found, *((entity.fields[n], direction.strip().upper() or "ASC") for n in entity.key)]
    return found + [(entity.fields[name], "ASC") for name in entity.key]


def _after(order: list[tuple[Field, str]], values: list[Any]) -> tuple[str, dict[str, Any]]:
    """SQL for "comes after these values" in a mixed order."""
    if len(values) != len(order):
        raise ApiError(400, "Bad Request - Error in $skiptoken.")
    parameters = {f"s{i}": "" if value is None else value for i, value in enumerate(values)}
    choices = []
    for i, (f, direction) in enumerate(order):
        same = [f"ifnull({g.sql}, '') = :s{j}" for j, (g, _) in enumerate(order[:i])]
        choices.append(" AND ".join([*same, f"ifnull({f.sql}, '') {'<' if direction == 'DESC' else '>'} :s{i}"]))
    if len(order) == 1:  # lets the key's index be used
        return f"{order[0][0].sql} {'<' if order[0][1] == 'DESC' else '>'} :s0", parameters
    return "(" + " OR ".join(f"({choice})" for choice in choices) + ")", parameters


def _literal(kind: str, value: Any) -> str:
    """A kept value as it stands in a key or a `$skiptoken`."""
    if value is None:
        return "null"
    if kind == "G":
        return f"guid'{value}'"
    if kind == "T":
        return f"datetime'{wire.iso(value, 'milliseconds')}'"
    if kind == "L":
        return f"{value}L"
    if kind in "IBD":
        return str(value)
    if kind == "A":
        return f"{value / 100:.2f}M"
    return "'" + str(value).replace("'", "''") + "'"


def _read_token(text: str) -> list[Any]:
    values: list[Any] = []
    at = 0
    while at < len(text):
        match = _TOKEN_PART.match(text, at)
        if match is None:
            raise ApiError(400, "Bad Request - Error in query syntax.")
        guid, moment, string, number, null = match.groups()
        if guid is not None:
            values.append(wire.guid(guid))
        elif moment is not None:
            values.append(wire.moment(moment))
        elif string is not None:
            values.append(string.replace("''", "'"))
        elif number is not None:
            values.append(
                wire.cents(number) if match[0].endswith("M") else float(number) if "." in number else int(number)
            )
        elif null is not None:
            values.append(None)
        at = match.end()
        if at < len(text) and text[at] == ",":
            at += 1
    return values
