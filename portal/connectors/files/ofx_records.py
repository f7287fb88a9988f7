"""The parts of an OFX file that matter, each as its fields, in the order of the file.

What stands in a part is known by name, not by nesting: a missing end tag is made up for by the
next part that begins or by an end tag further out, and an end tag too many does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

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
_OUTER = STATEMENTS | frozenset((
    "STMTTRNRS", "CCSTMTTRNRS", "INVSTMTTRNRS", "BANKMSGSRSV1", "CREDITCARDMSGSRSV1", "INVSTMTMSGSRSV1", "OFX",
))  # fmt: skip
_CLOSERS = _OUTER | {"BANKTRANLIST", "INVTRANLIST", "INVBANKTRAN", "BANKTRANLISTP"}
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


Record = tuple[str, dict[str, str]]  # kind (a tag, LOOSE or END), fields


class Records:
    def __init__(self, markup: Markup, limits: ReadLimits) -> None:
        self._markup = markup
        self._limits = limits
        self._open = False  # a statement
        self._ended = False  # the document
        self._depth = 0

    def __iter__(self) -> Iterator[Record]:
        """A statement's own fields come as its first record and as LOOSE ones, then END.

        Raises Refused for a file that ends before its end tag.
        """
        kind, nested = LOOSE, ""  # the part at hand, and the aggregate within it
        fields: dict[str, str] = {}
        for tokens in self._markup.tokens():
            for tag, text, end in tokens:
                if text:
                    if nested:
                        self._keep(kind, fields, nested, tag, text)
                    elif tag in _FIELDS:
                        if tag in fields:
                            self._repeat(kind, fields, tag, text)
                        else:
                            fields[tag] = text
                elif end:
                    if end == kind or end in _CLOSERS:
                        if fields or kind:
                            yield kind, fields
                        kind, nested, fields = LOOSE, "", {}
                        if end in _OUTER:
                            yield from self._close(end)
                    elif end == nested:
                        nested = ""
                    elif self._depth:
                        self._depth -= 1
                elif tag in _PARTS:
                    if fields or kind:
                        yield kind, fields
                    kind, nested, fields = tag, "", {}
                    self._depth = 0
                    if tag in STATEMENTS:
                        yield from self._begin()
                else:
                    if kind == TRANSACTION and tag in _NESTED:
                        nested = tag
                    self._opened(tag)
        if self._open or not self._ended:
            raise Refused("ofx.truncated")

    def _begin(self) -> Iterator[Record]:
        if self._open:
            yield END, {}
        self._open = True

    def _close(self, end: str) -> Iterator[Record]:
        self._ended = end == "OFX"
        if self._open:
            self._open = False
            yield END, {}

    def _opened(self, tag: str) -> None:
        if tag == "OFX":
            self._ended = False
        self._depth += 1
        if self._depth > _DEPTH:
            raise Refused("ofx.depth")

    def _keep(self, kind: str, fields: dict[str, str], nested: str, tag: str, text: str) -> None:
        """A field within an aggregate of a transaction, or after one that lost its end tag."""
        inner = f"{nested}.{tag}"
        if inner in _INNER:
            fields[inner] = text
        elif tag in fields:
            self._repeat(kind, fields, tag, text)
        elif tag in _FIELDS:
            fields[tag] = text

    def _repeat(self, kind: str, fields: dict[str, str], tag: str, text: str) -> None:
        before = fields[tag]
        if kind == TRANSACTION:
            if tag in _ONCE and text != before:
                raise Refused("ofx.structure", element=tag)
            if tag == "MEMO":
                text = f"{before} {text}"
                if len(text) > self._limits.element:
                    raise Refused("ofx.too_wide")
        fields[tag] = text
