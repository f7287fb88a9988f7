"""Changing a booked entry: a header's texts, one line more, one line changed, one line less.

After each the entry is booked again as a whole: totals, VAT and the journal's own side. A line
added to a bank or cash entry moves its closing balance along.
"""

from __future__ import annotations

from typing import Any

from sandbox.exact import bodies, entries
from sandbox.exact.entities import Entity
from sandbox.exact.entries import LEDGER_SIGN, LINE_COPIED, Booking, Line
from sandbox.exact.messages import Refusals, bad_request
from sandbox.store import Row

_FIXED = {"EntryNumber", "JournalCode", "Journal", "FinancialPeriod", "ReportingPeriod"}
_YEARS = {"FinancialYear", "ReportingYear"}


def change_head(booking: Booking, entity: Entity, record: Row, body: dict[str, Any]) -> None:
    """Texts, dates and references of a sales or purchase entry; its lines cannot be replaced this way."""
    refusals = Refusals(booking.language)
    entry = open_entry(booking, record["EntryID"], refusals)
    if any(nav in body for nav in entity.lists):
        raise bad_request("Lines are changed one by one, not through their header.")
    head = bodies.values(entity, body)
    if any(head.get(name) not in (None, entry["FinancialYear"]) for name in _YEARS):
        raise refusals.fail("year_fixed")
    columns = {
        entity.fields[name].sql.removeprefix("t."): value
        for name, value in head.items()
        if name not in _FIXED | _YEARS and value is not None
    }
    columns |= {"Modified": booking.at, "Modifier": booking.user}
    names = ", ".join(f"{name} = :{name}" for name in columns)
    booking.store.run(
        f"UPDATE entries SET {names} WHERE EntryID = :entry",  # noqa: S608 - own names
        columns | {"entry": entry["EntryID"]},
    )


def add_line(booking: Booking, entity: Entity, body: dict[str, Any]) -> str:
    """Returns the ID of the new line. Raises ApiError."""
    refusals = Refusals(booking.language)
    entry_id = bodies.values(entity, body).get("EntryID")
    if entry_id is None:
        raise refusals.fail("mandatory", what="Entry")
    entry = open_entry(booking, entry_id, refusals)
    if entry["kind"] != entity.entry_kind:
        raise refusals.fail("bad_reference", what="Entry")
    (line,) = entries.read_lines(booking, entity, [body], refusals)
    refusals.check()
    line.values.setdefault("Date", entry["Date"])
    _rebook(booking, entry, [*_client_lines(booking, entry), line], refusals)
    return line.id


def change_line(booking: Booking, entity: Entity, record: Row, body: dict[str, Any]) -> None:
    """What is not sent stays. Raises ApiError."""
    refusals = Refusals(booking.language)
    entry = open_entry(booking, record["EntryID"], refusals)
    kept = {name: record[name] for name in ("GLAccount", "VATCode", "Description", "Notes", "Quantity")}
    sign = LEDGER_SIGN[entity.entry_kind]
    lines = _client_lines(booking, entry)
    for index, line in enumerate(lines):
        if line.id == record["ID"]:
            sent = kept | {"AmountFC": line.amount * sign / 100} | body
            (changed,) = entries.read_lines(booking, entity, [sent], refusals)
            changed.id = line.id
            changed.values.setdefault("Date", line.values["Date"])
            lines[index] = changed
    refusals.check()
    _rebook(booking, entry, lines, refusals)


def delete_line(booking: Booking, record: Row) -> str | None:
    """Returns the EntryID when this was the last line: then the entry has to go."""
    refusals = Refusals(booking.language)
    entry = open_entry(booking, record["EntryID"], refusals)
    lines = [line for line in _client_lines(booking, entry) if line.id != record["ID"]]
    if not lines:
        return str(entry["EntryID"])
    _rebook(booking, entry, lines, refusals)
    return None


def open_entry(booking: Booking, entry_id: str, refusals: Refusals) -> Row:
    """The entry, when it is of this division, open and in an open period. Raises ApiError 500."""
    entry = booking.store.one("SELECT * FROM entries WHERE EntryID = ? AND Division = ?", (entry_id, booking.division))
    if entry is None:
        raise refusals.fail("bad_reference", what="Entry")
    if entry["Status"] != 20:
        raise refusals.fail("not_open")
    year, period = entry["FinancialYear"], entry["FinancialPeriod"]
    if entries.is_closed(booking.store, booking.division, entry["JournalCode"], year, period):
        raise refusals.fail("period_closed", year=year, period=period)
    return entry


def _client_lines(booking: Booking, entry: Row) -> list[Line]:
    rows = booking.store.all(
        "SELECT * FROM lines WHERE EntryID = ? AND part = 0 ORDER BY LineNumber", (entry["EntryID"],)
    )
    return [
        Line(
            row["AmountFC"], row["GLAccount"], 0, row["VATAmountFC"], row["VATCode"], row["VATPercentage"],
            {name: row[name] for name in LINE_COPIED}, row["ID"],
        )
        for row in rows
    ]  # fmt: skip


def _rebook(booking: Booking, entry: Row, lines: list[Line], refusals: Refusals) -> None:
    head: dict[str, Any] = {name: entry[name] for name in entry.keys()}  # noqa: SIM118 - a Row iterates over values
    head["ClosingBalanceFC"] = None
    kind = entry["kind"]
    journal = entries.journal_of(booking, kind, head, refusals)
    entries.balance(booking, kind, head, journal, lines, (entry["FinancialYear"], entry["FinancialPeriod"]), refusals)
    refusals.check()
    rate = entries.rate_of(head)
    own = booking.store.one("SELECT ID FROM lines WHERE EntryID = ? AND part = 1", (entry["EntryID"],))
    if own is not None:
        lines[0].id = own["ID"]
    changed = entries.totals(kind, lines, rate) | {
        "OpeningBalanceFC": head["OpeningBalanceFC"], "ClosingBalanceFC": head["ClosingBalanceFC"],
        "Modified": booking.at, "Modifier": booking.user,
    }  # fmt: skip
    names = ", ".join(f"{name} = :{name}" for name in changed)
    booking.store.run(
        f"UPDATE entries SET {names} WHERE EntryID = :entry",  # noqa: S608 - own names
        changed | {"entry": entry["EntryID"]},
    )
    booking.store.run("DELETE FROM lines WHERE EntryID = ?", (entry["EntryID"],))
    booking.store.insert_many(
        "lines", entries.line_rows(booking, kind, entry["EntryID"], lines, rate, entry["Account"])
    )
