"""Words for permissions, rights and the reasons of a decision."""

from __future__ import annotations

from collections.abc import Mapping

from portal.kernel.words import N_
from portal.permissions.rights import Permission, Right

P, R = Permission, Right

PERMISSIONS: Mapping[Permission, str] = {
    P.OVERVIEW: N_("Overview"),
    P.TENANT: N_("Name and address"),
    P.GRANTS: N_("Access management"),
    P.TEAM: N_("Team and whom they look after"),
    P.CREATE_USER: N_("Create users"),
    P.USERS: N_("Manage users"),
    P.PERMISSIONS: N_("Manage permissions"),
    P.LEGAL_ENTITIES: N_("Manage legal entities"),
    P.ACCOUNT_GROUPS: N_("Manage account groups"),
    P.JOB_ROLES: N_("Manage job roles"),
    P.SELF_APPROVED: N_("Manage self-approved permissions"),
    P.APPS: N_("Modules"),
    P.AUTHORISATIONS: N_("Authorisations"),
    P.COUPLINGS: N_("Couplings"),
    P.FEEDS: N_("Bank feeds"),
    P.STATEMENTS: N_("Statements"),
    P.DOCUMENTS: N_("Documents"),
    P.RECONCILE: N_("Reconcile"),
    P.API: N_("API keys"),
    P.ENTRIES: N_("Entries"),
    P.RUNS: N_("Runs"),
    P.FILES: N_("Files"),
    P.BILLING: N_("Billing"),
    P.ACTIVITY: N_("Audit trail"),
}
RIGHTS: Mapping[Right, str] = {
    R.VIEW: N_("View"),
    R.CREATE: N_("Create"),
    R.EDIT: N_("Edit"),
    R.APPROVE: N_("Approve"),
}

ERRORS: Mapping[str, str] = {
    "permission.every_account": N_(
        "This reaches bank accounts outside your account groups too. Ask somebody who is not limited to account groups."
    ),
    "permission.every_client": N_(
        "This reaches clients that are not assigned to you too. Ask somebody who sees every client."
    ),
}
