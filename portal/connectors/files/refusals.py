"""What each refusal and warning of a statement file says, as English message ids.

The edge translates; `{placeholders}` are the refusal's `values`.
"""

from __future__ import annotations

from portal.connectors.errors import Refused
from portal.connectors.statement import Warning_


def N_(message: str) -> str:
    return message


REFUSALS: dict[str, str] = {
    # any file
    "file.empty": N_("The file is empty. Download it again from your bank."),
    "file.unknown_format": N_(
        "This is not a statement file we can read. Ask your bank for CODA, CAMT.053, MT940, OFX or CSV."
    ),
    "file.too_large": N_("The file is larger than {limit}. Download a shorter period."),
    "file.too_many_entries": N_("The file holds more than {limit} entries. Download a shorter period."),
    "file.binary": N_("The file holds binary data, which a text never does. Download it again from your bank."),
    "file.line_too_long": N_("The file has a line of more than {limit} characters, which no bank writes."),
    # CODA
    "coda.binary": N_("The file holds binary data, which CODA never does. Download it again."),
    "coda.line_too_long": N_(
        "The file has a line of more than {limit} characters. CODA lines have 128: the file "
        "was damaged or is not CODA. Download it again from your bank."
    ),
    "coda.width": N_(
        "This line has {length} characters where CODA has 128. The file was changed after the "
        "bank made it. Download it again."
    ),
    "coda.version": N_("This is CODA version {version}; only version 2 is supported. Ask your bank for CODA 2."),
    "coda.record": N_(
        "The line starts with “{record}”, which is no CODA record. The file was changed or damaged. Download it again."
    ),
    "coda.order": N_(
        "Record {record} stands where CODA does not allow it: lines are missing or moved. Download the file again."
    ),
    "coda.account": N_("The statement names no account. Ask your bank for a complete CODA file."),
    "coda.amount": N_("“{text}” is not an amount. The file is damaged. Download it again."),
    "coda.sign": N_("“{text}” does not say debit or credit. The file is damaged. Download it again."),
    "coda.date": N_("“{text}” is not a date. The file is damaged. Download it again."),
    "coda.balance": N_(
        "The statement of {account} does not add up: {opening} plus its movements is {sum}, but "
        "its new balance is {closing}. Lines are missing or changed. Ask your bank for the file "
        "again."
    ),
    "coda.count": N_(
        "The file says it has {expected} records but has {found}. It is incomplete or was changed. Download it again."
    ),
    "coda.debit": N_(
        "The file says its debits total {expected}, but they total {found}. It is incomplete or "
        "was changed. Download it again."
    ),
    "coda.credit": N_(
        "The file says its credits total {expected}, but they total {found}. It is incomplete or "
        "was changed. Download it again."
    ),
    "coda.no_closing": N_("The statement has movements but no new balance. The file is incomplete. Download it again."),
    "coda.truncated": N_("The file ends too early: its last record is missing. Download it again."),
    "coda.too_wide": N_("One entry or message has more than {limit} parts. Ask your bank for separate files."),
    # CAMT
    "camt.xml": N_("The file is not well-formed XML: {problem}. Download it again from your bank."),
    "camt.doctype": N_(
        "The file has a DOCTYPE, which bank statements never have. It was not read. Download it from your bank again."
    ),
    "camt.depth": N_("The file is nested too deep to be a bank statement."),
    "camt.too_wide": N_("A part of the file is far larger than in any bank statement."),
    "camt.not_a_statement": N_(
        "This is {message}, not a statement: its entries are not final or not complete. Ask your bank for camt.053."
    ),
    "camt.no_statement": N_("The file holds no statement. Ask your bank for camt.053."),
    "camt.structure": N_("{element} stands where a statement cannot have it. The file was changed or damaged."),
    "camt.account": N_("A statement names no account. Ask your bank for a complete file."),
    "camt.missing": N_("An entry has no {element}. Ask your bank for a complete file."),
    "camt.amount": N_("“{text}” is not an amount. The file is damaged. Download it again."),
    "camt.decimals": N_("The amount {text} has more than five decimals."),
    "camt.sign": N_("“{text}” does not say debit or credit (DBIT or CRDT)."),
    "camt.date": N_("“{text}” is not a date. The file is damaged. Download it again."),
    "camt.currency": N_(
        "An amount is in {found} on an account in {expected}. Ask your bank for one statement a currency."
    ),
    "camt.balance": N_(
        "The statement of {account} does not add up: {opening} plus its entries is {sum}, but its "
        "closing balance is {closing}. Entries are missing or changed. Ask your bank for the file "
        "again."
    ),
    "camt.reversal_sign": N_(
        "The statement of {account} adds up only when its reversed entries ({count}) change sides. "
        "Ask your bank what it means by them."
    ),
    # OFX
    "ofx.truncated": N_("The file ends too early: its last tag is missing. Download it again from your bank."),
    "ofx.doctype": N_(
        "The file has a DOCTYPE, which bank statements never have. It was not read. Download it from your bank again."
    ),
    "ofx.too_wide": N_("A part of the file is far larger than in any bank statement."),
    "ofx.depth": N_("The file is nested too deep to be a bank statement."),
    "ofx.no_statement": N_("The file holds no statement. Choose an account and a period at your bank."),
    "ofx.investments_only": N_("The file holds trades in securities only, and no bank entries."),
    "ofx.bank_error": N_("The bank sent an error in place of a statement: {text}"),
    "ofx.structure": N_("{element} stands where a statement cannot have it. The file was changed or damaged."),
    "ofx.missing": N_("An entry has no {element}. Ask your bank for a complete file."),
    "ofx.amount": N_("“{text}” is not an amount. The file is damaged. Download it again."),
    "ofx.decimal_sign": N_("“{text}” may be thousands or decimals. Say which sign stands before the cents."),
    "ofx.date": N_("“{text}” is not a date. The file is damaged. Download it again."),
    "ofx.currency": N_(
        "An amount is in {found} on an account in {expected}. Ask your bank for one statement a currency."
    ),
    # QIF
    "qif.truncated": N_("The file ends in the middle of an entry. Download it again from your bank."),
    "qif.binary": N_("The file holds binary data, which QIF never does. Download it again."),
    "qif.too_wide": N_("An entry of the file is far larger than in any bank statement."),
    "qif.no_statement": N_("The file holds no bank entries. It holds: {sections}"),
    "qif.several_accounts": N_(
        "The file holds entries of several accounts: {first} and {second}. Export one file for each account."
    ),
    "qif.missing": N_("An entry has no {element}. Export the file again."),
    "qif.amount": N_("“{text}” is not an amount, or is written in another way than the amounts before it."),
    "qif.decimal_sign": N_("“{text}” may be thousands or decimals. Say which sign stands before the cents."),
    "qif.date": N_("“{text}” is not a date, or is written in another order than the dates before it."),
    "qif.date_order": N_("“{text}” may be two dates. Say whether the day or the month comes first."),
    # MT940
    "mt940.account": N_("A statement names no account. Ask your bank for a complete file."),
    "mt940.entry": N_("The entry “{text}” cannot be read. The file is damaged. Download it again."),
    "mt940.balance_tag": N_("The balance “{text}” cannot be read. The file is damaged. Download it again."),
    "mt940.no_opening": N_("The statement of {account} has no opening balance. Ask your bank for a complete file."),
    "mt940.no_closing": N_("The statement of {account} has no closing balance. Ask your bank for a complete file."),
    "mt940.interim": N_(
        "This is MT942, a report of the running day: its entries are not final. Ask your bank for MT940."
    ),
    "mt940.order": N_("{tag} stands where a statement cannot have it. The file was changed or damaged."),
    "mt940.currency": N_(
        "A balance is in {found} on an account in {expected}. Ask your bank for one statement a currency."
    ),
    "mt940.too_wide": N_("One entry has more than {limit} characters. No bank writes such entries."),
    "mt940.balance": N_(
        "The statement of {account} does not add up: {opening} plus its entries is {sum}, but its closing balance is "
        "{closing}. Entries are missing or changed. Ask your bank for the file again."
    ),
    # CSV
    "csv.table": N_("The table cannot be read: {problem}. A quotation mark may be missing. Download it again."),
    "csv.no_table": N_("The file holds no table with dates and amounts."),
    "csv.no_rows": N_("The table has headings but no rows. There is nothing to store."),
    "csv.unknown_header": N_("The headings of this table are not known: {header}. Say once what each column means."),
    "csv.incomplete": N_(
        "The columns do not say when and how much. Say which column holds the date and which the amount."
    ),
    "csv.date_order": N_("“{text}” may be two dates. Say whether the day or the month comes first."),
    "csv.date_mixed": N_("“{text}” has day and month in another order than the dates before it. Nothing was read."),
    "csv.date": N_("“{text}” is not a date. The table is damaged, or this is another column than it says."),
    "csv.decimal": N_("“{text}” may be thousands or decimals. Say which sign stands before the cents."),
    "csv.decimal_mixed": N_(
        "“{text}” is written in another way than the amounts before it, where “{mark}” stands before the cents."
    ),
    "csv.amount": N_("“{text}” is not an amount. The table is damaged, or this is another column than it says."),
    "csv.decimals": N_("The amount {text} has more than five decimals."),
    "csv.sign": N_("“{text}” does not say whether money came in or went out."),
    "csv.sides": N_("“{text}” says two things: money that came in and money that went out, or neither."),
    "csv.currency": N_("“{text}” is not a currency of three letters."),
    "csv.width": N_("This row has {found} cells where {expected} are expected. Rows are cut off or were changed."),
    "csv.idle_rows": N_("The table has more than {limit} empty rows. Download it again."),
    "csv.accounts": N_("The table names more than {limit} accounts."),
    "csv.balance": N_(
        "The balance {balance} does not follow from the row beside it and the amount {amount}. Rows are missing or "
        "changed, or this is not the column of amounts."
    ),
}

