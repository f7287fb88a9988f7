"""What the provider says when it refuses. Where a wording is known it is that wording.

`[seen]` marks texts quoted from the real server (README, "Error texts"); the rest is ours.
A user whose language is Dutch gets Dutch, all others English.
"""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # key: (English, Dutch)
    "unbalanced": (  # [seen] English
        "This entry is not balanced on: {year} / {period} (Type: Other) - Difference: {currency} {difference}",
        "Deze boeking is niet in evenwicht op: {year} / {period} (Type: Overig) - Verschil: {currency} {difference}",
    ),
    "closing_balance": (  # [seen] English
        "Opening balance plus all bank entry lines should result in the closing balance",
        "Beginsaldo plus alle bankboekingsregels moet het eindsaldo opleveren",
    ),
    "period_closed": (  # [seen] Dutch
        "Period is closed: {year} – {period}",
        "Periode is afgesloten: {year} – {period}",
    ),
    "year_unknown": (  # [seen] English
        "Unknown: Fiscal year (Period - date table)",
        "Onbekend: Boekjaar (Periode - datumtabel)",
    ),
    "journal_type": ("Invalid: Journal (type)", "Ongeldig: Dagboek (type)"),  # [seen] English
    "journal_must_be": (  # [seen] English, for cash
        "Invalid journal. The journal must be a {kind} journal.",
        "Ongeldig dagboek. Het dagboek moet een {kind}dagboek zijn.",
    ),
    "number_used": ("In use: Entry number", "In gebruik: Boekstuknummer"),  # [seen] Dutch
    "exists": ("Data already exists.", "Gegeven bestaat reeds."),  # [seen] Dutch
    "mandatory": ("Mandatory: {what}", "Verplicht: {what}"),  # [seen] English
    "bad_reference": ("Invalid reference: {what}", "Ongeldige referentie: {what}"),  # [seen] Dutch
    "blocked": ("Blocked: {what}", "Geblokkeerd: {what}"),
    "gl_type": ("Invalid: G/L account type", "Ongeldig: Grootboekrekeningtype"),  # [seen] Dutch
    "vat_not_allowed": ("Not allowed: VAT code", "Niet toegestaan: Btw-code"),  # [seen] Dutch
    "year_fixed": ("The financial year cannot be changed.", "Het boekjaar kan niet worden gewijzigd."),
    # [seen] English
    "document_type": ("Document Type not allowed", "Document Type not allowed"),  # [seen]
    "not_open": ("Not allowed: Delete (status)", "Niet toegestaan: Verwijderen (status)"),
    "in_use": ("In use: {what}", "In gebruik: {what}"),
}

WORDS: dict[str, str] = {
    "Diary": "Dagboek",
    "Relationship": "Relatie",
    "G/L account": "Grootboekrekening",
    "Code": "Code",
    "Description": "Omschrijving",
    "Name": "Naam",
    "Entry lines": "Boekingsregels",
    "Entry": "Boeking",
    "Bank account": "Bankrekening",
    "VAT code": "Btw-code",
    "bank": "bank",
    "cash": "kas",
}


class ApiError(Exception):
    """An answer that is not 2xx. `reason` goes into the Reason header."""

    def __init__(self, status: int, text: str, *, reason: str = "") -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.text = text
        self.reason = reason


class Refusals:
    """Collects what is wrong with one write; several texts are joined by CR LF."""

    def __init__(self, language: str) -> None:
        self._dutch = language.upper().startswith("NL")
        self._texts: list[str] = []

    def add(self, key: str, **values: str | int) -> None:
        text = TEXTS[key][1 if self._dutch else 0]
        if self._dutch:
            values = {name: WORDS.get(str(value), value) for name, value in values.items()}
        line = text.format(**values)
        if line not in self._texts:
            self._texts.append(line)

    def check(self) -> None:
        """Raise 500, the provider's status for broken business rules, when anything was added."""
        if self._texts:
            raise ApiError(500, "\r\n".join(self._texts))

    def fail(self, key: str, **values: str | int) -> ApiError:
        self.add(key, **values)
        return ApiError(500, "\r\n".join(self._texts))


def bad_request(detail: str) -> ApiError:
    """A body or literal that cannot be read."""
    return ApiError(400, f"Error processing request stream. {detail}")


def amount_text(cents: int) -> str:
    """1000.5 as the texts write it: 1.000,50."""
    whole, rest = divmod(abs(cents), 100)
    return f"{whole:,}".replace(",", ".") + f",{rest:02d}"
