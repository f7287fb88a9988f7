"""Tables of all packages in one file. `seq` is a package's whole-number id, `id` its GUID: each shows what it likes."""

from sandbox import faults

SCHEMA = (
    """
CREATE TABLE dossiers (
    seq INTEGER PRIMARY KEY, package TEXT NOT NULL, id TEXT NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
    country TEXT NOT NULL, currency TEXT NOT NULL, vat_number TEXT NOT NULL, enterprise_number TEXT NOT NULL,
    licence TEXT NOT NULL, active INTEGER NOT NULL DEFAULT 1, locked_until TEXT NOT NULL DEFAULT '',
    UNIQUE (package, id), UNIQUE (package, code)
);
CREATE TABLE accounts (
    seq INTEGER PRIMARY KEY, dossier INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, code TEXT NOT NULL, name TEXT NOT NULL,
    kind TEXT NOT NULL, blocked INTEGER NOT NULL DEFAULT 0, UNIQUE (dossier, code)
);
CREATE TABLE journals (
    seq INTEGER PRIMARY KEY, dossier INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, code TEXT NOT NULL, name TEXT NOT NULL,
    type TEXT NOT NULL, account TEXT NOT NULL, blocked INTEGER NOT NULL DEFAULT 0, UNIQUE (dossier, code)
);
CREATE TABLE vat_codes (
    seq INTEGER PRIMARY KEY, dossier INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, code TEXT NOT NULL, name TEXT NOT NULL,
    percentage TEXT NOT NULL, side TEXT NOT NULL, account TEXT NOT NULL, UNIQUE (dossier, code)
);
CREATE TABLE relations (
    seq INTEGER PRIMARY KEY, dossier INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, code TEXT NOT NULL, name TEXT NOT NULL,
    country TEXT NOT NULL, vat_number TEXT NOT NULL, enterprise_number TEXT NOT NULL, customer INTEGER NOT NULL,
    supplier INTEGER NOT NULL, UNIQUE (dossier, code)
);
CREATE TABLE periods (
    seq INTEGER PRIMARY KEY, dossier INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, year INTEGER NOT NULL,
    number INTEGER NOT NULL, starts TEXT NOT NULL, ends TEXT NOT NULL, closed INTEGER NOT NULL DEFAULT 0,
    UNIQUE (dossier, year, number)
);
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, dossier INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, number TEXT NOT NULL,
    journal TEXT NOT NULL, kind TEXT NOT NULL, date TEXT NOT NULL, due TEXT NOT NULL, currency TEXT NOT NULL,
    state TEXT NOT NULL, reference TEXT NOT NULL, key TEXT, text TEXT NOT NULL, relation INTEGER, extra TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE UNIQUE INDEX entries_key ON entries (dossier, key) WHERE key IS NOT NULL;
CREATE INDEX entries_date ON entries (dossier, journal, date);
CREATE INDEX entries_reference ON entries (dossier, reference);
CREATE TABLE lines (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL, dossier INTEGER NOT NULL, number INTEGER NOT NULL,
    part TEXT NOT NULL, date TEXT NOT NULL, account TEXT NOT NULL, relation INTEGER, amount INTEGER NOT NULL,
    text TEXT NOT NULL, vat_code TEXT NOT NULL, vat INTEGER NOT NULL, extra TEXT NOT NULL
);
CREATE INDEX lines_entry ON lines (entry);
CREATE INDEX lines_account ON lines (dossier, account);
CREATE TABLE things (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, package TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL,
    id TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (package, kind, owner, id)
);
CREATE TABLE apps (package TEXT NOT NULL, id TEXT NOT NULL, secret_hash TEXT NOT NULL, redirect_uris TEXT NOT NULL,
    PRIMARY KEY (package, id)) WITHOUT ROWID;
CREATE TABLE logins (
    seq INTEGER PRIMARY KEY, package TEXT NOT NULL, login TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
    email TEXT NOT NULL, company TEXT NOT NULL, licence TEXT NOT NULL, UNIQUE (package, login)
);
CREATE TABLE grants (
    seq INTEGER PRIMARY KEY, package TEXT NOT NULL, app TEXT NOT NULL, login TEXT NOT NULL, state TEXT NOT NULL,
    dossiers TEXT, created INTEGER NOT NULL
);
CREATE TABLE secrets (
    hash TEXT PRIMARY KEY, package TEXT NOT NULL, kind TEXT NOT NULL, grant_seq INTEGER NOT NULL,
    issued INTEGER NOT NULL, expires INTEGER, used INTEGER, details TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX secrets_grant ON secrets (grant_seq);
CREATE TABLE late_calls (
    seq INTEGER PRIMARY KEY, due INTEGER NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, headers TEXT NOT NULL,
    body BLOB NOT NULL, status INTEGER
);
CREATE INDEX late_calls_due ON late_calls (due) WHERE status IS NULL;
"""
    + faults.TABLE
)
