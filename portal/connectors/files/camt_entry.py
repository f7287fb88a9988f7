"""One CAMT entry (`Ntry`) and its transactions (`TxDtls`) as a statement line.

Elements are known by local name, so every version from .02 to .13 reads alike: a party may
sit in `Dbtr` itself or in `Dbtr/Pty`, a BIC be called `BIC` or `BICFI`, a status be text or `Cd`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from lxml import etree

from portal.connectors.base import LineDetail, StatementLine
from portal.connectors.errors import Refused
from portal.connectors.files.references import printed_belgian

_REMEMBERED = 4096  # tags and dates cached per file, so that a hostile file cannot fill memory
_INTEGER_DIGITS = 13  # what a 64-bit integer with five implied decimals holds
_NOTHING = ("NOTPROVIDED", "NOT PROVIDED")


class Names(dict[str, str]):
    """Tag → local name, remembered because lxml gives tags as `{namespace}local`."""

    def __missing__(self, tag: object) -> str:
        if not isinstance(tag, str):  # a comment or processing instruction
            return ""
        local = tag.rpartition("}")[2]
        if len(self) < _REMEMBERED:
            self[tag] = local
        return local


class Dates(dict[str, date]):
    """ISO date or date-time text → the date as written; a time zone does not move it."""

    def __missing__(self, text: str) -> date:
        try:
            value = date.fromisoformat(text.strip()[:10])
        except ValueError:
            raise Refused("camt.date", text=text[:40]) from None
        if len(self) < _REMEMBERED:
            self[text] = value
        return value


def read_amount(text: str | None) -> Decimal:
    """An ISO 20022 amount: digits, at most one point and five decimals, never a sign."""
    plain = (text or "").strip()
    whole, _, cents = plain.partition(".")
    if not (plain.isascii() and (whole + cents).isdigit()):
        raise Refused("camt.amount", text=plain[:40])
    if len(cents) > 5:
        raise Refused("camt.decimals", text=plain[:40])
    if len(whole) > _INTEGER_DIGITS:
        raise Refused("camt.amount", text=plain[:40])
    return Decimal(plain)


def is_credit(text: str | None) -> bool:
    """CdtDbtInd → True for CRDT. Raises Refused("camt.sign") for anything but CRDT and DBIT."""
    if text == "CRDT":
        return True
    if text == "DBIT":
        return False
    plain = (text or "").strip()
    if plain not in ("CRDT", "DBIT"):
        raise Refused("camt.sign", text=plain[:40])
    return plain == "CRDT"


def is_true(text: str | None) -> bool:
    return (text or "").strip() in ("true", "1")


@dataclass(slots=True)
class Party:
    name: str = ""
    account: str = ""
    bic: str = ""


@dataclass(slots=True)
class Transaction:
    """What one `TxDtls` says, seen from the side that is not ours."""

    amount: Decimal | None = None
    credit: bool | None = None
    party: Party = field(default_factory=Party)
    texts: list[str] = field(default_factory=list)
    reference: str = ""
    end_to_end_id: str = ""
    bank_reference: str = ""
    code: str = ""


class FieldReader:
    """Reads the elements of one file; `account` is the account of the current statement."""

    def __init__(self) -> None:
        self.names = Names()
        self.dates = Dates()
        self.account = ""

    # ------------------------------------------------------------------ transactions

    def transaction(self, element: etree._Element, other: str) -> Transaction:
        """`other`: "Dbtr" when money came in, "Cdtr" when it went out."""
        names = self.names
        tx = Transaction()
        parties: etree._Element | None = None
        agents: etree._Element | None = None
        for child in element:
            name = names[child.tag]
            if name == "RltdPties":
                parties = child
            elif name == "RltdAgts":
                agents = child
            elif name == "RmtInf":
                self._remittance(child, tx)
            elif name == "Refs":
                self._references(child, tx)
            elif name == "Amt":
                tx.amount = read_amount(child.text)
            elif name == "AmtDtls":
                if tx.amount is None:
                    tx.amount = self._amount_details(child)
            elif name == "CdtDbtInd":
                tx.credit = is_credit(child.text)
            elif name == "BkTxCd":
                tx.code = self.code(child)
            elif name == "RtrInf":
                self._return(child, tx)
            elif name == "AddtlTxInf":
                tx.texts.append(child.text or "")
        tx.party = self._other_party(parties, agents, other)
        return tx

    def _references(self, element: etree._Element, tx: Transaction) -> None:
        for child in element:
            name = self.names[child.tag]
            if name == "EndToEndId":
                text = (child.text or "").strip()
                if text not in _NOTHING:
                    tx.end_to_end_id = text
            elif name == "AcctSvcrRef":
                tx.bank_reference = (child.text or "").strip()

    def _amount_details(self, element: etree._Element) -> Decimal | None:
        for child in element:
            if self.names[child.tag] == "TxAmt":
                for amount in child:
                    if self.names[amount.tag] == "Amt":
                        return read_amount(amount.text)
        return None

    def _remittance(self, element: etree._Element, tx: Transaction) -> None:
        for child in element:
            name = self.names[child.tag]
            if name == "Ustrd":
                text = child.text or ""
                if text.strip() not in _NOTHING:
                    tx.texts.append(text)
            elif name == "Strd":
                self._structured(child, tx)

    def _structured(self, element: etree._Element, tx: Transaction) -> None:
        """The first creditor reference is the reference; all else is worth reading."""
        for child in element.iter():
            name = self.names[child.tag]
            text = (child.text or "").strip()
            if not text or text in _NOTHING:
                continue
            if name == "Ref" and not tx.reference:
                tx.reference = text.replace(" ", "")
            elif name in ("Ref", "Nb", "AddtlRmtInf"):
                tx.texts.append(text)

    def _return(self, element: etree._Element, tx: Transaction) -> None:
        for child in element.iter():
            if self.names[child.tag] in ("Cd", "Prtry", "AddtlInf") and (child.text or "").strip():
                parent = child.getparent()
                if parent is not None and self.names[parent.tag] in ("Rsn", "RtrInf"):
                    tx.texts.append(child.text or "")

    # ------------------------------------------------------------------ parties

    def _other_party(self, parties: etree._Element | None, agents: etree._Element | None, other: str) -> Party:
        names = self.names
        found = {} if parties is None else {names[child.tag]: child for child in parties}
        banks = {} if agents is None else {names[child.tag]: child for child in agents}
        party = self._party(found, banks, other)
        if party.account and party.account != self.account:
            return party
        own = "Cdtr" if other == "Dbtr" else "Dbtr"
        swapped = self._party(found, banks, own)
        # Some banks fill the creditor's side whatever the direction.
        if swapped.account != self.account and (swapped.account or not party.name):
            return swapped
        return Party() if party.account == self.account and party.account else party

    def _party(self, found: dict[str, etree._Element], banks: dict[str, etree._Element], side: str) -> Party:
        party = Party()
        for key in (side, "Ultmt" + side):
            if not party.name and key in found:
                party.name = self.name(found[key])
        if side + "Acct" in found:
            party.account = self.account_id(found[side + "Acct"])
        if side + "Agt" in banks:
            party.bic = self.bic(banks[side + "Agt"])
        return party

    def name(self, element: etree._Element) -> str:
        for child in element:
            name = self.names[child.tag]
            if name == "Nm":
                return " ".join((child.text or "").split())
            if name in ("Pty", "Agt", "FinInstnId"):
                return self._name_of_wrapped(child)
        return ""

    def _name_of_wrapped(self, element: etree._Element) -> str:
        for child in element.iterdescendants():
            if self.names[child.tag] == "Nm":
                return " ".join((child.text or "").split())
        return ""

    def account_id(self, element: etree._Element) -> str:
        """`Id/IBAN`, else `Id/Othr/Id`, without spaces; "" when neither is there."""
        for child in element:
            if self.names[child.tag] != "Id":
                continue
            for kind in child:
                name = self.names[kind.tag]
                if name == "IBAN":
                    return "".join((kind.text or "").split())
                if name == "Othr":
                    for number in kind:
                        if self.names[number.tag] == "Id":
                            return "".join((number.text or "").split())
        return ""

    def bic(self, element: etree._Element) -> str:
        for institution in element:
            if self.names[institution.tag] == "FinInstnId":
                for child in institution:
                    if self.names[child.tag] in ("BIC", "BICFI"):
                        return (child.text or "").strip()
        return ""

    def code(self, element: etree._Element) -> str:
        """`Domn` as "PMNT-RCDT-ESCT", else the bank's own `Prtry/Cd`."""
        own = ""
        for child in element:
            name = self.names[child.tag]
            if name == "Domn":
                return "-".join(
                    (node.text or "").strip()
                    for node in child.iterdescendants()
                    if self.names[node.tag] in ("Cd", "SubFmlyCd")
                )
            if name == "Prtry":
                own = next(((c.text or "").strip() for c in child if self.names[c.tag] == "Cd"), "")
        return own

    def batch(self, element: etree._Element) -> str:
        """What the customer called a batch: `Btch/PmtInfId`, else `Btch/MsgId`."""
        for child in element:
            if self.names[child.tag] == "Btch":
                found = {self.names[c.tag]: (c.text or "").strip() for c in child}
                return found.get("PmtInfId") or found.get("MsgId") or ""
        return ""

    def status(self, element: etree._Element) -> str:
        """`Sts` as text (to .06) or as `Sts/Cd` (from .07)."""
        for child in element:
            return (child.text or "").strip()
        return (element.text or "").strip()

    def date(self, element: etree._Element) -> date | None:
        """The `Dt` or `DtTm` in a date choice."""
        for child in element:
            if self.names[child.tag] in ("Dt", "DtTm") and child.text:
                return self.dates[child.text]
        return None


