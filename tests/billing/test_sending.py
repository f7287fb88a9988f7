"""On issue a mail goes out with both files, in the language of the firm; the PDF says what the invoice says."""

from __future__ import annotations

from datetime import date
from io import BytesIO

import pytest
from lxml import etree
from pypdf import PdfReader
from sqlalchemy import select

from portal import runtime
from portal.billing import by_hand, closing
from portal.billing.models import Invoice
from portal.billing.printing import pdf
from portal.jobs import billing as jobs
from portal.kernel import clock, mail
from portal.kernel.db import Database
from portal.kernel.errors import NotFound
from portal.kernel.vault import Vault
from portal.notifications import service as notifications
from portal.runtime import Runtime
from portal.tenants.models import Tenant
from tests import factories as make
from tests.billing.office import Office
from tests.conftest import Urls
from tests.routes.conftest import app, settings_for_tests  # noqa: F401 (a fixture: mails are worded by the application)

MARCH = date(2026, 3, 1)


def billed(office: Office, locale: str, clients: int = 1) -> tuple[Tenant, Invoice]:
    head = make.make_user(office.database, locale=locale)
    email = f"boek-{head.id.hex[-6:]}@example.com"
    firm = office.firm(members={head: "administrator"}, billing_email=email)
    for number in range(clients):
        office.client(firm, f"Client {number}", date(2026, 3, 15))
    invoice = office.close(firm, MARCH)
    assert invoice is not None
    return firm, invoice


def words(content: bytes) -> str:
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)
    return text.replace("\u00a0", " ")


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("locale", "said"),
    [("nl-BE", ("Factuur", "17 van 31 dagen", "maart 2026", "Te betalen")),
     ("fr-BE", ("Facture", "17 jours sur 31", "mars 2026", "Total à payer")),
     ("en-GB", ("Invoice", "17 of 31 days", "March 2026", "Total to be paid"))],
)  # fmt: skip
def test_the_mail_brings_both_files_in_the_language_of_the_firm(
    office: Office, locale: str, said: tuple[str, ...]
) -> None:
    firm, invoice = billed(office, locale)
    with office.database.scoped() as session:
        row = session.scalars(select(mail.Mail).where(mail.Mail.to_email == firm.billing_email)).one()
        message = notifications.compose(session, office.vault, row, "Koppelpoort <no-reply@example.com>")
    assert said[0] in message["Subject"]
    assert invoice.number in message["Subject"]
    files = {part.get_filename(): part for part in message.iter_attachments()}
    assert set(files) == {f"{invoice.number}.pdf", f"{invoice.number}.xml"}
    printed, read = (files[f"{invoice.number}.{kind}"].get_content() for kind in ("pdf", "xml"))
    assert etree.fromstring(read).tag.endswith("Invoice")
    for text in said:
        assert text in words(printed)
    body = message.get_body()
    assert body is not None
    assert f"https://portal.example/p/{firm.id}/billing/{invoice.id}" in body.get_content()


def test_attachments_leave_with_the_mail(office: Office, database: Database, vault: Vault) -> None:
    with database.scoped() as session:
        files = [mail.Attachment(f"{n}.bin", "application/octet-stream", bytes(range(256)) * n) for n in (1, 2)]
        row = mail.write(session, vault, to="a@example.com", template="x", locale="en-GB", values={}, attachments=files)
        session.flush()
        assert mail.attachments_of(session, vault, row) == files
        stored = session.scalars(select(mail.MailAttachment).where(mail.MailAttachment.mail_id == row.id)).all()
        assert all(bytes(range(64)) not in each.content for each in stored)  # sealed, as the rest of the mail


def test_a_long_invoice_has_all_its_lines_on_numbered_pages(office: Office) -> None:
    firm, invoice = billed(office, "en-GB", clients=70)
    pages = PdfReader(BytesIO(office.content(firm, invoice, "pdf"))).pages
    assert len(pages) > 2
    text = words(office.content(firm, invoice, "pdf"))
    assert all(f"Client {number}" in text for number in range(70))
    assert f"Page {len(pages)} of {len(pages)}" in text


def test_the_same_invoice_prints_the_same_bytes(office: Office) -> None:
    firm, invoice = billed(office, "fr-FR")
    assert pdf(invoice, office.lines(firm, invoice)) == office.content(firm, invoice, "pdf")


def test_the_job_closes_the_month_that_is_over(
    fresh_database: Database, fresh_database_urls: Urls, vault: Vault, tmp_path_factory: pytest.TempPathFactory
) -> None:
    office = Office(fresh_database, fresh_database_urls, vault)
    firm, month = office.firm(), closing.last_month()
    office.client(firm, "Bakkerij", month)
    free = office.firm("Free")
    settings = settings_for_tests(tmp_path_factory.mktemp("home"), fresh_database_urls)
    before = runtime.get() if runtime._current else None
    runtime.set(Runtime(settings, fresh_database, vault))
    try:
        with fresh_database.scoped() as session:
            assert closing.portals_to_bill(session, month, 10) == [firm.id]
        jobs.close(str(firm.id))
        jobs.close(str(firm.id))
        with fresh_database.scoped() as session:
            assert closing.portals_to_bill(session, month, 10) == []
        (invoice,) = office.invoices(firm)
        assert (invoice.month, invoice.issued_on, office.invoices(free)) == (month, clock.today(), [])
        assert by_hand.credit(runtime.get(), invoice.number, "Wrong").startswith(
            f"{office.prefix}-{invoice.year}-00002"
        )
        with pytest.raises(NotFound):
            by_hand.credit(runtime.get(), "no such", "Wrong")
        assert list(by_hand.close_all(runtime.get(), month)) == []
    finally:
        if before is not None:
            runtime.set(before)
