"""A mapping for headings that nobody taught us, where words and cells leave one reading only.

Each role has its words, the most telling first, in Dutch, French, English, German and a little
Spanish. A word counts when the cells below it have the shape its role needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from portal.connectors.files.csv_mapping import CsvMapping, column_names, plain, words
from portal.connectors.files.csv_values import is_amount, is_date

OUT = frozenset(
    words(
        "d, dr, deb, debet, debit, debits, af, -, uit, out, outflow, s, soll, withdrawal, db, dbit, paid, uitgave,"
        "depense, charge"
    )
)
IN = frozenset(
    words("c, cr, cred, credit, credits, bij, +, in, inflow, h, haben, deposit, crdt, received, inkomst, recette")
)


WORDS: dict[str, tuple[str, ...]] = {
    "date": words(
        "booking date, boekingsdatum, boekdatum, date de comptabilisation, date comptable, buchungstag, buchungsdatum,"
        "posting date, uitvoeringsdatum, date d execution, execution date, verrichtingsdatum, datum verrichting,"
        "transactiedatum, datum transactie, transaction date, date operation, date de l operation, date d operation,"
        "date de transaction, date op, dateop, completed date, completed date utc, date, datum, fecha, fecha operacion,"
        "buchung, dag, jour, day, date of transaction, transactie datum"
    ),
    "value_date": words(
        "value date, valutadatum, valuta datum, date de valeur, date valeur, dateval, interest date, rentedatum,"
        "wertstellung, valeur, valuta, fecha valor, valutatag"
    ),
    "amount": words(
        "amount, bedrag, montant, betrag, importe, amount eur, bedrag eur, montant eur, betrag eur, bedrag in eur,"
        "amount in eur, montant en eur, montant en, bedrag in, amount in, montant euros,"
        "montant en euros, transaction amount, transactiebedrag,"
        "bedrag van de verrichting, bedrag verrichting, montant de l operation, umsatz, net, netto, neto,"
        "nettobedrag, net amount, bedrag van de transactie, montant de la transaction"
    ),
    "debit": words(
        "debit, debet, debit euros, debit eur, debits, withdrawal, withdrawals, money out, paid out, soll, af, uit,"
        "uitgaven, depenses, depense, afschrijving, debit amount, montant debit, lastschrift"
    ),
    "credit": words(
        "credit, credit euros, credit eur, credits, deposit, deposits, money in, paid in, haben, bij, in, inkomsten,"
        "recettes, recette, bijschrijving, credit amount, montant credit, gutschrift"
    ),
    "sign": words(
        "af bij, d c, c d, debit credit, credit debit, debet credit, creditdebet, creditdebit, dc, cd, sens, richting,"
        "direction, soll haben, dr cr, type, transaction type, teken, signe, sign, credit debit indicator"
    ),
    "balance": words(
        "balance, saldo, solde, kontostand, saldo na mutatie, saldo na trn, resulting balance, running balance,"
        "balance after, solde apres, solde apres operation, account balance, accountbalance, saldo nach buchung,"
        "nieuw saldo, new balance"
    ),
    "currency": words(
        "currency, munt, devise, devies, munteenheid, valuta, valutacode, wahrung, waehrung, divisa, ccy,"
        "valuta rekening, devise du compte, currency code, muntcode, munt rekening"
    ),
    "account": words(
        "account number, rekeningnummer, numero de compte, iban, rekening, compte, account, kontonummer, konto,"
        "eigen rekening, iban rekening, n compte, no de compte, accountnum, own account, account iban, mijn rekening"
    ),
    "counterparty_account": words(
        "counterparty account, tegenrekening, rekening tegenpartij, rekeningnummer tegenpartij, compte contrepartie,"
        "compte de la contrepartie, numero de compte contrepartie, compte partie adverse, tegenrekening iban bban,"
        "tegenrekeningnummer, counterparty account number, counterparty iban, iban contrepartie, iban tegenpartij,"
        "gegenkonto, iban zahlungsbeteiligter, kontonummer iban, bank account, payee account, partner iban,"
        "counter account, beneficiary account, cuenta bancaria"
    ),
    "counterparty": words(
        "counterparty name, naam tegenpartij, naam van de tegenpartij, nom contrepartie, nom de la contrepartie,"
        "tegenrekeninghouder, name counterparty, counterparty, tegenpartij, contrepartie, payee, partner name,"
        "beneficiary, begunstigde, beneficiaire, auftraggeber empfanger, beguenstigter zahlungspflichtiger,"
        "name zahlungsbeteiligter, name, naam, nom, nombre, tiers, partner"
    ),
    "counterparty_bic": words("counterparty bic, bic tegenpartij, bic contrepartie, bic zahlungsbeteiligter, bic"),
    "reference": words(
        "structured reference, gestructureerde mededeling, communication structuree, structured communication,"
        "betalingskenmerk"
    ),
    "bank_reference": words(
        "transaction id, transactiereferentie, transactienummer, numero de transaction, transaction reference,"
        "referentie, reference, reference number, id de transaccion, volgnummer, volgnr, id"
    ),
    "number": words("statement number, afschriftnummer, numero d extrait, numero de l extrait, uittrekselnummer"),
    "status": words("status, statut, state, etat, estado"),
}
TEXTS = frozenset(
    words(
        "description, omschrijving, libelle, label, details, detail, communication, communications, mededeling,"
        "mededelingen, message, memo, notes, note, verwendungszweck, buchungstext, narrative, remittance information,"
        "vrije mededeling, communication libre, libelle operation, subject, payment reference, beschrijving,"
        "descripcion, concepto, desc, particulars, text, bericht, comment, remarks, transaction details, libelles,"
        "omschrijving 1, omschrijving 2, omschrijving 3, purpose, free communication"
    )
)


def is_currency(cell: str) -> bool:
    return len(cell) == 3 and cell.isascii() and cell.isalpha() and cell.isupper()


def side_of(cell: str) -> int:
    """1 for money that came in, -1 for money that went out, 0 when the word tells neither."""
    word = cell.strip().lower()
    if word not in ("+", "-"):
        word = plain(word)
    return (word in IN) - (word in OUT)


_SHAPES: dict[str, Callable[[str], bool]] = {
    "date": is_date,
    "value_date": is_date,
    "amount": is_amount,
    "debit": is_amount,
    "credit": is_amount,
    "balance": is_amount,
    "currency": is_currency,
    "sign": lambda cell: bool(side_of(cell)),
}
_ALWAYS_FILLED = frozenset({"date", "amount", "sign"})


def guess(header: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str) -> CsvMapping:
    """The likely role of each column; `complete` tells whether that is enough to read the file."""
    names = column_names(header)
    heads = [plain(cell) for cell in header]
    taken: dict[str, str] = {}
    used: set[int] = set()
    # A column of "D" and "C" or of currencies is told by its cells, so it goes before vaguer words.
    for role in ("date", "value_date", "debit", "credit", "amount", "balance", "sign", "currency", *WORDS):
        if role in taken:
            continue
        place = _find(role, heads, rows, used)
        if place is not None:
            taken[role] = names[place]
            used.add(place)
    if "debit" in taken and "credit" in taken and "amount" not in taken:
        taken.pop("sign", None)
    else:
        taken.pop("debit", None), taken.pop("credit", None)
    left = (n for n, head in enumerate(heads) if n not in used and (head in TEXTS or head.startswith("vwz")))
    open_ = "account" in taken and _several(names.index(taken["account"]), rows)
    key = "open" if open_ else "generic"
    texts = [names[n] for n in left]
    return CsvMapping.from_json({"key": key, "delimiter": delimiter, "description": texts} | taken)


def _several(place: int, rows: Sequence[Sequence[str]]) -> bool:
    """Whether a column of accounts holds more than one: then it may as well be the other side's."""
    return len({row[place].strip() for row in rows if place < len(row)}) > 1


def complete(mapping: CsvMapping) -> bool:
    """Whether it says when, how much and of which account."""
    return mapping.key != "open" and bool(mapping.date and (mapping.amount or (mapping.debit and mapping.credit)))


def _find(role: str, heads: Sequence[str], rows: Sequence[Sequence[str]], used: set[int]) -> int | None:
    for word in WORDS[role]:
        for place, head in enumerate(heads):
            if head == word and place not in used and _fits(role, place, rows):
                return place
    return None


def _fits(role: str, place: int, rows: Sequence[Sequence[str]]) -> bool:
    """Whether the cells below have the shape; a column without any fits all but the roles that need cells."""
    cells = [row[place].strip() for row in rows if place < len(row)]
    filled = [cell for cell in cells if cell]
    shape = _SHAPES.get(role)
    if shape is None or not rows:
        return role != "account" or all(cells)
    if role in _ALWAYS_FILLED and len(filled) < len(cells):
        return False
    return all(shape(cell) for cell in filled) and (bool(filled) or role in ("debit", "credit", "value_date"))
