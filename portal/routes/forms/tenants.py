"""Forms about a tenant: its details, its people, whom it lets in."""

from __future__ import annotations

from wtforms import DateField, EmailField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from portal.routes.forms import Form, _l, choices
from portal.tenants.service import Details

_needed = InputRequired(_l("Fill this in."))
SCHEMES = choices(("kbo", _l("Belgium (KBO/BCE)")), ("kvk", _l("Netherlands (KVK)")), ("siren", _l("France (SIREN)")))


class _DetailsForm(Form):
    name = StringField(
        _l("Name of the business"), [_needed, Length(max=160)], render_kw={"autocomplete": "organization"}
    )
    scheme = SelectField(_l("Country and register"), choices=SCHEMES)
    enterprise_number = StringField(_l("Enterprise number"), [_needed, Length(max=40)])
    street = StringField(_l("Street and number"), [Length(max=160)], render_kw={"autocomplete": "street-address"})
    postcode = StringField(_l("Postal code"), [Length(max=16)], render_kw={"autocomplete": "postal-code"})
    city = StringField(_l("Place"), [Length(max=80)], render_kw={"autocomplete": "address-level2"})
    billing_email = StringField(_l("E-mail address for invoices"), [Length(max=254)])

    def details(self) -> Details:
        return Details(
            name=self.name.data,
            scheme=self.scheme.data,
            enterprise_number=self.enterprise_number.data,
            street=self.street.data or "",
            postcode=self.postcode.data or "",
            city=self.city.data or "",
            billing_email=self.billing_email.data or "",
        )


class PortalForm(_DetailsForm):
    email = EmailField(_l("E-mail address by which clients let your firm in"), [_needed, Length(max=254)])


class ClientForm(_DetailsForm):
    pass


class GrantForm(Form):
    email = EmailField(_l("E-mail address of the firm or person"), [_needed, Length(max=254)])
    role = RadioField(
        _l("What they may do"),
        choices=choices(("editor", _l("Work in this account")), ("reader", _l("Only look"))),
        default="editor",
    )
    ends_on = DateField(_l("Last day"), [Optional()])


class RequestForm(Form):
    email = EmailField(_l("E-mail address of the client"), [_needed, Length(max=254)])
    role = RadioField(
        _l("What you ask for"),
        choices=choices(("editor", _l("Work in the account")), ("reader", _l("Only look"))),
        default="editor",
    )
    message = TextAreaField(_l("Message to the client"), [Length(max=500)])
