"""Coupling with a dossier, step by step. Every answer stands in the address; nothing changes before the last button."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, flash, make_response, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import escape
from werkzeug.datastructures import MultiDict

from portal import runtime
from portal.access import Permission, Right
from portal.approvals.tasks import perform
from portal.authorisations.models import Authorisation, State
from portal.connectors import registry
from portal.connectors.errors import ConnectorError
from portal.couplings import approvable, asking, service
from portal.couplings import wording as coupling_words
from portal.couplings.books import DossierBooks, store_books
from portal.couplings.configurations import (
    Choices,
    InvalidChoices,
    create_configuration,
    effect_of_choices,
    problems,
    usable_accounts,
)
from portal.couplings.defaults import defaults_for
from portal.couplings.detective import Cause, missing_reasons
from portal.couplings.dossiers import dossiers_of, taken
from portal.couplings.models import Coupling, Dossier
from portal.couplings.periods import last_due
from portal.couplings.preferences import wishes, with_wishes
from portal.couplings.proposals import Proposal, propose
from portal.kernel import clock
from portal.kernel.errors import PortalError
from portal.ledger.accounts import accounts
from portal.ledger.models import BankAccount
from portal.ledger.reading import oldest_lines
from portal.routes import _approvals, _couplings, wording
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._coupling_draft import Draft, draft_of, step_page
from portal.routes._couplings import blueprint, manifest
from portal.routes._htmx import go_to
from portal.routes.forms.couplings import ConfigurationForm, fields_of
from portal.sync.overview import posting_counts
from portal.templating import formats
from portal.tenants.service import get_tenant

AT = "/c/<uuid:client>/couplings/activate/<app>"
FOUND_MOST = 30
_SIGNS = {"replaced": "changed", "stays": "skipped", "off": "blocked"}


# ------------------------------------------------------------------ 1 authorisation


@blueprint.get(AT)
@here_is("couplings")
@require(Permission.COUPLINGS, Right.CREATE)
def choose_authorisation(client: uuid.UUID, app: str) -> Response:
    draft = draft_of(app, request.args)
    found = service.authorisations_for(scope(), app)
    return step_page(
        draft, "choose_authorisation", "authorisation", found=found, country_word=_couplings.country_word,
        connect_url=_connect_url(app), next_step="choose_dossier", preselected=_nearest(draft, found),
    )  # fmt: skip


def _nearest(draft: Draft, found: Sequence[Authorisation]) -> uuid.UUID | None:
    """What was chosen before, else an active one of the client's own country, the firm's first."""
    if draft.authorisation is not None:
        return draft.authorisation.id
    country = get_tenant(scope()).country.lower()
    active = [row for row in found if row.state == State.ACTIVE]
    best = next((row for row in active if row.environment == country), next(iter(active), None))
    return best.id if best else None


def _connect_url(app: str) -> str:
    """Where a new authorisation is made: in the portal for a firm, else in the account itself."""
    if not scope().may(Permission.AUTHORISATIONS, Right.CREATE):
        return ""
    if scope().actor.via_id:
        return url_for("authorisations.new", portal=scope().actor.via_id, app=app)
    return url_for("authorisations.client_new", client=scope().tenant_id, app=app)


# ------------------------------------------------------------------ 2 dossier


@blueprint.get(AT + "/dossier")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.CREATE)
def choose_dossier(client: uuid.UUID, app: str) -> Response:
    draft = draft_of(app, request.args)
    return _choose_dossier(draft)


def _choose_dossier(draft: Draft, status: int = 200) -> Response:
    authorisation = draft.through
    tenant = get_tenant(scope())
    everything = dossiers_of(scope(), authorisation, also_gone=True)
    listed = [dossier for dossier in everything if dossier.gone_at is None]
    used = taken(scope(), authorisation)
    proposals = propose(tenant, listed, used)
    find = request.args.get("q", "")[:80]
    found = dossiers_of(scope(), authorisation, find=find, limit=FOUND_MOST) if find.strip() else []
    shown = {proposal.dossier.code for proposal in proposals}
    causes = missing_reasons(tenant, everything, _environments(authorisation), used)
    return step_page(
        draft, "choose_dossier", "dossier", blocks=("found",), status=status, tenant=tenant, count=len(listed),
        proposals=proposals, certainty=_couplings.certainty, find=find, used=used,
        found=[dossier for dossier in found if dossier.code not in shown], preselected=_preselected(draft, proposals),
        causes=[(_cause_word(cause), _cause_text(cause), cause) for cause in causes],
        rights=_right_steps(draft.app), next_step="replaced" if draft.old else "wizard_configuration",
    )  # fmt: skip


def _preselected(draft: Draft, proposals: Sequence[Proposal]) -> str:
    """What was chosen before, else the one dossier that is certain."""
    if draft.dossier is not None:
        return draft.dossier.code
    return next((p.dossier.code for p in proposals if p.confidence == "certain"), "")


def _environments(authorisation: Authorisation) -> dict[str, Sequence[Dossier] | None]:
    """The provider's other environments, with the dossiers this person's other authorisations list there."""
    others = service.authorisations_for(scope(), authorisation.app)
    found: dict[str, Sequence[Dossier] | None] = {}
    for environment in manifest(authorisation.app).hosts:
        if environment == authorisation.environment:
            continue
        there = [one for one in others if one.environment == environment and one.dossiers_fetched_at]
        listed = [dossier for one in there for dossier in dossiers_of(scope(), one)]
        found[_couplings.country_word(environment)] = listed if there else None
    return found


def _cause_word(cause: Cause) -> str:
    name = {
        "other_environment": _("Other environment"),
        "archived": _("Archived"),
        "blocked": _("Blocked"),
        "inactive": _("Inactive"),
        "taken": _("Coupled elsewhere"),
        "no_longer_listed": _("No longer listed"),
        "app_right": _("No right for the app"),
    }[cause.code]
    verdict = {
        "ruled_out": _("ruled out"),
        "found": ngettext("%(num)s found", "%(num)s found", len({dossier.code for dossier in cause.dossiers})),
        "to_check": _("to be checked"),
    }[cause.verdict]
    return f"{name}: {verdict}"


def _cause_text(cause: Cause) -> str:
    text = wording.filled(coupling_words.CAUSES[cause.code][cause.verdict], cause.values)
    numbers = ", ".join(dict.fromkeys(dossier.number or dossier.code for dossier in cause.dossiers[:5]))
    return f"{text} ({numbers})" if numbers and cause.verdict == "found" else text


def _right_steps(app: str) -> list[str]:
    """How the app is given the right to a dossier, in the provider's own screens."""
    explanation = registry.load(app).EXPLANATIONS.get(f"{app}.division_scope")
    return [_(step) for step in explanation.steps] if explanation else []


