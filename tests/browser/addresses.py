"""Every address of the application with a page behind it, from its own table of routes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from portal.demo import cast
from portal.kernel.mail import Mail
from portal.notifications import service as notifications
from portal.routes._access import access_of
from tests.browser import scene
from tests.browser.stack import Stack

CAST = {"nobody": "", "staff": cast.STAFF[1].email, "administrator": cast.STAFF[0].email, "owner": cast.OWNERS[0].email}
# What answers no browser, and the way back from a provider, which serves once.
# The form of a key is looked at where one is given.
NOT_PAGES = frozenset({
    "static", "start.healthz", "renewals.back", "renewals.ical", "authorisations.change",
    "authorisations.client_change", "software_itself.show", "archives.fetch", "archives.client_fetch",
})  # fmt: skip
# Pages that a link in a mail leads to: which mail, and to whom.
MAILED = {
    "auth.verify": ("verify_email", "new@example.com"), "auth.reset": ("reset_password", cast.OWNERS[3].email),
    "start.verify_portal": ("verify_portal", cast.FIRM_EMAIL), "renewals.show": ("renewal", scene.RENEWER),
}  # fmt: skip
LOGINS = {  # with few dossiers
    "authorisations.show": "lapsing", "authorisations.fetch_page": "french", "authorisations.quota": "french",
}  # fmt: skip
IDS = {
    "account_id": "bank_accounts", "import_id": "imports", "statement_id": "statements", "line_id": "statement_lines",
    "entry_id": "entries", "configuration_id": "configurations", "feed_id": "feeds",
    "document_id": "documents", "document_file_id": "document_files", "coupling_id": "couplings",
    "parked_id": "parked_files", "grant_id": "grants",
}  # fmt: skip
# Of the tenant whose page it is, a portal or a client account.
OF_TENANT = {
    "file_authorisation_id": ("authorisation_id", "file_dossiers"), "file_dossier_id": ("id", "file_dossiers"),
    "software_id": ("id", "software_users"),
    "exchange_file_id": ("id", "exchange_files"), "invoice_id": ("id", "invoices"),
    "job_role_id": ("id", "job_roles"), "group_id": ("id", "account_groups"),
    "legal_entity_id": ("id", "legal_entities"), "membership_id": ("id", "memberships"),
    "list_id": ("id", "newcomer_lists"),
    "copy_id": ("id", "copy_lists"),
}  # fmt: skip
# Other states of a page than the one of the first client: which client, and what stands in the query.
MORE: Mapping[str, list[tuple[int, dict[str, str]]]] = {
    "client.home": [(scene.DRAFTS, {}), (scene.FAILING, {}), (scene.NEW, {}), (scene.CLOSED, {})],
    "entries.show": [(scene.DRAFTS, {}), (scene.CLOSED, {}), (scene.DRAFTS, {"effect": "skipped"})],
    "entries.index": [(scene.NEW, {}), (scene.DRAFTS, {"state": "draft"}), (scene.BOOKED, {"q": "no such"})],
    "reversals.show": [(scene.ALSO_BOOKED, {}), (scene.DRAFTS, {})],
    "runs.index": [(scene.CLOSED, {}), (scene.NEW, {})],
    "statements.index": [(scene.NEW, {})],
    "reconciliation.index": [(scene.NEW, {}), (scene.BOOKED, {"view": "done"})],
    "statements.account": [(scene.GAP, {})],
    "mappings.show": [(scene.DRAFTS, {})],
    "statements.lines": [(scene.DRAFTS, {"state": "waiting"}), (scene.BOOKED, {"q": "no such"})],
    "couplings.index": [(scene.WITHOUT_COUPLING, {}), (scene.FAILING, {})],
    "couplings.choose_authorisation": [(scene.WITHOUT_COUPLING, {})],
    "couplings.choose_dossier": [(scene.WITHOUT_COUPLING, {"dossier": ""}), (scene.BOOKED, {"q": "garage"})],
    "couplings.replaced": [(scene.BOOKED, {})],
    "couplings.wizard_configuration": [(scene.WITHOUT_COUPLING, {}), (scene.NEW, {}), (scene.BOOKED, {"seen": "1"})],
    "couplings.check": [(scene.WITHOUT_COUPLING, {"later": "1"}), (scene.BOOKED, {"seen": "1", "later": "1"})],
    "couplings.configure": [(scene.WITHOUT_STATEMENTS, {})],
    "portal.home": [(0, {"state": "stopped"}), (0, {"q": "no such"}), (0, {"per": "14", "sort": "client"})],
    "entries.portal_index": [(0, {"state": "draft"})],
    "runs.batch": [(0, {"state": "failed"})],
    "switch.index": [(0, {"q": "garage"})],
    "feeds.index": [(scene.NEW, {})],
    "feeds.show": [(scene.ALSO_BOOKED, {}), (scene.DRAFTS, {})],
    "feeds.waiting": [(scene.GAP, {})],
    "consents.index": [(0, {"q": "no such"})],
    "auth.sign_in": [(0, {"lang": "fr"})],
    "approvals.index": [(scene.BOOKED, {"view": "waiting"}), (scene.BOOKED, {"view": "done"})],
    "store.index": [(0, {"q": "no such"}), (0, {"kind": "feed"})],
}  # fmt: skip
WIZARD = ("couplings.choose_dossier", "couplings.replaced", "couplings.wizard_configuration", "couplings.check")


class Addresses:
    """For a stack, with ids of rows that are there. An argument that nobody knows fails loudly."""

    def __init__(self, app: Flask, product: Stack) -> None:
        self._app, self._product, self._scene = app, product, product.scene
        self._shared: dict[str, Any] = {
            "portal": self._scene.firm, "batch_id": self._scene.batch, "app": "exact", "kind": "camt",
            "mail_id": product.value("SELECT id FROM mails ORDER BY id LIMIT 1"),
        }  # fmt: skip

    @property
    def endpoints(self) -> set[str]:
        return {rule.endpoint for rule in self._rules()}

    def _rules(self) -> Iterator[Rule]:
        for rule in sorted(self._app.url_map.iter_rules(), key=lambda rule: rule.rule):
            if (
                "GET" in (rule.methods or ())
                and rule.endpoint not in NOT_PAGES
                and not rule.endpoint.startswith(("api.", "software_api."))
            ):
                yield rule

    def of(self, who: str) -> Iterator[tuple[str, str]]:
        """Endpoint and path of every page that could be theirs; what is public looks the same to all."""
        for rule in self._rules():
            public = access_of(self._app.view_functions[rule.endpoint]).kind == "public"
            if public != (who == "nobody") or (who == "owner" and "portal" in rule.arguments):
                continue
            for place, query in [(scene.BOOKED, {}), *MORE.get(rule.endpoint, [])]:
                if who == "owner" and self._scene.owner_of(self._scene.clients[place]) != CAST[who]:
                    continue
                values = {name: self._value(name, rule.endpoint, place) for name in rule.arguments}
                if "task_id" in values:
                    values["task_id"] = self._task_of(values.get("portal") or values["client"])
                values |= self._query(rule.endpoint, place, query, who)
                yield rule.endpoint, self._path(rule.endpoint, values)

    def _path(self, endpoint: str, values: Mapping[str, Any]) -> str:
        with self._app.test_request_context():
            return self._app.url_map.bind("127.0.0.1").build(endpoint, dict(values))

    def _value(self, name: str, endpoint: str, place: int) -> Any:
        client = self._scene.clients[place]
        if name in ("client", "client_id"):
            return client.tenant_id
        if name == "authorisation_id":
            return self._scene.own_login if ".client_" in endpoint else self._scene.logins[LOGINS[endpoint]]
        if name in OF_TENANT:
            column, table = OF_TENANT[name]
            query = f"SELECT {column} FROM {table} WHERE tenant_id = %s ORDER BY id LIMIT 1"  # noqa: S608 - names of our own
            of_client = ".client_" in endpoint or endpoint == "software_users.show"
            holder = client.tenant_id if of_client else self._scene.firm
            return self._product.value(query, holder) or uuid.UUID(int=0)
        if name == "task_id":
            return None  # of the tenant in the same address
        if name in IDS:
            query = f"SELECT id FROM {IDS[name]} WHERE tenant_id = %s ORDER BY id LIMIT 1"  # noqa: S608 - names of our own
            found = self._product.value(query, client.tenant_id)
            return found or uuid.UUID(int=0)
        return self._shared[name]

    def _task_of(self, tenant: uuid.UUID) -> uuid.UUID:
        query = "SELECT id FROM approval_tasks WHERE tenant_id = %s ORDER BY id LIMIT 1"
        return self._product.value(query, tenant) or uuid.UUID(int=0)

    def _query(self, endpoint: str, place: int, query: dict[str, str], who: str) -> dict[str, str]:
        """The wizard's steps build on the answers before them; an owner has a log-in without dossiers."""
        if endpoint == "runs.night_csv":
            return {"night": str(self._product.value("SELECT max(night) FROM comparisons"))}
        if endpoint in MAILED:
            return {"t": self._token(*MAILED[endpoint])}
        if endpoint not in WIZARD:
            return query
        if who == "owner":
            return {"authorisation": str(self._scene.own_login)}
        answers = {"authorisation": str(self._scene.logins["main"]), "dossier": self._scene.clients[place].dossier}
        return {key: value for key, value in (answers | query).items() if value}

    def _token(self, template: str, to: str) -> str:
        """Out of the mail that brings it."""
        made = self._product.made
        with made.database.scoped() as session:
            mail = session.scalars(select(Mail).where(Mail.template == template, Mail.to_email == to)).first()
            assert mail is not None, f"no mail {template} to {to}"
            _, text = notifications.read(session, made.vault, mail)
        found = re.search(r"\?t=([^\s&]+)", text)
        assert found
        return found.group(1)
