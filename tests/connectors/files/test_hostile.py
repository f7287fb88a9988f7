"""Files made to hurt: each is refused with words, in little memory, by `Refused` and nothing else."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from portal.connectors import files
from portal.connectors.errors import Refused
from portal.connectors.files import open_statements
from portal.connectors.files.limits import LOCAL, ReadLimits
from portal.connectors.files.refusals import REFUSALS, WARNINGS, refusal_text
from tests.connectors.files import ofx_documents as ofx
from tests.connectors.files.camt_documents import balance, document, entry, statement, transaction
from tests.connectors.files.coda_records import (
    coda,
    header,
    information,
    message,
    movement,
    new_balance,
    old_balance,
    second,
    simple,
    third,
)
from tests.connectors.files.reading import read, refused

SMALL = ReadLimits(bytes=4096, entries=3)
CODA = simple(
    movement(1, "1.00", "één"), second(1, "twee"), third(1, "BE71096123456769"), closing="101.00", credit="1.00"
)
CAMT = document(statement(balance("OPBD", "0"), balance("CLBD", "1"), entry("1", details=transaction(text="één"))))


@pytest.mark.parametrize("data", [CODA, CAMT])
def test_a_file_over_the_size_is_refused(data: bytes) -> None:
    refusal = refused(data, ReadLimits(bytes=len(data) - 1))
    assert (refusal.code, refusal.values["limit"][-3:]) == ("file.too_large", "MiB")
    assert read(data, ReadLimits(bytes=len(data)))


@pytest.mark.parametrize(
    "data",
    [
        simple(*(movement(n, "1.00") for n in range(1, 5)), closing="104.00", credit="4.00"),
        document(statement(*[entry("1.00")] * 4)),
        document(statement(*[entry("1.00")] * 2), statement(*[entry("1.00")] * 2)),
    ],
)
def test_too_many_entries_are_refused(data: bytes) -> None:
    assert refused(data, ReadLimits(entries=3)).code == "file.too_many_entries"
    assert sum(len(found.lines) for found in read(data, ReadLimits(entries=4))) == 4


@pytest.mark.parametrize("data", [b"", b" \r\n\t", b"\n" * 5000])
def test_an_empty_file_is_refused(data: bytes) -> None:
    assert refused(data).code == "file.empty"


@pytest.mark.parametrize(
    "data", [b"\0" * 5000, bytes(range(256)) * 20, b"%PDF-1.7", b"PK\x03\x04", b"a;b;c\n1;2;3\n", b"<a/>"]
)
def test_nonsense_is_no_statement_file(data: bytes) -> None:
    assert refused(data).code == "file.unknown_format"


ENTITY = '<!DOCTYPE Document [<!ENTITY a "1.00">]>'
BOMB = "<!DOCTYPE Document [" + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "x" * 10}">' for n in range(12)
) + "]>"  # fmt: skip


@pytest.mark.parametrize(
    "prolog",
    [
        "<!DOCTYPE Document>",
        ENTITY,
        BOMB,
        '<!DOCTYPE Document SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE Document [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x">%x;]>',
        "<!-- " + "x" * 200_000 + " -->" + ENTITY,
    ],
)
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
def test_any_doctype_is_refused(prolog: str, encoding: str) -> None:
    data = document(statement(entry("&a;")), prolog=prolog, encoding=encoding)
    with pytest.raises(Refused, match=r"camt\.doctype"):
        list(files.camt.parse(BytesIO(data)))


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("coda.binary", CODA.replace(b"twee", b"tw\0e")),
        ("coda.truncated", CODA[: len(CODA) // 3 * 2]),
        ("coda.line_too_long", header().encode() + b"x" * (3 << 20)),
        ("coda.width", header().encode() + b"x" * 1000),
        ("camt.xml", CAMT[:-20]),
        ("camt.xml", CAMT.replace(b"BOOK", b"B\0OK")),
        ("camt.xml", CAMT.replace("één".encode(), b"\xff\xfe")),
        ("camt.xml", CAMT.replace(b"UTF-8", b"no-such")),
        ("camt.xml", CAMT.replace(b"UTF-8", b"shift_jis")),
        ("camt.xml", CAMT.replace(b"<Sts>", b"<Sts>&unknown;")),
        ("camt.xml", CAMT + b"<more/>"),
        ("camt.depth", b"<Document>" + b"<a>" * 100 + b"</a>" * 100 + b"</Document>"),
    ],
)
def test_damaged_files_are_refused(code: str, data: bytes) -> None:
    assert refused(data).code == code


def repeated(head: bytes, piece: bytes, size: int = 10 << 20) -> Iterator[bytes]:
    yield head
    block = piece * max(1, (64 << 10) // len(piece))
    for _ in range(size // len(block)):
        yield block


def resident() -> int:
    """Bytes of memory this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Endless:
    """A file that is made while it is read; it watches how memory grows meanwhile."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._start = resident()
        self.growth = 0

    def read(self, size: int, /) -> bytes:
        self.growth = max(self.growth, resident() - self._start)
        while len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._rest += piece
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


OPEN = document(statement(entry("1.00"))).partition(b"<Ntry>")[0]
OPENED = OPEN + entry("1.00").partition("<Sts>")[0].encode()
OFX_OPEN = ofx.document(ofx.statement()).partition(b"</BANKTRANLIST>")[0]
RUN = coda([header(), old_balance("0")])


def dated(number: int) -> bytes:
    """An entry with a date of its own."""
    day = f"{2000 + number // 336}-{number % 336 // 28 + 1:02d}-{number % 28 + 1:02d}"
    return entry("1.00", dates=f"<BookgDt><Dt>{day}</Dt></BookgDt>").encode()


HOSTILE: dict[str, tuple[bytes, bytes]] = {
    "elements before the statement": (b"<Document>", b"<a/>"),
    "nested elements": (b"<Document>", b"<a>"),
    "attributes": (b"<Document>", b" a='1'"),
    "one attribute": (b"<Document a='", b"x" * 1000),
    "a comment": (b"<Document><!--", b"x" * 1000),
    "comments": (b"<Document>", b"<!--x-->"),
    "text": (b"<Document>", b"x" * 1000),
    "head parts": (OPEN, b"<a/>"),
    "wide head part": (OPEN + b"<Acct>", b"<a/>"),
    "deep head part": (OPEN + b"<Acct>", b"<a>"),
    "tags with new names": (OPEN, b"".join(b"<a%d/>" % n for n in range(30_000))),
    "wide entry": (OPENED, b"<a/>"),
    "long text of an entry": (OPENED + b"<AddtlNtryInf>", b"x" * 1000),
    "transactions": (OPENED + b"<NtryDtls>", transaction("1.00", text="x").encode()),
    "empty transactions": (OPENED + b"<NtryDtls>", b"<TxDtls/>"),
    "groups of transactions": (OPENED, b"<NtryDtls><TxDtls/></NtryDtls>"),
    "wide transaction": (OPENED + b"<NtryDtls><TxDtls>", b"<a/>"),
    "junk beside transactions": (OPENED + b"<NtryDtls>", b"<a/>"),
    "pending entries": (OPEN, entry("1.00", status="<Sts>PDNG</Sts>").encode()),
    "dates": (OPEN, b"".join(dated(n) for n in range(20_000))),
    "empty lines": (RUN, b"\r\n"),
    "information": (RUN + coda([movement(1, "1.00")]), coda([information(1, "x" * 70)])),
    "second records": (RUN + coda([movement(1, "1.00")]), coda([second(1, "x" * 50)])),
    "details": (RUN + coda([movement(1, "1.00")]), coda([movement(1, "1.00", detail=1)])),
    "messages": (RUN + coda([new_balance("0")]), coda([message("x" * 80)])),
    "short lines": (RUN + coda([new_balance("0")]), b"4\n"),
    "movements": (RUN, coda([movement(1, "1.00", "x" * 53)])),
    "OFX transactions": (OFX_OPEN, ofx.transaction().encode()),
    "an OFX transaction without end": (OFX_OPEN + b"<STMTTRN>", b"<MEMO>x\n"),
    "OFX tags": (OFX_OPEN, b"<A>"),
    "OFX fields": (OFX_OPEN, b"<NAME>x\n"),
    "OFX fields with new names": (OFX_OPEN, b"".join(b"<A%d>x" % n for n in range(30_000))),
    "long OFX text": (OFX_OPEN + b"<STMTTRN><MEMO>", b"x" * 1000),
    "an OFX tag without end": (OFX_OPEN, b"< " * 500),
    "an OFX comment without end": (OFX_OPEN + b"<!--", b"x" * 1000),
    "OFX comments without end": (OFX_OPEN, b"<!--"),
    "OFX marks": (OFX_OPEN, b"<!"),
    "OFX CDATA without end": (OFX_OPEN, b"<![CDATA["),
    "OFX entities": (OFX_OPEN + b"<MEMO>", b"&amp;" * 200),
    "OFX statements": (OFX_OPEN, b"<STMTRS><CURDEF>" + b"x" * 500),
    "OFX days": (OFX_OPEN, b"".join(ofx.transaction(day=str(20_000_101 + n)).encode() for n in range(20_000))),
    "QIF entries": (b"!Type:Bank\n", b"D31/01/2024\nT1,50\nP" + b"x" * 100 + b"\n^\n"),
    "QIF entries that settle nothing": (b"!Type:Bank\n", b"D1/1/2024\nT1\nM" + b"x" * 100 + b"\n^\n"),
    "a QIF entry without end": (b"!Type:Bank\n", b"Mx\n"),
    "QIF splits": (b"!Type:Bank\nD31/01/2024\nT1,50\n", b"SEten\n$1,00\n"),
    "QIF sections": (b"!Type:Bank\n", b"!Type:CCard\n"),
    "QIF accounts": (b"!Account\n", b"N" + b"x" * 100 + b"\n^\n"),
    "QIF lists": (b"!Type:Cat\n", b"!Type:%d\n"),
    "QIF ends": (b"!Type:Bank\n", b"^"),
    "QIF line ends": (b"!Type:Bank\n", b"\r"),
}  # fmt: skip


WHOLE = ("QIF entries", "QIF entries that settle nothing")  # nothing wrong but their number


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("what", HOSTILE)
def test_memory_stays_flat(what: str) -> None:
    """10 MiB of one thing: refused or read, but never held."""
    stream = Endless(repeated(*HOSTILE[what]))
    refusal = None
    try:
        consume(stream)
    except Refused as caught:
        refusal = caught
        assert refusal_text(refusal)
    assert (refusal is None) == (what in WHOLE)
    assert stream.growth < 10 << 20, f"{stream.growth / (1 << 20):.1f} MiB, {refusal}"


def consume(stream: Endless) -> None:
    _, statements = open_statements(stream, LOCAL)
    for found in statements:
        for _ in found.lines:
            pass


def test_every_code_in_the_source_has_words_and_every_wording_a_use() -> None:
    source = "".join(
        path.read_text("utf-8")
        for path in Path(files.__file__).parent.glob("*.py")
        if path.stem != "refusals" and not path.stem.startswith("write_")  # the ledger words what cannot be written
    )
    used = set(re.findall(r'"((?:camt|coda|csv|file|mt940|ofx|qif)\.[a-z_]+)"', source))
    assert used == REFUSALS.keys() | WARNINGS.keys()