@blueprint.post(AT + "/dossiers")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.CREATE)
def read_dossiers(client: uuid.UUID, app: str) -> Response:
    """Check again: really ask the provider, and say what changed."""
    draft = draft_of(app, request.form)
    authorisation = draft.through
    kind = "portal" if authorisation.tenant_id != scope().tenant_id else "client"
    db().rollback()
    try:
        fetched = asking.list_anew(
            runtime.get().database, _couplings.ask(), authorisation.tenant_id, kind, authorisation.id, scope().actor
        )
    except ConnectorError as error:
        flash(" ".join(_couplings.told(error)), "stop")
        return go_to(draft.url("choose_dossier"))
    new = ngettext("%(num)s is new", "%(num)s are new", fetched.new) if fetched.new else _("none is new")
    gone = ngettext("%(num)s is gone", "%(num)s are gone", fetched.gone) if fetched.gone else _("none is gone")
    flash(
        ngettext("%(num)s dossier read just now: %(new)s, %(gone)s.", "%(num)s dossiers read just now: %(new)s, "
                 "%(gone)s.", fetched.count, new=new, gone=gone), "ok",
    )  # fmt: skip
    return go_to(draft.url("choose_dossier"))


# ------------------------------------------------------------------ 3 what is replaced


@blueprint.get(AT + "/replaced")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.CREATE)
def replaced(client: uuid.UUID, app: str) -> Response:
    draft = draft_of(app, request.args)
    draft.need_dossier()
    if draft.old is None:
        return go_to(draft.url("wizard_configuration"))
    return step_page(draft, "replaced", "replaced", changes=_changes(draft), next_step="wizard_configuration")


