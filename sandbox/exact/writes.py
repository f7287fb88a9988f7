"""One write, whoever asks for it: now, or late."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.exact import bodies, entries, records
from sandbox.exact.entities import Entity
from sandbox.exact.entries import Booking
from sandbox.exact.messages import ApiError, Refusals
from sandbox.exact.store import Row, Store


@dataclass(frozen=True, slots=True)
class Write:
    division: int
    entity: Entity
    user: str
    role: str
    language: str
    body: bytes = b""

    def booking(self, store: Store, at: int) -> Booking:
        return Booking(store, self.division, self.user, self.role, self.language, at)


def create(store: Store, write: Write, at: int) -> str:
    """Returns the new key. Raises ApiError."""
    body = bodies.load(write.body)
    booking = write.booking(store, at)
    with store.transaction():
        if write.entity.lists:
            return entries.book(booking, write.entity, body)
        if write.entity.table:
            return records.create(booking, write.entity, body)
    raise ApiError(405, "Method not allowed.")


def change(store: Store, write: Write, record: Row, at: int) -> None:
    body = bodies.load(write.body)
    booking = write.booking(store, at)
    with store.transaction():
        if not write.entity.table:
            raise ApiError(405, "Method not allowed.")
        records.change(booking, write.entity, record, body)


def delete(store: Store, write: Write, record: Row, at: int) -> None:
    booking = write.booking(store, at)
    with store.transaction():
        if write.entity.table:
            records.delete(booking, write.entity, record)
        elif write.entity.lists:
            delete_entry(booking, record)
        else:
            raise ApiError(405, "Method not allowed.")


def delete_entry(booking: Booking, record: Row) -> None:
    """Only while it is open (status 20), in a period that is open."""
    refusals = Refusals(booking.language)
    entry = booking.store.one("SELECT * FROM entries WHERE EntryID = ?", (record["EntryID"],))
    if entry is None or entry["Status"] != 20:
        raise refusals.fail("not_open")
    year, period = entry["FinancialYear"], entry["FinancialPeriod"]
    if entries.is_closed(booking.store, booking.division, entry["JournalCode"], year, period):
        raise refusals.fail("period_closed", year=year, period=period)
    for line in booking.store.all("SELECT ID FROM lines WHERE EntryID = ?", (entry["EntryID"],)):
        records.log_deletion(booking, 1, line["ID"])
    booking.store.run("DELETE FROM lines WHERE EntryID = ?", (entry["EntryID"],))
    booking.store.run("DELETE FROM entries WHERE EntryID = ?", (entry["EntryID"],))
