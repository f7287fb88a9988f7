"""Billing: what the firm is asked for the client accounts it manages, and what stands behind each invoice."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal

from flask import Blueprint, Response, flash, url_for
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.billing import reading
from portal.billing.details import change_details
from portal.billing.issuing import MEDIA_TYPES, file_name
from portal.billing.models import CURRENCY, Invoice, InvoiceLine
from portal.billing.payments import standings
from portal.billing.printing import counted, described, reference
from portal.billing.wording import ITEMS, ITEMS_OF_MANY
from portal.kernel import clock
from portal.kernel.errors import PortalError
from portal.kernel.i18n import Formats
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._csv import csv_answer
from portal.routes._htmx import go_to, page
from portal.routes.forms.billing import BillingForm
from portal.routes.wording import filled
from portal.templating import formats, rate_word
from portal.tenants.models import Tenant

blueprint = Blueprint("billing", __name__)
KINDS = {"invoice": lambda: _("Invoice"), "credit": lambda: _("Credit note")}
SHOWN = 200  # rows behind an invoice; the CSV has all


def _say(text: str, **values: object) -> str:
    return filled(text, values)


@blueprint.get("/p/<uuid:portal>/billing")
@here_is("billing")
@require(Permission.BILLING, Right.VIEW)
def index(portal: uuid.UUID) -> Response:
    return page(
        "billing/index.html", found=reading.overview(scope()), KINDS=KINDS, ITEMS=ITEMS, ITEMS_OF_MANY=ITEMS_OF_MANY,
        next_bill_on=reading.next_bill_on(clock.today()), may_edit=scope().may(Permission.BILLING, Right.EDIT),
    )  # fmt: skip


@blueprint.get("/p/<uuid:portal>/billing.csv")
@require(Permission.BILLING, Right.VIEW)
def export(portal: uuid.UUID) -> Response:
    head = [_("Number"), _("Kind"), _("Date"), _("Month"), _("To be paid by"), _("Total without VAT"), _("VAT"),
            _("Total"), _("Reference"), _("Currency"), _("Paid"), _("Paid on"), _("Still open")]  # fmt: skip
    listed = reading.invoices(scope())
    standing = standings(scope(), listed)
    rows = (
        [each.number, KINDS[each.kind](), each.issued_on, each.month.strftime("%Y-%m"), _due(each),
         *(_signed(each, amount) for amount in (each.net, each.vat, each.gross)), _reference(each), CURRENCY,
         _signed(each, standing[each.id].paid), standing[each.id].paid_on or "", _signed(each, standing[each.id].rest)]
        for each in listed
    )  # fmt: skip
    return csv_answer("invoices.csv", head, rows)


def _signed(invoice: Invoice, amount: Decimal) -> str:
    """In a list that adds up, a credit note counts the other way."""
    return f"{-amount if invoice.kind == 'credit' else amount:.2f}"


def _due(invoice: Invoice) -> object:
    return "" if invoice.kind == "credit" else invoice.due_on


def _reference(invoice: Invoice) -> str:
    return "" if invoice.kind == "credit" else invoice.payment_reference


@blueprint.get("/p/<uuid:portal>/billing/<uuid:invoice_id>")
@here_is("billing")
@require(Permission.BILLING, Right.VIEW)
def show(portal: uuid.UUID, invoice_id: uuid.UUID) -> Response:
    found = reading.invoice(scope(), invoice_id)
    return page(
        "billing/show.html", found=found, invoice=found.invoice, ITEMS=ITEMS, KINDS=KINDS, shown=SHOWN,
        reference=reference(found.invoice), described=_worded(described), counted=_worded(counted),
        rate_word=rate_word,
    )  # fmt: skip


def _worded(words: Callable[[InvoiceLine, Formats, Callable[..., str]], str]) -> Callable[[InvoiceLine], str]:
    """In the reader's language rather than that of the document."""
    reader = formats()
    return lambda line: words(line, reader, _say)


@blueprint.get("/p/<uuid:portal>/billing/<uuid:invoice_id>/pdf")
@require(Permission.BILLING, Right.VIEW)
def pdf(portal: uuid.UUID, invoice_id: uuid.UUID) -> Response:
    return _file(invoice_id, "pdf")


@blueprint.get("/p/<uuid:portal>/billing/<uuid:invoice_id>/ubl")
@require(Permission.BILLING, Right.VIEW)
def ubl(portal: uuid.UUID, invoice_id: uuid.UUID) -> Response:
    return _file(invoice_id, "ubl")


def _file(invoice_id: uuid.UUID, kind: str) -> Response:
    invoice, found = reading.file(scope(), invoice_id, kind)
    named = f'attachment; filename="{file_name(invoice, kind)}"'
    return Response(found.content, mimetype=MEDIA_TYPES[kind], headers={"Content-Disposition": named})


@blueprint.get("/p/<uuid:portal>/billing/<uuid:invoice_id>/usage.csv")
@require(Permission.BILLING, Right.VIEW)
def usage_export(portal: uuid.UUID, invoice_id: uuid.UUID) -> Response:
    found = reading.invoice(scope(), invoice_id)
    head = [_("Line"), _("Client account"), _("Item"), _("Account"), _("Month"), _("Days"), _("Days of the month"),
            _("Price a month"), _("Amount")]  # fmt: skip
    return csv_answer(f"{found.invoice.number}.csv", head, _usage_rows(found))


def _usage_rows(found: reading.Shown) -> Iterator[list[object]]:
    for use in found.usages:
        yield [use.position, use.client_name, _(ITEMS.get(use.item, use.item)), use.subject_name,
               use.month.strftime("%Y-%m"), use.days, use.of_days, f"{use.price:.2f}", f"{use.net:.2f}"]  # fmt: skip


@blueprint.get("/p/<uuid:portal>/billing/details")
@here_is("billing")
@require(Permission.BILLING, Right.EDIT)
def details(portal: uuid.UUID) -> Response:
    firm = db().get_one(Tenant, scope().tenant_id)
    return page("billing/details.html", form=BillingForm(obj=firm), firm=firm)


@blueprint.post("/p/<uuid:portal>/billing/details")
@here_is("billing")
@require(Permission.BILLING, Right.EDIT)
def save_details(portal: uuid.UUID) -> Response:
    form = BillingForm()
    if form.validate():
        try:
            change_details(scope(), form.details())
            db().commit()
            flash(_("Saved. It counts from the next invoice on."), "ok")
            return go_to(url_for("billing.index", portal=portal))
        except PortalError as error:
            form.take(error)
    db().rollback()
    return page("billing/details.html", form=form, firm=db().get_one(Tenant, scope().tenant_id), status=422)
