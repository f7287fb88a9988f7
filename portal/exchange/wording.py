"""Sentences for the codes and tags of this room."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS = {
    "exchange.number_length": N_("Give a number of at most {length} letters and figures."),
    "exchange.number_taken": N_("There is a dossier {number} already. Choose another number."),
    "exchange.name_length": N_("Give a name of at most {length} letters."),
    "exchange.country": N_("Choose Belgium, the Netherlands or France."),
    "exchange.siren": N_("A SIREN has nine figures; a SIRET of fourteen will do too."),
    "exchange.has_entries": N_("Entries were kept for dossier {number}, so it stays."),
    "exchange.is_coupled": N_("A client account is coupled to dossier {number}. End the coupling first."),
    "exchange.list_long": N_("Bring in at most {most} dossiers at a time."),
    "exchange.list_columns": N_(
        "Line {line} has fewer than six columns: number, name, country, SIREN or enterprise number, first and last day"
        " of the fiscal year."
    ),
    "exchange.list_day": N_("Line {line} has a day that cannot be read. Write 31/12/2026. Nothing was added."),
    "exchange.list_line": N_("Line {line} is not right: {cause}. Nothing was added."),
    "exchange.chart_unreadable": N_("This is no text that can be read as a table. Nothing was changed."),
    "exchange.chart_columns": N_(
        "The first line names no column that is known. Bring in a FEC, or a table whose first line has the names"
        " account and name, or journal, name and type."
    ),
    "exchange.chart_empty": N_("There is no ledger account and no journal in this file. Nothing was changed."),
    "exchange.chart_large": N_("There are more than {most} ledger accounts and journals in this file."),
    "exchange.code_long": N_("{given} is no code: it has no blanks and at most {length} letters and figures."),
    "exchange.kind": N_("Choose from the list."),
    "exchange.account_unknown": N_("The dossier has no ledger account {account}. Add it first."),
    "exchange.journal_account": N_("A bank or cash journal needs its ledger account."),
    "exchange.year_span": N_("A fiscal year ends after it begins, and lasts two years at most."),
    "exchange.year_overlaps": N_("There is a fiscal year from {since} to {until} already."),
    "exchange.no_year": N_("Entry {entry} of {date} is in no fiscal year of the dossier. Add the year first."),
    "exchange.nothing_waits": N_("Nothing waits for a file in dossier {number}."),
    "exchange.not_written": N_("The file was not made: {text}. Nothing was changed."),
    "exchange.file_withdrawn": N_("File {file} was withdrawn; its entries are in another file or wait for one."),
    "exchange.file_damaged": N_("File {file} is not as it was made. Restore it from a back-up."),
    "exchange.file_state": N_("This cannot be done with file {file} as it stands. Load the page again."),
    "exchange.files_wait": N_("{count} entries are in no file that was fetched. Fetch the files first."),
    "exchange.reason_missing": N_("Say why the file is withdrawn."),
    "exchange.setting": N_("Choose from the list."),
    "exchange.column_unknown": N_("Choose the columns from the list."),
    "exchange.columns_missing": N_(
        "Choose at least journal, date and ledger account, and an amount: debit and credit, side and amount, or the"
        " amount with a sign."
    ),
    "exchange.columns_many": N_("Choose at most {most} columns."),
    "exchange.file_large": N_("The file is larger than {most} MB."),
    "exchange.file_missing": N_("Choose a file."),
}
TAGS = {
    "file_dossier.added": N_("added dossier {number}, {name}"),
    "file_dossier.changed": N_("changed dossier {number}, {name}"),
    "file_dossier.removed": N_("removed dossier {number}, {name}"),
    "file_dossier.chart": N_("brought in {accounts} ledger accounts and {journals} journals for dossier {number}"),
    "file_dossier.account": N_("set ledger account {account}, {name}, in dossier {number}"),
    "file_dossier.journal": N_("set journal {journal}, {name}, in dossier {number}"),
    "file_dossier.year_added": N_("added the fiscal year {since} – {until} to dossier {number}"),
    "file_dossier.year_closed": N_("closed the fiscal year {since} – {until} of dossier {number}"),
    "file_dossier.year_opened": N_("opened the fiscal year {since} – {until} of dossier {number} again"),
    "file_form.changed": N_("changed the form of the files of {name}"),
    "exchange_file.made": N_("made file {file}, {name}, of {entries} entries"),
    "exchange_file.fetched": N_("fetched file {file}, {name}"),
    "exchange_file.imported": N_("marked file {file}, {name}, as imported"),
    "exchange_file.withdrawn": N_("withdrew file {file}, {name}: {reason}"),
}
