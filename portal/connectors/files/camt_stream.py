"""A CAMT file as a stream of finished entries, in flat memory.

Each element is dropped once read. A file with more than `ReadLimits.element` bytes between two
entries (or two transactions of a batch) is refused, and so is any DOCTYPE: entities could hide
an amount.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from lxml import etree

from portal.connectors.base import LineDetail
from portal.connectors.errors import Refused
from portal.connectors.files.camt_entry import (
    FieldReader,
    Transaction,
    detail_of,
    is_credit,
    is_true,
)
from portal.connectors.files.limits import BoundedReader, ReadLimits

_CHUNK = 64 << 10
_BATCH = 64  # transactions of one entry kept as XML before they are read
_LAST_LINE = 65535  # libxml2 counts lines up to here
_REPORTS = {
    "BkToCstmrAcctRpt": "camt.052",
    "Rpt": "camt.052",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
    "Ntfctn": "camt.054",
}
_ENDS = ["{*}" + name for name in ("TxDtls", "Ntry", "Stmt", *_REPORTS)]


@dataclass(slots=True)
class Piece:
    """A finished entry with its transactions, or (`entry` False) the end of a statement."""

    element: etree._Element
    entry: bool
    single: Transaction | None = None
    details: list[LineDetail] = field(default_factory=list)
    count: int = 0  # transactions seen, whether kept as details or not


def line_of(element: etree._Element) -> int | None:
    line = cast("int | None", element.sourceline)
    return line if line is not None and line < _LAST_LINE else None


class EntryStream:
    def __init__(self, reader: BoundedReader, limits: ReadLimits) -> None:
        self.fields = FieldReader()
        self._limits = limits
        self._reader = reader
        self._undropped = 0  # bytes read since something was last dropped
        self._entries = 0

    def pieces(self) -> Iterator[Piece]:
        """Entries and statement ends in file order. An element is valid until the next is asked for."""
        names = self.fields.names
        held: list[etree._Element] = []
        details: list[LineDetail] = []
        count = 0
        for element in self._ends():
            name = names[element.tag]
            if name == "TxDtls":
                held.append(element)
                count += 1
                if len(held) == _BATCH:
                    self._drop_batch(held, details, count)
            elif name == "Ntry":
                yield self._entry(element, held, details, count)
                self._drop(element)
                held, details, count = [], [], 0
            elif name == "Stmt":
                yield Piece(element, entry=False)
                self._drop(element)
            else:
                raise Refused("camt.not_a_statement", message=_REPORTS[name])

    def _ends(self) -> Iterator[etree._Element]:
        parser = etree.XMLPullParser(
            events=("end",),
            tag=_ENDS,
            load_dtd=False,
            no_network=True,
            resolve_entities=False,
            remove_blank_text=True,
            remove_comments=True,
            remove_pis=True,
            collect_ids=False,
        )
        checked = False
        try:
            while data := self._reader.read(_CHUNK):
                self._undropped += len(data)
                parser.feed(data)
                for _, element in cast("Iterator[tuple[str, etree._Element]]", parser.read_events()):
                    if not checked:
                        _refuse_doctype(element)
                        checked = True
                    yield element
                if self._undropped > self._limits.element:
                    raise Refused("camt.too_wide")
            _refuse_doctype(parser.close())
        except etree.XMLSyntaxError as problem:
            raise _refusal(problem) from None

    def _entry(self, entry: etree._Element, held: list[etree._Element], details: list[LineDetail], count: int) -> Piece:
        self._entries += 1
        if self._limits.entries is not None and self._entries > self._limits.entries:
            raise Refused("file.too_many_entries", limit=str(self._limits.entries))
        self._refuse_report(entry)
        if not count:
            return Piece(entry, True)
        credit, other = self._side(entry)
        if count == 1:
            return Piece(entry, True, self.fields.transaction(held[0], other), count=1)
        for element in held[: max(0, self._limits.details - len(details))]:
            details.append(detail_of(self.fields.transaction(element, other), credit))
        return Piece(entry, True, details=details, count=count)

    def _refuse_report(self, entry: etree._Element) -> None:
        parent = entry.getparent()
        name = "" if parent is None else self.fields.names[parent.tag]
        if name in _REPORTS:
            raise Refused("camt.not_a_statement", message=_REPORTS[name])
        if name != "Stmt":
            raise Refused("camt.structure", line=line_of(entry), element="Ntry")

    def _drop_batch(self, held: list[etree._Element], details: list[LineDetail], count: int) -> None:
        """Read the transactions of a long batch before their entry has ended, and drop them."""
        if count > self._limits.width:
            raise Refused("camt.too_wide")
        names = self.fields.names
        entry = next((up for up in held[0].iterancestors() if names[up.tag] == "Ntry"), None)
        if entry is None:
            raise Refused("camt.structure", line=line_of(held[0]), element="TxDtls")
        credit, other = self._side(entry)
        for element in held:
            if len(details) < self._limits.details:
                details.append(detail_of(self.fields.transaction(element, other), credit))
            self._drop(element)
        held.clear()

    def _side(self, entry: etree._Element) -> tuple[bool, str]:
        """Whether money came in, and the name of the other party's element.

        In a reversal the parties keep the roles of the payment that is turned back.
        """
        names = self.fields.names
        credit: bool | None = None
        reversal = False
        for child in entry:
            name = names[child.tag]
            if name == "CdtDbtInd":
                credit = is_credit(child.text)
            elif name == "RvslInd":
                reversal = is_true(child.text)
            elif name == "NtryDtls":
                break
        if credit is None:
            raise Refused("camt.missing", line=line_of(entry), element="CdtDbtInd")
        return credit, "Dbtr" if credit != reversal else "Cdtr"

    def _drop(self, element: etree._Element) -> None:
        """Empty an element that was read and remove all that stands before it."""
        parent = element.getparent()
        element.clear()
        if parent is not None:
            while (previous := element.getprevious()) is not None:
                parent.remove(previous)
        self._undropped = 0


def _refuse_doctype(element: etree._Element) -> None:
    if element.getroottree().docinfo.internalDTD is not None:
        raise Refused("camt.doctype")


def _refusal(problem: etree.XMLSyntaxError) -> Refused:
    text = (problem.msg or "").split(", line ")[0]
    if "depth" in text.lower():
        return Refused("camt.depth", line=problem.lineno)
    return Refused("camt.xml", line=problem.lineno, problem=text[:120])
