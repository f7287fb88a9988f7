"""The entries of a QIF file that are on bank accounts, with the section they stand in.

A file is lines of one letter and a value; `^` (or `^^`) ends an entry, `!` begins a section.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

from portal.connectors.errors import Refused
from portal.connectors.files.limits import Readable, ReadLimits

_CHUNK = 64 << 10
_BANK = frozenset(("bank", "ccard", "cash", "oth a", "oth l"))
_ACCOUNT = "account"
_SWITCHES = ("option:", "clear:")
_SHOWN = 40  # characters of a name
_letter = itemgetter(0)
_NAMED = 8  # other sections that are remembered


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """`bank`: its entries are movements on an account. `account` is "" when the file names none."""

    title: str
    bank: bool
    account: str = ""


# Section, line by letter (the last one where a letter repeats), and all its lines, each with its letter.
Entry = tuple[Section, dict[str, str], list[str]]


class Sections:
    def __init__(self, reader: Readable, limits: ReadLimits) -> None:
        self._reader = reader
        self._limits = limits
        self._section = Section("", bank=False)
        self._accounts: list[str] = []  # of the account section at hand
        self.others: list[str] = []  # titles of sections left out

    def __iter__(self) -> Iterator[Entry]:
        """A new bank section comes first with an entry without values.

        Raises Refused("qif.truncated") when a bank entry is not ended.
        """
        for entries in self._blocks():
            for entry in entries:
                lines = entry.lstrip("^\n").split("\n")
                try:
                    fields = dict(zip(map(_letter, lines), lines, strict=True))
                except IndexError:
                    lines = [line for line in lines if line]
                    fields = _by_letter(lines)
                if "!" in fields:
                    yield from self._headed(lines)
                elif self._section.bank:
                    yield self._section, fields, lines
                else:
                    self._aside(fields)

    def _blocks(self) -> Iterator[list[str]]:
        held = b""
        while data := self._reader.read(_CHUNK):
            if b"\0" in data:
                raise Refused("qif.binary")
            data = (held + data).replace(b"\r\n", b"\n").removeprefix(b"\xef\xbb\xbf")
            # The last byte may be the first half of a line end.
            data = data[:-1].replace(b"\r", b"\n") + data[-1:]
            block, end, held = data.rpartition(b"\n^")
            if len(held) > self._limits.element:
                raise Refused("qif.too_wide")
            if end:
                yield _decoded(block).split("\n^")
        yield self._last(_decoded(held.replace(b"\r", b"\n")))

    def _last(self, text: str) -> list[str]:
        """What stands after the last `^`: nothing, or sections without an entry on a bank account."""
        lines = [line for line in text.lstrip("^").split("\n") if line.strip()]
        section = self._section
        for line in lines:
            if line[:1] == "!":
                section = self._begun(line, section)
            elif section.bank:
                raise Refused("qif.truncated")
        return ["\n".join(lines)] if lines else []

    def _headed(self, lines: list[str]) -> Iterator[Entry]:
        """An entry with section heads before it; one that ran into a head counts as ended."""
        waiting: list[str] = []
        for line in [*lines, "!"]:
            if line[:1] != "!":
                if line.strip():
                    waiting.append(line)
                continue
            if waiting:
                fields = _by_letter(waiting)
                if self._section.bank:
                    yield self._section, fields, waiting
                else:
                    self._aside(fields)
                waiting = []
            section = self._section
            self._section = self._begun(line, section)
            if self._section is not section and self._section.bank:
                yield self._section, {}, []

    def _begun(self, line: str, section: Section) -> Section:
        """The section after a head. A bank section goes on when its head is repeated."""
        head = line[1:].strip()
        lower = head.lower()
        if lower == _ACCOUNT:
            self._accounts = []
            return Section(_ACCOUNT, bank=False)
        if not lower.startswith("type:"):
            return Section("", bank=False) if lower and not lower.startswith(_SWITCHES) else section
        title = head[5:].strip()[:_SHOWN]
        if title.lower() not in _BANK:
            if title not in self.others and len(self.others) < _NAMED:
                self.others.append(title)
            return Section(title, bank=False)
        # A list of all accounts says nothing about the one that follows.
        account = self._accounts[0] if len(self._accounts) == 1 else ""
        if section.bank and (section.title, section.account) == (title, account):
            return section
        return Section(title, bank=True, account=account)

    def _aside(self, fields: dict[str, str]) -> None:
        if self._section.title == _ACCOUNT and len(self._accounts) < 2:
            name = " ".join(fields.get("N", "")[1:].split())[:_SHOWN]
            if name:
                self._accounts.append(name)


def _by_letter(lines: list[str]) -> dict[str, str]:
    return {line[0]: line for line in lines}


def _decoded(block: bytes) -> str:
    """UTF-8, else line by line UTF-8 or cp1252."""
    try:
        return block.decode()
    except UnicodeDecodeError:
        return "\n".join(map(_decoded_line, block.split(b"\n")))


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")
