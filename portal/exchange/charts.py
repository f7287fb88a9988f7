"""Ledger accounts and journals out of a file of the client's books: a FEC, or a table with names in its first line.

Only codes and names are taken; entries are read to see which journal books on which bank, and let go.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from portal.kernel.errors import Invalid

MOST_CODES = 20_000
CODE_LENGTH, NAME_LENGTH = 20, 120
LEDGER_KINDS = ("bank", "cash", "receivable", "payable", "vat", "general", "revenue", "costs", "other")
JOURNAL_TYPES = ("bank", "cash", "sales", "purchase", "general", "other")
# What a column is called, in lower case and without anything but letters.
_NAMES: Mapping[str, frozenset[str]] = {
    "account": frozenset(
        {"comptenum", "compte", "numcompte", "numerodecompte", "account", "ledgeraccount", "rekening",
         "grootboekrekening", "rekeningnummer"}
    ),
    "account_name": frozenset(
        {"comptelib", "libelle", "libellecompte", "intitule", "accountname", "name", "naam", "omschrijving", "nom"}
    ),
    "kind": frozenset({"kind", "soort", "nature"}),
    "journal": frozenset({"journalcode", "journal", "codejournal", "dagboek", "dagboekcode"}),
    "journal_name": frozenset({"journallib", "libellejournal", "journalname", "dagboeknaam"}),
    "type": frozenset({"type", "journaltype", "dagboektype"}),
    "ledger_account": frozenset({"journalaccount", "contrepartie", "tegenrekening"}),
}  # fmt: skip
# By the first figures of the account; the longest that fits counts.
_KINDS: Mapping[str, Mapping[str, str]] = {
    "FR": {"512": "bank", "514": "bank", "53": "cash", "41": "receivable", "40": "payable", "445": "vat",
           "6": "costs", "7": "revenue"},
    "BE": {"55": "bank", "57": "cash", "40": "receivable", "44": "payable", "411": "vat", "451": "vat",
           "6": "costs", "7": "revenue"},
}  # fmt: skip
_TYPES = (
    (re.compile(r"^(bq|bn|bk|bp|cic|ca\d|512)|banque|bank", re.IGNORECASE), "bank"),
    (re.compile(r"^(cs|ca)$|caisse|kas|cash", re.IGNORECASE), "cash"),
    (re.compile(r"^(ve|vt|vf)|vente|verko|sales", re.IGNORECASE), "sales"),
    (re.compile(r"^(ac|ha|aa)|achat|aanko|inko|purchase", re.IGNORECASE), "purchase"),
)
_SHARE = 3  # a journal of a bank books at least each third line on it


@dataclass(frozen=True, slots=True)
class FoundJournal:
    name: str
    type: str
    ledger_account: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """What a file tells, by code."""

    accounts: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # name, kind
    journals: Mapping[str, FoundJournal] = field(default_factory=dict)


def read_chart(content: bytes, country: str) -> Chart:
    """Raises Invalid with a code: no table, no column that is known, a code too long, too many of them."""
    rows = _rows(content)
    columns = _columns(next(rows, []))
    accounts: dict[str, tuple[str, str]] = {}
    journals: dict[str, FoundJournal] = {}
    uses: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        told = {name: row[at].strip() for name, at in columns.items() if at < len(row)}
        account, journal = told.get("account", ""), told.get("journal", "")
        if account and account not in accounts:
            accounts[_code(account)] = (told.get("account_name") or account)[:NAME_LENGTH], _kind(told, country)
        if journal:
            uses[journal][account] += 1
            if journal not in journals:
                journals[_code(journal)] = _journal(told)
        if len(accounts) + len(journals) > MOST_CODES:
            raise Invalid("exchange.chart_large", field="file", most=MOST_CODES)
    if not accounts and not journals:
        raise Invalid("exchange.chart_empty", field="file")
    return Chart(accounts, {code: _seen(found, uses[code], accounts) for code, found in journals.items()})


def table(content: bytes) -> Iterator[list[str]]:
    """The rows of a table, whatever stands between its columns. Raises Invalid."""
    return _rows(content)


def kind_of(account: str, country: str) -> str:
    """What an account is by its first figures, where the country has a plan of accounts for all."""
    plan = _KINDS.get(country, {})
    return next((plan[account[:n]] for n in (3, 2, 1) if account[:n] in plan), "general")


def _rows(content: bytes) -> Iterator[list[str]]:
    if not content.strip() or b"\x00" in content:
        raise Invalid("exchange.chart_unreadable", field="file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    head = text.split("\n", 1)[0]
    separator = max("\t;|,", key=head.count)
    lines = io.StringIO(text, newline="")
    try:
        if separator in "\t|":  # a FEC knows no quotes
            yield from csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
        else:
            yield from csv.reader(lines, delimiter=separator)
    except csv.Error:
        raise Invalid("exchange.chart_unreadable", field="file") from None


def _columns(head: Sequence[str]) -> Mapping[str, int]:
    plain = [re.sub(r"[^a-z]", "", _unaccented(name.lower())) for name in head]
    found = {
        name: next(at for at, one in enumerate(plain) if one in known)
        for name, known in _NAMES.items()
        if any(one in known for one in plain)
    }
    if "account" not in found and "journal" not in found:
        raise Invalid("exchange.chart_columns", field="file")
    return found


def _unaccented(text: str) -> str:
    return text.translate(str.maketrans("éèêàâîïôûç", "eeeaaiiouc"))


def _code(code: str) -> str:
    if len(code) > CODE_LENGTH:
        raise Invalid("exchange.code_long", field="file", given=code[: CODE_LENGTH + 5], length=CODE_LENGTH)
    return code


def _kind(told: Mapping[str, str], country: str) -> str:
    kind = told.get("kind", "").lower()
    return kind if kind in LEDGER_KINDS else kind_of(told["account"], country)


def _journal(told: Mapping[str, str]) -> FoundJournal:
    code, name, type_ = told["journal"], told.get("journal_name", "")[:NAME_LENGTH], told.get("type", "").lower()
    if type_ not in JOURNAL_TYPES:
        type_ = next((known for pattern, known in _TYPES if pattern.search(code) or pattern.search(name)), "general")
    return FoundJournal(name or code, type_, told.get("ledger_account", "")[:CODE_LENGTH])


def _seen(found: FoundJournal, used: Counter[str], accounts: Mapping[str, tuple[str, str]]) -> FoundJournal:
    """With the bank or cash account that its lines are on: that tells more than what a journal is called."""
    lines = used.total()
    for account, times in used.most_common(2):
        kind = accounts.get(account, ("", ""))[1]
        if kind in ("bank", "cash") and times * _SHARE >= lines and lines > 1:
            return FoundJournal(found.name, kind, account)
    return found