def _changes(draft: Draft) -> list[tuple[str, str, str, str, str]]:
    """Part, now, then, key of the diff and its word."""
    if draft.old is None:
        return []
    booked, under_way = posting_counts(scope(), draft.old.id)
    rows = service.preview_overwrite(scope(), draft.old, draft.through, draft.into, booked=booked, under_way=under_way)
    return [
        (wording.filled(coupling_words.PARTS[row.part], {}), _side(row.part, row.now), _side(row.part, row.then),
         _SIGNS[row.effect], wording.filled(coupling_words.EFFECTS[row.effect], {}))
        for row in rows
    ]  # fmt: skip


def _side(part: str, told: Mapping[str, Any]) -> str:
    if part == "authorisation":
        return _("%(name)s, the client's own log-in", name=told["name"]) if told["own"] else str(told["name"])
    if part == "dossier":
        return f"{told['number']} {told['name']}"
    count = int(told["count"])
    if part == "configurations":
        return str(ngettext("%(num)s configuration", "%(num)s configurations", count) if count else _("none"))
    if part == "history":
        return str(
            ngettext("%(num)s booked entry with its receipt", "%(num)s booked entries with their receipts", count)
        )
    return str(ngettext("%(num)s sending under way", "%(num)s sendings under way", count))


# ------------------------------------------------------------------ 4 configuration


@blueprint.get(AT + "/configuration")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.CREATE)
def wizard_configuration(client: uuid.UUID, app: str) -> Response:
    draft = draft_of(app, request.args)
    draft.need_dossier()
    return _configuration(draft)


def _configuration(draft: Draft, form: ConfigurationForm | None = None, status: int = 200) -> Response:
    stays, known = draft.stays, accounts(scope())
    if known and not stays:
        draft.read_books()
    if form is None and draft.books is not None and known:
        form = _form(draft, draft.books, known)
    return step_page(
        draft, "wizard_configuration", "wizard_configuration", status=status, form=form, stays=stays, known=known,
        books=draft.books, ledger=usable_accounts(draft.books) if draft.books else (), hint=hint(form),
        effect_url=url_for("couplings.effect", client=scope().tenant_id), wrong=len(form.errors) if form else 0,
        oldest=oldest_lines(scope()),
    )  # fmt: skip


def _form(draft: Draft, books: DossierBooks, known: Sequence[BankAccount]) -> ConfigurationForm:
    """With the answers of the address, else with what fits the bank account best."""
    if "journal" in draft.answers:
        form = ConfigurationForm(formdata=MultiDict(draft.answers), meta={"csrf": False})
    else:
        wanted = draft.answers.get("account", "")
        account = next((one for one in known if str(one.id) == wanted), known[0])
        proposed = with_wishes(
            defaults_for(books, account, draft.into.country, clock.today()), wishes(scope(), draft.app), books, account
        )
        form = ConfigurationForm(formdata=None, data=fields_of(proposed, account.id), meta={"csrf": False})
    form.offer(books, known)
    return form


@blueprint.get("/c/<uuid:client>/couplings/effect")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.VIEW)
def effect(client: uuid.UUID) -> Response:
    """What the choices in the form come down to, in a sentence."""
    return make_response(str(escape(hint(ConfigurationForm(formdata=request.args, meta={"csrf": False})))))


def hint(form: ConfigurationForm | None) -> str:
    general = _("Catches what the bank books late.")
    days, day = (form.delay_days.data, form.starts_on.data) if form else (None, None)
    if form is None or day is None or not isinstance(days, int) or not 0 <= days <= 14:
        return str(general)
    fmt, today, frequency = formats(), clock.today(), form.frequency.data or "monthly"
    due = last_due(frequency, days, today)
    at_once = _("What is of %(day)s or before follows at once.", day=fmt.day(due, today)) if due >= day else ""
    told = effect_of_choices(Choices("bank", "", "", "", frequency, day, form.ends_on.data, days), today)
    if told is None:
        ended = _("After that nothing goes out any more: the last day has passed.")
        return " ".join(filter(None, (at_once, ended)))
    period = fmt.month(told.start) if frequency == "monthly" else fmt.day(told.start, today)
    sentence = _("%(period)s goes out %(day)s.", period=period, day=fmt.day(told.goes_out_on, today))
    return " ".join(filter(None, (str(general), at_once, sentence[:1].upper() + sentence[1:])))


