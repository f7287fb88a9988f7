"""The document on paper, in the language of the firm: A4, as many pages as its lines need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import reportlab
from babel.support import NullTranslations, Translations
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from portal.billing import wording
from portal.billing.models import CURRENCY, Invoice, InvoiceLine
from portal.billing.numbers import printed_reference
from portal.kernel.i18n import NBSP, NNBSP, Formats
from portal.translations.catalogues import ROOT

PLAIN, BOLD = "Vera", "VeraBd"  # come with the library; both know the letters and the euro of our languages
MARGIN = 18 * mm
PADDING = 6  # points, that the library leaves around what stands on a page
WIDTH = A4[0] - 2 * MARGIN
INK, FAINT = colors.HexColor("#1d2733"), colors.HexColor("#5b6875")


def formats_of(invoice: Invoice) -> Formats:
    return Formats(invoice.locale)


def reference(invoice: Invoice) -> str:
    """The payment reference as people copy it."""
    return printed_reference(invoice.payment_reference)


@cache
def _catalogue(language: str) -> NullTranslations:
    return Translations.load(ROOT, [language])


def words_of(locale: str) -> Callable[..., str]:
    """A text in this language, with its {placeholders} filled."""
    catalogue = _catalogue(locale[:2])

    def say(text: str, **values: object) -> str:
        return str(catalogue.ugettext(text)).format(**values)

    return say


def described(line: InvoiceLine, formats: Formats, say: Callable[..., str]) -> str:
    """What a line is for: "Client accounts, March 2026", "Client account, March 2026: Boulangerie Delmotte"."""
    names = wording.ITEMS if line.client_name else wording.ITEMS_OF_MANY
    what = say(wording.WHOLE_MONTH, what=say(names.get(line.item, line.item)), month=formats.month(line.month))
    who = " · ".join(filter(None, (line.client_name, formats.iban(line.subject_name))))
    text = f"{what}: {who}" if who else what
    return say(wording.CORRECTION, what=text) if line.correction else text


def counted(line: InvoiceLine, formats: Formats, say: Callable[..., str]) -> str:
    """How much of it: "285", "17 of 31 days"."""
    if line.unit == "month":
        return formats.number(line.quantity)
    return say(wording.PRINTED["days"], days=formats.number(line.quantity), of_days=line.of_days)


def percent(rate: Decimal, formats: Formats) -> str:
    text = f"{(rate * 100).normalize():f}"
    return f"{text if formats.language == 'en' else text.replace('.', ',')}{NBSP}%"


def pdf(invoice: Invoice, lines: Sequence[InvoiceLine]) -> bytes:
    """The bytes of the file. The same invoice gives the same bytes."""
    _fonts()
    return _Sheet(invoice, lines).print()


@cache
def _fonts() -> None:
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, folder / f"{name}.ttf"))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)


def _style(size: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle("kp", fontName=PLAIN, fontSize=size, leading=size * 1.4, textColor=INK, **more)


TEXT, SMALL, HEAD = _style(9), _style(8), _style(18, spaceAfter=4 * mm)
RIGHT, QUIET = _style(9, alignment=2), ParagraphStyle("kp-quiet", parent=_style(8), textColor=FAINT)


class _Sheet:
    """One document under way."""

    def __init__(self, invoice: Invoice, lines: Sequence[InvoiceLine]) -> None:
        self._invoice, self._lines = invoice, lines
        self._formats, self._say = formats_of(invoice), words_of(invoice.locale)
        self._credit = invoice.kind == "credit"

    def print(self) -> bytes:
        kind = self._say(wording.CREDIT_NOTE if self._credit else wording.INVOICE)
        title = f"{kind} {self._invoice.number}"
        into = BytesIO()
        sheet = SimpleDocTemplate(
            into, pagesize=A4, leftMargin=MARGIN - PADDING, rightMargin=MARGIN - PADDING, topMargin=MARGIN,
            bottomMargin=22 * mm, title=title, author=self._invoice.seller["name"], lang=self._invoice.locale,
            invariant=1,
        )  # fmt: skip
        parts = [self._parties(), Spacer(1, 8 * mm), Paragraph(self._safe(title), HEAD), self._facts()]
        parts += [Spacer(1, 6 * mm), self._table(), Spacer(1, 4 * mm), self._totals(), Spacer(1, 6 * mm), *self._foot()]
        sheet.build(parts, canvasmaker=_numbered(self._say, f"{self._invoice.seller['name']} · {self._invoice.number}"))
        return into.getvalue()

    def _safe(self, text: str) -> str:
        return escape(text.replace(NNBSP, NBSP))  # the font has no narrow space

    def _party(self, party: dict[str, Any], style: ParagraphStyle) -> Paragraph:
        number = self._formats.enterprise(party["country"], party["enterprise_number"])
        vat = f"{self._say(wording.PRINTED['vat_number'])} {party['vat_number']}" if party["vat_number"] else number
        place = f"{party['postcode']} {party['city']}".strip()
        rows = (party["street"], f"{place} ({party['country']})", vat, party["email"])
        text = "<br/>".join(self._safe(row) for row in rows if row)
        return Paragraph(f"<b>{self._safe(party['name'])}</b><br/>{text}", style)

    def _parties(self) -> Table:
        to = Paragraph(self._safe(self._say(wording.PRINTED["to"])), QUIET)
        left, right = self._party(self._invoice.seller, TEXT), self._party(self._invoice.buyer, TEXT)
        return Table([[left, [to, right]]], colWidths=[WIDTH / 2] * 2, style=_TOP)

    def _facts(self) -> Table:
        formats, invoice = self._formats, self._invoice
        facts = [("number", invoice.number), ("issued_on", formats.date(invoice.issued_on)),
                 ("month", formats.month(invoice.month))]  # fmt: skip
        if not self._credit:
            facts.append(("due_on", formats.date(invoice.due_on)))
        cells = [
            [Paragraph(self._safe(self._say(wording.PRINTED[key])), QUIET), Paragraph(self._safe(value), TEXT)]
            for key, value in facts
        ]
        return Table([cells], colWidths=[WIDTH / len(cells)] * len(cells), style=_TOP)

    def _table(self) -> Table:
        formats, say = self._formats, self._say
        heads = [Paragraph(f"<b>{self._safe(say(wording.PRINTED[key]))}</b>", TEXT if key == "description" else RIGHT)
                 for key in ("description", "quantity", "price", "net")]  # fmt: skip
        rows: list[list[Any]] = [heads]
        for line in self._lines:
            rows.append([
                Paragraph(self._safe(described(line, formats, say)), TEXT),
                Paragraph(self._safe(counted(line, formats, say)), RIGHT),
                Paragraph(self._safe(formats.money(line.price)), RIGHT),
                Paragraph(self._safe(formats.money(line.net)), RIGHT),
            ])  # fmt: skip
        widths = [WIDTH - 86 * mm, 34 * mm, 28 * mm, 24 * mm]
        return Table(rows, colWidths=widths, repeatRows=1, style=_RULED)

    def _totals(self) -> Table:
        formats, say, invoice = self._formats, self._say, self._invoice
        rows = [(say(wording.PRINTED["total_net"]), formats.money(invoice.net))]
        for row in invoice.vat_rows:
            key = "reversed" if row["category"] == "AE" else "vat"
            rate, net = percent(Decimal(row["rate"]), formats), formats.money(Decimal(row["net"]))
            rows.append((say(wording.PRINTED[key], rate=rate, net=net), formats.money(Decimal(row["vat"]))))
        total = say(wording.PRINTED["total_back" if self._credit else "total"])
        rows.append((total, formats.money(invoice.gross, CURRENCY)))
        last = len(rows) - 1
        cells = [
            [Paragraph(f"<b>{self._safe(text)}</b>" if at == last else self._safe(text), RIGHT) for text in row]
            for at, row in enumerate(rows)
        ]
        return Table(cells, colWidths=[WIDTH - 40 * mm, 40 * mm], style=_SUMS)

    def _foot(self) -> list[Paragraph]:
        invoice, say = self._invoice, self._say
        texts = [say(wording.PRINTED["in_euro"])]
        if any(row["category"] == "AE" for row in invoice.vat_rows):
            texts.insert(0, say(wording.REVERSE_CHARGE))
        if invoice.refers_to:
            texts.insert(0, say(wording.PRINTED["refers"], numbers=", ".join(r["number"] for r in invoice.refers_to)))
        if invoice.reason:
            texts.insert(0, invoice.reason)
        if not self._credit:
            iban = self._formats.iban(invoice.seller["iban"])
            texts.insert(0, say(wording.PRINTED["pay"], iban=iban, reference=reference(invoice)))
        return [Paragraph(self._safe(text), TEXT if at == 0 else SMALL) for at, text in enumerate(texts)]


def _numbered(say: Callable[..., str], left: str) -> type[Canvas]:
    """A canvas that knows at the end how many pages there were."""

    class Numbered(Canvas):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:
            self._pages.append(dict(self.__dict__))
            self._startPage()  # type: ignore[attr-defined]  # the library's documented recipe

        def save(self) -> None:
            pages = self._pages
            for number, page in enumerate(pages, start=1):
                self.__dict__.update(page)
                self.setFont(PLAIN, 8)
                self.setFillColor(FAINT)
                self.drawString(MARGIN, 12 * mm, left)
                text = say(wording.PRINTED["page"], page=number, pages=len(pages))
                self.drawRightString(A4[0] - MARGIN, 12 * mm, text)
                super().showPage()
            super().save()

    return Numbered


_TOP = TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)])
_RULED = TableStyle([
    ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, -1), 0), ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
    ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK), ("LINEBELOW", (0, 1), (-1, -1), 0.3, colors.HexColor("#cfd6dd")),
    ("TOPPADDING", (0, 0), (-1, -1), 3), ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
])  # fmt: skip
_SUMS = TableStyle([
    ("RIGHTPADDING", (-1, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
    ("LINEABOVE", (0, -1), (-1, -1), 0.8, INK),
])  # fmt: skip
