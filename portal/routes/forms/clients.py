"""Forms by which a firm makes client accounts and lets their owners take them over."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired
from wtforms import EmailField
from wtforms.validators import InputRequired, Length

from portal.routes.forms import Form, _l
from portal.routes.forms.tenants import ClientForm

_needed = InputRequired(_l("Fill this in."))


class NewClientForm(ClientForm):
    """The details of one business."""


class ListForm(Form):
    file = FileField(_l("CSV file"), [FileRequired(_l("Choose a file."))])


class InviteForm(Form):
    email = EmailField(_l("E-mail address of the owner"), [_needed, Length(max=254)])


class MoveForm(Form):
    email = EmailField(_l("Address of the new firm’s portal"), [_needed, Length(max=254)])
