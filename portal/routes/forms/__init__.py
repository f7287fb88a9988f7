"""One form class a form. Texts are worded here, checked again by the services."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms.fields.choices import SelectChoice

from portal.kernel.errors import Invalid, PortalError
from portal.routes import wording

_l = lazy_gettext


def choices(*pairs: tuple[str, Any]) -> list[SelectChoice]:
    """(value, word) for a select or radio field."""
    return [SelectChoice(value, word) for value, word in pairs]


class Form(FlaskForm):  # type: ignore[misc]  # Flask-WTF publishes no types
    def take(self, error: PortalError) -> None:
        """Show a service's refusal at its field, or above the form."""
        text = wording.of_error(error.code, error.values)
        field: Any = self._fields.get(error.field) if isinstance(error, Invalid) and error.field else None
        if field is not None:
            field.errors = [*field.errors, text]
        else:
            self.form_errors.append(text)
