"""What was said between a connector and a stand-in server, held against a description of the package's interface.

A description is ours, a small document of facts beside the test, or the provider's own OpenAPI file. The latter are no
part of the project: tests that want one are skipped where it is not there.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from portal.kernel import http

SPECS = Path(__file__).resolve().parents[3] / "shared" / "specs"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with its answer. `path` is what follows the address of the stand-in; bodies are JSON or None."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    sent: Any
    status: int
    received: Any


def listen(patch: pytest.MonkeyPatch, host: str) -> list[Exchange]:
    """Every exchange from now on, in order; `host` is cut from the addresses."""
    heard: list[Exchange] = []
    start, real = urlsplit(host).path.rstrip("/"), http.exchange

    def exchange(session: Any, method: str, url: str, **given: Any) -> http.Reply:
        reply = real(session, method, url, **given)
        target, body = urlsplit(url), given.get("body")
        query = dict(given.get("params") or {})
        for part in filter(None, target.query.split("&")):
            name, _, value = part.partition("=")
            query[unquote(name)] = unquote(value.replace("+", " "))
        heard.append(
            Exchange(
                method, unquote(target.path.removeprefix(start)), query, dict(given.get("headers") or {}),
                (json.loads(body) if body else None) if isinstance(body, bytes) else body,
                reply.status, json.loads(reply.body) if reply.body else None,
            )
        )  # fmt: skip
        return reply

    patch.setattr(http, "exchange", exchange)
    return heard


def provider(name: str) -> dict[str, Any]:
    """The provider's own description, JSON or YAML. Skips the test where there is none."""
    file = SPECS / name
    if not file.exists():
        pytest.skip("the provider's own description is not here")
    text = file.read_text(encoding="utf-8")
    yaml: Any = importlib.import_module("yaml") if file.suffix == ".yaml" else None
    found: dict[str, Any] = json.loads(text) if yaml is None else yaml.load(text, Loader=yaml.CSafeLoader)
    return found


class Description:
    """An OpenAPI 3 document, or as much of one as a test needs. `base` is what its paths leave out."""

    def __init__(self, document: Mapping[str, Any], base: str = "") -> None:
        self._document, self._base = document, base.rstrip("/")
        self._paths = [(_pattern(path), path, item) for path, item in document["paths"].items()]

    def knows(self, exchange: Exchange) -> bool:
        return self._operation(exchange) is not None

    def faults(self, exchange: Exchange) -> list[str]:
        """What of the exchange is not as described; of a path that is not described, that alone."""
        operation = self._operation(exchange)
        if operation is None:
            return [f"{exchange.method} {exchange.path} is not described"]
        return [f"{exchange.method} {exchange.path}: {fault}" for fault in self._all(operation, exchange)]

    def _operation(self, exchange: Exchange) -> Mapping[str, Any] | None:
        path = exchange.path.removeprefix(self._base)
        for pattern, _, item in sorted(self._paths, key=lambda known: known[1].count("{")):
            if pattern.fullmatch(path) and exchange.method.lower() in item:
                return {"parameters": [], **item, **item[exchange.method.lower()]}
        return None

    def _all(self, operation: Mapping[str, Any], exchange: Exchange) -> Iterator[str]:
        known = {one["name"]: one for one in map(self._resolved, operation["parameters"]) if one["in"] == "query"}
        for name, value in exchange.query.items():
            if name not in known:
                yield f"query {name} is not described"
            else:
                yield from self.violations(known[name].get("schema", {}), _typed(value), f"query {name}")
        if exchange.sent is not None and "requestBody" in operation:
            body = self._resolved(operation["requestBody"])
            yield from self.violations(_schema(body), exchange.sent, "sent")
        answer = operation["responses"].get(str(exchange.status), operation["responses"].get("default"))
        if answer is None:
            yield f"status {exchange.status} is not described"
        elif exchange.received is not None:
            yield from self.violations(_schema(self._resolved(answer)), exchange.received, "received")

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            found: Any = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/")]
            node = found
        return node

    def violations(self, schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
        """Of the parts of JSON Schema that OpenAPI documents use."""
        schema = self._resolved(schema)
        if value is None:
            told = schema.get("type")
            if not (schema.get("nullable") or told is None or told == "null" or "null" in told):
                yield f"{where} is null"
            return
        yield from self._choices(schema, value, where)
        fits = _TYPES.get(schema.get("type", ""))
        if fits is not None and not fits(value):
            yield f"{where} is {type(value).__name__}, not {schema['type']}"
            return
        yield from _limits(schema, value, where)
        if isinstance(value, dict):
            yield from self._members(schema, value, where)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                yield from self.violations(schema.get("items", {}), item, f"{where}[{number}]")

    def _choices(self, schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
        for part in schema.get("allOf", ()):
            yield from self.violations(part, value, where)
        for kind in ("anyOf", "oneOf"):
            choices = schema.get(kind)
            if choices and not any(not list(self.violations(one, value, where)) for one in choices):
                yield f"{where} fits none of the {len(choices)} choices"

    def _members(self, schema: Mapping[str, Any], value: Mapping[str, Any], where: str) -> Iterator[str]:
        members = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where}.{name} is missing"
        for name, item in value.items():
            if name in members:
                yield from self.violations(members[name], item, f"{where}.{name}")
            elif schema.get("additionalProperties") is False:
                yield f"{where}.{name} is not described"


_TYPES = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _limits(schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value!r}, none of {schema['enum'][:8]}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{where} is {value!r}, not like {schema['pattern']}"
        if schema.get("format") == "date" and not _is_day(value):
            yield f"{where} is {value!r}, not a day"
    size = len(value) if isinstance(value, str | list) else None
    for name, most in (("maxLength", True), ("maxItems", True), ("minLength", False), ("minItems", False)):
        if size is not None and name in schema and (size > schema[name] if most else size < schema[name]):
            yield f"{where} has {size}, {name} is {schema[name]}"
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{where} is {value}, out of bounds"


def _is_day(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _typed(text: str) -> Any:
    return int(text) if re.fullmatch(r"-?\d{1,15}", text) else text


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any]:
    content = body.get("content", {})
    found: Mapping[str, Any] = next((content[kind].get("schema", {}) for kind in content if "json" in kind), {})
    return found


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"({[^}]*})", path)
    return re.compile("".join("[^/]+?" if part.startswith("{") else re.escape(part) for part in parts))