def squeeze(texts: Sequence[str]) -> str:
    """Texts joined by single spaces, without repeating one that is already there."""
    kept: list[str] = []
    for text in texts:
        plain = " ".join(text.split())
        if plain and plain not in kept:
            kept.append(plain)
    return " ".join(kept)


def detail_of(tx: Transaction, credit: bool) -> LineDetail:
    """One transaction of a batch, signed by its own indicator, else by the entry's."""
    amount = tx.amount or Decimal(0)
    description = squeeze(tx.texts)
    return LineDetail(
        amount=amount if (credit if tx.credit is None else tx.credit) else -amount,
        description=description,
        counterparty=tx.party.name,
        counterparty_account=tx.party.account,
        reference=tx.reference or printed_belgian(description),
        end_to_end_id=tx.end_to_end_id,
    )


def single_line(on: date, value_date: date | None, amount: Decimal, own: Transaction, tx: Transaction) -> StatementLine:
    """An entry of one transaction: what the transaction says goes before what the entry says."""
    description = squeeze(tx.texts + own.texts)
    return StatementLine(
        on,
        value_date,
        amount,
        description,
        tx.party.name,
        tx.party.account,
        tx.party.bic,
        tx.reference or printed_belgian(description),
        tx.end_to_end_id,
        own.bank_reference or tx.bank_reference,
        own.code or tx.code,
    )
