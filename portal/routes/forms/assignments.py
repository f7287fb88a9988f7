"""Who looks after which clients: what is to change, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from wtforms import DateTimeLocalField, RadioField, SelectField, StringField
from wtforms.validators import Length, Optional

from portal.routes.forms import Form, _l, choices
from portal.templating import formats
from portal.tenants.assignments import REASON_LENGTH, Person

ASSIGN, FOR_A_TIME, END = "assign", "time", "end"


class ChangeForm(Form):
    user = SelectField(_l("Person"))
    what = RadioField(
        _l("What changes"),
        choices=choices(
            (ASSIGN, _l("Looks after these clients until further notice")),
            (FOR_A_TIME, _l("Gets access for a time")),
            (END, _l("Looks after these clients no more")),
        ),
        default=ASSIGN,
    )
    ends_at = DateTimeLocalField(_l("Until"), [Optional()], format="%Y-%m-%dT%H:%M")
    reason = StringField(_l("Reason"), [Length(max=REASON_LENGTH)])

    def fill(self, people: Sequence[Person]) -> ChangeForm:
        names = [(str(person.user_id), person.name) for person in people]
        self.user.choices = choices(("", _l("Everybody who has them")), *names)
        return self

    @property
    def until(self) -> datetime | None:
        """What was typed, by the clock of the reader."""
        typed: datetime | None = self.ends_at.data
        return typed.replace(tzinfo=formats().zone).astimezone(UTC) if typed else None
