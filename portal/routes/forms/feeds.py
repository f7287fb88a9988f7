"""Forms about bank feeds."""

from __future__ import annotations

from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from portal.feeds.models import MOST_HOURS
from portal.routes.forms import Form, _l


class LinkForm(Form):
    """Who may renew: asked when a bank is linked."""

    email = StringField(_l("E-mail of whoever may renew"), [Length(max=254)], render_kw={"autocomplete": "email"})
    phone = StringField(_l("Telephone"), [Length(max=30)], render_kw={"autocomplete": "tel"})


class IntervalForm(Form):
    hours = IntegerField(
        _l("Hours between two fetches"), [InputRequired(_l("Fill this in.")), NumberRange(0, MOST_HOURS)]
    )
