"""A dossier of a French bakery, and entries of every shape for its files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from portal.connectors.base import EntryKind, Journal, JournalType, LedgerAccount, OutgoingEntry, OutgoingLine
from portal.connectors.layouts import Book, Booked

ACCOUNTS = {
    code: LedgerAccount(code, name, code, kind)
    for code, name, kind in (
        ("512100", "Crédit Agricole", "bank"),
        ("411000", "Clients", "receivable"),
        ("401000", "Fournisseurs", "payable"),
        ("471000", "Compte d'attente", "general"),
        ("627000", "Services bancaires", "costs"),
    )
}
JOURNALS = {
    "BQ": Journal("BQ", "Banque Crédit Agricole", JournalType.BANK, "BQ", "EUR", "512100"),
    "OD": Journal("OD", "Opérations diverses", JournalType.GENERAL, "OD", "EUR"),
}


def book(app: str, **settings: str) -> Book:
    return Book(
        app=app, company="Boulangerie Léa Évrard et fils de la rue haute", number="F-017/b", siren="732829320",
        currency="EUR", starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31), file=7, accounts=ACCOUNTS,
        journals=JOURNALS, settings=settings, made_at=datetime(2026, 11, 22, 5, 40, tzinfo=UTC),
    )  # fmt: skip


def bank_entry(*lines: tuple[str, str, str, str], reference: str = "KP-QWERTYUIOPASDFGH") -> OutgoingEntry:
    """Lines of (day, account, amount, text); the bank's side is one line, as the product drafts it."""
    own = [
        OutgoingLine(date.fromisoformat(day), account, Decimal(amount), text) for day, account, amount, text in lines
    ]
    total = sum((line.amount for line in own), Decimal(0))
    last = max(line.date for line in own)
    side = (OutgoingLine(last, "512100", -total, reference),) if total else ()
    return OutgoingEntry(
        EntryKind.BANK, reference, "BQ", last, "EUR", "512100", Decimal("100.00"), Decimal("100.00") - total,
        (*own, *side),
    )  # fmt: skip


MARCH = bank_entry(
    ("2026-03-02", "411000", "-1234.50", "Facture 2026-17 Café de la Gare"),
    ("2026-03-02", "627000", "12.00", "Frais de tenue de compte — mars"),
    ("2026-03-31", "401000", "0.01", "Reçu: moulin d’Œuf"),
    ("2026-03-31", "471000", "0.00", "nothing moved"),
)
TWO_MONTHS = bank_entry(
    ("2026-03-31", "411000", "-10.00", "a"), ("2026-04-01", "401000", "10.00", "b"), reference="KP-ASDFGHJKLQWERTYU"
)
GENERAL = OutgoingEntry(
    EntryKind.GENERAL, "KP-ZXCVBNMASDFGHJKL", "OD", date(2026, 5, 4), "EUR", "", None, None,
    (
        OutgoingLine(date(2026, 5, 4), "401000", Decimal("60.00"), "Solde\tdu\r\nfournisseur"),
        OutgoingLine(date(2026, 5, 4), "471000", Decimal("-60.00"), ""),
    ),
)  # fmt: skip
ENTRIES = [Booked(41, MARCH), Booked(42, TWO_MONTHS), Booked(43, GENERAL)]
# What the books change by, on each account.
MOVED = {
    "512100": Decimal("1222.49"), "411000": Decimal("-1244.50"), "627000": Decimal("12.00"),
    "401000": Decimal("70.01"), "471000": Decimal("-60.00"),
}  # fmt: skip
