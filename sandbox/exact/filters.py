"""`$filter` to SQL: OData v2 as far as the provider takes it.

Comparison is without case and without regard to trailing spaces, as the provider's database does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.exact import wire
from sandbox.exact.entities import Entity, Field
from sandbox.exact.messages import ApiError

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<guid>guid'[^']*') | (?P<datetime>datetime'[^']*') | (?P<text>'(?:[^']|'')*')
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[LlMmDdFf]?)(?![\w-]) | (?P<word>[A-Za-z_][\w/]*) | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_COMPARE = {"eq": "=", "ne": "IS NOT", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_BOOLEAN_FUNCTIONS = {"substringof", "startswith", "endswith"}
_TEXT_FUNCTIONS = {"trim": "trim", "tolower": "lower", "toupper": "upper"}


@dataclass(frozen=True, slots=True)
class Operand:
    """`sql` for a field or function, `value` for a literal; `kind` as in `wire`, "" for null."""

    kind: str
    sql: str = ""
    value: Any = None


class Filter:
    """Compiles once; `sql` uses the named parameters in `parameters`; `names` are the fields used."""

    def __init__(self, entity: Entity, text: str, unfilterable: list[str]) -> None:
        self.parameters: dict[str, Any] = {}
        self.names: set[str] = set()
        self._entity = entity
        self._unfilterable = {name.lower() for name in unfilterable}
        self._fields = {name.lower(): f for name, f in entity.fields.items()}
        self._tokens = _tokens(text)
        self._at = 0
        self.sql = self._any_of()
        if self._at != len(self._tokens):
            raise _syntax(self._at)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self, text: str = "") -> tuple[str, str]:
        token = self._peek()
        if token[0] == "end" or (text and token[1] != text):
            raise _syntax(self._at)
        self._at += 1
        return token

    def _any_of(self) -> str:
        parts = [self._all_of()]
        while self._peek() == ("word", "or"):
            self._take()
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else "(" + " OR ".join(parts) + ")"

    def _all_of(self) -> str:
        parts = [self._term()]
        while self._peek() == ("word", "and"):
            self._take()
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else "(" + " AND ".join(parts) + ")"

    def _term(self) -> str:
        kind, text = self._peek()
        if (kind, text) == ("word", "not"):
            self._take()
            return f"NOT {self._term()}"
        if text == "(":
            self._take()
            inner = self._any_of()
            self._take(")")
            return f"({inner})"
        if kind == "word" and text.lower() in _BOOLEAN_FUNCTIONS:
            return self._test()
        return self._comparison()

    def _test(self) -> str:
        """A function that is a condition by itself, optionally `eq true`."""
        name = self._take()[1].lower()
        self._take("(")
        first = self._operand()
        self._take(",")
        second = self._operand()
        self._take(")")
        held, sought = (second, first) if name == "substringof" else (first, second)
        held_sql, sought_sql = f"lower({self._sql(held)})", f"lower({self._sql(sought)})"
        sql = {
            "substringof": f"instr({held_sql}, {sought_sql}) > 0",
            "startswith": f"substr({held_sql}, 1, length({sought_sql})) = {sought_sql}",
            "endswith": f"substr({held_sql}, -length({sought_sql})) = {sought_sql}",
        }[name]
        if self._peek() == ("word", "eq"):
            self._take()
            wanted = self._take()[1]
            return f"NOT ({sql})" if wanted == "false" else f"({sql})"
        return f"({sql})"

    def _comparison(self) -> str:
        left = self._operand()
        operator = _COMPARE.get(self._take()[1])
        if operator is None:
            raise _syntax(self._at)
        right = self._operand()
        if left.sql == "" and right.sql != "":
            left, right = right, left
            operator = {">": "<", ">=": "<=", "<": ">", "<=": ">="}.get(operator, operator)
        if right.kind == "" and right.sql == "":
            return f"{left.sql} IS {'NOT ' if operator == 'IS NOT' else ''}NULL"
        return f"{self._sql(left)} {operator} {self._sql(right, like=left)}"

    def _operand(self) -> Operand:
        kind, text = self._take()
        if kind == "guid":
            return Operand("G", value=wire.guid(text[5:-1]))
        if kind == "datetime":
            return Operand("T", value=wire.moment(text[9:-1]))
        if kind == "text":
            return Operand("S", value=text[1:-1].replace("''", "'").rstrip())
        if kind == "number":
            return Operand("D", value=Decimal(text.rstrip("LlMmDdFf")))
        if kind != "word":
            raise _syntax(self._at)
        if text == "null":
            return Operand("")
        if text in ("true", "false"):
            return Operand("B", value=int(text == "true"))
        if text.lower() in _TEXT_FUNCTIONS:
            self._take("(")
            inner = self._operand()
            self._take(")")
            return Operand("S", sql=f"{_TEXT_FUNCTIONS[text.lower()]}({self._sql(inner)})")
        used = self._field(text)
        return Operand(used.kind, sql=used.sql)

    def _field(self, name: str) -> Field:
        used = self._fields.get(name.lower())
        if used is None:
            raise ApiError(400, f"No property '{name}' exists in type 'Exact.Web.Api.Models.{self._entity.model}'.")
        if not used.filterable or used.name.lower() in self._unfilterable:
            raise ApiError(400, f"Filtering on these fields is not supported: {used.name}")
        self.names.add(used.name)
        return used

    def _sql(self, operand: Operand, like: Operand | None = None) -> str:
        """SQL of an operand; a literal takes the form in which the field beside it is kept."""
        if operand.sql:
            return operand.sql
        value = operand.value
        kind = like.kind if like else operand.kind
        if isinstance(value, Decimal):
            value = int(value * 100) if kind == "A" else float(value) if kind == "D" else int(value)
        if like is not None and kind in "TG" and operand.kind != kind:
            raise ApiError(400, "Operator incompatible with operand types in $filter.")
        name = f"f{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _syntax(at)
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def _syntax(at: int) -> ApiError:
    return ApiError(400, f"Syntax error at position {at} in $filter.")
