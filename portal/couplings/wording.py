"""What the couplings say, as English message ids; `{placeholders}` are filled at the edge."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS: dict[str, str] = {
    "coupling.exists": N_("This account is coupled already. Overwrite the coupling to replace it."),
    "coupling.same": N_("This account is coupled to dossier {number} through this authorisation already."),
    "coupling.ended": N_("The coupling to dossier {number} has ended. Load the page again."),
    "coupling.authorisation_off": N_("The authorisation {name} is not active. Activate it first."),
    "coupling.no_certain_dossier": N_("No dossier certainly belongs to this account. Choose one yourself."),
    "coupling.reader": N_("The firm may only look in this account. The client can give it more rights."),
    "coupling.dossier_taken": N_("Dossier {number} is coupled to another account already."),
    "coupling.dossier_archived": N_("Dossier {number} was archived on {on}. It can be restored at the provider."),
    "coupling.dossier_archived_once": N_("Dossier {number} is archived. It can be restored at the provider."),
    "coupling.dossier_blocked": N_("Dossier {number} is blocked at the provider ({reason})."),
    "coupling.dossier_inactive": N_("Dossier {number} is inactive at the provider."),
    "coupling.dossier_gone": N_("The provider no longer lists dossier {number}."),
    "configuration.books_unread": N_("The books of dossier {number} were not read yet. Read them first."),
    "configuration.no_documents": N_("This package takes no sales and purchases from us, only entries."),
    "configuration.account_taken": N_("Bank account {number} is booked by another configuration already."),
    "configuration.deleted": N_("This configuration was deleted."),
    "configuration.no_coupling": N_("This account is not coupled."),
    "configuration.no_account": N_("No bank account waits for a configuration. One appears with its first statement."),
    "configuration.entry_kind": N_("Choose a bank entry or a general journal entry."),
    "configuration.journal_unknown": N_("Journal {journal} does not exist in dossier {dossier}."),
    "configuration.journal_blocked": N_("Journal {journal} is blocked in dossier {dossier}."),
    "configuration.journal_not_bank": N_("Journal {journal} is not a bank journal. Choose a bank journal."),
    "configuration.journal_not_general": N_("Journal {journal} is not a general journal. Choose a general journal."),
    "configuration.journal_not_sales": N_("Journal {journal} is not a sales journal. Choose a sales journal."),
    "configuration.journal_not_purchase": N_("Journal {journal} is not a purchase journal. Choose a purchase journal."),
    "configuration.relation_unknown": N_("The dossier has no relation with code {relation}."),
    "copy.documents": N_("Sales and purchases are configured at each client. Use the defaults of the firm for them."),
    "copy.too_many": N_("Choose at most {most} clients at once."),
    "copy.none": N_("Tick at least one client."),
    "copy.not_let_in": N_("This client no longer lets your firm in."),
    "copy.no_right": N_("{name} may no longer make configurations, so this one was not made."),
    "copy.gave_up": N_("This stopped five times without getting on. Copy again to the clients that are left."),
    "preference.unknown": N_("This setting does not exist."),
    "preference.long": N_("Use at most {most} characters."),
    "vat_mapping.code": N_("VAT code {vat_code} is not in dossier {dossier}."),
    "configuration.journal_currency": N_("Journal {journal} is kept in {found}, the bank account in {expected}."),
    "configuration.journal_iban": N_("Journal {journal} belongs to bank account {iban}."),
    "configuration.journal_taken": N_("Journal {journal} is booked from another bank account already."),
    "configuration.account_unknown": N_("{account} does not exist in the dossier. Make it at the provider."),
    "configuration.account_unknown_try": N_(
        "{account} does not exist in the dossier. Choose {suggestion}, or make it at the provider."
    ),
    "configuration.account_blocked": N_("{account} is blocked in the dossier."),
    "configuration.account_blocked_try": N_("{account} is blocked in the dossier. Choose {suggestion}."),
    "configuration.account_not_of_journal": N_("Journal {journal} books on {suggestion}. Choose that account."),
    "configuration.same_accounts": N_("Choose another account than the one of the bank."),
    "configuration.frequency": N_("Choose daily or monthly."),
    "configuration.delay": N_("Choose a delay of 0 to {most} days."),
    "configuration.ends_before_start": N_("The last day lies before the first."),
    "configuration.start_too_far": N_("Choose a first day between 2000 and next year."),
    "configuration.no_period": N_("The dossier has no financial period for {date}. Open the year at the provider."),
    "configuration.period_closed": N_("Period {period} of {year} is closed for journal {journal}."),
    "configuration.period_closed_try": N_(
        "Period {period} of {year} is closed for journal {journal}. The first open one begins on {suggestion}."
    ),
}

# Why a dossier is proposed, or cannot be chosen.
REASONS: dict[str, str] = {
    "number_equal": N_("same enterprise number"),
    "number_differs": N_("another enterprise number"),
    "numbers_contradict": N_("its other numbers differ"),
    "no_number": N_("no enterprise number in the dossier"),
    "name_equal": N_("same name"),
    "name_alike": N_("similar name"),
    "name_differs": N_("another name"),
    "several": N_("{count} dossiers fit equally well"),
    "archived": N_("archived on {on}"),
    "archived_once": N_("archived"),
    "blocked": N_("blocked ({reason})"),
    "inactive": N_("inactive"),
    "taken": N_("coupled to another account"),
    "gone": N_("no longer listed since {on}"),
}

CONFIDENCE: dict[str, str] = {
    "certain": N_("certain"),
    "likely": N_("likely"),
    "unlikely": N_("unlikely"),
    "unusable": N_("cannot be chosen"),
}

# Why a dossier may be missing: by cause and verdict.
CAUSES: dict[str, dict[str, str]] = {
    "other_environment": {
        "ruled_out": N_("Not found in {environment}; the country is right."),
        "found": N_("It is in {environment}. Choose the authorisation of that country."),
        "to_check": N_("Nobody of the firm is connected in {environment}, so we cannot look there."),
    },
    "archived": {
        "ruled_out": N_("No archived dossier with this number."),
        "found": N_("Archived. An administrator at the provider can restore it."),
    },
    "blocked": {
        "ruled_out": N_("No blocked dossier with this number."),
        "found": N_("Blocked at the provider. An administrator there can say why."),
    },
    "inactive": {
        "ruled_out": N_("No inactive dossier with this number."),
        "found": N_("Inactive at the provider. An administrator there can activate it."),
    },
    "taken": {
        "ruled_out": N_("Not coupled to another account."),
        "found": N_("Coupled to another account already. End that coupling first."),
    },
    "no_longer_listed": {
        "ruled_out": N_("None with this number was listed before and is now missing."),
        "found": N_("It was listed before and no longer is: a right was taken away or the dossier was deleted."),
    },
    "app_right": {
        "ruled_out": N_("The app has the right: the dossier is in the list."),
        "to_check": N_("The provider does not tell us this. Check whether the app has the right to the dossier."),
    },
}

# The page before overwriting: parts and effects.
PARTS: dict[str, str] = {
    "authorisation": N_("Authorisation"),
    "dossier": N_("Dossier"),
    "configurations": N_("Configurations"),
    "configuration": N_("New configuration"),
    "history": N_("History"),
    "under_way": N_("Under way"),
}
EFFECTS: dict[str, str] = {"replaced": N_("Replaced"), "stays": N_("Stays"), "off": N_("Switched off")}

TAGS: dict[str, str] = {
    "configuration.copied": N_("copied a configuration to {count} others"),
    "preferences.changed": N_("changed {count} defaults of new configurations"),
    "dossiers.fetched": N_("read {count} dossiers: {new} new, {gone} no longer there"),
    "coupling.activated": N_("coupled this account to dossier {number} {name} through {authorisation}"),
    "coupling.overwritten": N_(
        "replaced the coupling to dossier {before} by dossier {number} {name} through {authorisation}"
    ),
    "coupling.ended": N_("ended the coupling to dossier {number} {name}"),
    "configuration.documents_created": N_("configured documents for journal {journal}"),
    "configuration.documents_changed": N_("changed the configuration of documents for journal {journal}"),
    "vat_mapping.changed": N_("chose code {after} for VAT {category} at {rate} %"),
    "configuration.created": N_("configured bank account {account} for journal {journal}"),
    "configuration.changed": N_("changed the configuration of {account} for journal {journal}"),
    "configuration.deactivated": N_("switched off the configuration for journal {journal}"),
    "configuration.reactivated": N_("switched on the configuration of {account} for journal {journal}"),
    "configuration.deleted": N_("deleted the configuration for journal {journal}"),
}
