"""The two forms by which a person makes an account: a client account of their own, or a firm's portal."""

from __future__ import annotations

import pytest

from portal.kernel.db import Database
from tests import factories as make
from tests.routes.conftest import SignIn


@pytest.mark.parametrize(("kind", "asks_address"), [("client", False), ("portal", True)])
def test_the_form_asks_for_the_business_and_its_billing_address(
    sign_in: SignIn, database: Database, kind: str, asks_address: bool
) -> None:
    shown = sign_in(make.make_user(database)).get(f"/new/{kind}").get_data(as_text=True)
    wanted = ("name", "scheme", "enterprise_number", "street", "postcode", "city", "billing_email")
    assert [name for name in wanted if f'name="{name}"' not in shown] == []
    assert ('name="email"' in shown) == asks_address
