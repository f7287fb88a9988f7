"""The tables that banks of Belgium, the Netherlands and France give, by their headings.

From files and from programs that read them; `headings` are the ones by which a bank is told
from others, in each language it writes. Columns that a bank added later do no harm.
"""

from __future__ import annotations

from dataclasses import replace

from portal.connectors.files.csv_mapping import CsvMapping


def _belgian(*dialects: CsvMapping) -> tuple[CsvMapping, ...]:
    """Day first and a decimal comma, whatever the language of the headings."""
    return tuple(replace(dialect, date_order="dmy", decimal=",") for dialect in dialects)


_KBC = _belgian(
    CsvMapping(
        "kbc", ";", ("rekeningnummer", "rubrieknaam", "munt", "afschriftnummer", "datum", "bedrag", "saldo"),
        account="rekeningnummer", currency="munt", number="afschriftnummer", date="datum", value_date="valuta",
        amount="bedrag", balance="saldo", counterparty_account="rekeningnummer tegenpartij",
        counterparty_bic="bic tegenpartij", counterparty="naam tegenpartij", reference="gestructureerde mededeling",
        description=("omschrijving", "vrije mededeling"),
    ),
    CsvMapping(
        "kbc", ";", ("numero de compte", "nom de la rubrique", "devise", "date", "montant", "solde"),
        account="numero de compte", currency="devise", number="numero de l extrait", date="date", value_date="valeur",
        amount="montant", balance="solde", counterparty_account="numero de compte contrepartie",
        counterparty_bic="bic contrepartie", counterparty="nom contrepartie", reference="communication structuree",
        description=("description", "communication libre"),
    ),
    CsvMapping(
        "kbc", ";", ("account number", "statement number", "date", "amount", "balance", "credit", "debit"),
        account="account number", currency="currency", number="statement number", date="date", value_date="value date",
        amount="amount", balance="balance", counterparty_account="counterparty s account number",
        counterparty_bic="counterparty bic", counterparty="counterparty name", reference="structured reference",
        description=("description", "free format reference"),
    ),
    CsvMapping(
        "kbc_card", ";", ("kredietkaart", "kaarthouder", "uitgavenstaat", "datum verrekening", "bedrag in eur"),
        account="kredietkaart", number="uitgavenstaat", date="datum verrekening", amount="bedrag in eur",
        counterparty="handelaar", description=("toelichting", "locatie", "land"),
    ),
)  # fmt: skip

# The columns came in time: Details only, then who and what in columns of their own, then the status.
_BNP_NL = CsvMapping(
    "bnp_paribas_fortis", ";", ("volgnummer", "uitvoeringsdatum", "bedrag", "valuta rekening", "rekeningnummer"),
    bank_reference="volgnummer", date="uitvoeringsdatum", value_date="valutadatum", amount="bedrag",
    currency="valuta rekening", account="rekeningnummer", counterparty_account="tegenpartij",
    counterparty="naam van de tegenpartij", description=("mededeling", "details"), status="status",
    refusal="reden van weigering",
)  # fmt: skip
_BNP_FR = CsvMapping(
    "bnp_paribas_fortis", ";", ("date d execution", "montant", "devise du compte", "numero de compte"),
    bank_reference="no de sequence", date="date d execution", value_date="date valeur", amount="montant",
    currency="devise du compte", account="numero de compte", counterparty_account="contrepartie",
    counterparty="nom de la contrepartie", description=("communication", "details"), status="statut",
    refusal="motif du refus",
)  # fmt: skip
_BNP_EN = CsvMapping(
    "bnp_paribas_fortis", ";", ("sequence number", "execution date", "amount", "account number"),
    bank_reference="sequence number", date="execution date", value_date="value date", amount="amount",
    currency="currency account", account="account number", counterparty_account="counterparty",
    counterparty="name of the counterparty", description=("communication", "details"), status="status",
    refusal="reason for refusal",
)  # fmt: skip
_BNP = _belgian(
    # Before 2019 the counterparty was one text.
    replace(
        _BNP_NL, headings=(*_BNP_NL.headings, "valutadatum", "details", "tegenpartij van de verrichting"),
        counterparty_account="", counterparty="tegenpartij van de verrichting",
    ),
    replace(
        _BNP_FR, headings=(*_BNP_FR.headings, "contrepartie de la transaction"), counterparty_account="",
        counterparty="contrepartie de la transaction",
    ),
    replace(_BNP_NL, headings=(*_BNP_NL.headings, "type verrichting", "tegenpartij", "naam van de tegenpartij")),
    _BNP_NL, _BNP_FR, _BNP_EN,
    # Fintro writes the first of these without a counterparty.
    replace(
        _BNP_NL, key="fintro", headings=("volgnummer", "uitvoeringsdatum", "valutadatum", "bedrag", "valuta rekening",
        "details", "rekeningnummer"),
    ),
)  # fmt: skip

