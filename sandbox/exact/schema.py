"""The tables. One string, run once on an empty file."""

SCHEMA_VERSION = 1
SCHEMA = """
-- Columns that a client sees carry the provider's own field names. Moments are epoch
-- milliseconds, amounts whole cents (positive = debit), GUIDs lower-case text.
-- Text is compared without case, as the provider's database does.

CREATE TABLE apps (
    client_id TEXT PRIMARY KEY, name TEXT NOT NULL, secret_hash TEXT NOT NULL,
    redirect_uris TEXT NOT NULL, published INTEGER NOT NULL, scopes TEXT
);

CREATE TABLE users (
    UserID TEXT PRIMARY KEY, environment TEXT NOT NULL, login TEXT NOT NULL COLLATE NOCASE,
    password_hash TEXT NOT NULL, FullName TEXT NOT NULL, Email TEXT NOT NULL, Language TEXT NOT NULL,
    company TEXT NOT NULL, licence TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('firm', 'client', 'portal', 'none')),
    CurrentDivision INTEGER,
    UNIQUE (environment, login)
);

CREATE TABLE divisions (
    Code INTEGER PRIMARY KEY, environment TEXT NOT NULL, licence TEXT NOT NULL, Hid INTEGER NOT NULL,
    Description TEXT NOT NULL COLLATE NOCASE, Country TEXT NOT NULL, Currency TEXT NOT NULL DEFAULT 'EUR',
    VATNumber TEXT COLLATE NOCASE, ChamberOfCommerceNumber TEXT, ChamberOfCommerceEstablishment TEXT,
    SiretNumber TEXT, Customer TEXT NOT NULL, CustomerCode TEXT NOT NULL, CustomerName TEXT NOT NULL,
    Status INTEGER NOT NULL DEFAULT 1, BlockingStatus INTEGER NOT NULL DEFAULT 0, ArchiveDate INTEGER,
    IsMainDivision INTEGER NOT NULL DEFAULT 0, IsPracticeDivision INTEGER NOT NULL DEFAULT 0,
    IsDossierDivision INTEGER NOT NULL DEFAULT 1, AddressLine1 TEXT, Postcode TEXT, City TEXT, Email TEXT,
    StartDate INTEGER, Created INTEGER NOT NULL, Modified INTEGER NOT NULL
);

-- A firm user reaches every division of its licence; the others only those named here.
CREATE TABLE rights (
    user TEXT NOT NULL, division INTEGER NOT NULL, PRIMARY KEY (user, division)
) WITHOUT ROWID;

CREATE TABLE web_sessions (token_hash TEXT PRIMARY KEY, user TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE grants (
    id TEXT PRIMARY KEY, app TEXT NOT NULL, user TEXT NOT NULL, environment TEXT NOT NULL,
    divisions TEXT, state TEXT NOT NULL CHECK (state IN ('consented', 'active', 'replaced', 'revoked')),
    superseded INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL, refreshed INTEGER,
    refreshes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX grants_user ON grants (app, user);
CREATE TABLE codes (
    code_hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL, redirect_uri TEXT NOT NULL, challenge TEXT,
    challenge_method TEXT,
    expires INTEGER NOT NULL, used INTEGER
) WITHOUT ROWID;
CREATE TABLE access_tokens (
    token_hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL, issued INTEGER NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX access_tokens_grant ON access_tokens (grant_id);
CREATE TABLE refresh_tokens (
    token_hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL, issued INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER
) WITHOUT ROWID;
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id);
CREATE TABLE token_calls (
    app TEXT NOT NULL, user TEXT NOT NULL, day TEXT NOT NULL, outcome TEXT NOT NULL, calls INTEGER NOT NULL,
    PRIMARY KEY (app, user, day, outcome)
) WITHOUT ROWID;

CREATE TABLE call_counts (
    app TEXT NOT NULL, division INTEGER NOT NULL, span TEXT NOT NULL, calls INTEGER NOT NULL,
    PRIMARY KEY (app, division, span)
) WITHOUT ROWID;
CREATE TABLE call_errors (
    app TEXT NOT NULL, user TEXT NOT NULL, division INTEGER NOT NULL, endpoint TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX call_errors_key ON call_errors (app, user, division, endpoint, at);
CREATE TABLE call_blocks (
    app TEXT NOT NULL, user TEXT NOT NULL, division INTEGER NOT NULL, endpoint TEXT NOT NULL,
    until INTEGER NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (app, user, division, endpoint)
) WITHOUT ROWID;

CREATE TABLE faults (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, method TEXT, endpoint TEXT, division INTEGER,
    skip INTEGER NOT NULL, times INTEGER,
    probability REAL NOT NULL, seed TEXT NOT NULL, seconds REAL NOT NULL, phase TEXT NOT NULL,
    matched INTEGER NOT NULL DEFAULT 0, fired INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE late_writes (
    id INTEGER PRIMARY KEY, due INTEGER NOT NULL, division INTEGER NOT NULL, endpoint TEXT NOT NULL,
    user TEXT NOT NULL, body BLOB NOT NULL, outcome TEXT
);

CREATE TABLE gl_accounts (
    ID TEXT PRIMARY KEY, Division INTEGER NOT NULL, Code TEXT NOT NULL COLLATE NOCASE,
    Description TEXT NOT NULL COLLATE NOCASE,
    Type INTEGER NOT NULL DEFAULT 90, BalanceSide TEXT NOT NULL DEFAULT 'D', BalanceType TEXT NOT NULL DEFAULT 'B',
    IsBlocked INTEGER NOT NULL DEFAULT 0, Matching INTEGER NOT NULL DEFAULT 0, SearchCode TEXT, VATCode TEXT,
    VATSystem TEXT,
    Created INTEGER NOT NULL, Modified INTEGER NOT NULL, Creator TEXT, Modifier TEXT,
    Timestamp INTEGER NOT NULL DEFAULT 0,
    UNIQUE (Division, Code)
);
CREATE TABLE journals (
    ID TEXT PRIMARY KEY, Division INTEGER NOT NULL, Code TEXT NOT NULL COLLATE NOCASE,
    Description TEXT NOT NULL COLLATE NOCASE,
    Type INTEGER NOT NULL, Currency TEXT NOT NULL DEFAULT 'EUR', GLAccount TEXT, AllowVAT INTEGER NOT NULL DEFAULT 0,
    AllowVariableCurrency INTEGER NOT NULL DEFAULT 0, IsBlocked INTEGER NOT NULL DEFAULT 0,
    BankAccountIBAN TEXT COLLATE NOCASE, BankAccountBICCode TEXT, BankName TEXT,
    Created INTEGER NOT NULL, Modified INTEGER NOT NULL, Creator TEXT, Modifier TEXT,
    UNIQUE (Division, Code)
);
CREATE TABLE vat_codes (
    ID TEXT PRIMARY KEY, Division INTEGER NOT NULL, Code TEXT NOT NULL COLLATE NOCASE,
    Description TEXT NOT NULL COLLATE NOCASE,
    Percentage REAL NOT NULL DEFAULT 0, Type TEXT NOT NULL DEFAULT 'E', VATTransactionType TEXT NOT NULL DEFAULT 'B',
    IsBlocked INTEGER NOT NULL DEFAULT 0, GLToPay TEXT, GLToClaim TEXT, Charged INTEGER NOT NULL DEFAULT 0,
    Created INTEGER NOT NULL, Modified INTEGER NOT NULL, Creator TEXT, Modifier TEXT,
    UNIQUE (Division, Code)
);
CREATE TABLE periods (
    ID TEXT PRIMARY KEY, Division INTEGER NOT NULL, FinYear INTEGER NOT NULL, FinPeriod INTEGER NOT NULL,
    StartDate INTEGER NOT NULL, EndDate INTEGER NOT NULL, Created INTEGER NOT NULL, Modified INTEGER NOT NULL,
    UNIQUE (Division, FinYear, FinPeriod)
);
CREATE TABLE closed_periods (
    Division INTEGER NOT NULL, Journal TEXT NOT NULL, Year INTEGER NOT NULL, Period INTEGER NOT NULL,
    PRIMARY KEY (Division, Journal, Year, Period)
) WITHOUT ROWID;
CREATE TABLE accounts (
    ID TEXT PRIMARY KEY, Division INTEGER NOT NULL, Code TEXT COLLATE NOCASE, Name TEXT NOT NULL COLLATE NOCASE,
    Status TEXT, IsSupplier INTEGER NOT NULL DEFAULT 0, IsSales INTEGER NOT NULL DEFAULT 0,
    Blocked INTEGER NOT NULL DEFAULT 0,
    AddressLine1 TEXT, Postcode TEXT, City TEXT, Country TEXT, Email TEXT COLLATE NOCASE, Phone TEXT, Website TEXT,
    VATNumber TEXT COLLATE NOCASE, ChamberOfCommerce TEXT COLLATE NOCASE, Language TEXT, Remarks TEXT, SearchCode TEXT,
    PaymentConditionSales TEXT, PaymentConditionPurchase TEXT, SalesVATCode TEXT, PurchaseVATCode TEXT,
    GLAccountSales TEXT, GLAccountPurchase TEXT,
    Created INTEGER NOT NULL, Modified INTEGER NOT NULL, Creator TEXT, Modifier TEXT,
    Timestamp INTEGER NOT NULL DEFAULT 0,
    UNIQUE (Division, Code)
);
CREATE TABLE bank_accounts (
    ID TEXT PRIMARY KEY, Division INTEGER NOT NULL, Account TEXT NOT NULL, BankAccount TEXT NOT NULL COLLATE NOCASE,
    BankAccountHolderName TEXT, BICCode TEXT, Description TEXT, Main INTEGER NOT NULL DEFAULT 0,
    Created INTEGER NOT NULL, Modified INTEGER NOT NULL, Creator TEXT, Modifier TEXT
);

CREATE TABLE entries (
    EntryID TEXT PRIMARY KEY, Division INTEGER NOT NULL, kind TEXT NOT NULL, EntryNumber INTEGER NOT NULL,
    JournalCode TEXT NOT NULL COLLATE NOCASE, Currency TEXT NOT NULL, Rate REAL NOT NULL DEFAULT 1,
    FinancialYear INTEGER NOT NULL, FinancialPeriod INTEGER NOT NULL, Date INTEGER NOT NULL, DueDate INTEGER,
    OpeningBalanceFC INTEGER, ClosingBalanceFC INTEGER, Status INTEGER NOT NULL DEFAULT 20, Type INTEGER NOT NULL,
    Account TEXT, Description TEXT COLLATE NOCASE, YourRef TEXT COLLATE NOCASE, PaymentReference TEXT COLLATE NOCASE,
    PaymentCondition TEXT, ExternalLinkReference TEXT, InvoiceNumber INTEGER, OrderNumber INTEGER, Document TEXT,
    Reversal INTEGER NOT NULL DEFAULT 0, AmountFC INTEGER NOT NULL DEFAULT 0, AmountDC INTEGER NOT NULL DEFAULT 0,
    VATAmountFC INTEGER NOT NULL DEFAULT 0, VATAmountDC INTEGER NOT NULL DEFAULT 0,
    Created INTEGER NOT NULL, Modified INTEGER NOT NULL, Creator TEXT, Modifier TEXT,
    UNIQUE (Division, EntryNumber)
);
CREATE INDEX entries_journal ON entries (Division, JournalCode, FinancialYear, EntryNumber);

-- part: 0 a line the client sent, 1 the side the journal books itself, 2 VAT.
CREATE TABLE lines (
    ID TEXT PRIMARY KEY, Division INTEGER NOT NULL, EntryID TEXT NOT NULL, kind TEXT NOT NULL, part INTEGER NOT NULL,
    LineNumber INTEGER NOT NULL, Date INTEGER NOT NULL, GLAccount TEXT, AmountFC INTEGER NOT NULL,
    AmountDC INTEGER NOT NULL,
    VATAmountFC INTEGER NOT NULL DEFAULT 0, VATCode TEXT, VATPercentage REAL, Account TEXT,
    Description TEXT COLLATE NOCASE, Notes TEXT COLLATE NOCASE, OurRef INTEGER, Document TEXT, CostCenter TEXT,
    CostUnit TEXT,
    Quantity REAL, Timestamp INTEGER NOT NULL
);
CREATE INDEX lines_entry ON lines (EntryID, Division, LineNumber);
CREATE INDEX lines_stamp ON lines (Division, Timestamp);
CREATE INDEX lines_notes ON lines (Division, Notes);
CREATE INDEX lines_description ON lines (Division, Description);
CREATE INDEX lines_account ON lines (Division, GLAccount);

CREATE TABLE deleted (
    ID TEXT PRIMARY KEY, Division INTEGER NOT NULL, EntityType INTEGER NOT NULL, EntityKey TEXT NOT NULL,
    DeletedBy TEXT, DeletedDate INTEGER NOT NULL, Timestamp INTEGER NOT NULL
);
"""
