"""One transaction (`TxDtls`) of a CAMT entry, seen from the side that is not ours."""

from __future__ import annotations

from decimal import Decimal
from xml.etree.ElementTree import Element

from portal.connectors.files.camt_fields import (
    NOTHING,
    FieldReader,
    is_credit,
    plain,
    read_amount,
    squeeze,
)
from portal.connectors.files.references import printed_belgian
from portal.connectors.statement import LineDetail

_OWN = {"Dbtr": "Cdtr", "Cdtr": "Dbtr"}


class Transaction:
    """Texts and other party of a transaction; `amount` and `sign` are elements, read when needed."""

    __slots__ = (
        "account",
        "amount",
        "bank_reference",
        "bic",
        "code",
        "end_to_end_id",
        "name",
        "reference",
        "sign",
        "texts",
    )

    def __init__(self, element: Element, fields: FieldReader, other: str) -> None:
        """`other`: "Dbtr" when the other party paid us, "Cdtr" when we paid."""
        names = fields.names
        self.name = self.account = self.bic = ""
        self.reference = self.end_to_end_id = self.bank_reference = self.code = ""
        self.amount: Element | None = None
        self.sign: Element | None = None
        self.texts: list[str] = []
        parties: Element | None = None
        agents: Element | None = None
        for child in element:
            name = names[child.tag]
            if name == "RltdPties":
                parties = child
            elif name == "RltdAgts":
                agents = child
            elif name == "RmtInf":
                self._remittance(child, fields)
            elif name == "Refs":
                self._references(child, fields)
            elif name == "Amt":
                self.amount = child
            elif name == "AmtDtls":
                if self.amount is None:
                    self.amount = _transaction_amount(child, fields)
            elif name == "CdtDbtInd":
                self.sign = child
            elif name == "BkTxCd":
                self.code = fields.code(child)
            elif name == "RtrInf":
                self._return(child, fields)
            elif name == "AddtlTxInf":
                self.texts.append(child.text or "")
        if parties is not None:
            self._other_party(parties, agents, fields, other)

    def _references(self, element: Element, fields: FieldReader) -> None:
        for child in element:
            name = fields.names[child.tag]
            if name == "EndToEndId":
                text = plain(child)
                if text not in NOTHING:
                    self.end_to_end_id = text
            elif name == "AcctSvcrRef":
                self.bank_reference = plain(child)

    def _remittance(self, element: Element, fields: FieldReader) -> None:
        """The first structured reference is the reference; all else is worth reading."""
        names = fields.names
        for child in element:
            name = names[child.tag]
            if name == "Ustrd":
                text = plain(child)
                if text not in NOTHING:
                    self.texts.append(text)
            elif name == "Strd":
                for leaf in child.iter():
                    name = names[leaf.tag]
                    if name not in ("Ref", "Nb", "AddtlRmtInf"):
                        continue
                    text = plain(leaf)
                    if text in NOTHING:
                        continue
                    if name == "Ref" and not self.reference:
                        self.reference = "".join(text.split())
                    else:
                        self.texts.append(text)

    def _return(self, element: Element, fields: FieldReader) -> None:
        """Why a payment came back: `Rsn/Cd` or `Rsn/Prtry`, and the bank's words."""
        for child in element:
            name = fields.names[child.tag]
            if name == "Rsn":
                self.texts.extend(plain(reason) for reason in child)
            elif name == "AddtlInf":
                self.texts.append(plain(child))

    def _other_party(self, parties: Element, agents: Element | None, fields: FieldReader, other: str) -> None:
        names = fields.names
        found = {names[child.tag]: child for child in parties}
        side = other
        account = fields.account_id(found[side + "Acct"]) if side + "Acct" in found else ""
        if not account or account == fields.account:
            # Some banks fill one side whatever the direction: take the side that is not ours.
            swapped = _OWN[other]
            theirs = fields.account_id(found[swapped + "Acct"]) if swapped + "Acct" in found else ""
            if theirs and theirs != fields.account:
                side, account = swapped, theirs
            elif account:
                return
            elif other not in found and "Ultmt" + other not in found and not theirs:
                side = swapped
        self.account = account
        for key in (side, "Ultmt" + side):
            if not self.name and key in found:
                self.name = fields.name(found[key])
        if agents is not None:
            for agent in agents:
                if names[agent.tag] == side + "Agt":
                    self.bic = fields.bic(agent)

    def detail(self, credit: bool) -> LineDetail:
        """As one of several in an entry; signed by its own indicator, else by the entry's."""
        amount = Decimal(0) if self.amount is None else read_amount(self.amount)
        if self.sign is not None:
            credit = is_credit(self.sign)
        description = squeeze(self.texts)
        return LineDetail(
            amount=amount if credit else -amount,
            description=description,
            counterparty=self.name,
            counterparty_account=self.account,
            reference=self.reference or printed_belgian(description),
            end_to_end_id=self.end_to_end_id,
        )


def _transaction_amount(element: Element, fields: FieldReader) -> Element | None:
    """`AmtDtls/TxAmt/Amt`: where .02 keeps what later versions keep in `TxDtls/Amt`."""
    for child in element:
        if fields.names[child.tag] == "TxAmt":
            for amount in child:
                if fields.names[amount.tag] == "Amt":
                    return amount
    return None
