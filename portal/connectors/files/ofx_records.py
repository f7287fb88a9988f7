"""The parts of an OFX file that matter, each as its fields, in the order of the file.

What stands in a part is known by name, not by nesting: a missing end tag is made up for by the
next part that begins or by an end tag further out, and an end tag too many does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto

from portal.connectors.errors import Refused
from portal.connectors.files.limits import ReadLimits
from portal.connectors.files.ofx_markup import Markup, unescaped

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
_INNER_FIELDS = frozenset(name.partition(".")[2] for name in _INNER)
_ONCE = ("TRNAMT", "DTPOSTED", "FITID")  # twice in a transaction: its end and the next one's beginning are lost
_DEPTH = 1000  # tags opened and not closed since the last part; SGML leaves out end tags, so not all are nested
_REMEMBERED = 2000  # tags
_LONGEST = 40  # characters of one that is remembered

Record = tuple[str, dict[str, str]]  # kind (a tag, LOOSE or END), fields


class _Does(Enum):
    KEEP = auto()  # begins a field
    PART = auto()  # begins a part
    OPEN = auto()  # begins something else
    CLOSE = auto()  # ends it
    NOTHING = auto()


class _Tags(dict[str, tuple[_Does, str]]):
    """What stands between "<" and ">" → what it does, and the name of the tag."""

    def __missing__(self, tag: str) -> tuple[_Does, str]:
        found = self._read(tag)
        if len(self) < _REMEMBERED and len(tag) <= _LONGEST:
            self[tag] = found
        return found

    @staticmethod
    def _read(tag: str) -> tuple[_Does, str]:
        words = tag[1 if tag[:1] == "/" else 0 :].split(None, 1)
        name = words[0].upper() if words else ""
        if tag[:1] == "/":
            return (_Does.NOTHING if name in _FIELDS else _Does.CLOSE), name
        if not name[:1].isalpha() or tag[-1:] == "/":
            return _Does.NOTHING, name
        if name in _FIELDS or name in _INNER_FIELDS:
            return _Does.KEEP, name
        return (_Does.PART if name in _PARTS else _Does.OPEN), name


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
        keep, part, close = _Does.KEEP, _Does.PART, _Does.CLOSE
        tags = _Tags()
        ends: set[str] = set()  # of fields, as they stand in the file: in 2.x every other piece is one
        kind, nested = LOOSE, ""  # the part at hand, and the aggregate within it
        fields: dict[str, str] = {}
        for pieces, escaped in self._markup.pieces():
            for piece in pieces:
                if ends and piece in ends:
                    continue
                tag, _, text = piece.partition(">")
                does, name = tags[tag]
                if does is keep:
                    text = text.strip()
                    if not text:
                        continue
                    if escaped and "&" in text:
                        text = unescaped(text)
                    if nested or name in fields:
                        self._unusual(kind, fields, nested, name, text)
                    else:
                        fields[name] = text
                elif does is close:
                    if name == kind or name in _CLOSERS:
                        if fields or kind:
                            yield kind, fields
                        kind, nested, fields = LOOSE, "", {}
                        if name in _OUTER:
                            yield from self._close(name)
                    elif name == nested:
                        nested = ""
                    elif self._depth:
                        self._depth -= 1
                elif does is part:
                    if fields or kind:
                        yield kind, fields
                    kind, nested, fields = name, "", {}
                    self._depth = 0
                    if name in STATEMENTS:
                        yield from self._begin()
                elif does is _Does.OPEN:
                    if kind == TRANSACTION and name in _NESTED:
                        nested = name
                    self._opened(name)
                elif piece[:1] == "/" and len(piece) <= _LONGEST and len(ends) < _REMEMBERED:
                    ends.add(piece)
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

    def _unusual(self, kind: str, fields: dict[str, str], nested: str, name: str, text: str) -> None:
        """A field within an aggregate of a transaction, or one that is there already."""
        if f"{nested}.{name}" in _INNER:
            name = f"{nested}.{name}"
        before = fields.get(name)
        if kind == TRANSACTION and before is not None:
            if name in _ONCE and text != before:
                raise Refused("ofx.structure", element=name)
            if name == "MEMO":
                text = f"{before} {text}"
                if len(text) > self._limits.element:
                    raise Refused("ofx.too_wide")
        fields[name] = text
