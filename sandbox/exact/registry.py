"""Every endpoint, by path."""

from __future__ import annotations

from sandbox.exact import entities as e
from sandbox.exact.entities import USERS, Entity, fields

_GL_JOIN = " LEFT JOIN gl_accounts g ON g.ID = t.GLAccount"
_LINE = (
    "lines t JOIN entries e ON e.EntryID = t.EntryID" + _GL_JOIN + " LEFT JOIN accounts a ON a.ID = t.Account"
    " LEFT JOIN journals j ON j.Division = t.Division AND j.Code = e.JournalCode"
)
_HEAD = "entries t LEFT JOIN journals j ON j.Division = t.Division AND j.Code = t.JournalCode"
_REACHABLE = (
    "t.environment = :environment AND (:role = 'firm' AND t.licence = :licence"
    " OR t.Code IN (SELECT division FROM rights WHERE user = :user))"
)
_IN_SCOPE = " AND (:scope IS NULL OR t.Code IN (SELECT value FROM json_each(:scope)))"
_DIVISIONS = "organization.administration"


def _lines_of(kind: str) -> str:
    return f"t.Division = :division AND t.kind = '{kind}' AND t.part = 0"


def _heads_of(kind: str) -> str:
    return f"t.Division = :division AND t.kind = '{kind}'"


def _statement(kind: str, name: str) -> list[Entity]:
    path = f"financialtransaction/{name}"
    return [
        Entity(
            path, name.removesuffix("ies") + "y", _HEAD, e.STATEMENT, where=_heads_of(kind), key=("EntryID",),
            methods="GPD",
            mandatory=(("JournalCode", "Diary"),), entry_kind=kind,
            lists={f"{name.removesuffix('ies')}yLines": (f"{path.removesuffix('ies')}yLines", "EntryID")},
        ),
        Entity(
            f"{path.removesuffix('ies')}yLines", name.removesuffix("ies") + "yLine", _LINE, e.STATEMENT_LINE,
            where=_lines_of(kind), methods="GP", entry_kind=kind,
        ),
    ]  # fmt: skip


def _invoice(kind: str, name: str, party: str, sign: str) -> list[Entity]:
    path = f"{kind}entry/{name}Entr"
    head = fields(f"{e.INVOICE} {party}!:G=t.Account ~{party}Name=a.Name", e.INVOICE_NULLS)
    source = _HEAD + " LEFT JOIN accounts a ON a.ID = t.Account" + USERS
    return [
        Entity(
            f"{path}ies", f"{name}Entry", source, head, where=_heads_of(kind), key=("EntryID",), methods="GPUD",
            mandatory=((party, "Relationship"), ("Journal", "Diary")), entry_kind=kind,
            lists={f"{name}EntryLines": (f"{path}yLines", "EntryID")},
        ),
        Entity(
            f"{path}yLines", f"{name}EntryLine", _LINE, e.invoice_line(sign),
            where=_lines_of(kind), methods="GPUD", entry_kind=kind,
        ),
    ]  # fmt: skip


_STAMPED = "Timestamp:L "
_ACCOUNT_FILTERS = ("ID", "Code", "Name", "Modified", "Email", "VATNumber", "ChamberOfCommerce", "SearchCode", "Status")
_GL_SOURCE = "gl_accounts t" + USERS
_ACCOUNT_SOURCE = "accounts t" + USERS