WARNINGS: dict[str, str] = {
    "coda.duplicate": N_("The bank marks this file as a duplicate."),
    "coda.message": N_("Message from the bank: {text}"),
    "coda.part": N_("This file holds one kind of movements only and no balances."),
    "coda.details_left_out": N_("An entry of {amount} has {count} details; the first {kept} are kept."),
    "camt.balance_without_sign": N_("The balance {text} does not say debit or credit; read as credit."),
    "camt.entry_without_status": N_("Entries that do not say whether they are booked, read as booked: {count}."),
    "camt.entry_without_date": N_("Entries without a date, for which the statement's date is used: {count}."),
    "camt.not_booked": N_("Entries left out because they are not booked yet: {count}."),
    "camt.details_left_out": N_("An entry of {amount} has {count} details; the first {kept} are kept."),
    "camt.reversals_inverted": N_("Reversed entries that were turned, as the balances ask: {count}."),
    "ofx.pending": N_("Entries left out because they are not booked yet: {count}."),
    "ofx.corrections": N_("Entries by which the bank corrects earlier ones: {count}. Check the earlier ones by hand."),
    "ofx.trades_left_out": N_("Trades in securities were left out; only the bank entries were read."),
    "ofx.error_beside": N_("The bank sent an error beside the statements: {text}"),
    "qif.left_out": N_("Parts of the file that are no bank entries were left out: {sections}"),
    "qif.opening_balance": N_(
        "The first entry, of {amount}, is an opening balance. Delete it if it is booked already."
    ),
    "qif.details_left_out": N_("An entry of {amount} has {count} details; the first {kept} are kept."),
    "csv.not_booked": N_("Rows left out because they are refused or not booked yet: {count}."),
}


def refusal_text(refusal: Refused) -> str:
    """English wording with the place in the file, e.g. "Line 12: “x” is not a date. …"."""
    text = REFUSALS[refusal.code].format_map(refusal.values)
    if refusal.line:
        return f"Line {refusal.line}: {text}"
    return f"Entry {refusal.values['entry']}: {text}" if "entry" in refusal.values else text


def warning_text(warning: Warning_) -> str:
    return WARNINGS[warning.code].format_map(dict(warning.values))