_BELFIUS = _belgian(
    CsvMapping(
        "belfius", ";", ("rekening", "boekingsdatum", "rekeninguittrekselnummer", "transactienummer", "bedrag"),
        account="rekening", date="boekingsdatum", number="rekeninguittrekselnummer", bank_reference="transactienummer",
        counterparty_account="rekening tegenpartij", counterparty="naam tegenpartij bevat",
        value_date="valutadatum", amount="bedrag", currency="devies", counterparty_bic="bic",
        description=("transactie", "mededelingen"),
    ),
    CsvMapping(
        "belfius", ";", ("compte", "date de comptabilisation", "montant", "devise", "transaction"),
        account="compte", date="date de comptabilisation", number="numero d extrait",
        bank_reference="numero de transaction", counterparty_account="compte contrepartie",
        counterparty="nom contrepartie contient", value_date="date valeur", amount="montant", currency="devise",
        counterparty_bic="bic", description=("transaction", "communications"),
    ),
)  # fmt: skip

_ING_BE = _belgian(
    CsvMapping(
        "ing_be", ";", ("rekeningnummer", "omzetnummer", "boekingsdatum", "bedrag", "munteenheid"),
        account="rekeningnummer", counterparty_account="rekening tegenpartij", bank_reference="omzetnummer",
        date="boekingsdatum", value_date="valutadatum", amount="bedrag", currency="munteenheid",
        description=("omschrijving", "detail van de omzet", "bericht"),
    ),
    CsvMapping(
        "ing_be", ";", ("numero de compte", "numero de mouvement", "date comptable", "montant", "devise"),
        account="numero de compte", counterparty_account="compte partie adverse",
        bank_reference="numero de mouvement", date="date comptable", value_date="date valeur", amount="montant",
        currency="devise", description=("libelles", "details du mouvement", "message"),
    ),
    CsvMapping(
        "ing_be", ";", ("account number", "transaction number", "booking date", "amount"),
        account="account number", counterparty_account="counterparty account", bank_reference="transaction number",
        date="booking date", value_date="value date", amount="amount", currency="currency",
        description=("description", "transaction details", "message"),
    ),
)  # fmt: skip

_ING_NL = (
    CsvMapping(
        "ing_nl", headings=("datum", "naam omschrijving", "rekening", "tegenrekening", "af bij", "bedrag eur"),
        date="datum", counterparty="naam omschrijving", account="rekening", counterparty_account="tegenrekening",
        transaction_code="code", sign="af bij", amount="bedrag eur", balance="saldo na mutatie",
        description=("mededelingen",), date_order="ymd", decimal=",",
    ),
    CsvMapping(
        "ing_nl", headings=("date", "name description", "account", "counterparty", "debit credit", "amount eur"),
        date="date", counterparty="name description", account="account", counterparty_account="counterparty",
        transaction_code="code", sign="debit credit", amount="amount eur", balance="resulting balance",
        description=("notifications",), date_order="ymd",
    ),
    CsvMapping(
        "ing_nl_savings", headings=("datum", "omschrijving", "rekening", "rekening naam", "af bij", "bedrag"),
        date="datum", counterparty="omschrijving", account="rekening", counterparty_account="tegenrekening",
        sign="af bij", amount="bedrag", currency="valuta", balance="saldo na mutatie",
        description=("mededelingen",), date_order="ymd", decimal=",",
    ),
)  # fmt: skip

_ARGENTA = _belgian(
    CsvMapping(
        "argenta", ";", ("rekening", "boekdatum", "valutadatum", "referentie", "beschrijving", "bedrag", "munt"),
        account="rekening", date="boekdatum", value_date="valutadatum", bank_reference="referentie", amount="bedrag",
        currency="munt", counterparty_account="rekening tegenpartij", counterparty="naam tegenpartij",
        description=("beschrijving", "mededeling"),
    ),
    CsvMapping(
        "argenta", ";", ("compte", "date comptable", "date valeur", "reference", "description", "montant", "devise"),
        account="compte", date="date comptable", value_date="date valeur", bank_reference="reference",
        amount="montant", currency="devise", counterparty_account="compte contrepartie",
        counterparty="nom contrepartie", description=("description", "communication"),
    ),
    CsvMapping(
        "argenta", ";", ("valutadatum", "ref v d verrichting", "beschrijving", "bedrag v d verrichting", "munt"),
        date="datum v verrichting", value_date="valutadatum", bank_reference="ref v d verrichting",
        amount="bedrag v d verrichting", currency="munt", counterparty_account="rekening tegenpartij",
        counterparty="naam v d tegenpartij", description=("beschrijving", "mededeling 1", "mededeling 2"),
    ),
)  # fmt: skip

_KEYTRADE = _belgian(
    CsvMapping(
        "keytrade", ";", ("extract", "date", "value date", "account", "description", "amount"),
        number="extract", date="date", value_date="value date", counterparty_account="account",
        description=("description",), amount="amount", currency="currency",
    ),
    CsvMapping(
        "keytrade", ";", ("extrait", "date", "date valeur", "compte", "description", "montant"),
        number="extrait", date="date", value_date="date valeur", counterparty_account="compte",
        description=("description",), amount="montant", currency="devise",
    ),
    CsvMapping(
        "keytrade", ";", ("uittreksel", "datum", "valutadatum", "rekening", "omschrijving", "bedrag"),
        number="uittreksel", date="datum", value_date="valutadatum", counterparty_account="rekening",
        description=("omschrijving",), amount="bedrag", currency="munt",
    ),
)  # fmt: skip

