"""The shared rules for bookkeeping connectors, kept by Odoo against its stand-in, over both protocols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from requests.auth import AuthBase

from portal.connectors.base import Application, EntryKind, Form, LedgerAccount, RemoteEntry
from portal.connectors.errors import AlreadyPosted, AuthorisationExpired, Rejected, Temporary
from portal.connectors.odoo import MANIFEST, connect, sign
from portal.connectors.odoo.client import Client
from tests.connectors.contract import (
    BookkeepingContract,
    Fault,
    a_reference,
    accounts_of,
    bank_entry,
    look_up,
    refusal_of,
    send,
)
from tests.connectors.package_world import LOGIN, LOCKED_UNTIL, OPEN_CODE, Control, PackageWorld, fresh, serving

DATABASE = "kantoor"


class OdooWorld(PackageWorld):
    key, connect = "odoo", staticmethod(connect)
    capabilities = MANIFEST.capabilities
    foreign_account = LedgerAccount("999999", "Nowhere", "999999999", "general")
    foreign_statuses = (403, 404, 200)  # XML-RPC refuses with 200

    def log_in(self) -> str:
        key: str = self.control.post("keys", login=LOGIN)["key"]
        return key

    def fill_in(self) -> Form:
        return Form(url=self.control.host, database=DATABASE, user=LOGIN, key=self.secret)

    def signature(self, host: str) -> AuthBase:
        return sign(self.form, Application("", ""), host)

    def name_of(self, row: Mapping[str, Any]) -> str:
        return str(row["seq"])

    def typed(self, **values: str) -> Client:
        """A connection for a form that says something else."""
        self.form = Form(self.form | values)
        made = self.connection_to(self.control.host)
        assert isinstance(made, Client)
        return made


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    yield from serving(OdooWorld, tmp_path_factory.mktemp("odoo"))


@pytest.fixture(params=[19, 17], ids=["json-2", "xml-rpc"])
def world(control: Control, request: pytest.FixtureRequest) -> OdooWorld:
    control.post("lock", dossier=OPEN_CODE, until=LOCKED_UNTIL)
    control.post(
        "settings", version=request.param, returns_none=False, account_taxes=False, may_book=True, approval=False
    )
    return fresh(OdooWorld, control)


class TestContract(BookkeepingContract):
    pass
