"""Where invoices go."""

from __future__ import annotations

from wtforms import StringField
from wtforms.validators import InputRequired, Length

from portal.billing.details import BillingDetails
from portal.routes.forms import Form, _l

_needed = InputRequired(_l("Fill this in."))


class BillingForm(Form):
    street = StringField(
        _l("Street and number"), [_needed, Length(max=160)], render_kw={"autocomplete": "street-address"}
    )
    postcode = StringField(_l("Postal code"), [_needed, Length(max=16)], render_kw={"autocomplete": "postal-code"})
    city = StringField(_l("Place"), [_needed, Length(max=80)], render_kw={"autocomplete": "address-level2"})
    billing_email = StringField(_l("E-mail address for invoices"), [_needed, Length(max=254)])
    vat_number = StringField(_l("VAT number"), [Length(max=30)])

    def details(self) -> BillingDetails:
        return BillingDetails(
            street=self.street.data or "",
            postcode=self.postcode.data or "",
            city=self.city.data or "",
            billing_email=self.billing_email.data or "",
            vat_number=self.vat_number.data or "",
        )
