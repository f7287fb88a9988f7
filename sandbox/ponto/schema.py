"""The tables. Moments are epoch milliseconds, amounts whole cents, money in is positive."""

from sandbox.faults import TABLE

SCHEMA = (
    TABLE
    + """
CREATE TABLE apps (
    client_id TEXT PRIMARY KEY, name TEXT NOT NULL, secret_hash TEXT NOT NULL, redirect_uris TEXT NOT NULL,
    application_id TEXT NOT NULL, webhook TEXT NOT NULL
);
CREATE TABLE organisations (id TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT NOT NULL);

-- The bank's side: what happens on an account, whoever looks.
CREATE TABLE bank_accounts (
    iban TEXT PRIMARY KEY, organisation TEXT NOT NULL REFERENCES organisations(id), bank TEXT NOT NULL,
    holder TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, currency TEXT NOT NULL, opening INTEGER NOT NULL,
    pace REAL NOT NULL, seed TEXT NOT NULL, made_until TEXT NOT NULL
);
CREATE TABLE bank_rows (
    id INTEGER PRIMARY KEY, iban TEXT NOT NULL REFERENCES bank_accounts(iban), executed TEXT NOT NULL,
    value_date TEXT NOT NULL, cents INTEGER NOT NULL, announced INTEGER, booked INTEGER NOT NULL,
    named INTEGER NOT NULL, renumbered INTEGER, told TEXT NOT NULL
);
CREATE INDEX bank_rows_booked ON bank_rows (iban, booked, cents);

-- The provider's side.
CREATE TABLE accounts (
    id TEXT PRIMARY KEY, iban TEXT NOT NULL UNIQUE REFERENCES bank_accounts(iban), authorised INTEGER NOT NULL,
    expires INTEGER NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0, deprecated INTEGER NOT NULL DEFAULT 0,
    synchronised INTEGER, last_own INTEGER NOT NULL
);
CREATE TABLE transactions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL REFERENCES accounts(id),
    bank_row INTEGER NOT NULL REFERENCES bank_rows(id), created INTEGER NOT NULL, named INTEGER NOT NULL,
    renumbered INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX transactions_account ON transactions (account, seq);
CREATE UNIQUE INDEX transactions_row ON transactions (account, bank_row);
CREATE TABLE synchronizations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL REFERENCES accounts(id),
    subtype TEXT NOT NULL, created INTEGER NOT NULL, ended INTEGER, status TEXT NOT NULL DEFAULT 'pending',
    errors TEXT NOT NULL DEFAULT '[]', updated TEXT NOT NULL DEFAULT '[]', asked_by TEXT NOT NULL
);
CREATE INDEX synchronizations_account ON synchronizations (account, seq);
CREATE INDEX synchronizations_open ON synchronizations (created) WHERE ended IS NULL;
CREATE TABLE reauthorizations (id TEXT PRIMARY KEY, account TEXT NOT NULL, redirect_uri TEXT NOT NULL, done TEXT);
CREATE TABLE onboarding (id TEXT PRIMARY KEY, attributes TEXT NOT NULL);

CREATE TABLE grants (
    id TEXT PRIMARY KEY, app TEXT NOT NULL, organisation TEXT, state TEXT NOT NULL, created INTEGER NOT NULL,
    refreshes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE shared (app TEXT NOT NULL, account TEXT NOT NULL, PRIMARY KEY (app, account)) WITHOUT ROWID;
CREATE TABLE codes (
    code_hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL, redirect_uri TEXT NOT NULL, challenge TEXT NOT NULL,
    expires INTEGER NOT NULL, used INTEGER
);
CREATE TABLE access_tokens (token_hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL, expires INTEGER NOT NULL);
CREATE TABLE refresh_tokens (
    token_hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL, expires INTEGER NOT NULL, used INTEGER
);
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY, app TEXT NOT NULL, event TEXT NOT NULL, body TEXT NOT NULL, created INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, answer INTEGER
);
"""
)
