"""Reconciling a bank account, line by line: a proposal beside each, accepted, undone, or searched by hand."""

from __future__ import annotations

import uuid
from decimal import Decimal

from flask import Blueprint, Response, flash, g, make_response, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import Permission, Right
from portal.couplings.books import read_books
from portal.couplings.configurations import usable_accounts
from portal.couplings.models import Coupling
from portal.couplings.nearest import party_account
from portal.kernel.errors import Conflict, Invalid, PortalError
from portal.reconciliation import reading, service
from portal.reconciliation.candidates import find_documents, open_line
from portal.reconciliation.reading import LineView
from portal.reconciliation.service import Decision
from portal.routes import _reconciliation as words
from portal.routes import wording
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, is_htmx, page
from portal.templating import formats

blueprint = Blueprint("reconciliation", __name__)
RECONCILE = "/c/<uuid:client>/reconcile"


def _may(right: Right) -> bool:
    return scope().may(Permission.RECONCILE, right)


@blueprint.get(RECONCILE)
@here_is("reconcile")
@require(Permission.RECONCILE, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    """Of one account: the one asked for, else the one with most to do."""
    overview = reading.overview(scope())
    if overview.approvals is not None:
        g.counts = {"entries": len(overview.drafts), "approvals": overview.approvals}
    account = reading.choose_account(overview.accounts, request.args.get("account", ""))
    done, after = request.args.get("view") == "done", request.args.get("after", "")
    found = reading.Page((), "")
    if account is not None:
        if done:
            found = reading.list_done(scope(), account, after=after)
        else:
            found = reading.list_waiting(scope(), account, overview.drafts, after=after)
    return page(
        "reconciliation/index.html",
        accounts=overview.accounts,
        account=account,
        done=done,
        after=after,
        found=found,
        certain=[row.line.id for row in found.rows if row.certain],
        may_edit=_may(Right.EDIT),
        words=words,
        error="",
        oob=False,
        single=False,
    )


@blueprint.post(RECONCILE + "/certain")
@require(Permission.RECONCILE, Right.EDIT)
def accept_certain(client: uuid.UUID) -> Response:
    """The lines that were shown as certain, as far as they still are."""
    ids = [as_id(line) for line in request.form.getlist("line")[: reading.PAGE]]
    done = service.accept_all(scope(), reading.certain_decisions(scope(), ids))
    db().commit()
    text = ngettext("%(num)s line matched.", "%(num)s lines matched.", done.matched)
    if left := len(ids) - done.matched:
        text += " " + ngettext("%(num)s no longer fits.", "%(num)s no longer fit.", left)
    flash(text, "ok" if done.matched else "warn")
    return _back(client)


@blueprint.get(RECONCILE + "/<uuid:line_id>")
@here_is("reconcile")
@require(Permission.RECONCILE, Right.VIEW)
def line(client: uuid.UUID, line_id: uuid.UUID) -> Response:
    return _line(line_id)


def _line(line_id: uuid.UUID, error: PortalError | None = None, status: int = 200) -> Response:
    view = reading.view_line(scope(), line_id)
    find = request.values.get("q", "")
    documents = find_documents(scope(), open_line(view.line, view.currency), find) if view.left else ()
    return page(
        "reconciliation/line.html",
        blocks=("documents",),
        row=view,
        find=find,
        documents=documents,
        ticked=request.form.getlist("document"),
        error=_told(error),
        after=request.values.get("after", ""),
        may_edit=_may(Right.EDIT),
        words=words,
        status=status,
    )


@blueprint.post(RECONCILE + "/<uuid:line_id>")
@here_is("reconcile")
@require(Permission.RECONCILE, Right.EDIT)
def accept(client: uuid.UUID, line_id: uuid.UUID) -> Response:
    """A proposal, documents ticked by hand, or suspense: `do` is match, split or suspense."""
    by_hand = bool(request.form.get("by_hand"))
    try:
        service.accept(scope(), _decision(line_id, by_hand=by_hand))
        db().commit()
    except (Conflict, Invalid) as error:
        db().rollback()
        if by_hand and not is_htmx():
            return _line(line_id, error, error.status)
        return _answer(client, line_id, error)
    return _answer(client, line_id)


def _decision(line_id: uuid.UUID, *, by_hand: bool) -> Decision:
    form, what = request.form, request.form.get("do", "match")
    if what == "suspense":
        return Decision(line_id, rest=True)
    if by_hand:
        return Decision(line_id, words.ticked(form.getlist("document"), form), what == "split")
    view = reading.view_line(scope(), line_id)
    choice = form.get("choice", "")
    if proposal := words.chosen(view, choice):
        return reading.decision_of(view, proposal, "proposed", rest=what == "split")
    return Decision(line_id, words.wishes_of(choice), what == "split")


@blueprint.post(RECONCILE + "/<uuid:line_id>/undo")
@here_is("reconcile")
@require(Permission.RECONCILE, Right.EDIT)
def undo(client: uuid.UUID, line_id: uuid.UUID) -> Response:
    try:
        service.undo(scope(), line_id)
        db().commit()
    except Conflict as error:
        db().rollback()
        return _answer(client, line_id, error)
    return _answer(client, line_id)


def _answer(client: uuid.UUID, line_id: uuid.UUID, error: PortalError | None = None) -> Response:
    """The line as it stands now, with the head's figures for htmx; else back to the list."""
    told = _told(error)
    view = reading.view_line(scope(), line_id)
    if not is_htmx():
        if told:
            flash(told, "warn")
        return _back(client, view)
    overview = reading.overview(scope())
    account = reading.choose_account(overview.accounts, str(view.line.bank_account_id))
    body = render_template(
        "reconciliation/answer.html", row=view, account=account, error=told, may_edit=True, words=words,
        done=False, single=False, certain=[], oob=True,
        after=request.values.get("after", ""),
    )  # fmt: skip
    return make_response(body, error.status if error else 200)


def _told(error: PortalError | None) -> str:
    """The sentence of a refusal, with its amounts as the reader writes them."""
    if error is None:
        return ""
    amounts = {name: formats().money(value) for name, value in error.values.items() if isinstance(value, Decimal)}
    return wording.of_error(error.code, error.values | amounts)


def _back(client: uuid.UUID, view: LineView | None = None) -> Response:
    """To the list where the reader was."""
    form = request.form
    account = str(view.line.bank_account_id) if view else form.get("account", "")
    where = url_for(
        "reconciliation.index", client=client, account=account or None, after=form.get("after") or None,
        view=form.get("view") or None,
    )  # fmt: skip
    return go_to(where)


# ------------------------------------------------------------------ on which accounts it goes out


@blueprint.get(RECONCILE + "/accounts/<uuid:coupling_id>")
@here_is("reconcile")
@require(Permission.COUPLINGS, Right.VIEW)
def accounts(client: uuid.UUID, coupling_id: uuid.UUID) -> Response:
    return _accounts(coupling_id)


def _accounts(coupling_id: uuid.UUID, error: PortalError | None = None, status: int = 200) -> Response:
    coupling = scope().get(Coupling, coupling_id)
    books = read_books(scope(), coupling.id)
    kinds = ("receivable", "payable")
    return page(
        "reconciliation/accounts.html",
        coupling=coupling,
        choices=usable_accounts(books),
        proposed={kind: party_account(books.accounts.values(), coupling.country, kind) for kind in kinds},
        chosen={kind: request.form.get(kind, getattr(coupling, f"{kind}_account")) for kind in kinds},
        error=wording.of_error(error.code, error.values) if error else "",
        may_edit=scope().may(Permission.COUPLINGS, Right.EDIT),
        status=status,
    )


@blueprint.post(RECONCILE + "/accounts/<uuid:coupling_id>")
@here_is("reconcile")
@require(Permission.COUPLINGS, Right.EDIT)
def set_accounts(client: uuid.UUID, coupling_id: uuid.UUID) -> Response:
    coupling = scope().get(Coupling, coupling_id, lock=True)
    known = {account.code for account in usable_accounts(read_books(scope(), coupling.id))}
    wanted = [request.form.get(kind, "").strip() for kind in ("receivable", "payable")]
    for code in wanted:
        if code and code not in known:
            return _accounts(coupling_id, Invalid("match.account_unknown", account=code), 422)
    service.set_party_accounts(scope(), coupling, *wanted)
    db().commit()
    flash(_("Saved. Drafts follow at once."), "ok")
    return go_to(url_for("reconciliation.accounts", client=client, coupling_id=coupling_id))
