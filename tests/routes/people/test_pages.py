"""Pages about job roles, account groups, legal entities and people: forms, refusals in words, who may come."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from portal.approvals.models import Policy
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.ledger.models import BankAccount
from portal.permissions.models import AccountGroup, AccountGroupAccount, JobRoleRight, JobRoleRow, LegalEntity
from portal.tenants.models import Membership, Tenant
from tests import factories as make
from tests.routes.conftest import Client, SignIn
from tests.routes.entries.desk import words


@dataclass
class Place:
    database: Database
    tenant: Tenant
    home: str
    list: str
    browser: Client
    other: User
    other_membership: Membership
    account: BankAccount

    def count(self, model: type) -> int:
        with self.database.scoped(Setting(tenant=self.tenant.id)) as session:
            return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.fixture(params=["portal", "client"])
def place(request: pytest.FixtureRequest, database: Database, sign_in: SignIn) -> Place:
    """A firm and a client account alike."""
    head = make.make_user(database, "Nadia El Amrani", locale="en-GB")
    other = make.make_user(database, "Tom Peeters", locale="en-GB")
    client = make.make_tenant(database, "client", "Delmotte")
    tenant = client
    if request.param == "portal":
        tenant = make.make_tenant(database, "portal", "Peeters")
        make.make_grant(database, client, tenant)
    make.make_member(database, tenant, head, "administrator" if request.param == "portal" else "owner")
    membership = make.make_member(database, tenant, other, "custom")
    home = f"/p/{tenant.id}/team" if request.param == "portal" else f"/c/{tenant.id}/people"
    account = make.make_bank_account(database, client)
    return Place(database, tenant, home, home, sign_in(head), other, membership, account)


def only(place: Place, model: type[JobRoleRow] | type[AccountGroup] | type[LegalEntity]) -> uuid.UUID:
    with place.database.scoped(Setting(tenant=place.tenant.id)) as session:
        found: uuid.UUID = session.scalars(select(model.id)).one()
        return found


def test_a_job_role_is_made_filled_renamed_given_and_removed(place: Place) -> None:
    browser, roles = place.browser, f"{place.home}/roles"
    assert "No job role of your own yet" in words(browser.get(roles).text)
    ticks = {"name": "Enters", "right": ["entries:edit", "statements:view"], "alone": []}
    assert browser.post(f"{roles}/new", data=ticks).location == roles
    listed = words(browser.get(roles).text)
    assert "1 job role" in listed
    assert "Statements · Entries" in listed
    one = f"{roles}/{only(place, JobRoleRow)}"
    page = browser.get(one).text
    assert re.search(r'value="entries:view" aria-label="Entries: View" checked', page)
    more = {"right": ["entries:edit", "entries:approve"], "alone": ["entries"]}
    assert browser.post(f"{one}/rights", data=more).location == one
    assert "Saved. It counts from the next page on of everybody who has Enters." in words(browser.get(one).text)
    assert browser.post(f"{one}/name", data={"name": "Enters and approves"}).location == one
    person = f"{place.home}/person/{place.other_membership.id}"
    given = {"role": "custom", "job_role": one.rpartition("/")[2]}
    assert browser.post(person, data=given).location == person
    may = words(browser.get(person).text)
    assert "Entries View, Edit, Approve" in may
    assert "Enters and approves" in words(browser.get(place.list).text) or "/p/" in place.home
    assert browser.post(f"{one}/remove").location == one
    assert "is in use; people who have it: 1." in words(browser.get(one).text)
    browser.post(person, data={"role": "custom"})
    assert browser.post(f"{one}/remove").location == roles
    assert place.count(JobRoleRow) == 0


def test_a_form_that_cannot_be_saved_says_why_and_keeps_what_was_ticked(place: Place) -> None:
    browser, new = place.browser, f"{place.home}/roles/new"
    answer = browser.post(new, data={"name": "", "right": ["entries:edit", "nonsense:view"], "alone": []})
    assert answer.status_code == 422
    assert "This cannot be saved" in words(answer.text)
    assert re.search(r'value="entries:edit" aria-label="Entries: Edit" checked', answer.text)
    answer = browser.post(new, data={"name": "Alone", "right": ["entries:view"], "alone": ["entries"]})
    assert answer.status_code == 422
    assert "Whoever approves their own work must have the right Approve there too. (Entries)" in words(answer.text)
    assert place.count(JobRoleRight) == 0


def test_what_one_does_not_have_is_grey_and_refused_in_words(place: Place, sign_in: SignIn) -> None:
    rights = {
        "job_roles": ["view", "create"], "permissions": ["view", "edit"], "statements": ["view"],
    }  # fmt: skip
    make.make_job_role(place.database, place.tenant, place.other_membership, rights=rights)
    browser, new = sign_in(place.other), f"{place.home}/roles/new"
    page = browser.get(new).text
    assert re.search(r'value="entries:edit" aria-label="Entries: Edit" disabled', page)
    assert re.search(r'value="statements:view" aria-label="Statements: View">', page)
    answer = browser.post(new, data={"name": "Mine", "right": ["entries:edit"]})
    assert answer.status_code == 422
    told = "You give a right that you do not have yourself. Nothing was changed. (Entries: View)"
    assert told in words(answer.text)


def test_an_account_group_is_made_limited_to_and_removed(place: Place) -> None:
    browser, groups = place.browser, f"{place.home}/groups"
    assert "No account group yet" in words(browser.get(groups).text)
    value = f"{place.account.tenant_id}:{place.account.id}"
    assert browser.post(f"{groups}/new", data={"name": "Shops", "shown": value}).location == groups
    assert "1 bank account is in no group" in words(browser.get(groups).text)
    one = f"{groups}/{only(place, AccountGroup)}"
    assert browser.post(f"{one}/loose").location == groups
    assert "1 bank account was added to Shops." in words(browser.get(groups).text)
    assert "in no group" not in words(browser.get(groups).text)
    page = browser.get(one).text
    assert "1 bank account is in this group." in words(page)
    assert place.account.number[-4:] in page
    assert browser.post(one, data={"name": "Shops in town"}).location == one  # what it did not show stays
    assert place.count(AccountGroupAccount) == 1
    person = f"{place.home}/person/{place.other_membership.id}"
    assert browser.post(person, data={"role": "custom", "group": one.rpartition("/")[2]}).location == person
    assert browser.post(f"{one}/remove").location == one
    assert "The group Shops in town is in use; people limited to it: 1." in words(browser.get(one).text)
    browser.post(person, data={"role": "custom"})
    assert browser.post(one, data={"name": "Shops in town", "shown": value}).location == one
    assert place.count(AccountGroupAccount) == 0
    assert browser.post(f"{one}/remove").location == groups


def test_accounts_are_found_by_number_and_by_name(place: Place) -> None:
    new = f"{place.home}/groups/new"
    number = place.account.number
    in_fours = " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    assert number[-4:] in place.browser.get(new, query_string={"q": in_fours}).text.replace(in_fours, "")
    assert "No account answers to “no such bank”" in words(
        place.browser.get(new, query_string={"q": "no such bank"}).text
    )


def test_ticks_stay_while_one_looks_for_other_accounts(place: Place) -> None:
    new, value = f"{place.home}/groups/new", f"{place.account.tenant_id}:{place.account.id}"
    typed = {"name": "Shops", "shown": value, "account": value, "q": "elsewhere", "found": ""}
    looked = place.browser.post(new, data=typed)
    assert "No account answers to “elsewhere”" in words(looked.text)
    assert f'<input type="hidden" name="account" value="{value}">' in looked.text
    assert 'value="Shops"' in looked.text
    assert place.count(AccountGroup) == 0
    back = place.browser.post(new, data=typed | {"q": "", "found": "elsewhere"})
    assert re.search(rf'name="account" value="{value}" [^>]* checked', back.text)
    place.browser.post(new, data=typed | {"q": "elsewhere", "found": "elsewhere"})
    assert place.count(AccountGroupAccount) == 1
    one = f"{place.home}/groups/{only(place, AccountGroup)}"
    untied = place.browser.post(one, data={"name": "Shops", "shown": value, "look": "1"})
    assert not re.search(rf'name="account" value="{value}" [^>]* checked', untied.text)
    assert place.count(AccountGroupAccount) == 1


def test_what_waits_is_told_where_it_is_about(place: Place) -> None:
    role = make.make_job_role(place.database, place.tenant, place.other_membership, rights={"entries": ["view"]})
    with place.database.scoped(Setting(tenant=place.tenant.id)) as session:
        for kind in ("permission.changed", "account_group.created", "member.role"):
            session.add(Policy(tenant_id=place.tenant.id, kind=kind, approvals=1, changed_at=clock.now()))
    browser, groups = place.browser, f"{place.home}/groups"
    browser.post(f"{groups}/new", data={"name": "Shops"})
    browser.get(groups)  # where the notice of submitting it is
    assert "Waits for approval: Make the account group Shops" in words(browser.get(groups).text)
    one = f"{place.home}/roles/{role.id}"
    browser.post(f"{one}/rights", data={"right": "entries:edit"})
    browser.get(one)
    assert "Waits for approval: Change the rights of the job role" in words(browser.get(one).text)
    assert "Waiting for approval Change the rights of the job role" in words(browser.get(f"{place.home}/roles").text)
    person = f"{place.home}/person/{place.other_membership.id}"
    browser.post(person, data={"role": "reader"})
    browser.get(person)
    page = browser.get(person).text
    assert "Waits for approval: Change the role of Tom Peeters" in words(page)
    assert "Nobody here may approve it now." in words(page)
    task = re.search(r'href="([^"]+/approvals/[^"]+)"', page)
    assert task
    assert "Change the role of Tom Peeters" in browser.get(task[1]).text
    assert "Waiting for approval Change the role of Tom Peeters" in words(browser.get(place.list).text)


def test_a_group_without_a_name_or_with_a_strange_account_is_refused(place: Place, database: Database) -> None:
    theirs = make.make_bank_account(database, make.make_tenant(database, "client", "Strangers"))
    new = f"{place.home}/groups/new"
    for data in (
        {"name": ""},
        {"name": "x", "account": f"{theirs.tenant_id}:{theirs.id}"},
        {"name": "x", "account": "y"},
    ):
        answer = place.browser.post(new, data=data)
        assert answer.status_code == 422
        assert "This cannot be saved" in words(answer.text)
    assert place.count(AccountGroup) == 0


def test_a_legal_entity_is_added_changed_and_removed(place: Place) -> None:
    browser, entities = place.browser, f"{place.home}/entities"
    wrong = browser.post(entities, data={"name": "Colruyt", "scheme": "kbo", "enterprise_number": "0400.378.486"})
    assert wrong.status_code == 422
    assert "cannot be right" in words(wrong.text)
    right = {"name": "Colruyt", "scheme": "kbo", "enterprise_number": "0400.378.485"}
    assert browser.post(entities, data=right).location == entities
    assert "is here already" in words(browser.post(entities, data=right).text)
    one = f"{entities}/{only(place, LegalEntity)}"
    assert "0400.378.485" in browser.get(one).text
    assert browser.post(one, data=right | {"name": "Colruyt Group"}).location == entities
    assert "Colruyt Group" in browser.get(entities).text
    assert browser.post(f"{one}/remove").location == entities
    assert place.count(LegalEntity) == 0


def test_somebody_is_invited_with_roles_and_groups(place: Place) -> None:
    browser, invite = place.browser, f"{place.home}/invite"
    role = make.make_job_role(place.database, place.tenant, rights={"entries": ["view"]})
    group = make.make_group(place.database, place.tenant)
    email = f"new-{uuid.uuid4().hex[:8]}@example.com"
    answer = browser.post(invite, data={"email": email, "role": "custom"})
    assert answer.status_code == 422
    data = {"email": email, "name": "New Person", "role": "custom", "job_role": str(role.id), "group": str(group.id)}
    assert browser.post(invite, data=data).location == place.list
    listed = words(browser.get(place.list).text)
    assert f"{email} has access, and a mail that says so." in listed
    assert "New Person" in listed
    assert "belongs to this account already" in words(browser.post(invite, data=data).text)


def test_the_box_for_software_leads_to_a_user_code(place: Place) -> None:
    answer = place.browser.post(f"{place.home}/invite", data={"software": "y"})
    assert answer.location.endswith("/software-users/new")
    assert "It only looks" in words(place.browser.get(answer.location).text)


def test_the_last_head_stays_and_the_page_says_so(place: Place) -> None:
    with place.database.scoped(Setting(tenant=place.tenant.id)) as session:
        head = session.scalars(select(Membership.id).where(Membership.role != "custom")).one()
    person = f"{place.home}/person/{head}"
    answer = place.browser.post(person, data={"role": "custom"})
    assert answer.status_code == 422
    assert "This is the last person who can let others in." in words(answer.text)
    if place.tenant.kind == "client":
        assert place.browser.post(f"{person}/end").status_code == 409


def test_whoever_is_let_go_is_no_longer_there(place: Place, sign_in: SignIn) -> None:
    person = f"{place.home}/person/{place.other_membership.id}"
    if place.tenant.kind == "portal":
        assert (
            f"/team/{place.other_membership.id}/leave" in place.browser.get(person).text
        )  # where one hands over first
        return
    assert place.browser.post(f"{person}/end").location == place.list
    assert place.browser.get(person).status_code == 404
    assert sign_in(place.other).get(place.home).status_code == 404


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("roles", "“View” on “Manage job roles”"), ("groups/new", "“Create” on “Manage account groups”"),
        ("entities", "“View” on “Manage legal entities”"), ("invite", "“Create” on “Create users”"),
    ],
)  # fmt: skip
def test_who_may_not_is_told_what_is_missing_and_whom_to_ask(
    place: Place, sign_in: SignIn, path: str, missing: str
) -> None:
    answer = sign_in(place.other).get(f"{place.home}/{path}")
    assert answer.status_code == 403
    assert f"This needs the right {missing}." in words(answer.text)
    assert "Ask Nadia El Amrani." in words(answer.text)


def test_nobody_is_led_to_pages_that_are_not_for_them(place: Place, sign_in: SignIn) -> None:
    home = f"/{'p' if '/p/' in place.home else 'c'}/{place.tenant.id}/"
    assert f'href="{place.list}"' in place.browser.get(home).text
    page = sign_in(place.other).get(home).text
    assert f'href="{home}"' in page
    assert f'href="{place.list}"' not in page
    assert f'href="{home}entries"' not in page
