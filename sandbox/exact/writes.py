"""One write, whoever asks for it: now, or late."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.exact import amend, bodies, entries, records
from sandbox.exact.entities import Entity
from sandbox.exact.entries import Booking
from sandbox.exact.messages import Refusals
from sandbox.store import Row, Store


@dataclass(frozen=True, slots=True)
class Write:
    """What somebody asks to be written; `body` is as it came in."""

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
        return amend.add_line(booking, write.entity, body)


def change(store: Store, write: Write, record: Row, at: int) -> None:
    """`at` in epoch ms. Raises ApiError."""
    body = bodies.load(write.body)
    booking = write.booking(store, at)
    with store.transaction():
        if write.entity.table:
            records.change(booking, write.entity, record, body)
        elif write.entity.lists:
            amend.change_head(booking, write.entity, record, body)
        else:
            amend.change_line(booking, write.entity, record, body)


def delete(store: Store, write: Write, record: Row, at: int) -> None:
    """With the last line its entry goes too. Raises ApiError."""
    booking = write.booking(store, at)
    with store.transaction():
        if write.entity.table:
            records.delete(booking, write.entity, record)
        elif write.entity.lists:
            _delete_entry(booking, record["EntryID"])
        else:
            emptied = amend.delete_line(booking, record)
            if emptied:
                _delete_entry(booking, emptied)


def _delete_entry(booking: Booking, entry_id: str) -> None:
    """Only while it is open (status 20), in a period that is open."""
    entry = amend.open_entry(booking, entry_id, Refusals(booking.language))
    for line in booking.store.all("SELECT ID FROM lines WHERE EntryID = ?", (entry["EntryID"],)):
        records.log_deletion(booking, 1, line["ID"])
    booking.store.run("DELETE FROM lines WHERE EntryID = ?", (entry["EntryID"],))
    booking.store.run("DELETE FROM entries WHERE EntryID = ?", (entry["EntryID"],))
