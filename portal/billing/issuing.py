"""From what is to be billed to a document: its lines, VAT, number, files and mail."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import select

from portal.access import Scope
from portal.activity.service import record
from portal.billing import printing, ubl
from portal.billing.facts import Tariff
from portal.billing.models import CURRENCY, Invoice, InvoiceFile, InvoiceLine, Seller, Usage
from portal.billing.rules import Key, Use, next_month
from portal.billing.vat import Treatment, treatment, vat_rows
from portal.identity.models import User
from portal.kernel import clock, mail
from portal.kernel.db import uuid7
from portal.kernel.vault import Vault
from portal.tenants.models import Membership, Tenant

NOUGHT = Decimal(0)
OF_COUNTRY = {"BE": "nl-BE", "NL": "nl-NL", "FR": "fr-FR"}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a document is about. Signed: what is given back is negative."""

    month: date
    found: Sequence[tuple[Key, Use]]
    fresh: frozenset[date]  # months that are billed for the first time
    refers_to: Sequence[dict[str, str]] = ()
    credits: Invoice | None = None  # what is taken back whole,
    taxed: Mapping[Key, Treatment] = field(default_factory=dict)  # and how that was taxed
    reason: str = ""


def issue(scope: Scope, vault: Vault, base_url: str, tariff: Tariff, draft: Draft, on: date) -> Invoice:
    """The document, numbered, with its files, its mail and its place in the log."""
    firm = scope.session.get_one(Tenant, scope.tenant_id)
    sign = -1 if sum((use.net for _, use in draft.found), NOUGHT) < 0 else 1
    invoice = Invoice(
        tenant_id=scope.tenant_id, id=uuid7(), seller_id=tariff.seller.id, kind="credit" if sign < 0 else "invoice",
        year=on.year, month=draft.month, issued_on=on, due_on=on + timedelta(days=tariff.seller.due_days),
        seller=_seller(tariff.seller), buyer=draft.credits.buyer if draft.credits else _buyer(firm),
        locale=_locale(scope, firm), credits=draft.credits.id if draft.credits else None,
        refers_to=list(draft.refers_to), reason=draft.reason, issued_at=clock.now(),
    )  # fmt: skip
    lines, used = _lines(invoice, tariff, draft, sign)
    _add_up(invoice, lines)
    scope.session.add(invoice)
    scope.session.flush()  # numbers it
    scope.session.add_all(lines)
    scope.session.add_all(used)
    scope.session.flush()
    files = _files(invoice, lines)
    scope.session.add_all(files)
    _mail(scope, vault, base_url, firm, invoice, files)
    tag = "invoice.issued" if sign > 0 else "invoice.credit_issued"
    record(scope, tag, ("invoice", invoice.id), number=invoice.number, gross=f"{invoice.gross:.2f}")
    return invoice


def seller_of(scope: Scope, invoice: Invoice) -> Seller:
    return scope.session.get_one(Seller, invoice.seller_id)


# ------------------------------------------------------------------ parties


def _seller(row: Seller) -> dict[str, str]:
    names = ("name", "street", "postcode", "city", "country", "enterprise_number", "vat_number", "iban", "bic", "email")
    return {name: getattr(row, name) for name in names}


def _buyer(firm: Tenant) -> dict[str, str]:
    names = ("name", "street", "postcode", "city", "country", "enterprise_number", "vat_number")
    return {name: getattr(firm, name) for name in names} | {"email": firm.billing_email or firm.email or ""}


def _locale(scope: Scope, firm: Tenant) -> str:
    """The language of who was the firm's administrator first, else that of its country."""
    query = (
        select(User.locale)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.tenant_id == scope.tenant_id, Membership.role == "administrator",
               Membership.ended_at.is_(None))
        .order_by(Membership.created_at, Membership.id)
        .limit(1)
    )  # fmt: skip
    return scope.session.scalar(query) or OF_COUNTRY[firm.country]


# ------------------------------------------------------------------ lines


def _lines(invoice: Invoice, tariff: Tariff, draft: Draft, sign: int) -> tuple[list[InvoiceLine], list[Usage]]:
    """Whole months at one price share a line; every other use has its own."""
    groups: dict[tuple[object, ...], list[tuple[Key, Use]]] = defaultdict(list)
    for key, use in draft.found:
        whole = abs(use.days) == use.of_days and abs(use.net) == key.price
        own = () if whole else (key.client_id, key.subject_id)
        groups[key.month, key.item, key.price, use.net < 0, whole, *own].append((key, use))
    order = sorted(groups.values(), key=lambda group: (group[0][0].month not in draft.fresh, group[0][0].month))
    lines, used = [], []
    for position, group in enumerate(order, start=1):
        lines.append(_line(invoice, tariff, draft, position, group, sign))
        used += [_usage(invoice, position, key, use) for key, use in group]
    return lines, used


