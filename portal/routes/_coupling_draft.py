"""The answers of somebody who is coupling an account, as the address has them, and which steps are open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Response, flash, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.authorisations.models import Authorisation
from portal.connectors.errors import ConnectorError
from portal.couplings import service
from portal.couplings.asking import as_books
from portal.couplings.books import DossierBooks, Lists
from portal.couplings.dossiers import dossiers_of
from portal.couplings.models import Configuration, Coupling, Dossier
from portal.kernel.errors import NotFound
from portal.routes import _couplings, _problems
from portal.routes._access import scope
from portal.routes._htmx import go_to, page
from portal.shapes import Problem

CONFIGURATION = (
    "account", "frequency", "delay_days", "journal", "bank_ledger_account", "suspense_account", "starts_on", "ends_on",
    "automatic",
)  # fmt: skip
ANSWERS = ("authorisation", "dossier", "seen", "later", *CONFIGURATION)


class StepOpenError(Exception):
    """A step was asked for before the one it builds on; `url` is where that one is, `why` what to tell."""

    def __init__(self, url: str, why: str = "") -> None:
        self.url, self.why = url, why
        super().__init__(url)


@_couplings.blueprint.errorhandler(StepOpenError)
def _to_open_step(error: StepOpenError) -> Response:
    if error.why:
        flash(error.why, "warn")
    return go_to(error.url)


@dataclass(slots=True)
class Draft:
    """Rows are looked up in what this person may use."""

    app: str
    label: str
    answers: dict[str, str]
    old: Coupling | None  # the coupling that would be replaced
    authorisation: Authorisation | None = None
    dossier: Dossier | None = None
    lists: Lists = field(default_factory=dict)
    books: DossierBooks | None = None
    trouble: Problem | None = None  # why the books could not be read

    @property
    def through(self) -> Authorisation:
        """The authorisation, or back to where it is chosen."""
        if self.authorisation is None:
            raise StepOpenError(self.url("choose_authorisation"))
        return self.authorisation

    @property
    def into(self) -> Dossier:
        """The dossier, or back to where it is chosen."""
        if self.dossier is None:
            if self.authorisation is None:
                raise StepOpenError(self.url("choose_authorisation"))
            raise StepOpenError(self.url("choose_dossier"), _("Choose a dossier first."))
        return self.dossier

    def need_dossier(self) -> Dossier:
        """First thing in the steps that follow it."""
        return self.into

    @property
    def seen(self) -> bool:
        return self.old is None or "seen" in self.answers

    @property
    def configured(self) -> bool:
        return "later" in self.answers or "journal" in self.answers

    @property
    def stays(self) -> Sequence[Configuration]:
        """Configurations that move along, because the dossier is the same."""
        if self.old is None or self.dossier is None or self.old.dossier_code != self.dossier.code:
            return ()
        return [row for row in service.configurations_of(scope(), self.old.id) if row.state == "active"]

    @property
    def same(self) -> bool:
        """Whether all of it is as it is now, so that there is nothing to do."""
        if self.old is None or self.authorisation is None or self.dossier is None:
            return False
        now = (self.old.authorisation_tenant_id, self.old.authorisation_id, self.old.dossier_code)
        return now == (self.authorisation.tenant_id, self.authorisation.id, self.dossier.code)

    def url(self, step: str, **changes: str | None) -> str:
        kept: dict[str, Any] = {key: value for key, value in (self.answers | changes).items() if value is not None}
        return url_for(f"couplings.{step}", client=scope().tenant_id, app=self.app, **kept)

    def hidden(self, *without: str) -> list[tuple[str, str]]:
        """What the form of a step has to carry along."""
        return [(key, value) for key, value in self.answers.items() if key not in without]

    def read_books(self) -> None:
        """Ask the provider for the dossier's lists, or note why that did not work."""
        try:
            self.lists = _couplings.trial.lists(_couplings.ask(), self.through, self.into.code)
            self.books = as_books(self.lists, self.app)
        except ConnectorError as error:
            about = f"{self.into.number} {self.into.name}"
            self.trouble = _problems.problem(
                error.code, about, values=error.values, provider_text=error.provider_text, package=self.label
            )


def draft_of(app: str, given: Mapping[str, str]) -> Draft:
    """Raises NotFound for an authorisation that is not this person's to use."""
    answers = {key: given[key] for key in ANSWERS if given.get(key)}
    draft = Draft(app, _couplings.manifest(app).label, answers, service.active_coupling(scope(), app))
    if "authorisation" in answers:
        draft.authorisation = service.authorisation_for(scope(), answers["authorisation"])
        if draft.authorisation.app != app:
            raise NotFound()
        listed = dossiers_of(scope(), draft.authorisation) if "dossier" in answers else ()
        draft.dossier = next((dossier for dossier in listed if dossier.code == answers["dossier"]), None)
    return draft


def step_page(draft: Draft, step: str, template: str, *, status: int = 200, blocks: tuple[str, ...] = (),
              wrong: int = 0, **context: Any) -> Response:  # fmt: skip
    """`wrong`: fields of this step that have to be put right before it is done."""
    steps = _steps(draft, step if wrong else "")
    ready = sum(done for *_rest, done in steps)
    lead = _(
        "%(ready)s of %(total)s steps ready. Answers are kept in the address; nothing changes before the last step.",
        ready=ready, total=len(steps),
    )  # fmt: skip
    tasks = [(word, draft.url(key) if may else "", _status(key == step, may, done, wrong), key == step)
             for key, word, may, done in steps]  # fmt: skip
    return page(
        f"couplings/{template}.html", status=status, blocks=blocks, draft=draft, tasks_=tasks, lead=lead, **context
    )


def _steps(draft: Draft, wrong: str) -> list[tuple[str, str, bool, bool]]:
    """Endpoint, words, whether it can be started, whether it is done; `wrong`: the step with a mistake in it."""
    chosen = draft.dossier is not None
    steps = [
        ("choose_authorisation", _("Choose the authorisation"), True, draft.authorisation is not None),
        ("choose_dossier", _("Choose the dossier"), draft.authorisation is not None, chosen),
    ]
    if draft.old is not None:
        steps.append(("replaced", _("Compare what is replaced"), chosen, chosen and draft.seen))
    configured = chosen and draft.configured and wrong != "wizard_configuration"
    steps.append(("wizard_configuration", _("Fill in the configuration"), chosen, configured))
    ready = configured and draft.seen and not draft.same
    return [*steps, ("check", _("Look it over and activate"), ready, False)]


def _status(here: bool, may: bool, done: bool, wrong: int) -> str:
    if done:
        return str(_("Done"))
    if here and wrong:
        return str(ngettext("Busy, %(num)s field to put right", "Busy, %(num)s fields to put right", wrong))
    if here:
        return str(_("Busy"))
    return str(_("Still to do") if may else _("Cannot start yet"))
