"""A small XML file as a tree of local names, read with everything dangerous refused.

No DOCTYPE, and therefore no entities; bounded in bytes, depth and number of elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from portal.connectors.errors import Refused

DEPTH = 64
ELEMENTS = 400_000
_SEPARATOR = " "  # between namespace and name, as expat hands them out


@dataclass(frozen=True, slots=True)
class Tree:
    namespace: str  # of the root
    root: Element  # every tag is a local name


def read_tree(data: bytes) -> Tree:
    """Raises Refused("document.xml" | "document.doctype" | "document.depth" | "file.too_many_entries")."""
    building = _Building()
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.buffer_text = True
    parser.StartElementHandler = building.start
    parser.EndElementHandler = building.end
    parser.CharacterDataHandler = building.builder.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(data, True)
        return Tree(building.namespace, building.builder.close())
    except expat.ExpatError as problem:
        text = expat.ErrorString(problem.code) or ""
        raise Refused("document.xml", line=problem.lineno, problem=text) from None
    except (LookupError, ValueError) as problem:  # an encoding that is unknown or unusable
        raise Refused("document.xml", problem=str(problem)[:120]) from None


class _Building:
    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self.namespace = ""
        self._depth = 0
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(_SEPARATOR)
        if not self._count:
            self.namespace = namespace
        self._depth += 1
        self._count += 1
        if self._depth > DEPTH:
            raise Refused("document.depth")
        if self._count > ELEMENTS:
            raise Refused("file.too_many_entries", limit=f"{ELEMENTS}")
        self.builder.start(local, attributes)

    def end(self, name: str) -> None:
        self._depth -= 1
        self.builder.end(name.rpartition(_SEPARATOR)[2])


def _refuse_doctype(*told: object) -> None:
    raise Refused("document.doctype")


def text_at(element: Element | None, path: str) -> str:
    """The text of the first element at `path`, blanks squeezed; "" when there is none."""
    found = None if element is None else element.find(path)
    return "" if found is None else " ".join((found.text or "").split())