_ALL = [
    Entity("current/Me", "Me", "users t LEFT JOIN divisions d ON d.Code = t.CurrentDivision", e.ME,
           where="t.UserID = :user", key=("UserID",), scope=_DIVISIONS),
    Entity("system/Divisions", "Division", "divisions t", e.DIVISION, where=_REACHABLE + _IN_SCOPE, key=("Code",),
           scope=_DIVISIONS, any_division=True),
    Entity("system/AllDivisions", "AllDivision", "divisions t", e.DIVISION, key=("Code",), scope=_DIVISIONS,
           where="t.environment = :environment AND t.licence = :licence", any_division=True),
    Entity("hrm/Divisions", "Division", "divisions t", e.HRM_DIVISION, where=_REACHABLE + _IN_SCOPE, key=("Code",),
           scope=_DIVISIONS, any_division=True),
    Entity("financial/GLAccounts", "GLAccount", _GL_SOURCE, fields(e.GL_SPEC, e.GL_NULLS), methods="GPUD",
           table="gl_accounts", mandatory=(("Code", "Code"), ("Description", "Description")), deleted_type=7),
    Entity("bulk/Financial/GLAccounts", "GLAccount", _GL_SOURCE, fields(e.GL_SPEC, e.GL_NULLS), page=1000),
    Entity("sync/Financial/GLAccounts", "GLAccount", _GL_SOURCE, fields(_STAMPED + e.GL_SPEC, e.GL_NULLS), page=1000,
           key=("Timestamp",), cursor=True, filter_needed=("Timestamp",)),
    Entity("financial/Journals", "Journal", "journals t" + _GL_JOIN + USERS, e.JOURNAL, methods="GPUD",
    table="journals",
           mandatory=(("Code", "Code"), ("Description", "Description"))),
    Entity("financial/FinancialPeriods", "FinancialPeriod", "periods t", e.PERIOD),
    Entity("read/financial/JournalStatusList", "JournalStatusByFinancialPeriod",
           "periods t JOIN journals j ON j.Division = t.Division LEFT JOIN closed_periods c ON c.Division = t.Division"
           " AND c.Journal = j.Code AND c.Year = t.FinYear AND c.Period = t.FinPeriod",
           e.STATUS_LIST, key=("Journal", "Period", "Year")),
    Entity("vat/VATCodes", "VATCode", "vat_codes t LEFT JOIN divisions d ON d.Code = t.Division" + USERS, e.VAT,
           methods="GPUD", table="vat_codes", mandatory=(("Code", "Code"), ("Description", "Description"))),
    Entity("crm/Accounts", "Account", _ACCOUNT_SOURCE, fields(e.ACCOUNT, e.ACCOUNT_NULLS), methods="GPUD",
           table="accounts", mandatory=(("Name", "Name"),), scope="crm.accounts", filter_needed=_ACCOUNT_FILTERS,
           deleted_type=2),
    Entity("bulk/CRM/Accounts", "Account", _ACCOUNT_SOURCE, fields(e.ACCOUNT, e.ACCOUNT_NULLS), page=1000,
           scope="crm.accounts"),
    Entity("sync/CRM/Accounts", "Account", _ACCOUNT_SOURCE, fields(_STAMPED + e.ACCOUNT, e.ACCOUNT_NULLS), page=1000,
           key=("Timestamp",), cursor=True, scope="crm.accounts", filter_needed=("Timestamp",)),
    Entity("crm/BankAccounts", "BankAccount", "bank_accounts t LEFT JOIN accounts a ON a.ID = t.Account" + USERS,
           e.BANK_ACCOUNT, methods="GPUD", table="bank_accounts", scope="crm.accounts",
           mandatory=(("Account", "Relationship"), ("BankAccount", "Bank account"))),
    *_statement("bank", "BankEntries"),
    *_statement("cash", "CashEntries"),
    Entity("generaljournalentry/GeneralJournalEntries", "GeneralJournalEntry", _HEAD, e.GENERAL,
           where=_heads_of("general"), key=("EntryID",), methods="GPD", mandatory=(("JournalCode", "Diary"),),
           entry_kind="general",
           lists={"GeneralJournalEntryLines": ("generaljournalentry/GeneralJournalEntryLines", "EntryID")}),
    Entity("generaljournalentry/GeneralJournalEntryLines", "GeneralJournalEntryLine", _LINE, e.GENERAL_LINE,
           where=_lines_of("general"), methods="GP", entry_kind="general"),
    *_invoice("sales", "Sales", "Customer", "-"),
    *_invoice("purchase", "Purchase", "Supplier", ""),
    Entity("financialtransaction/Transactions", "Transaction", _HEAD, e.TRANSACTION, key=("EntryID",),
           lists={"TransactionLines": ("financialtransaction/TransactionLines", "EntryID")}),
    Entity("financialtransaction/TransactionLines", "TransactionLine", _LINE,
           fields(e.TRANSACTION_LINE, e.TRANSACTION_LINE_NULLS)),
    Entity("bulk/Financial/TransactionLines", "TransactionLine", _LINE,
           fields(e.TRANSACTION_LINE, e.TRANSACTION_LINE_NULLS), page=1000),
    Entity("sync/Financial/TransactionLines", "TransactionLine", _LINE,
           fields(_STAMPED + e.TRANSACTION_LINE, e.TRANSACTION_LINE_NULLS), page=1000, key=("Timestamp",), cursor=True,
           filter_needed=("Timestamp",)),
    Entity("sync/Deleted", "Deleted", "deleted t",
           fields("Timestamp:L DeletedBy:G DeletedDate:T Division:I EntityKey:G EntityType:I ID:G"), page=1000,
           key=("Timestamp",), cursor=True, filter_needed=("Timestamp",)),
]  # fmt: skip

ENTITIES = {entity.path.lower(): entity for entity in _ALL}
