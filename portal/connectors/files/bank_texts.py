"""Texts in which a bank writes several fields, taken apart: ABN AMRO's labels and the slashes of SEPA in MT940."""

from __future__ import annotations

import re
from dataclasses import dataclass

from portal.connectors.files.references import structured

_LABELS = (
    "iban", "bic", "naam", "omschrijving", "betalingskenm.", "betalingskenmerk", "kenmerk", "incassant", "machtiging",
    "voor", "land",
)  # fmt: skip
_LABEL = re.compile(rf"(?:^|(?<=\s)|(?<=[a-z.)\d]))({'|'.join(map(re.escape, _LABELS))}):\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Told:
    """What a text says; "" where it says nothing."""

    counterparty: str = ""
    account: str = ""
    bic: str = ""
    reference: str = ""
    end_to_end_id: str = ""
    description: str = ""


def squeezed(text: str) -> str:
    """Single spaces only."""
    return " ".join(text.split())


def labelled(text: str) -> Told | None:
    """ABN AMRO: "SEPA Overboeking  IBAN: NL…  BIC: …  Naam: …  Omschrijving: …"; None without IBAN or name."""
    parts = _LABEL.split(text)
    if len(parts) < 3:
        return None
    found: dict[str, str] = {}
    for label, value in zip(parts[1::2], parts[2::2], strict=True):
        found.setdefault(label.lower(), squeezed(value))
    if not ({"iban", "naam"} & found.keys()):
        return None
    reference = found.get("betalingskenm.", found.get("betalingskenmerk", ""))
    said = found.get("omschrijving", "")
    return Told(
        counterparty=found.get("naam", ""),
        account=found.get("iban", "").replace(" ", ""),
        bic=found.get("bic", "").replace(" ", ""),
        reference=reference.replace(" ", ""),
        end_to_end_id=found.get("kenmerk", "").replace(" ", ""),
        description=said or squeezed(parts[0]),
    )


_CODES = (
    "TRTP", "IBAN", "BIC", "NAME", "REMI", "EREF", "ORDP", "BENM", "CSID", "MARF", "PREF", "RTRN", "PURP", "ULTD",
    "ULTB", "ULTC", "ISDT", "ADDR", "CNTP", "IREF", "KREF", "SVCL", "OCMT", "EXCH", "CHGS", "ID", "ACCW", "NRTX",
    "CREF", "TRCD", "SUM", "UCRD", "CDCOMM",
)  # fmt: skip
_CODE = re.compile(rf"(?:^|(?<=/)|/)({'|'.join(_CODES)})/")
_CONTENT = re.compile(r"^/?(?:USTD/+|STRD/(?:CUR|ISO|)/?)")


def slashed(text: str) -> Told | None:
    """SEPA fields between slashes, of ING, Rabobank, ABN AMRO, Knab and Belgian banks: "/IBAN/…/NAME/…/REMI/…"."""
    parts = _CODE.split(text)
    if len(parts) < 3 or parts[0].strip(" /"):
        return None
    found: dict[str, str] = {}
    for code, value in zip(parts[1::2], parts[2::2], strict=True):
        value = value.strip("/ ") if code != "CNTP" else value.strip(" ")
        if value and code in found:
            found[code] = f"{found[code]} {value}"
        elif value:
            found[code] = value
    account, bic, name = found.get("IBAN", found.get("ACCW", "")), found.get("BIC", ""), found.get("NAME", "")
    if "CNTP" in found:
        account, bic, name, *_ = (*(part.strip() for part in found["CNTP"].split("/")), "", "", "")
    remittance = found.get("REMI", "")
    said = squeezed(_CONTENT.sub("", remittance).strip("/ "))
    return Told(
        counterparty=squeezed(name),
        account=account.replace(" ", "").partition(",")[0],
        bic=bic.replace(" ", ""),
        reference=structured(said) if remittance.lstrip("/").startswith("STRD") or len(said) < 30 else "",
        end_to_end_id=found.get("EREF", "").replace(" ", ""),
        description=said or squeezed(found.get("TRTP", found.get("PURP", ""))),
    )
