"""Other software: its key, its calls, and what it cannot reach."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.apikeys.models import ApiKey
from portal.documents.models import Document, DocumentFile
from portal.kernel.db import Database, Setting
from tests.connectors.files.invoice_documents import Invoice, Side, ubl
from tests.routes.conftest import Client, SignIn
from tests.world import World


@pytest.fixture
def secret(owner: Client, world: World) -> str:
    return make_key(owner, world, f"Shop {uuid.uuid4().hex[:6]}")


def make_key(owner: Client, world: World, name: str) -> str:
    page = owner.post(f"/c/{world.client.id}/api-keys", data={"name": name}).text
    found = re.search(r"<code[^>]*>(kp_[\w-]{43})</code>", page)
    assert found
    assert found[1] not in owner.get(f"/c/{world.client.id}/api-keys").text, "shown once"
    return found[1]


class Program:
    """Calls as other software makes them: no cookies, no token."""

    def __init__(self, app: Flask, world: World, secret: str) -> None:
        self._client = app.test_client()
        self._address = f"/api/v1/c/{world.client.id}/documents"
        self._secret = secret

    def send(self, data: Any, address: str = "", headers: Mapping[str, str] | None = None) -> TestResponse:
        return self._client.open(
            address or self._address, method="POST", data=data, query_string={"filename": "invoice.xml"},
            headers={"Authorization": f"Bearer {self._secret}", "Content-Type": "application/xml", **(headers or {})},
        )  # fmt: skip

    def ask(self, document_id: str) -> TestResponse:
        bearer = {"Authorization": f"Bearer {self._secret}"}
        return self._client.open(f"{self._address}/{document_id}", method="GET", headers=bearer)


@pytest.fixture
def program(app: Flask, world: World, secret: str) -> Program:
    return Program(app, world, secret)


def fresh(us: Side) -> Invoice:
    return Invoice(customer=us, number=f"A-{uuid.uuid4().hex[:8]}")


def test_a_document_is_stored_known_refused(program: Program, us: Side, world: World, database: Database) -> None:
    invoice = fresh(us)
    first = program.send(ubl(invoice))
    assert first.status_code == 201
    body = first.get_json()
    assert (body["stored"], body["known"], body["file"]["state"]) == (1, 0, "stored")
    (document,) = body["documents"]
    assert (document["direction"], document["number"], document["gross"]) == ("purchase", invoice.number, "195.04")
    assert program.ask(document["id"]).get_json() == document
    again = program.send(ubl(invoice))
    assert (again.status_code, again.get_json()["known"]) == (200, 1)
    wrong = program.send(ubl(Invoice(customer=us, changed={"PayableAmount": "1.00"})))
    assert wrong.status_code == 422
    assert wrong.get_json()["error"]["code"] == "document.sum"
    assert "add up" in wrong.get_json()["error"]["message"]
    with database.scoped(Setting(tenant=world.client.id)) as session:
        row = session.get_one(DocumentFile, (world.client.id, uuid.UUID(body["file"]["id"])))
        key = session.scalars(select(ApiKey).where(ApiKey.id == row.api_key_id)).one()
    assert (row.source, row.created_by, key.last_used_at is not None) == ("api", None, True)


def test_a_form_does_too(program: Program, us: Side) -> None:
    sent = {"file": (io.BytesIO(ubl(fresh(us))), "from-a-form.xml")}
    answer = program.send(sent, headers={"Content-Type": "multipart/form-data"})
    assert (answer.status_code, answer.get_json()["file"]["filename"]) == (201, "from-a-form.xml")


def test_a_repeated_call_gets_its_first_answer(program: Program, us: Side, world: World, database: Database) -> None:
    data, named = ubl(fresh(us)), {"Idempotency-Key": uuid.uuid4().hex}
    first = program.send(data, headers=named)
    again = program.send(data, headers=named)
    assert (again.status_code, again.get_json()) == (201, first.get_json())
    assert again.headers["Idempotent-Replayed"] == "true"
    other = program.send(ubl(fresh(us)), headers=named)
    assert (other.status_code, other.get_json()["error"]["code"]) == (409, "api_call.other_request")
    number = first.get_json()["documents"][0]["number"]
    with database.scoped(Setting(tenant=world.client.id)) as session:
        assert len(session.scalars(select(Document).where(Document.number == number)).all()) == 1
        files = select(DocumentFile).where(DocumentFile.id == uuid.UUID(first.get_json()["file"]["id"]))
        assert len(session.scalars(files).all()) == 1


def test_a_revoked_key_opens_nothing(program: Program, owner: Client, world: World, us: Side, secret: str) -> None:
    page = owner.get(f"/c/{world.client.id}/api-keys").text
    row = re.search(rf"{secret[:11]}.*?(/c/[^\"]+/revoke)", page, re.DOTALL)
    assert row
    assert owner.post(row[1]).status_code == 303
    assert program.send(ubl(fresh(us))).status_code == 401


def test_who_has_no_key_of_this_account_learns_nothing(
    app: Flask, world: World, us: Side, owner: Client, secret: str, database: Database
) -> None:
    """No key, a made-up one, one of another account, a person's cookie: one answer, be the account there or not."""
    mine, missing = f"/api/v1/c/{world.client.id}/documents", f"/api/v1/c/{uuid.uuid4()}/documents"
    other = f"/api/v1/c/{world.other_client.id}/documents"
    plain, data = app.test_client(), ubl(fresh(us))
    bearer = {"Authorization": f"Bearer {secret}"}
    answers = [
        plain.open(mine, method="POST", data=data),
        plain.open(mine, method="POST", data=data, headers={"Authorization": "Bearer kp_" + "x" * 43}),
        plain.open(mine, method="POST", data=data, headers={"Authorization": f"Basic {secret}"}),
        plain.open(other, method="POST", data=data, headers=bearer),
        plain.open(missing, method="POST", data=data, headers=bearer),
        plain.open(f"{other}/{uuid.uuid4()}", method="GET", headers=bearer),
        owner.open(mine, method="POST", data=data),
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    with database.scoped(Setting(tenant=world.other_client.id)) as session:
        assert session.scalars(select(Document).where(Document.tenant_id == world.other_client.id)).all() == []


def test_a_key_does_not_open_pages(app: Flask, world: World, secret: str) -> None:
    plain = app.test_client()
    answer = plain.open(f"/c/{world.client.id}/documents", method="GET", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 303
    assert "/signin" in answer.headers["Location"]


def test_a_document_that_is_not_there_and_a_bad_name_are_told_as_json(program: Program, us: Side) -> None:
    missing = program.ask(str(uuid.uuid4()))
    assert (missing.status_code, missing.get_json()["error"]["code"]) == (404, "not_found")
    long = program.send(ubl(fresh(us)), headers={"Idempotency-Key": "k" * 300})
    assert (long.status_code, long.get_json()["error"]["code"]) == (409, "api_call.key_length")


def test_a_key_needs_a_name_and_a_reader_makes_none(owner: Client, world: World, sign_in: SignIn) -> None:
    assert owner.post(f"/c/{world.client.id}/api-keys", data={"name": " "}).status_code == 422
    reader = sign_in(world.client_reader)
    assert reader.post(f"/c/{world.client.id}/api-keys", data={"name": "x"}).status_code == 403
