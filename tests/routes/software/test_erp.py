"""An ERP whose programmer had nothing but the OpenAPI document: a year of two groups, and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.software.office import PASSWORD, Erp, Office, history


class Script:
    """Finds addresses by what they are for and parameters by name, as the document tells both."""

    def __init__(self, client: FlaskClient, code: str, password: str) -> None:
        self._caller = Erp(client, code, password)
        self._told = client.get("/api/v1/openapi.json").get_json()
        self._operations = {
            operation["operationId"]: (path, operation)
            for path, verbs in self._told["paths"].items()
            for verb, operation in verbs.items()
            if verb == "get" and {"userCode": []} in operation["security"]
        }

    def call(self, operation_id: str, **values: str) -> Any:
        path, operation = self._operations[operation_id]
        names = {one["name"]: one["in"] for one in operation["parameters"]}
        assert set(values) <= set(names), f"{operation_id} takes {sorted(names)}"
        query = {name: value for name, value in values.items() if names[name] == "query"}
        answer = self._caller.get(path.format(**values), query)
        assert str(answer.status_code) in operation["responses"], answer.status_code
        return answer

    def pages(self, operation_id: str, key: str, **values: str) -> Iterator[dict[str, Any]]:
        more: dict[str, str] = {"limit": "7"}
        while True:
            told = self.call(operation_id, **values, **more).get_json()
            yield from told[key]
            if told["next"] is None:
                return
            more["cursor"] = told["next"]


def test_a_year_of_two_groups_and_nothing_else(app: Flask, office: Office) -> None:
    script = Script(app.test_client(), office.software.code, PASSWORD)
    groups = script.call("listGroups").get_json()["groups"]
    assert [group["name"] for group in groups] == ["Bakery", "Print"]
    read: dict[str, list[tuple[str, str]]] = {}
    for account in script.pages("listAccounts", "accounts"):
        assert {group["id"] for group in account["groups"]} <= {group["id"] for group in groups}
        lines = read.setdefault(account["number"], [])
        closing = None
        for head in script.pages("listStatements", "statements", account_id=account["id"], **YEAR):
            whole = script.call("getStatement", account_id=account["id"], statement_id=head["id"]).get_json()
            assert closing in (None, whole["opening"]), "the balances chain"
            closing = whole["closing"]
            lines += [(line["date"], line["amount"]) for line in whole["transactions"]]
        assert closing == account["balance"]["amount"]
    assert read == {account.number: _lines(account) for account in office.accounts[:4]}


YEAR = {"from": "2025-01-01", "to": "2025-12-31"}


def _lines(account: Any) -> list[tuple[str, str]]:
    return [(line.date.isoformat(), f"{line.amount:.2f}") for one in history(account) for line in one.lines]


def test_whatever_address_it_tries_ids_of_others_are_not_there(app: Flask, office: Office) -> None:
    script = Script(app.test_client(), office.software.code, PASSWORD)
    mine = str(office.accounts[0].id)
    own = next(script.pages("listStatements", "statements", account_id=mine))["id"]
    for other in (*(str(account.id) for account in office.accounts[4:]), str(uuid.uuid4())):
        for operation, (path, _) in script._operations.items():
            ids = {
                name: value for name, value in (("account_id", other), ("statement_id", own)) if f"{{{name}}}" in path
            }
            if ids:
                assert script.call(operation, **ids).status_code == 404, (operation, other)
