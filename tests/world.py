"""The fixed cast of the tests: two firms, their clients, and everybody who might try a door."""

from __future__ import annotations

from dataclasses import dataclass

from portal.identity.models import User
from portal.kernel.db import Database
from portal.tenants.models import Tenant
from tests import factories as make


@dataclass(frozen=True)
class World:
    firm: Tenant
    rival: Tenant  # another firm
    client: Tenant  # let the firm in
    other_client: Tenant  # let the rival in
    shut_client: Tenant  # let nobody in
    administrator: User
    staff: User
    reader: User  # of the firm
    rival_staff: User
    owner: User  # of client
    editor: User
    client_reader: User
    stranger: User  # signed up, belongs nowhere
    former: User  # was staff of the firm


def make_world(db: Database) -> World:
    people = {
        key: make.make_user(db, name)
        for key, name in {
            "administrator": "Nadia El Amrani", "staff": "Karin Wouters", "reader": "Jan De Smet",
            "rival_staff": "Piet Bakker", "owner": "Claire Delmotte", "editor": "Luc Delmotte",
            "client_reader": "Anne Delmotte", "stranger": "Iris Vreemd", "former": "Tom Weg",
        }.items()
    }  # fmt: skip
    firm = make.make_tenant(
        db, "portal", "Peeters Lambrechts",
        members={people["administrator"]: "administrator", people["staff"]: "staff", people["reader"]: "reader"},
    )  # fmt: skip
    rival = make.make_tenant(db, "portal", "Bakker & Zn", members={people["rival_staff"]: "staff"})
    client = make.make_tenant(
        db, "client", "Boulangerie Delmotte SRL",
        members={people["owner"]: "owner", people["editor"]: "editor", people["client_reader"]: "reader"},
    )  # fmt: skip
    other_client = make.make_tenant(db, "client", "Drukkerij Ingels NV")
    shut_client = make.make_tenant(db, "client", "Hoeve ’t Lindenhof CommV")
    make.make_grant(db, client, firm)
    make.make_grant(db, other_client, rival)
    return World(firm, rival, client, other_client, shut_client, **people)
