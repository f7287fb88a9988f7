"""One MT940 entry as a statement line: who, what for, by the dialect in which :86: is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from portal.connectors.files.bank_texts import Told, labelled, slashed, squeezed
from portal.connectors.files.references import is_iban, printed_belgian, structured
from portal.connectors.statement import StatementLine

_GERMAN = re.compile(r"^\s*\d{0,3}\s*([?>])\d\d")  # 166?00GUTSCHRIFT?20… or, Triodos, 000>10…>20…
_PURPOSE = re.compile(r"(?:^|(?<=\s)|(?<=[^A-Z]))(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|IBAN|BIC|COAM|OAMT)\+")
_ALONE = re.compile(r"^([A-Z]{2}\d{2}[A-Z0-9]{11,30})\s+(.*)$", re.DOTALL)
_KNAB = re.compile(r"\bREK: ?([A-Z0-9]{8,34})(?:/NAAM: ?(.*))?$", re.DOTALL)
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_RABO = re.compile(r"^([P\d]\d{6,9})\s{2,}(\S.*)$")


def account_of(text: str) -> tuple[str, str]:
    """(account, currency or "") of :25:, without the bank's code before a slash."""
    plain = re.sub(r"\s", "", text)
    currency = ""
    if (match := re.fullmatch(r"(.*[\d/])([A-Z]{3})", plain)) and any(map(str.isdigit, plain)):
        plain, currency = match[1].rstrip("/"), match[2]
    parts = plain.split("/")
    if iban := next((part for part in parts if is_iban(part)), ""):
        return iban, currency
    if len(parts) == 2 and not any(map(str.isdigit, parts[0])):
        plain = parts[1]
    return (plain.replace(".", "") if re.fullmatch(r"[\d.]+", plain) else plain)[:40], currency


def line_of(data: Mapping[str, Any], told: Sequence[str]) -> StatementLine:
    """`data` as the library reads :61:, `told` the lines of :86:."""
    value = _plain(data["date"])
    customer, extra = squeezed(data.get("customer_reference") or ""), (data.get("extra_details") or "").strip()
    said = _with_head(_details(told), data.get("customer_reference") or "", extra)
    return StatementLine(
        date=_plain(data.get("entry_date") or data["date"]),
        value_date=value,
        amount=data["amount"].amount,
        description=said.description or squeezed(extra if not extra.startswith("/TRCD/") else ""),
        counterparty=said.counterparty,
        counterparty_account=said.account,
        counterparty_bic=said.bic,
        reference=said.reference or structured(customer) or printed_belgian(said.description),
        end_to_end_id="" if said.end_to_end_id in ("NOTPROVIDED", "NONREF") else said.end_to_end_id,
        bank_reference=squeezed(data.get("bank_reference") or ""),
        transaction_code=(data.get("id") or "").strip(),
    )


def _plain(day: Any) -> date:
    return date(day.year, day.month, day.day)


def _details(told: Sequence[str]) -> Told:
    """:86: in whatever dialect; lines of structured ones break in the middle of words."""
    whole = "".join(told)
    if match := _GERMAN.match(whole):
        return _subfields(whole, match[1])
    if found := slashed(whole.strip()):
        return found
    spaced = "\n".join(told)
    if found := labelled(spaced):
        return found
    if match := _KNAB.search(spaced):
        return Told(squeezed(match[2] or ""), match[1], description=squeezed(spaced[: match.start()]))
    if (match := _ALONE.match(spaced.strip())) and is_iban(match[1]):
        return Told(account=match[1], description=squeezed(match[2]))
    return Told(description=squeezed(spaced))


def _subfields(whole: str, mark: str) -> Told:
    """Subfields of two digits, as the German banks agreed: 20–29 and 60–63 what for, 30 bank, 31 account, 32–33 who."""
    parts = re.split(rf"[{mark}](\d\d)", whole)
    fields: dict[str, str] = {}
    for code, value in zip(parts[1::2], parts[2::2], strict=True):
        fields[code] = fields.get(code, "") + value
    purpose = "".join(value for code, value in sorted(fields.items()) if code[0] == "2" or code in _MORE)
    if mark == ">":
        return _triodos(fields)
    keyed = _PURPOSE.split(purpose)
    found: dict[str, str] = {}
    for key, value in zip(keyed[1::2], keyed[2::2], strict=True):
        found.setdefault(key, squeezed(value))
    said = found.get("SVWZ") or squeezed(keyed[0]) or squeezed(fields.get("00", ""))
    account = fields.get("31", "") or found.get("IBAN", "")
    return Told(
        counterparty=squeezed(fields.get("32", "") + fields.get("33", "")),
        account=re.sub(r"\s", "", account),
        bic=re.sub(r"\s", "", fields.get("30", "") or found.get("BIC", "")),
        reference=structured(said) if len(said) < 40 else "",
        end_to_end_id=found.get("EREF", "").replace(" ", ""),
        description=said,
    )


_MORE = ("60", "61", "62", "63")


def _triodos(fields: Mapping[str, str]) -> Told:
    """Triodos: from >20 on, a BIC and an IBAN of the other side when there is one; >31 is the own account."""
    texts = [value.strip() for code, value in sorted(fields.items()) if code[0] == "2"]
    bic = account = ""
    if len(texts) > 1 and _BIC.fullmatch(texts[0]) and _IBAN.fullmatch(texts[1]):
        bic, account, texts = texts[0], texts[1], texts[2:]
    return Told(account=account, bic=bic, description=squeezed("".join(texts)))


def _with_head(said: Told, customer: str, extra: str) -> Told:
    """What :61: itself tells of the other side: an IBAN in its reference or below it, then a name."""
    account, name = said.account, said.counterparty
    below = [line.strip() for line in extra.splitlines() if line.strip()]
    first = customer.strip().split(" ")[0]
    if is_iban(first):
        account, name = account or first, name or (below[0] if below else "")
    elif below and is_iban(below[0].replace(" ", "")):
        account = account or below[0].replace(" ", "")
    elif match := _RABO.match(customer.strip()):
        account, name = account or match[1], name or match[2]
    description = said.description
    if name and description.startswith(name) and len(description) > len(name):
        description = description[len(name) :].strip()
    return Told(squeezed(name), account, said.bic, said.reference, said.end_to_end_id, description)
