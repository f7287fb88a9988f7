"""Tables of the stand-in. Instants are epoch milliseconds of the virtual clock, days ISO texts, amounts whole cents."""

from __future__ import annotations

from sandbox.faults import TABLE

SCHEMA = (
    TABLE
    + """
CREATE TABLE apps (
    app_id TEXT PRIMARY KEY, secret TEXT NOT NULL, public_key TEXT NOT NULL, success_url TEXT NOT NULL DEFAULT '',
    fail_url TEXT NOT NULL DEFAULT '', notify_url TEXT NOT NULL DEFAULT ''
);
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, app TEXT NOT NULL, identifier TEXT NOT NULL, created INTEGER NOT NULL,
    UNIQUE (app, identifier)
);
CREATE TABLE visits (
    token TEXT PRIMARY KEY, customer INTEGER NOT NULL, connection INTEGER, provider TEXT NOT NULL,
    return_to TEXT NOT NULL, custom_fields TEXT NOT NULL,
    from_date TEXT NOT NULL, period_days INTEGER, include_sandboxes INTEGER NOT NULL,
    expires INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE connections (
    id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, provider TEXT NOT NULL, login TEXT NOT NULL,
    status TEXT NOT NULL, last_consent INTEGER, last_attempt INTEGER, last_success INTEGER, next_refresh INTEGER,
    next_automatic INTEGER, created INTEGER NOT NULL, updated INTEGER NOT NULL
);
CREATE TABLE consents (
    id INTEGER PRIMARY KEY, connection INTEGER NOT NULL, from_date TEXT NOT NULL, period_days INTEGER NOT NULL,
    created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER, revoke_reason TEXT NOT NULL DEFAULT ''
);
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY, connection INTEGER NOT NULL, begun INTEGER NOT NULL, ends INTEGER NOT NULL,
    finished INTEGER NOT NULL DEFAULT 0, error_class TEXT NOT NULL DEFAULT '', error_message TEXT NOT NULL DEFAULT '',
    background INTEGER NOT NULL, remote_ip TEXT NOT NULL, custom_fields TEXT NOT NULL
);
CREATE INDEX attempts_of ON attempts (connection, begun);
CREATE TABLE bank_accounts (
    iban TEXT PRIMARY KEY, provider TEXT NOT NULL, login TEXT NOT NULL, name TEXT NOT NULL, holder TEXT NOT NULL,
    nature TEXT NOT NULL, currency TEXT NOT NULL, opening INTEGER NOT NULL, pace REAL NOT NULL, made_until TEXT NOT NULL
);
CREATE TABLE bank_rows (
    id INTEGER PRIMARY KEY, iban TEXT NOT NULL, made_on TEXT NOT NULL, posting_date TEXT NOT NULL,
    amount INTEGER NOT NULL, visible INTEGER NOT NULL, booked INTEGER NOT NULL,
    description TEXT NOT NULL, extra TEXT NOT NULL
);
CREATE INDEX bank_rows_of ON bank_rows (iban, booked);
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY, connection INTEGER NOT NULL, iban TEXT NOT NULL, balance INTEGER NOT NULL,
    copied INTEGER NOT NULL DEFAULT 0, updated INTEGER NOT NULL, UNIQUE (connection, iban)
);
CREATE TABLE transactions (
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL, bank_row INTEGER NOT NULL, status TEXT NOT NULL,
    duplicated INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL
);
CREATE INDEX transactions_copied ON transactions (account, bank_row);
CREATE INDEX transactions_of ON transactions (account, status, duplicated, id);
CREATE TABLE callbacks (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL, body BLOB NOT NULL, signature TEXT NOT NULL, event TEXT NOT NULL,
    connection INTEGER NOT NULL, due INTEGER NOT NULL, answer INTEGER
);
CREATE INDEX callbacks_waiting ON callbacks (due) WHERE answer IS NULL;
"""
)
