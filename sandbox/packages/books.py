"""The books of every dossier of one package: what is in them, and what may be added.

Amounts are whole cents, positive = debit. A refusal is told by a code; the package words it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.clock import Clock
from sandbox.money import money as money  # packages find it next to cents
from sandbox.store import Row, Store


class Refusal(Exception):
    """The books do not take it. `code` is one of `REFUSALS`."""

    def __init__(self, code: str, **values: str) -> None:
        super().__init__(f"{code} {values}" if values else code)
        self.code = code
        self.values = values


REFUSALS = {
    "no_lines": "an entry without lines",
    "unbalanced": "debit and credit differ, by `difference` cents",
    "period_closed": "the books are closed on `date`, or up to `until`",
    "no_period": "no financial year holds `date`",
    "journal_unknown": "no journal `journal`",
    "journal_blocked": "journal `journal` is blocked",
    "account_unknown": "no account `account` in this dossier",
    "account_blocked": "account `account` is blocked",
    "relation_unknown": "no relation `relation` in this dossier",
    "vat_unknown": "no VAT code `vat_code` in this dossier",
    "key_used": "`key` was booked before, as entry `id` (GUID) and `seq`",
    "not_draft": "the entry is booked already",
}


@dataclass(slots=True)
class Line:
    """`account` is a code; `relation` a whole-number id. `part`: "own" as sent, "party" and "vat" by the package."""

    account: str
    amount: int
    text: str = ""
    on: date | None = None  # else that of the entry
    relation: int | None = None
    vat_code: str = ""
    vat: int = 0
    part: str = "own"
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Entry:
    """What is to be booked. `reference` is ours, wherever the package has it; `key` may be booked once."""

    journal: str
    on: date
    lines: Sequence[Line]
    reference: str = ""
    key: str | None = None
    kind: str = "general"  # or "sales", "purchase", "bank"
    state: str = "posted"  # or "draft", which need not balance
    text: str = ""
    number: str = ""
    currency: str = ""
    due: date | None = None
    relation: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class Books:
    """Dossiers and their books, of one package. Rows are those of the tables in `schema`."""

    def __init__(self, store: Store, clock: Clock, package: str) -> None:
        self.store, self._clock, self.package = store, clock, package

    @contextmanager
    def together(self) -> Iterator[None]:
        """All or nothing, over several entries."""
        with self.store.attempt():
            yield

    # -------------------------------------------------------------------------- what is there

    def dossiers(self, licence: str | None = None, named: Sequence[str] | None = None) -> list[Row]:
        """All, or those of a licence; `named` by id narrows further."""
        rows = self.store.all(
            "SELECT * FROM dossiers WHERE package = ? AND (? IS NULL OR licence = ?) ORDER BY seq",
            (self.package, licence, licence),
        )
        return rows if named is None else [row for row in rows if row["id"] in named]

    def dossier(self, name: str | int) -> Row | None:
        """By GUID, code or whole number."""
        number = int(name) if str(name).isdigit() and len(str(name)) < 18 else -1
        return self.store.one(
            "SELECT * FROM dossiers WHERE package = ? AND (id = ? OR code = ? OR seq = ?)"
            " ORDER BY (id = ?) + (code = ?) DESC LIMIT 1",
            (self.package, str(name).lower(), str(name), number, str(name).lower(), str(name)),
        )

    def accounts(self, dossier: int) -> list[Row]:
        return self.store.all("SELECT * FROM accounts WHERE dossier = ? ORDER BY code", (dossier,))

    def journals(self, dossier: int) -> list[Row]:
        return self.store.all("SELECT * FROM journals WHERE dossier = ? ORDER BY code", (dossier,))

    def vat_codes(self, dossier: int) -> list[Row]:
        return self.store.all("SELECT * FROM vat_codes WHERE dossier = ? ORDER BY seq", (dossier,))

    def relations(self, dossier: int) -> list[Row]:
        return self.store.all("SELECT * FROM relations WHERE dossier = ? ORDER BY code", (dossier,))

    def periods(self, dossier: int) -> list[Row]:
        """`shut`: closed by itself, or before the day that the whole dossier is locked until."""
        return self.store.all(
            "SELECT p.*, (p.closed OR p.ends <= d.locked_until) AS shut FROM periods p"
            " JOIN dossiers d ON d.seq = p.dossier WHERE p.dossier = ? ORDER BY p.starts",
            (dossier,),
        )

    def by_id(self, table: str, dossier: int, name: str | int) -> Row | None:
        """A row of accounts, journals, relations, vat_codes, periods or entries by GUID or whole number."""
        if table not in ("accounts", "journals", "relations", "vat_codes", "periods", "entries"):
            raise ValueError(table)
        column = "seq" if str(name).isdigit() else "id"
        sql = f"SELECT * FROM {table} WHERE dossier = ? AND {column} = ?"  # noqa: S608 - a name from the list above
        return self.store.one(sql, (dossier, str(name).lower()))

    def by_code(self, table: str, dossier: int, code: str) -> Row | None:
        """A row of accounts, journals, relations or vat_codes."""
        if table not in ("accounts", "journals", "relations", "vat_codes"):
            raise ValueError(table)
        sql = f"SELECT * FROM {table} WHERE dossier = ? AND code = ?"  # noqa: S608 - a name from the list above
        return self.store.one(sql, (dossier, code))

    def entries(
        self, dossier: int, *, journal: str | None = None, since: date | None = None, until: date | None = None,
        reference: str | None = None, kind: str | None = None, state: str | None = None, limit: int = -1,
        offset: int = 0, newest: bool = False,
    ) -> list[Row]:  # fmt: skip
        """Heads, oldest first. `extra` is JSON."""
        clauses, values = ["dossier = ?"], list[Any]([dossier])
        for clause, value in (
            ("journal = ?", journal), ("date >= ?", since), ("date <= ?", until), ("reference = ?", reference),
            ("kind = ?", kind), ("state = ?", state),
        ):  # fmt: skip
            if value is not None:
                clauses.append(clause)
                values.append(str(value))
        order = "DESC" if newest else "ASC"
        sql = f"SELECT * FROM entries WHERE {' AND '.join(clauses)} ORDER BY seq {order} LIMIT ? OFFSET ?"  # noqa: S608
        return self.store.all(sql, (*values, limit, offset))

    def lines(self, entries: Sequence[int]) -> dict[int, list[Row]]:
        """By `seq` of the entry, in their order."""
        found: dict[int, list[Row]] = {entry: [] for entry in entries}
        for start in range(0, len(entries), 500):
            some = list(entries[start : start + 500])
            marks = ", ".join("?" * len(some))
            sql = f"SELECT * FROM lines WHERE entry IN ({marks}) ORDER BY seq"  # noqa: S608 - marks only
            for row in self.store.all(sql, some):
                found[row["entry"]].append(row)
        return found

    def keyed(self, dossier: int, key: str) -> Row | None:
        return self.store.one("SELECT * FROM entries WHERE dossier = ? AND key = ?", (dossier, key))

    # -------------------------------------------------------------------------- booking

    def book(self, dossier: int, entry: Entry) -> Row:
        """The entry as it stands now. Raises Refusal; nothing is kept then."""
        with self.store.attempt():
            if entry.key is not None:
                self._check_key(dossier, entry.key)
            self._check(dossier, entry)
            return self._insert(dossier, entry)

    def post(self, dossier: int, seq: int) -> Row:
        """Book a draft. Raises Refusal."""
        with self.store.transaction():
            head = self.by_id("entries", dossier, seq)
            if head is None or head["state"] != "draft":
                raise Refusal("not_draft")
            lines = [Line(row["account"], row["amount"]) for row in self.lines([seq])[seq]]
            self._check(dossier, Entry(head["journal"], date.fromisoformat(head["date"]), lines))
            self.store.run("UPDATE entries SET state = 'posted' WHERE seq = ?", (seq,))
        return self._row(seq)

    def remove(self, dossier: int, seq: int) -> bool:
        with self.store.transaction():
            self.store.run("DELETE FROM lines WHERE dossier = ? AND entry = ?", (dossier, seq))
            return self.store.run("DELETE FROM entries WHERE dossier = ? AND seq = ?", (dossier, seq)) > 0

    def check_open(self, dossier: int, on: date) -> None:
        """Raises Refusal("no_period") or ("period_closed")."""
        day = on.isoformat()
        found = self.store.one(
            "SELECT p.closed, d.locked_until FROM periods p JOIN dossiers d ON d.seq = p.dossier"
            " WHERE p.dossier = ? AND p.starts <= ? AND p.ends >= ?",
            (dossier, day, day),
        )
        if found is None:
            raise Refusal("no_period", date=day)
        if found["closed"] or day <= found["locked_until"]:
            raise Refusal("period_closed", date=day, until=found["locked_until"])

    def _check_key(self, dossier: int, key: str) -> None:
        used = self.keyed(dossier, key)
        if used is not None:
            raise Refusal("key_used", key=key, id=used["id"], seq=str(used["seq"]))

    def _check(self, dossier: int, entry: Entry) -> None:
        journal = self.by_code("journals", dossier, entry.journal)
        if journal is None:
            raise Refusal("journal_unknown", journal=entry.journal)
        if journal["blocked"]:
            raise Refusal("journal_blocked", journal=entry.journal)
        if not entry.lines:
            raise Refusal("no_lines")
        known = {row["code"]: row["blocked"] for row in self.accounts(dossier)}
        for line in entry.lines:
            if line.account not in known:
                raise Refusal("account_unknown", account=line.account)
            if known[line.account]:
                raise Refusal("account_blocked", account=line.account)
        for relation in {entry.relation, *(line.relation for line in entry.lines)} - {None}:
            if self.by_id("relations", dossier, relation or 0) is None:
                raise Refusal("relation_unknown", relation=str(relation))
        difference = sum(line.amount for line in entry.lines)
        if difference and entry.state != "draft":
            raise Refusal("unbalanced", difference=str(difference))
        for on in {entry.on, *(line.on for line in entry.lines if line.on)}:
            self.check_open(dossier, on)

    def _insert(self, dossier: int, entry: Entry) -> Row:
        number = entry.number or str(self.store.next_number(f"{dossier}/{entry.journal}/{entry.on.year}"))
        with self.store.transaction() as db:
            seq = int(db.execute(
                "INSERT INTO entries (dossier, id, number, journal, kind, date, due, currency, state, reference, key,"
                " text, relation, extra, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    dossier, str(uuid.uuid4()), number, entry.journal, entry.kind, entry.on.isoformat(),
                    entry.due.isoformat() if entry.due else "", entry.currency or "EUR", entry.state, entry.reference,
                    entry.key, entry.text, entry.relation, json.dumps(entry.extra), self._clock.ms(),
                ),
            ).lastrowid or 0)  # fmt: skip
            db.executemany(
                "INSERT INTO lines (entry, dossier, number, part, date, account, relation, amount, text, vat_code, vat,"
                " extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        seq, dossier, number, line.part, (line.on or entry.on).isoformat(), line.account, line.relation,
                        line.amount, line.text, line.vat_code, line.vat, json.dumps(line.extra),
                    )
                    for number, line in enumerate(entry.lines, 1)
                ],
            )  # fmt: skip
        return self._row(seq)

    def _row(self, seq: int) -> Row:
        row = self.store.one("SELECT * FROM entries WHERE seq = ?", (seq,))
        if row is None:
            raise LookupError(seq)
        return row

    # -------------------------------------------------------------------------- what the package adds by itself

    def invoice_lines(self, dossier: int, sales: bool, party: str, relation: int, lines: Sequence[Line]) -> list[Line]:
        """The lines of an invoice with its VAT and the party's side. `amount` is net and `vat` on top, debit positive.

        Raises Refusal("vat_unknown").
        """
        made = list(lines)
        for line in lines:
            if line.vat:
                vat = self.by_code("vat_codes", dossier, line.vat_code)
                if vat is None:
                    raise Refusal("vat_unknown", vat_code=line.vat_code)
                made.append(Line(vat["account"].split("/")[0 if sales else -1], line.vat, line.text, part="vat"))
        total = sum(line.amount + line.vat for line in lines)
        return [Line(party, -total, relation=relation, part="party"), *made]


def cents(value: Any) -> int:
    """Whole cents, half up. Raises ValueError."""
    try:
        return int((Decimal(str(value or 0)) * 100).to_integral_value(ROUND_HALF_UP))
    except ArithmeticError:
        raise ValueError(f"not an amount: {value!r}") from None