def _line(
    invoice: Invoice, tariff: Tariff, draft: Draft, position: int, group: list[tuple[Key, Use]], sign: int
) -> InvoiceLine:
    key, use = group[0]
    whole = abs(use.days) == use.of_days and abs(use.net) == key.price
    turned = sign if use.net > 0 else -sign
    taxed = _treatment(invoice, tariff, draft, key)
    return InvoiceLine(
        tenant_id=invoice.tenant_id, id=uuid7(), invoice_id=invoice.id, position=position, month=key.month,
        correction=key.month not in draft.fresh, item=key.item,
        client_name=use.client_name if not whole or len(group) == 1 else "",
        subject_name=use.subject_name if not whole or len(group) == 1 else "",
        unit="month" if whole else "day", quantity=turned * len(group) if whole else sign * use.days,
        of_days=use.of_days, price=key.price, net=sign * sum((each.net for _, each in group), NOUGHT),
        category=taxed.category, rate=taxed.rate,
    )  # fmt: skip


def _treatment(invoice: Invoice, tariff: Tariff, draft: Draft, key: Key) -> Treatment:
    """The rate is that of the last day of the month. A document that is taken back whole is taxed as it was."""
    if key in draft.taxed:
        return draft.taxed[key]
    buyer, last = invoice.buyer, next_month(key.month) - timedelta(days=1)
    return treatment(tariff.seller.country, buyer["country"], buyer["vat_number"], tariff.rates, last)


def _usage(invoice: Invoice, position: int, key: Key, use: Use) -> Usage:
    return Usage(
        tenant_id=invoice.tenant_id, id=uuid7(), invoice_id=invoice.id, position=position, month=key.month,
        client_id=key.client_id, client_name=use.client_name, item=key.item, subject_id=key.subject_id,
        subject_name=use.subject_name, price=key.price, days=use.days, of_days=use.of_days, net=use.net,
    )  # fmt: skip


def _add_up(invoice: Invoice, lines: Iterable[InvoiceLine]) -> None:
    nets: dict[Treatment, Decimal] = defaultdict(lambda: NOUGHT)
    count = 0
    for count, line in enumerate(lines, start=1):  # noqa: B007 - how many there were
        nets[Treatment(line.category, line.rate)] += line.net
    rows = vat_rows(nets)
    invoice.vat_rows = [
        {"category": r.category, "rate": f"{r.rate:.4f}", "net": f"{r.net:.2f}", "vat": f"{r.vat:.2f}"} for r in rows
    ]
    invoice.line_count = count
    invoice.net = sum((r.net for r in rows), NOUGHT)
    invoice.vat = sum((r.vat for r in rows), NOUGHT)
    invoice.gross = invoice.net + invoice.vat


# ------------------------------------------------------------------ files and mail


def _files(invoice: Invoice, lines: Sequence[InvoiceLine]) -> list[InvoiceFile]:
    made = {"pdf": printing.pdf(invoice, lines), "ubl": ubl.document(invoice, lines)}
    return [
        InvoiceFile(
            tenant_id=invoice.tenant_id, id=uuid7(), invoice_id=invoice.id, kind=kind, content=content,
            sha256=hashlib.sha256(content).digest(),
        )
        for kind, content in made.items()
    ]  # fmt: skip


def file_name(invoice: Invoice, kind: str) -> str:
    return f"{invoice.number}.{'xml' if kind == 'ubl' else kind}"


def _mail(
    scope: Scope, vault: Vault, base_url: str, firm: Tenant, invoice: Invoice, files: Iterable[InvoiceFile]
) -> None:
    formats = printing.formats_of(invoice)
    mail.write(
        scope.session, vault, to=str(invoice.buyer["email"]), template=f"{invoice.kind}_issued", locale=invoice.locale,
        values={
            "firm": firm.name, "seller": str(invoice.seller["name"]), "number": invoice.number,
            "gross": formats.money(invoice.gross, CURRENCY), "due_on": formats.date(invoice.due_on),
            "month": formats.month(invoice.month), "reference": printing.reference(invoice),
            "iban": formats.iban(str(invoice.seller["iban"])),
            "link": f"{base_url}/p/{scope.tenant_id}/billing/{invoice.id}",
        },
        attachments=[
            mail.Attachment(file_name(invoice, each.kind), MEDIA_TYPES[each.kind], each.content) for each in files
        ],
    )  # fmt: skip


MEDIA_TYPES = {"pdf": "application/pdf", "ubl": "application/xml"}
