"""What all apps without a server have in common: their manifest, and what a refusal means to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from portal.connectors.login import AuthMode
from portal.connectors.manifest import Capabilities, Explanation, FieldUse, Limits, Manifest
from portal.kernel.words import N_

_DESCRIBED = frozenset({"fec", "tra"})  # whose layout its keeper has published


def manifest(key: str, label: str, countries: Sequence[str]) -> Manifest:
    """Nothing is called: what such an app "reads" was brought in by people, and it "sends" files that they fetch."""
    return Manifest(
        key=key,
        label=label,
        kind="bookkeeping",
        auth=AuthMode.FILE,
        hosts={},
        reads=(
            FieldUse(
                N_("Dossiers: name, number, country and SIREN, as you type them or bring them in as a list"),
                N_("to match dossiers with client accounts and to name the files"),
            ),
            FieldUse(
                N_("Ledger accounts and journals: code and name, from a file of the books that you bring in"),
                N_("to choose from when configuring"),
            ),
            FieldUse(
                N_("Fiscal years, open or closed, as you type them"),
                N_("to say before sending what would be refused"),
            ),
        ),
        sends=(
            FieldUse(
                N_("Journal entries: journal, date, ledger account, amount, description, our reference"),
                N_("written in a numbered file that your people fetch and bring into the package"),
            ),
        ),
        never=(
            N_("Nothing is sent over the internet: people fetch the files"),
            N_("Payments are never made or prepared"),
            N_("Entries of the books that you bring in are not kept: only ledger accounts and journals are"),
        ),
        capabilities=Capabilities(bank_entries=True, own_key=True, several_dossiers=True),
        limits=Limits(settle_seconds=5),
        countries=tuple(countries),
        maturity="sandbox",
        source="official" if key in _DESCRIBED else "notes",
    )


_SEND_AGAIN = N_("Send the entry again.")
_NOT_WRITTEN = N_("The entry was refused as a whole, and is in no file.")
_CHECK_CONFIGURATION = N_(
    "Open the configuration of this client account and check the ledger accounts and the journal."
)
_OPEN_DOSSIER = N_("Open **Files** and then the dossier.")
_BRING_CHART = N_("Bring in the chart of accounts and the journals again, or add what is missing by hand.")
_CHECK_TEXT = N_("Correct the entry: ask for it to be undone, change it, and send it again.")
_OPEN_FORMAT = N_("Open **Files** and then the form of the file.")
_PACKET = N_("If this stays, copy the support packet and send it to Koppelpoort.")

_EXPLAINED: Mapping[str, Explanation] = {
    "not_found": Explanation(
        N_("The dossier is not kept here any more"),
        _NOT_WRITTEN,
        "firm",
        (_OPEN_DOSSIER, N_("Make it again under the same number, or couple the client account to another.")),
        can_test=True,
    ),
    "journal_unknown": Explanation(
        N_("The dossier has no such journal"), _NOT_WRITTEN, "firm", (_OPEN_DOSSIER, _BRING_CHART, _SEND_AGAIN), True
    ),
    "journal_blocked": Explanation(
        N_("The journal is blocked"), _NOT_WRITTEN, "firm", (_OPEN_DOSSIER, _CHECK_CONFIGURATION, _SEND_AGAIN), True
    ),
    "journal_type": Explanation(
        N_("The journal is of another type"),
        N_("Bank entries go in a bank or cash journal, other entries in a general one. Nothing was written."),
        "firm",
        (_CHECK_CONFIGURATION, _SEND_AGAIN),
        True,
    ),
    "account_unknown": Explanation(
        N_("The dossier has no such ledger account"),
        _NOT_WRITTEN,
        "firm",
        (_OPEN_DOSSIER, _BRING_CHART, _SEND_AGAIN),
        True,
    ),
    "account_blocked": Explanation(
        N_("The ledger account is blocked"),
        _NOT_WRITTEN,
        "firm",
        (_OPEN_DOSSIER, _CHECK_CONFIGURATION, _SEND_AGAIN),
        True,
    ),
    "unbalanced": Explanation(
        N_("The entry does not balance"),
        N_("Each entry has to balance in its journal and in every month. Nothing was written."),
        "us",
        (N_("Check the balances of the statement against the bank."), _PACKET),
    ),
    "empty": Explanation(
        N_("The entry has no line with an amount"),
        N_("Lines of nought are left out of a file, and nothing was left."),
        "firm",
        (_CHECK_TEXT,),
    ),
    "period_closed": Explanation(
        N_("The fiscal year is closed"),
        N_("Nothing is written for a closed fiscal year. The entry was refused as a whole."),
        "firm",
        (_OPEN_DOSSIER, N_("Open the fiscal year again, or change the date of the entry."), _SEND_AGAIN),
        True,
    ),
    "fiscal_year_unknown": Explanation(
        N_("The dossier has no such fiscal year"),
        N_("Each file is for one fiscal year, and the entry lies in none, or in two."),
        "firm",
        (_OPEN_DOSSIER, N_("Add the fiscal year with its first and last day."), _SEND_AGAIN),
        True,
    ),
    "currency": Explanation(
        N_("The entry is in another currency than the dossier"),
        N_("The file holds amounts in one currency, and no rate is known. Nothing was written."),
        "firm",
        (_CHECK_CONFIGURATION,),
    ),
    "character": Explanation(
        N_("A letter cannot be written in the character set of the file"),
        N_("Nothing is replaced by a question mark: the entry was refused as a whole."),
        "firm",
        (
            N_("Replace the letter in the description of the line, or in the name of the ledger account or journal."),
            _SEND_AGAIN,
            _OPEN_FORMAT,
            N_("Or choose a character set that has it, if the package reads that."),
        ),
        True,
    ),
    "separator": Explanation(
        N_("A text holds the sign that parts the columns"),
        _NOT_WRITTEN,
        "firm",
        (
            N_("Replace the sign in the description of the line and send the entry again."),
            _OPEN_FORMAT,
            N_("Or choose another separator, if the package reads that."),
        ),
        True,
    ),
    "code_length": Explanation(
        N_("A code is longer than the file allows"),
        N_("A code is never cut, as it would be another one then. Nothing was written."),
        "firm",
        (_CHECK_CONFIGURATION, _SEND_AGAIN),
        True,
    ),
    "amount": Explanation(
        N_("An amount does not fit in the file"),
        N_("Amounts have two decimals and at most sixteen figures. Nothing was written."),
        "us",
        (_PACKET,),
    ),
    "siren": Explanation(
        N_("The dossier has no SIREN"),
        N_("The name of the file begins with the nine figures of the SIREN. Nothing was written."),
        "firm",
        (_OPEN_DOSSIER, N_("Fill in the SIREN."), _SEND_AGAIN),
        True,
    ),
    "no_invoices": Explanation(
        N_("Sales and purchase entries do not go into this file"),
        N_("The file holds journal entries only. Nothing was written."),
        "firm",
        (N_("Switch the configuration for documents off for this package."),),
    ),
    "unreadable": Explanation(
        N_("What was approved cannot be read back"),
        N_("Nothing was written."),
        "us",
        (_PACKET,),
    ),
    "storage": Explanation(
        N_("The database did not answer"),
        N_("Koppelpoort looks first whether the entry was kept, and keeps nothing twice."),
        "us",
        (N_("Nothing needs to be done. Koppelpoort tries again by itself."),),
    ),
}


def explanations(app: str) -> Mapping[str, Explanation]:
    """By error code, for the app of this key."""
    return {f"{app}.{what}": explanation for what, explanation in _EXPLAINED.items()}
