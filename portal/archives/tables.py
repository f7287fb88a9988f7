"""Which tables and columns an archive holds, and what is left out, with the reason.

Every table of a tenant is in it unless it is named here, so a new table comes along by itself.
A column of bytes that is named nowhere is left out: better too little than a secret too many.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Column, LargeBinary, Table

from portal.kernel.db import Base

SEALED = "A secret of a log-in. Connect again where the archive is read in."
ONE_TIME = "A link or visit that works once and not for long."
OF_INSTALLATION = "Made with a key of the installation; made anew where the archive is read in."
MACHINERY = "How the installation was getting on with its work; of no use elsewhere."
ITSELF = "Archives do not hold archives."
UNKNOWN = "Bytes of unknown kind."

TABLES_LEFT_OUT: Mapping[str, str] = {
    "archives": ITSELF,
    "archive_parts": ITSELF,
    "call_budgets": MACHINERY,
    "calendar_links": ONE_TIME,
    "chain_heads": OF_INSTALLATION,
    "credentials": SEALED,
    "data_keys": OF_INSTALLATION,
    "erasures": OF_INSTALLATION,
    "feed_visits": ONE_TIME,
    "login_states": ONE_TIME,
    "refresh_attempts": MACHINERY,
    "renewal_links": ONE_TIME,
}
COLUMNS_LEFT_OUT: Mapping[tuple[str, str], str] = {
    ("activities", "hash"): OF_INSTALLATION,
    ("activities", "prev_hash"): OF_INSTALLATION,
    ("api_keys", "key_hash"): SEALED,
    ("feeds", "customer"): SEALED,
    ("feeds", "link"): SEALED,
    ("feeds", "link_hash"): SEALED,
    ("feeds", "offered"): SEALED,
    ("software_users", "previous_password_hash"): SEALED,
}
# Bytes as they were handed in or fetched: a file each.
ORIGINALS: Mapping[str, str] = {
    "document_files": "content", "parked_files": "content", "exchange_files": "content", "invoice_files": "content",
}  # fmt: skip
# Other bytes that are no secret, by the name of the column: digests of what is here anyway, and what was sent.
PLAIN_BYTES = frozenset(
    {"content_hash", "digest", "fingerprint", "payload", "payload_hash", "payload_sha256", "request_hash", "sha256"}
)
# Of the people that rows refer to: no password, no second factor, nothing about where they are signed in.
PERSON = ("id", "email", "name", "software", "locale", "created_at")


def tenant_tables() -> Iterator[Table]:
    """Tables with rows of a tenant, parents first."""
    for table in Base.metadata.sorted_tables:
        if "tenant_id" in table.columns:
            yield table


def tables() -> Iterator[Table]:
    """Those of them that an archive holds."""
    for table in tenant_tables():
        if table.name not in TABLES_LEFT_OUT:
            yield table


def why_left_out(column: Column[object]) -> str:
    """The reason for which a column is not in an archive; "" when it is."""
    name = (column.table.name, column.name)
    if name in COLUMNS_LEFT_OUT:
        return COLUMNS_LEFT_OUT[name]
    plain = not isinstance(column.type, LargeBinary) or column.name in PLAIN_BYTES
    return "" if plain or ORIGINALS.get(name[0]) == name[1] else UNKNOWN


def columns(table: Table) -> list[Column[object]]:
    return [column for column in table.columns if not why_left_out(column)]


def left_out() -> Iterator[dict[str, str]]:
    """What the manifest says is missing: {"table", "column" ("*" for all), "why"}."""
    for table in tenant_tables():
        if table.name in TABLES_LEFT_OUT:
            yield {"table": table.name, "column": "*", "why": TABLES_LEFT_OUT[table.name]}
            continue
        for column in table.columns:
            if why := why_left_out(column):
                yield {"table": table.name, "column": column.name, "why": why}
    for column in Base.metadata.tables["users"].columns:
        if column.name not in PERSON:
            yield {"table": "users", "column": column.name, "why": "Belongs to the person."}


def people_of(table: Table) -> list[Column[object]]:
    """The columns that refer to a person."""
    return [
        element.parent
        for key in table.foreign_key_constraints
        if key.referred_table.name == "users"
        for element in key.elements
    ]


def kept_elsewhere(table: Table) -> Iterator[Column[object]]:
    """The columns that name another account whose row this row needs, as a bank account in a group of the firm.

    Rows for accounts that are not in the archive are left out. Not so those that need a log-in of
    another account: it is put in, empty, where the archive is read.
    """
    for key in table.foreign_key_constraints:
        if key.referred_table.name in ("tenants", "users", "authorisations"):
            continue
        for element in key.elements:
            if element.column.name == "tenant_id" and element.parent.name != "tenant_id":
                yield element.parent
