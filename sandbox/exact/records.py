"""Plain records (accounts, journals, VAT codes, relations): create, change, delete."""

from __future__ import annotations

from typing import Any

from sandbox.exact import bodies, wire
from sandbox.exact.entities import Entity
from sandbox.exact.entries import Booking
from sandbox.exact.messages import Refusals
from sandbox.store import Row

_STAMPED = ("gl_accounts", "accounts")
GL_TYPES = frozenset(
    (10, 12, 14, 16, 20, 21, 22, 24, 25, 26, 27, 29, 30, 32, 35, 40, 50, 52, 55, 60, 65, 90, 100, 110, 111, 120, 121)
) | frozenset((122, 123, 125, 126, 130, 140, 150, 160))  # fmt: skip
JOURNAL_TYPES = frozenset((10, 12, 16, 20, 21, 22, 23, 90))
# Where a record is still used: table, column.
_USES = {
    "gl_accounts": (("lines", "GLAccount"), ("journals", "GLAccount")),
    "accounts": (("lines", "Account"), ("bank_accounts", "Account")),
}


def create(booking: Booking, entity: Entity, body: dict[str, Any]) -> str:
    """Returns the new ID. Raises ApiError. Call inside a transaction."""
    values = bodies.values(entity, body)
    _check(booking, entity, values, changing=None)
    row = values | {
        "ID": wire.new_guid(), "Division": booking.division, "Created": booking.at, "Modified": booking.at,
        "Creator": booking.user, "Modifier": booking.user,
    }  # fmt: skip
    if entity.table in _STAMPED:
        row["Timestamp"] = booking.store.next_number("timestamp")
    if entity.table == "accounts":
        row["Code"] = (values.get("Code") or _free_code(booking)).strip().rjust(18)
    booking.store.insert(entity.table, **{name: value for name, value in row.items() if value is not None})
    return str(row["ID"])


def change(booking: Booking, entity: Entity, record: Row, body: dict[str, Any]) -> None:
    values = bodies.values(entity, body)
    _check(booking, entity, values, changing=record["ID"])
    if "Code" in values and entity.table == "accounts":
        values["Code"] = (values["Code"] or record["Code"]).strip().rjust(18)
    values |= {"Modified": booking.at, "Modifier": booking.user}
    if entity.table in _STAMPED:
        values["Timestamp"] = booking.store.next_number("timestamp")
    names = ", ".join(f"{name} = :{name}" for name in values)
    booking.store.run(f"UPDATE {entity.table} SET {names} WHERE ID = :id", values | {"id": record["ID"]})  # noqa: S608 - own names


def delete(booking: Booking, entity: Entity, record: Row) -> None:
    for table, column in _USES.get(entity.table, ()):
        if booking.store.one(f"SELECT 1 FROM {table} WHERE {column} = ?", (record["ID"],)):  # noqa: S608 - own names
            raise Refusals(booking.language).fail(
                "in_use", what="G/L account" if "gl" in entity.table else "Relationship"
            )
    booking.store.run(f"DELETE FROM {entity.table} WHERE ID = ?", (record["ID"],))  # noqa: S608 - own names
    if entity.deleted_type:
        log_deletion(booking, entity.deleted_type, record["ID"])


def log_deletion(booking: Booking, kind: int, key: str) -> None:
    """One row of sync/Deleted."""
    booking.store.insert(
        "deleted", ID=wire.new_guid(), Division=booking.division, EntityType=kind, EntityKey=key,
        DeletedBy=booking.user, DeletedDate=booking.at, Timestamp=booking.store.next_number("timestamp"),
    )  # fmt: skip


def _check(booking: Booking, entity: Entity, values: dict[str, Any], changing: str | None) -> None:
    refusals = Refusals(booking.language)
    for name, word in entity.mandatory:
        if values.get(name) in (None, "") and (changing is None or name in values):
            refusals.add("mandatory", what=word)
    if entity.table == "gl_accounts" and values.get("Type", 90) not in GL_TYPES:
        refusals.add("gl_type")
    if entity.table == "journals" and values.get("Type", 90) not in JOURNAL_TYPES:
        refusals.add("journal_type")
    if entity.table == "journals" and changing is None:
        values.setdefault("Type", 90)
    if entity.table == "bank_accounts" and values.get("Account"):
        _must_exist(booking, "accounts", values["Account"], "Relationship", refusals)
    if values.get("GLAccount"):
        _must_exist(booking, "gl_accounts", values["GLAccount"], "G/L account", refusals)
    code = values.get("Code")
    if code and entity.table != "bank_accounts":
        kept = code.strip().rjust(18) if entity.table == "accounts" else code
        sql = f"SELECT 1 FROM {entity.table} WHERE Division = ? AND Code = ? AND ID <> ?"  # noqa: S608 - own names
        if booking.store.one(sql, (booking.division, kept, changing or "")):
            refusals.add("exists")
    refusals.check()


def _must_exist(booking: Booking, table: str, guid: str, word: str, refusals: Refusals) -> None:
    sql = f"SELECT 1 FROM {table} WHERE ID = ? AND Division = ?"  # noqa: S608 - own names
    if booking.store.one(sql, (guid, booking.division)) is None:
        refusals.add("bad_reference", what=word)


def _free_code(booking: Booking) -> str:
    row = booking.store.one(
        "SELECT max(CAST(trim(Code) AS INTEGER)) AS last FROM accounts WHERE Division = ?", (booking.division,)
    )
    return str((row["last"] or 0) + 1 if row else 1)
