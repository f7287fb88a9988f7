"""The pages of documents: handing in, finding, looking, taking out."""

from __future__ import annotations

import io
import re
import uuid

from sqlalchemy import select

from portal.documents.models import Document, DocumentFile
from portal.kernel.db import Database, Setting
from tests.connectors.files.invoice_documents import SHOP, Invoice, Side, factur_x, ubl
from tests.routes.conftest import Client, SignIn
from tests.world import World


def give(client: Client, world: World, *files: tuple[str, bytes], htmx: bool = True) -> str:
    answer = client.post(
        f"/c/{world.client.id}/documents/files",
        data={"files": [(io.BytesIO(content), name) for name, content in files]},
        headers={"HX-Request": "true"} if htmx else {},
    )
    assert answer.status_code == 200
    return answer.text


def documents(database: Database, world: World, number: str) -> list[Document]:
    with database.scoped(Setting(tenant=world.client.id)) as session:
        return list(session.scalars(select(Document).where(Document.number == number)))


def test_files_are_stored_known_or_refused_and_told_one_by_one(
    owner: Client, world: World, us: Side, database: Database
) -> None:
    number = f"F-{uuid.uuid4().hex[:8]}"
    data = ubl(Invoice(customer=us, number=number))
    report = give(owner, world, ("a.xml", data), ("b.xml", data), ("c.xml", b"<html/>"), htmx=False)
    assert "1 document stored" in report
    assert "3 files were offered, 1 was refused." in report
    assert "Known already" in report
    assert "&lt;html&gt; is no invoice" in report
    assert len(documents(database, world, number)) == 1
    assert give(owner, world, ("a.xml", data)).count("Known already") == 1


def test_the_list_finds_filters_and_gives_csv(owner: Client, world: World, us: Side) -> None:
    mark = uuid.uuid4().hex[:8]
    give(owner, world, ("p.xml", ubl(Invoice(customer=us, number=f"P-{mark}"))),
         ("s.xml", ubl(Invoice(supplier=us, customer=SHOP, number=f"S-{mark}"))))  # fmt: skip
    base = f"/c/{world.client.id}/documents"
    both = owner.get(base, query_string={"q": mark}).text
    assert both.count(f"-{mark}</span>") == 2
    sales = owner.get(base, query_string={"q": mark, "direction": "sales"}).text
    assert f"S-{mark}" in sales
    assert f"P-{mark}" not in sales
    assert "No document matches" in owner.get(base, query_string={"q": mark, "kind": "credit"}).text
    assert "Not read: 99/99" in owner.get(base, query_string={"since": "99/99"}).text
    table = owner.get(f"{base}.csv", query_string={"q": mark}).text
    assert len(table.strip().splitlines()) == 3
    assert f"S-{mark}" in table


def test_a_document_shows_all_and_gives_its_original(owner: Client, world: World, us: Side, database: Database) -> None:
    number = f"F-{uuid.uuid4().hex[:8]}"
    data = factur_x(Invoice(customer=us, number=number))
    give(owner, world, ("invoice.pdf", data))
    (document,) = documents(database, world, number)
    shown = owner.get(f"/c/{world.client.id}/documents/{document.id}").text
    for text in (number, "Maalderij Callens", "195", "Bloem T65, 25 kg", "090933755493", "6 %", "BE68 5390"):
        assert text.replace(" ", "") in re.sub(r"[\s\u00a0\u202f]|&nbsp;", "", shown), text
    original = owner.get(f"/c/{world.client.id}/documents/files/{document.file_id}/original")
    assert original.data == data
    assert original.headers["Content-Disposition"] == "attachment; filename=invoice.pdf"
    assert (original.mimetype, original.headers["X-Content-Type-Options"]) == ("application/pdf", "nosniff")


def test_a_conflict_leads_to_the_document_that_is_there(
    owner: Client, world: World, us: Side, database: Database
) -> None:
    number = f"F-{uuid.uuid4().hex[:8]}"
    give(owner, world, ("a.xml", ubl(Invoice(customer=us, number=number))))
    told = give(owner, world, ("b.xml", ubl(Invoice(customer=us, number=number, currency="USD"))))
    assert "has another document" in told
    with database.scoped(Setting(tenant=world.client.id)) as session:
        row = session.scalars(
            select(DocumentFile).where(DocumentFile.tenant_id == world.client.id, DocumentFile.state == "refused")
            .order_by(DocumentFile.created_at.desc())
        ).first()  # fmt: skip
    assert row is not None
    (document,) = documents(database, world, number)
    page = owner.get(f"/c/{world.client.id}/documents/files/{row.id}").text
    assert f"/documents/{document.id}" in page
    assert owner.get(f"/c/{world.client.id}/documents/files/{row.id}/original").status_code == 404


def test_a_document_is_deleted_until_something_was_made_of_it(
    owner: Client, world: World, us: Side, database: Database
) -> None:
    number = f"F-{uuid.uuid4().hex[:8]}"
    give(owner, world, ("a.xml", ubl(Invoice(customer=us, number=number))))
    (document,) = documents(database, world, number)
    with database.scoped(Setting(tenant=world.client.id)) as session:
        session.get_one(Document, (world.client.id, document.id)).settled = document.due
    address = f"/c/{world.client.id}/documents/{document.id}"
    assert "is reconciled" in owner.post(f"{address}/delete", follow_redirects=True).text
    assert "/delete" not in owner.get(address).text
    with database.scoped(Setting(tenant=world.client.id)) as session:
        session.get_one(Document, (world.client.id, document.id)).settled = document.due * 0
    assert "The document is deleted." in owner.post(f"{address}/delete", follow_redirects=True).text
    assert documents(database, world, number) == []


def test_a_reader_looks_and_changes_nothing(world: World, sign_in: SignIn) -> None:
    reader = sign_in(world.client_reader)
    assert "data-drop" not in reader.get(f"/c/{world.client.id}/documents").text
    assert reader.post(f"/c/{world.client.id}/documents/files").status_code == 403
