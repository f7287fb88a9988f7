"""The banks that can be reached: made-up ones in country XF, and names that people here know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bank:
    code: str
    name: str
    country: str
    bic: str
    number: str  # the bank's part of an IBAN
    max_consent_days: int | None
    status: str = "active"

    @property
    def sandbox(self) -> bool:
        return self.country == "XF"

    def body(self) -> dict[str, Any]:
        return {
            "id": str(1000 + BANKS.index(self)), "code": self.code, "name": self.name, "country_code": self.country,
            "bic_codes": [self.bic] if self.bic else [], "status": self.status, "mode": "oauth", "regulated": True,
            "max_consent_days": self.max_consent_days, "timezone": "Europe/Brussels",
        }  # fmt: skip


BANKS = (
    Bank("fakebank_simple_xf", "Fake Bank Simple", "XF", "", "999", 180),
    Bank("fakebank_short_consent_xf", "Fake Bank with a short consent", "XF", "", "998", 90),
    Bank("fakebank_endless_consent_xf", "Fake Bank without an end", "XF", "", "997", None),
    Bank("kbc_be", "KBC", "BE", "KREDBEBB", "734", 180),
    Bank("bnp_paribas_fortis_be", "BNP Paribas Fortis", "BE", "GEBABEBB", "001", 180),
    Bank("belfius_be", "Belfius", "BE", "GKCCBEBB", "068", 180),
    Bank("ing_be", "ING België", "BE", "BBRUBEBB", "363", 180),
    Bank("argenta_be", "Argenta", "BE", "ARSPBE22", "979", 90),
    Bank("ing_nl", "ING Nederland", "NL", "INGBNL2A", "INGB", 180),
    Bank("rabobank_nl", "Rabobank", "NL", "RABONL2U", "RABO", 180),
    Bank("abn_amro_nl", "ABN AMRO", "NL", "ABNANL2A", "ABNA", 180),
    Bank("knab_nl", "Knab", "NL", "KNABNL2H", "KNAB", 90),
    Bank("credit_agricole_fr", "Crédit Agricole", "FR", "AGRIFRPP", "30002", 180),
    Bank("credit_mutuel_fr", "Crédit Mutuel", "FR", "CMCIFR2A", "10278", 180),
    Bank("bnp_paribas_fr", "BNP Paribas", "FR", "BNPAFRPP", "30004", 180),
    Bank("closed_bank_be", "Bank that is no longer there", "BE", "", "000", 90, "disabled"),
)
BY_CODE = {bank.code: bank for bank in BANKS}


def iban(bank: Bank, number: int) -> str:
    """A valid IBAN of the bank; the made-up banks are Belgian."""
    if bank.country == "NL":
        country, body = "NL", f"{bank.number}{number % 10**10:010d}"
    elif bank.country == "FR":
        country, body = "FR", f"{bank.number}00001{number % 10**11:011d}"
        digits = int(body[:5]) * 89 + int(body[5:10]) * 15 + int(body[10:21]) * 3
        body += f"{97 - digits % 97:02d}"
    else:
        country, first = "BE", f"{bank.number}{number % 10**7:07d}"
        body = f"{first}{int(first) % 97 or 97:02d}"
    turned = "".join(str(int(character, 36)) for character in f"{body}{country}00")
    return f"{country}{98 - int(turned) % 97:02d}{body}"
