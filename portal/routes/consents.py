"""The consents of all clients of a firm: calendar, list, bulk sending of renewal links."""

from __future__ import annotations

import calendar as months
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal import runtime
from portal.access import Permission, Right
from portal.feeds import calendar
from portal.feeds.calendar import Calendar, Consent
from portal.kernel import clock
from portal.kernel.errors import PortalError
from portal.notifications import service as notifications
from portal.routes import _feeds, wording
from portal.routes._access import as_id, db, entered, require, scope
from portal.routes._active import here_is
from portal.routes._csv import csv_answer
from portal.routes._htmx import go_to, page
from portal.routes._shell import SCHEME_COUNTRY
from portal.shapes import Paging
from portal.templating import formats

blueprint = Blueprint("consents", __name__)
CONSENTS = "/p/<uuid:portal>/consents"
SIZES = (50, 100, 500)
MONTHS = 2


@dataclass(frozen=True, slots=True)
class Month:
    name: str
    weeks: Sequence[Sequence[date | None]]


@blueprint.get(CONSENTS)
@here_is("consents")
@require(Permission.FEEDS, Right.VIEW)
def index(portal: uuid.UUID) -> Response:
    return _page("")


def _page(address: str) -> Response:
    """`address`: the secret one of the calendar feed, right after it was made and never again."""
    found = calendar.calendar(scope())
    rows = _wanted(found)
    per = request.args.get("per", SIZES[0], type=int)
    per = per if per in SIZES else SIZES[0]
    last = max(-(-len(rows) // per), 1)
    number = min(max(request.args.get("page", 1, type=int), 1), last)
    shown = rows[(number - 1) * per : number * per]
    return page(
        "consents/index.html", found=found, rows=shown, who=calendar.who_may(scope(), shown), months=_months(found),
        by_day=found.by_day, tone_of=lambda day: _tone(day, found.today), words=_feeds,
        here_q=request.args.get("q", ""), here_week=request.args.get("week", ""), country=SCHEME_COUNTRY,
        paging=Paging(number, per, len(rows), SIZES), address=address, link=calendar.link_of(scope()),
        may_send=scope().may(Permission.FEEDS, Right.EDIT), weeks=found.weeks, day=request.args.get("day", ""),
        until=request.args.get("until", ""), first_of_page=(number - 1) * per, blocks=("consents",),
    )  # fmt: skip


def _wanted(found: Calendar) -> list[Consent]:
    """What the address asks for: one day, one week, or words of a client or bank."""
    day, week, words = (request.args.get(name, "")[:80] for name in ("day", "week", "q"))
    rows = list(found.consents)
    if chosen := _day(day):
        rows = [one for one in rows if one.ends_on == chosen]
    if monday := _day(week):
        rows = [one for one in rows if monday <= one.ends_on < monday + timedelta(days=7)]
    if words:
        rows = [one for one in rows if words.lower() in f"{one.client} {one.bank}".lower()]
    return rows


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _tone(day: date, today: date) -> str:
    if day < today:
        return "stop"
    return "warn" if day <= today + timedelta(days=calendar.SOON) else "later"


def _months(found: Calendar) -> list[Month]:
    """This month and the next, in weeks from Monday."""
    made, first = [], found.today.replace(day=1)
    for _number in range(MONTHS):
        weeks = [
            [day if day.month == first.month else None for day in week]
            for week in months.Calendar().monthdatescalendar(first.year, first.month)
        ]
        made.append(Month(formats().month(first), weeks))
        first = (first + timedelta(days=31)).replace(day=1)
    return made


@blueprint.post(CONSENTS + "/links")
@here_is("consents")
@require(Permission.FEEDS, Right.EDIT)
def send(portal: uuid.UUID) -> Response:
    """Bulk: a renewal link for each chosen consent."""
    made = runtime.get()
    if request.form.get("select") == "all":
        chosen = {one.id for one in _wanted(calendar.calendar(scope()))}
    else:
        chosen = {as_id(value) for value in request.form.getlist("id")}
    try:
        mails, count = calendar.send_many(scope(), made.vault, made.settings, chosen)
    except PortalError as error:
        db().rollback()
        flash(wording.of_error(error.code, error.values), "warn")
        return go_to(url_for("consents.index", portal=portal))
    db().commit()
    flash(
        ngettext("%(num)s renewal link is on its way,", "%(num)s renewal links are on their way,", mails)
        + " " + ngettext("for %(num)s consent.", "for %(num)s consents.", count), "ok",
    )  # fmt: skip
    return go_to(url_for("consents.index", portal=portal))


@blueprint.get(CONSENTS + "/mail")
@here_is("consents")
@require(Permission.FEEDS, Right.VIEW)
def mail(portal: uuid.UUID) -> Response:
    """The mail as it would go out for the first consent of the list, without a link that works."""
    rows = calendar.calendar(scope()).consents
    one = next((row for row in rows if str(row.id) == request.args.get("id")), rows[0] if rows else None)
    people = calendar.who_may(scope(), [one])[one.id] if one else ()
    subject = text = ""
    if one is not None:
        person = people[0] if people else None
        values = {
            "person": person.name if person else "", "client": one.client, "bank": one.bank,
            "provider": _feeds.label(one.provider), "ends": one.ends_on.isoformat(),
            "days": str((one.ends_on - clock.today()).days), "until": "", "link": _("(here stands the link)"),
        }  # fmt: skip
        subject, text = notifications.preview("renewal", person.locale if person else entered().locale, values)
    return page("consents/mail.html", one=one, people=people, subject=subject, text=text)


@blueprint.get(CONSENTS + ".csv")
@require(Permission.FEEDS, Right.VIEW)
def csv(portal: uuid.UUID) -> Response:
    found, fmt = _wanted(calendar.calendar(scope())), formats()
    who = calendar.who_may(scope(), found)
    head = [_("Client"), _("Enterprise number"), _("Bank"), _("Provider"), _("State"), _("Ends"), _("Who may renew"),
            _("Last link")]  # fmt: skip
    rows = (
        [
            one.client, one.enterprise_number, one.bank, _feeds.label(one.provider), _feeds.word(one.state),
            one.ends_on.isoformat(), ", ".join(person.email for person in who[one.id]),
            fmt.datetime(one.link_sent_at) if one.link_sent_at else "",
        ]
        for one in found
    )  # fmt: skip
    return csv_answer(f"consents-{clock.today().isoformat()}.csv", head, rows)


@blueprint.post(CONSENTS + "/calendar")
@here_is("consents")
@require(Permission.FEEDS, Right.VIEW)
def make_link(portal: uuid.UUID) -> Response:
    """A secret address for the calendar of whoever asks; the one before stops working."""
    token = calendar.make_link(scope())
    db().commit()
    return _page(f"{runtime.get().settings.base_url}{url_for('renewals.ical', token=token)}")


@blueprint.post(CONSENTS + "/calendar/revoke")
@here_is("consents")
@require(Permission.FEEDS, Right.VIEW)
def revoke_link(portal: uuid.UUID) -> Response:
    calendar.revoke_link(scope())
    db().commit()
    flash(_("The address of your calendar no longer works."), "ok")
    return go_to(url_for("consents.index", portal=portal))
