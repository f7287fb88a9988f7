"""One entry (`Ntry`) of a CAMT statement: the fields that are its own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element

from portal.connectors.errors import Refused
from portal.connectors.files.camt_fields import FieldReader, is_credit, is_true, plain, read_amount


class Entry:
    """`transactions` are `TxDtls` elements; `other` names the other party's element in them."""

    __slots__ = (
        "amount",
        "bank_reference",
        "batch",
        "booked_on",
        "code",
        "credit",
        "currency",
        "other",
        "reversal",
        "status",
        "texts",
        "transactions",
        "value_date",
    )

    def __init__(self, element: Element, fields: FieldReader) -> None:
        names = fields.names
        self.status = self.code = self.bank_reference = self.batch = self.currency = ""
        self.booked_on: date | None = None
        self.value_date: date | None = None
        self.reversal = False
        self.texts: list[str] = []
        self.transactions: list[Element] = []
        amount: Decimal | None = None
        credit: bool | None = None
        reference = ""
        for child in element:
            name = names[child.tag]
            if name == "Amt":
                amount = read_amount(child)
                self.currency = child.get("Ccy") or ""
            elif name == "CdtDbtInd":
                credit = is_credit(child)
            elif name == "Sts":
                self.status = fields.status(child)
            elif name == "BookgDt":
                self.booked_on = fields.date(child)
            elif name == "ValDt":
                self.value_date = fields.date(child)
            elif name == "BkTxCd":
                self.code = fields.code(child)
            elif name == "NtryDtls":
                self._details(child, fields)
            elif name == "AcctSvcrRef":
                self.bank_reference = plain(child)
            elif name == "NtryRef":
                reference = plain(child)
            elif name == "RvslInd":
                self.reversal = is_true(child)
            elif name == "AddtlNtryInf":
                self.texts.append(child.text or "")
        if amount is None or credit is None:
            raise Refused("camt.missing", element="Amt" if amount is None else "CdtDbtInd")
        self.amount = amount
        self.credit = credit
        self.bank_reference = self.bank_reference or reference
        # In a reversal the parties keep the roles of the payment that is turned back.
        self.other = "Dbtr" if credit != self.reversal else "Cdtr"

    def _details(self, element: Element, fields: FieldReader) -> None:
        for child in element:
            name = fields.names[child.tag]
            if name == "TxDtls":
                self.transactions.append(child)
            elif name == "Btch":
                self.batch = self.batch_name(child, fields)

    @staticmethod
    def batch_name(element: Element, fields: FieldReader) -> str:
        """What the customer called a batch: `PmtInfId`, else `MsgId`."""
        return fields.text(element, "PmtInfId") or fields.text(element, "MsgId")
