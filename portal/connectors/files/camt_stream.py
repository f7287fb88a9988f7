"""A CAMT file as a stream of finished parts, in flat memory.

The tree grows chunk by chunk; what has a successor is complete, is taken out and handed on.
(The standard library's tree builder in C reads an entry in half the time of lxml, which makes a
Python object for each element looked at.) A file with more than `ReadLimits.element` bytes
between two parts is refused, and so is any DOCTYPE: entities could hide an amount.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser
from xml.parsers import expat

from portal.connectors.errors import Refused
from portal.connectors.files.camt_fields import Names
from portal.connectors.files.limits import BoundedReader, ReadLimits

_CHUNK = 64 << 10
_DEPTH = 64  # of elements in each other; statements need some 15
_PARTS = 10_000  # of a statement that are no entries
_CHILDREN = 1000  # of an entry; the schemas know 23, most at most once
_BATCH = 64  # transactions of an unfinished entry before they are taken out
_REPORTS = {"BkToCstmrAcctRpt": "camt.052", "BkToCstmrDbtCdtNtfctn": "camt.054"}


class Kind(Enum):
    HEAD = auto()  # a child of `Stmt` that is no entry
    BATCH = auto()  # an unfinished `Ntry`, with finished children of its `NtryDtls` in `more`
    ENTRY = auto()
    END = auto()  # of a `Stmt`


class Part(NamedTuple):
    kind: Kind
    element: Element
    more: Sequence[Element] = ()


class PartStream:
    """Reads a file once; `names` is shared with whoever reads the elements."""

    def __init__(self, reader: BoundedReader, limits: ReadLimits, names: Names) -> None:
        self._reader = reader
        self._limits = limits
        self._names = names
        builder = TreeBuilder()
        # An element of our own around the document lets us see the tree while it grows.
        self._open: list[Element] = [builder.start("", {})]
        self._parser = XMLParser(target=builder)  # noqa: S314 -- the prolog is searched for a DOCTYPE first
        self._prolog = _Prolog()
        self._statement: Element | None = None
        self._parts = 0  # of it so far, without entries
        self._kept = 0  # bytes read since something was last taken out

    def parts(self) -> Iterator[Part]:
        """Parts in file order. Raises Refused for bad XML, DOCTYPEs, reports and excess."""
        while data := self._reader.read(_CHUNK):
            self._kept += len(data)
            self._feed(data)
            self._refuse_depth()
            yield from self._finished(ended=False)
            if self._kept > self._limits.element:
                raise Refused("camt.too_wide")
        self._feed(b"")
        yield from self._finished(ended=True)

    def _feed(self, data: bytes) -> None:
        try:
            if not self._prolog.over:
                self._prolog.feed(data)
            if data:
                self._parser.feed(data)
            else:
                self._parser.close()
        except (ParseError, expat.ExpatError) as problem:
            text, _, _ = str(problem).partition(":")
            line = problem.position[0] if isinstance(problem, ParseError) else problem.lineno
            raise Refused("camt.xml", line=line, problem=text) from None
        except (LookupError, ValueError) as problem:  # an encoding that is unknown or unusable
            raise Refused("camt.xml", problem=str(problem)[:120]) from None

    def _refuse_depth(self) -> None:
        element, depth = self._open[0], 0
        while len(element):
            element, depth = element[-1], depth + 1
            if depth > _DEPTH:
                raise Refused("camt.depth")

    def _finished(self, *, ended: bool) -> Iterator[Part]:
        """Take out what is complete, walking down the elements that are still open."""
        open_ = self._open
        while True:
            top = open_[-1]
            complete = ended or any(len(element) > 1 for element in open_[:-1])
            if top is self._statement:
                yield from self._children(top, complete)
            elif len(top):
                self._descend(top[0])
                continue
            if not complete or len(open_) == 1:
                return
            open_.pop()
            del open_[-1][0]
            if top is self._statement:
                self._statement = None
                yield Part(Kind.END, top)

    def _descend(self, element: Element) -> None:
        name = self._names[element.tag]
        if name in _REPORTS:
            raise Refused("camt.not_a_statement", message=_REPORTS[name])
        if name == "Ntry":
            raise Refused("camt.structure", element="Ntry")
        if name == "Stmt":
            self._statement = element
            self._parts = 0
        elif len(self._open) > _DEPTH:
            raise Refused("camt.depth")  # closed again within one chunk
        self._open.append(element)

    def _children(self, statement: Element, complete: bool) -> Iterator[Part]:
        count = len(statement) if complete else len(statement) - 1
        if count > 0:
            finished = statement[:count]
            del statement[:count]
            self._kept = 0
            for child in finished:
                name = self._names[child.tag]
                if name == "Ntry":
                    yield Part(Kind.ENTRY, child)
                elif name == "Stmt":
                    raise Refused("camt.structure", element="Stmt")
                else:
                    self._parts += 1
                    if self._parts > _PARTS:
                        raise Refused("camt.too_wide")
                    yield Part(Kind.HEAD, child)
        if len(statement) and self._names[statement[0].tag] == "Ntry":
            yield from self._batch(statement[0])

    def _batch(self, entry: Element) -> Iterator[Part]:
        """Transactions of an entry that goes on in the next chunk, once they are many."""
        if len(entry) > _CHILDREN:
            raise Refused("camt.too_wide")
        holders = [child for child in entry if self._names[child.tag] == "NtryDtls"]
        if sum(len(holder) for holder in holders) <= _BATCH:
            return
        taken: list[Element] = []
        for holder in holders:
            if holder is entry[-1]:  # it and its last child may still be open
                taken.extend(holder[:-1])
                del holder[:-1]
            else:
                taken.extend(holder)
                entry.remove(holder)
        wanted = [child for child in taken if self._names[child.tag] in ("TxDtls", "Btch")]
        if len(taken) - len(wanted) > _CHILDREN:
            raise Refused("camt.too_wide")
        self._kept = 0
        yield Part(Kind.BATCH, entry, wanted)


class _Prolog:
    """Watches what stands before the first element, where alone a DOCTYPE may stand."""

    def __init__(self) -> None:
        self.over = False
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._element

    def feed(self, data: bytes) -> None:
        self._parser.Parse(data, not data)

    def _doctype(self, *_: object) -> None:
        raise Refused("camt.doctype")

    def _element(self, *_: object) -> None:
        self.over = True
        self._parser.StartElementHandler = None
