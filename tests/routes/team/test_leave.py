"""The page for a colleague who leaves, from the list of colleagues to the end of the access."""

from __future__ import annotations

import re

from portal.identity.models import User
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from portal.tenants.models import Tenant
from tests import factories as make
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import words


def firm_of(db: Database) -> tuple[Tenant, User, User, User]:
    people = [make.make_user(db, name, locale="en-GB") for name in ("Nadia El Amrani", "Karin Wouters", "Jan De Smet")]
    roles = dict(zip(people, ("administrator", "staff", "staff"), strict=True))
    return make.make_tenant(db, "portal", "Peeters Lambrechts", members=roles), *people  # type: ignore[return-value]  # three


def test_log_ins_are_handed_over_and_every_open_page_is_shut(sign_in: SignIn, database: Database, vault: Vault) -> None:
    firm, head, goes, stays = firm_of(database)
    one = make.make_authorisation(
        database, vault, firm, access="a", refresh="r", name="Main", owner_id=goes.id, remote_email=goes.email
    )
    browser, hers = sign_in(head), sign_in(goes)
    assert hers.get(f"/p/{firm.id}/").status_code == 200
    html = browser.get(f"/p/{firm.id}/team").text
    assert "owns 1 log-in" in words(html)
    url = next(link for link in re.findall(r'href="([^"]+/leave)"', html) if link in html.partition("Karin Wouters")[2])
    shown = words(browser.get(url).text)
    assert "Karin Wouters leaves, 1 log-in needs another owner" in shown
    assert "of Karin Wouters personally" in shown
    refused = browser.post(url, data={})
    assert (refused.status_code, "Choose who takes over Main" in refused.text) == (422, True)
    assert hers.get(f"/p/{firm.id}/").status_code == 200
    assert browser.post(url, data={f"owner-{one.id}": str(stays.id)}).status_code == 303
    text = words(browser.get(f"/p/{firm.id}/team").text)
    assert "Karin Wouters has no access any more, in no open page." in text
    assert "1 log-in has a new owner." in text
    assert hers.get(f"/p/{firm.id}/").status_code == 303  # to the page where one signs in
    assert browser.get(url).status_code == 404


def test_who_holds_nothing_can_leave_and_nobody_ends_their_own_access(sign_in: SignIn, database: Database) -> None:
    firm, head, goes, _stays = firm_of(database)
    browser = sign_in(head)
    links = re.findall(r'href="([^"]+/leave)"', browser.get(f"/p/{firm.id}/team").text)
    pages = {link: words(browser.get(link).text) for link in links}
    hers = next(link for link, text in pages.items() if "Karin Wouters can leave" in text)
    mine = next(link for link, text in pages.items() if "Nadia El Amrani can leave" in text)
    answer = browser.post(mine)
    assert (answer.status_code, "You cannot end your own access here." in answer.text) == (409, True)
    assert browser.post(hers).status_code == 303
    assert sign_in(goes).get(hers).status_code == 404