_DUTCH = (
    CsvMapping(
        "rabobank", headings=("iban bban", "munt", "volgnr", "datum", "bedrag", "saldo na trn"),
        account="iban bban", currency="munt", bank_reference="volgnr", date="datum", value_date="rentedatum",
        amount="bedrag", balance="saldo na trn", counterparty_account="tegenrekening iban bban",
        counterparty="naam tegenpartij", counterparty_bic="bic tegenpartij", transaction_code="code",
        end_to_end_id="transactiereferentie", reference="betalingskenmerk",
        description=("omschrijving 1", "omschrijving 2", "omschrijving 3", "reden retour"), date_order="ymd",
        decimal=",",
    ),
    CsvMapping(
        "knab", ";", ("rekeningnummer", "transactiedatum", "valutacode", "creditdebet", "bedrag"),
        account="rekeningnummer", date="transactiedatum", value_date="valutadatum", currency="valutacode",
        sign="creditdebet", amount="bedrag", counterparty_account="tegenrekeningnummer",
        counterparty="tegenrekeninghouder", transaction_code="betaalwijze", bank_reference="referentie",
        description=("omschrijving",), date_order="dmy", decimal=",",
    ),
    CsvMapping(
        "bunq", headings=("date", "amount", "account", "counterparty", "name", "description"),
        date="date", value_date="interest date", amount="amount", account="account",
        counterparty_account="counterparty", counterparty="name", description=("description",), date_order="ymd",
    ),
    CsvMapping(
        "asn", ",", ("boekingsdatum", "opdrachtgeversrekening", "tegenrekeningnummer", "transactiebedrag"),
        date="boekingsdatum", account="opdrachtgeversrekening", counterparty_account="tegenrekeningnummer",
        counterparty="naam tegenrekening", currency="valutasoort mutatie", balance_before="saldo rekening voor mutatie",
        amount="transactiebedrag", value_date="valutadatum", transaction_code="globale transactiecode",
        bank_reference="volgnummer transactie", reference="betalingskenmerk", description=("omschrijving",),
        date_order="dmy",
    ),
)  # fmt: skip

_FRENCH = _belgian(
    CsvMapping(
        "credit_agricole", ";", ("date", "libelle", "debit euros", "credit euros"),
        date="date", value_date="date valeur", description=("libelle",), debit="debit euros", credit="credit euros",

    ),
    CsvMapping(
        "credit_mutuel", ";", ("date", "date de valeur", "debit", "credit", "libelle"),
        date="date", value_date="date de valeur", debit="debit", credit="credit", description=("libelle",),
        balance="solde",
    ),
    CsvMapping(
        "caisse_epargne", ";", ("date de comptabilisation", "libelle simplifie", "debit", "credit"),
        date="date de comptabilisation", value_date="date de valeur", debit="debit", credit="credit",
        bank_reference="reference", description=("libelle operation", "informations complementaires"),
    ),
)  # fmt: skip

# Without headings: the shape of each column tells them.
HEADLESS = (
    CsvMapping(
        "abn_amro", "\t", width=8, account="#1", currency="#2", date="#3", balance_before="#4", balance="#5",
        value_date="#6", amount="#7", description=("#8",), date_order="ymd", decimal=",", texts="abn",
    ),
    CsvMapping(
        "asn", ",", width=19, date="#1", account="#2", counterparty_account="#3", counterparty="#4", currency="#10",
        balance_before="#9", amount="#11", value_date="#13", transaction_code="#15", bank_reference="#16",
        reference="#17", description=("#18",), number="#19", date_order="dmy", decimal=".",
    ),
)  # fmt: skip

# The ones with most headings first, so that a bank is not taken for one that writes fewer.
DIALECTS = tuple(
    sorted(
        (*_KBC, *_BNP, *_BELFIUS, *_ING_BE, *_ING_NL, *_ARGENTA, *_KEYTRADE, *_DUTCH, *_FRENCH),
        key=lambda dialect: -len(dialect.headings),
    )
)

NAMES = {
    "kbc": "KBC", "kbc_card": "KBC", "bnp_paribas_fortis": "BNP Paribas Fortis", "fintro": "Fintro",
    "belfius": "Belfius", "ing_be": "ING", "ing_nl": "ING", "ing_nl_savings": "ING", "argenta": "Argenta",
    "keytrade": "Keytrade", "rabobank": "Rabobank", "abn_amro": "ABN AMRO", "asn": "ASN", "knab": "Knab",
    "bunq": "bunq", "credit_agricole": "Crédit Agricole", "credit_mutuel": "Crédit Mutuel",
    "caisse_epargne": "Caisse d'Epargne",
}  # fmt: skip


def known_dialect(heads: set[str], delimiter: str) -> CsvMapping | None:
    """The bank whose headings (plain) these are."""
    for dialect in DIALECTS:
        if dialect.delimiter in ("", delimiter) and heads.issuperset(dialect.headings):
            return dialect
    return None