# ------------------------------------------------------------------ 5 check and activate


@blueprint.get(AT + "/check")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.CREATE)
def check(client: uuid.UUID, app: str) -> Response:
    draft = draft_of(app, request.args)
    draft.need_dossier()
    if not draft.seen:
        return go_to(draft.url("replaced"))
    if not draft.configured:
        return go_to(draft.url("wizard_configuration"))
    form = None
    if "later" not in draft.answers:
        form, chosen = _chosen(draft)
        if chosen is None:
            return _configuration(draft, form, 422)
    return _check(draft, form)


def _check(draft: Draft, form: ConfigurationForm | None, error: PortalError | None = None) -> Response:
    why = wording.of_error(error.code, error.values) if error else ""
    return step_page(
        draft, "check", "check", status=error.status if error else 200, form=form, why=why, stays=draft.stays,
        hint=hint(form), changes=_changes(draft),
        account=_account(form) if form else None,
    )  # fmt: skip


def _account(form: ConfigurationForm) -> BankAccount:
    return scope().get(BankAccount, as_id(form.account.data or ""))


def _chosen(draft: Draft) -> tuple[ConfigurationForm | None, Choices | None]:
    """The form and, when all of it fits the dossier, the choices."""
    known = accounts(scope())
    draft.read_books()
    if draft.books is None or not known:
        return None, None
    form = _form(draft, draft.books, known)
    if not form.validate():
        return form, None
    chosen, account = form.chosen(draft.books), _account(form)
    told = Coupling(dossier_number=draft.into.number, currency=draft.into.currency)
    if wrong := problems(draft.books, told, account, chosen, clock.today()):
        form.take(InvalidChoices(wrong))
        return form, None
    return form, chosen


@blueprint.post(AT)
@here_is("couplings")
@require(Permission.COUPLINGS, Right.CREATE)
def activate(client: uuid.UUID, app: str) -> Response:
    """The one step that changes something: the coupling and its configuration, or neither."""
    draft = draft_of(app, request.form)
    draft.need_dossier()
    if not draft.seen or not draft.configured:
        return go_to(draft.url("check"))
    form, chosen = (None, None) if "later" in draft.answers else _chosen(draft)
    if form is not None and chosen is None:
        return _configuration(draft, form, 422)
    account = _account(form) if form else None
    try:
        row = _couple(draft, account, chosen)
    except PortalError as error:
        db().rollback()
        return _check(draft_of(app, request.form), form, error)
    db().commit()
    if row is None:  # it waits; the notice says for whom
        return go_to(url_for("couplings.index", client=client))
    flash(_("Coupled with dossier %(number)s %(name)s.", number=row.dossier_number, name=row.dossier_name), "ok")
    return go_to(url_for("couplings.index", client=client))


def _couple(draft: Draft, account: BankAccount | None, chosen: Choices | None) -> Coupling | None:
    """The coupling with its books and configuration; None when a replacement waits for approval first."""
    if draft.old is None:
        row = service.activate_coupling(scope(), draft.through, draft.into.code)
        if draft.lists:
            store_books(scope(), row.id, draft.lists)
        if account is not None and chosen is not None:
            create_configuration(scope(), row.id, account, chosen)
        return row
    payload = approvable.payload_of(draft.old.id, draft.through.id, draft.into.code, account, chosen)
    outcome = perform(scope(), approvable.OVERWRITE, payload)
    _approvals.tell_waiting(outcome)
    replaced: Coupling | None = outcome.result
    if replaced is not None and draft.lists:
        store_books(scope(), replaced.id, draft.lists)
    return replaced
