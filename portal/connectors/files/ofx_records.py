"""The parts of an OFX file that matter, each as its fields, in the order of the file.

What stands in a part is known by name, not by nesting: a missing end tag is made up for by the
next part that begins or by an end tag further out, and an end tag too many does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from portal.connectors.errors import Refused
from portal.connectors.files.limits import ReadLimits
from portal.connectors.files.ofx_markup import Markup

STATEMENTS = frozenset(("STMTRS", "CCSTMTRS", "INVSTMTRS"))
ACCOUNTS = frozenset(("BANKACCTFROM", "CCACCTFROM", "INVACCTFROM"))
TRANSACTION = "STMTTRN"
PENDING = "STMTTRNP"
BALANCE = "LEDGERBAL"
STATUS = "STATUS"
LOOSE = ""  # fields between the parts
END = "/"  # of a statement

_ASIDE = frozenset(("AVAILBAL", "INVBAL", "BAL", "INVTRAN", "SECID", "BANKACCTINFO", "CCACCTINFO"))
_PARTS = STATEMENTS | ACCOUNTS | _ASIDE | {TRANSACTION, PENDING, BALANCE, STATUS}
_NESTED = frozenset(("PAYEE", "BANKACCTTO", "CCACCTTO", "CURRENCY", "ORIGCURRENCY"))  # in a transaction
_CLOSERS = frozenset(("BANKTRANLIST", "INVTRANLIST", "INVBANKTRAN", "BANKTRANLISTP"))
_OUTER = STATEMENTS | frozenset((
    "STMTTRNRS", "CCSTMTTRNRS", "INVSTMTTRNRS", "BANKMSGSRSV1", "CREDITCARDMSGSRSV1", "INVSTMTMSGSRSV1", "OFX",
))  # fmt: skip
_FIELDS = frozenset((
    "CURDEF", "BANKID", "BRANCHID", "ACCTID", "ACCTKEY", "BALAMT", "DTASOF", "CODE", "SEVERITY", "MESSAGE",
    "TRNTYPE", "DTPOSTED", "DTUSER", "DTAVAIL", "TRNAMT", "FITID", "CORRECTFITID", "CORRECTACTION", "REFNUM",
    "CHECKNUM", "NAME", "EXTDNAME", "MEMO",
))  # fmt: skip
_INNER = frozenset((
    "PAYEE.NAME", "BANKACCTTO.BANKID", "BANKACCTTO.BRANCHID", "BANKACCTTO.ACCTID", "BANKACCTTO.ACCTKEY",
    "CCACCTTO.ACCTID", "CURRENCY.CURSYM",
))  # fmt: skip
_ONCE = ("TRNAMT", "DTPOSTED", "FITID")  # twice in a transaction: its end and the next one's beginning are lost
_DEPTH = 1000  # tags opened and not closed since the last part; SGML leaves out end tags, so not all are nested


class Record(NamedTuple):
    """`kind` is a tag, LOOSE or END."""

    kind: str
    fields: dict[str, str]


class Records:
    def __init__(self, markup: Markup, limits: ReadLimits) -> None:
        self._markup = markup
        self._limits = limits
        self._fields: dict[str, str] = {}
        self._kind = LOOSE
        self._nested = ""  # "PAYEE." in a transaction
        self._open = False  # a statement
        self._ended = False  # the document
        self._depth = 0

    def __iter__(self) -> Iterator[Record]:
        """A statement's own fields come as its first record and as LOOSE ones, then END.

        Raises Refused for a file that ends before its end tag.
        """
        for tokens in self._markup.tokens():
            for tag, text, end in tokens:
                if text:
                    if tag in _FIELDS:
                        if tag in self._fields or self._nested:
                            self._unusual(tag, text)
                        else:
                            self._fields[tag] = text
                    elif self._nested and self._nested + tag in _INNER:
                        self._fields[self._nested + tag] = text
                elif end:
                    if end == self._kind or end in _OUTER or end in _CLOSERS:
                        yield from self._close(end)
                    else:
                        self._closed(end)
                elif tag in _PARTS:
                    yield from self._begin(tag)
                else:
                    self._opened(tag)
        if self._open or not self._ended:
            raise Refused("ofx.truncated")

    def _begin(self, tag: str) -> Iterator[Record]:
        yield from self._flush()
        if tag in STATEMENTS:
            if self._open:
                yield Record(END, {})
            self._open = True
        self._kind = tag

    def _close(self, end: str) -> Iterator[Record]:
        yield from self._flush()
        if end in _OUTER:
            self._ended = end == "OFX"
            if self._open:
                self._open = False
                yield Record(END, {})

    def _flush(self) -> Iterator[Record]:
        if self._kind != LOOSE or self._fields:
            yield Record(self._kind, self._fields)
        self._fields = {}
        self._kind = LOOSE
        self._nested = ""
        self._depth = 0

    def _opened(self, tag: str) -> None:
        if tag in _NESTED and self._kind == TRANSACTION:
            self._nested = f"{tag}."
        if tag == "OFX":
            self._ended = False
        self._depth += 1
        if self._depth > _DEPTH:
            raise Refused("ofx.depth")

    def _closed(self, end: str) -> None:
        if self._nested == f"{end}.":
            self._nested = ""
        if self._depth:
            self._depth -= 1

    def _unusual(self, tag: str, text: str) -> None:
        """A field inside a field's aggregate, or one that is there already."""
        name = self._nested + tag
        if self._nested and name not in _INNER:
            name = tag
        before = self._fields.get(name)
        if self._kind == TRANSACTION and before is not None:
            if tag in _ONCE and text != before:
                raise Refused("ofx.structure", element=tag)
            if tag == "MEMO":
                text = f"{before} {text}"
                if len(text) > self._limits.element:
                    raise Refused("ofx.too_wide")
        self._fields[name] = text
