"""The page “as it was on”: history in the words of the pages of today."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select

from portal.access import Scope
from portal.activity.history import AsItWas, Row, ids
from portal.connectors import registry
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.words import N_
from portal.ledger.models import BankAccount
from portal.permissions.rights import Permission, Right
from portal.permissions.wording import PERMISSIONS, RIGHTS
from portal.templating import formats

ROLES: Mapping[str, str] = {
    "administrator": N_("Administrator"),
    "staff": N_("Staff"),
    "reader": N_("Reader"),
    "owner": N_("Owner"),
    "editor": N_("Editor"),
    "custom": N_("Job roles of the firm"),
    "software": N_("Accounting software"),
}
STATES: Mapping[str, str] = {
    "pending": N_("waits for the address to be proved"),
    "active": N_("active"),
    "inactive": N_("switched off"),
}
FREQUENCIES: Mapping[str, str] = {"daily": N_("Daily"), "monthly": N_("Monthly")}


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the page; the first cell of a row names it."""

    key: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def sections(scope: Scope, was: AsItWas) -> list[Section]:
    """What there is to show of an account of this kind; empty tables too, as nothing is an answer."""
    people = _names(scope, was)
    if scope.kind == "portal":
        return [_members(was, people), _job_roles(was), _groups(was)]
    return [_grants(was), _members(was, people), _couplings(was), _configurations(scope, was)]


def _names(scope: Scope, was: AsItWas) -> dict[str, str]:
    known = ids(was.of("memberships"), "user_id")
    found = scope.session.execute(select(User.id, User.name).where(User.id.in_(known)))
    return {str(row.id): row.name for row in found}


def _members(was: AsItWas, people: Mapping[str, str]) -> Section:
    roles = {row["id"]: row["name"] for row in was.of("job_roles")}

    def more(row: Row) -> str:
        held = [roles.get(one["job_role_id"], "") for one in was.of("member_job_roles", membership_id=row["id"])]
        return ", ".join(sorted(filter(None, held)))

    rows = [
        (people.get(row["user_id"], _("somebody who is gone")), _word(ROLES, row["role"]), more(row))
        for row in was.of("memberships", ended_at=None)
    ]
    return Section("members", _("People"), (_("Name"), _("Role"), _("Job roles")), sorted(rows))


def _job_roles(was: AsItWas) -> Section:
    rows = []
    for role in was.of("job_roles"):
        rights = [
            f"{_(PERMISSIONS[Permission(one['permission'])])}: "
            + ", ".join(_(RIGHTS[right]) for right in Right if right in one["rights"])
            for one in was.of("job_role_rights", job_role_id=role["id"])
            if one["permission"] in set(Permission)
        ]
        rows.append((role["name"], "; ".join(sorted(rights))))
    return Section("roles", _("Job roles"), (_("Name"), _("Rights")), sorted(rows))


def _groups(was: AsItWas) -> Section:
    rows = [
        (group["name"], formats().number(len(was.of("account_group_accounts", group_id=group["id"]))))
        for group in was.of("account_groups")
    ]
    return Section("groups", _("Account groups"), (_("Name"), _("Bank accounts")), sorted(rows))


def _grants(was: AsItWas) -> Section:
    living = [row for row in was.of("grants") if row["state"] in ("pending", "active")]
    on = clock.day(was.moment).isoformat()
    rows = [
        (row["email"], _word(ROLES, row["role"]), _word(STATES, row["state"]), _day(row["ends_on"]))
        for row in living
        if row["ends_on"] is None or row["ends_on"] >= on
    ]
    return Section(
        "grants", _("Access that was given"), (_("Whom"), _("Role"), _("State"), _("Last day")), sorted(rows)
    )


def _couplings(was: AsItWas) -> Section:
    rows = [
        (f"{row['dossier_number']} {row['dossier_name']}", _app(row["app"]), row["authorisation_name"])
        for row in was.of("couplings", state="active")
    ]
    return Section("couplings", _("Couplings"), (_("Dossier"), _("Package"), _("Authorisation")), sorted(rows))


def _configurations(scope: Scope, was: AsItWas) -> Section:
    numbers = _accounts(scope, ids(was.of("configurations"), "bank_account_id"))
    rows = [
        (
            numbers.get(row["bank_account_id"] or "", _("Documents")),
            row["journal"],
            row["suspense_account"],
            _word(FREQUENCIES, row["frequency"]),
            _word(STATES, row["state"]),
        )
        for row in was.of("configurations")
        if row["state"] != "deleted"
    ]
    head = (_("What"), _("Journal"), _("Suspense account"), _("How often"), _("State"))
    return Section("configurations", _("Configurations"), head, sorted(rows))


def _accounts(scope: Scope, known: set[uuid.UUID]) -> dict[str, str]:
    query = select(BankAccount).where(BankAccount.tenant_id == scope.tenant_id, BankAccount.id.in_(known))
    return {str(account.id): formats().iban(account.number) for account in scope.session.scalars(query)}


def _app(key: str) -> str:
    return registry.load(key).MANIFEST.label if key in registry.CONNECTORS else key


def _word(words: Mapping[str, str], key: str) -> str:
    return _(words[key]) if key in words else key


def _day(text: str | None) -> str:
    return formats().date(date.fromisoformat(text)) if text else ""
