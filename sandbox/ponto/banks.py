"""The banks that can be chosen: names that people here know, and two made-up ones."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

_SPACE = uuid.UUID("5f0c8d5e-52a1-4c55-8f0e-0d7f1b6a9c01")


@dataclass(frozen=True, slots=True)
class Bank:
    name: str
    country: str
    bic: str
    number: str  # the bank's part of an IBAN
    deprecated: bool = False

    @property
    def id(self) -> str:
        return str(uuid.uuid5(_SPACE, f"{self.name}/{self.country}"))


BANKS = (
    Bank("KBC", "BE", "KREDBEBB", "734"),
    Bank("CBC", "BE", "CREGBEBB", "732"),
    Bank("Belfius", "BE", "GKCCBEBB", "068"),
    Bank("BNP Paribas Fortis", "BE", "GEBABEBB", "001"),
    Bank("ING België", "BE", "BBRUBEBB", "363"),
    Bank("Argenta", "BE", "ARSPBE22", "979"),
    Bank("Crelan", "BE", "NICABEBB", "103"),
    Bank("Keytrade Bank", "BE", "KEYTBEBB", "651"),
    Bank("Fintro", "BE", "GEBABEBB", "143"),
    Bank("ING Nederland", "NL", "INGBNL2A", "INGB"),
    Bank("Rabobank", "NL", "RABONL2U", "RABO"),
    Bank("ABN AMRO", "NL", "ABNANL2A", "ABNA"),
    Bank("ASN Bank", "NL", "ASNBNL21", "ASNB"),
    Bank("Knab", "NL", "KNABNL2H", "KNAB"),
    Bank("bunq", "NL", "BUNQNL2A", "BUNQ"),
    Bank("Crédit Agricole", "FR", "AGRIFRPP", "30002"),
    Bank("Crédit Mutuel", "FR", "CMCIFR2A", "10278"),
    Bank("BNP Paribas", "FR", "BNPAFRPP", "30004"),
    Bank("Société Générale", "FR", "SOGEFRPP", "30003"),
    Bank("Full Fake Bank", "BE", "", "999"),
    Bank("Bank that is no longer there", "BE", "", "998", deprecated=True),
)
BY_ID = {bank.id: bank for bank in BANKS}
BY_NAME = {bank.name: bank for bank in BANKS}


def iban(bank: Bank, number: int) -> str:
    """A valid IBAN of the bank, account `number` there."""
    if bank.country == "NL":
        body = f"{bank.number}{number % 10**10:010d}"
    elif bank.country == "FR":
        body = f"{bank.number}00001{number % 10**11:011d}"
        weighed = int(body[:5]) * 89 + int(body[5:10]) * 15 + int(body[10:21]) * 3
        body += f"{97 - weighed % 97:02d}"
    else:
        first = f"{bank.number}{number % 10**7:07d}"
        body = f"{first}{int(first) % 97 or 97:02d}"
    digits = "".join(str(int(letter, 36)) for letter in f"{body}{bank.country}00")
    return f"{bank.country}{98 - int(digits) % 97:02d}{body}"
