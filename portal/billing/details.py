"""Where the invoices of a firm go, and its VAT number."""

from __future__ import annotations

from dataclasses import dataclass

from portal.access import Scope
from portal.activity.service import record
from portal.billing.vat import check_vat_number
from portal.identity.service import clean_email
from portal.kernel.errors import Invalid
from portal.tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class BillingDetails:
    """As typed."""

    street: str
    postcode: str
    city: str
    billing_email: str
    vat_number: str


def change_details(scope: Scope, typed: BillingDetails) -> Tenant:
    """From the next document on. Raises Invalid at the field that is wrong."""
    firm = scope.session.get_one(Tenant, scope.tenant_id)
    for name in ("street", "postcode", "city"):
        if not getattr(typed, name).strip():
            raise Invalid("billing.address", field=name)
    if not typed.billing_email.strip():
        raise Invalid("billing.no_email", field="billing_email")
    vat_number = check_vat_number(firm.country, firm.scheme, firm.enterprise_number, typed.vat_number)
    firm.street, firm.postcode = typed.street.strip()[:160], typed.postcode.strip()[:16]
    firm.city, firm.vat_number = typed.city.strip()[:80], vat_number
    firm.billing_email = clean_email(typed.billing_email, "billing_email")
    record(scope, "billing.details_changed", ("tenant", firm.id))
    return firm
