"""Dossiers of file apps for the tests, and readers of their files as the oracle of what was booked."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import text

from portal.access import Scope
from portal.authorisations.models import Authorisation
from portal.exchange import dossiers, files
from portal.exchange.models import FileDossier
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7
from portal.tenants.models import Tenant
from tests.connectors.layouts.readers import Seen, read_fec, read_pnm, read_table, read_tra

SIREN = "732829320"
FEC = (
    "JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\tCompteLib\tCompAuxNum\tCompAuxLib\tPieceRef\t"
    "PieceDate\tEcritureLib\tDebit\tCredit\tEcritureLet\tDateLet\tValidDate\tMontantdevise\tIdevise\r\n"
    "BQ\tBanque\t1\t20251231\t512100\tCrédit Agricole\t\t\tr\t20251231\tx\t10,00\t0,00\t\t\t\t\t\r\n"
    "BQ\tBanque\t1\t20251231\t471000\tCompte d'attente\t\t\tr\t20251231\tx\t0,00\t10,00\t\t\t\t\t\r\n"
    "OD\tOpérations diverses\t2\t20251231\t401000\tFournisseurs\t\t\tr\t20251231\tx\t5,00\t0,00\t\t\t\t\t\r\n"
    "OD\tOpérations diverses\t2\t20251231\t606000\tAchats\t\t\tr\t20251231\tx\t0,00\t5,00\t\t\t\t\t"
).encode("iso8859-15")
CSV_COLUMNS = (
    "journal", "date", "number", "reference", "account", "account_name", "description", "debit", "credit", "currency",
)  # fmt: skip
SAGE_COLUMNS = (
    "line_type", "journal", "date", "number", "account", "third_party", "description", "payment_mode", "due_date",
    "debit", "credit",
)  # fmt: skip


def make_file_authorisation(db: Database, tenant: Tenant, app: str, **more: str) -> Authorisation:
    now, row_id = clock.now(), uuid7()
    row = Authorisation(
        tenant_id=tenant.id, id=row_id, app=app, environment="", name=f"{app} {row_id.hex[-6:]}", state_since=now,
        created_at=now, **({"state": "active", "remote_user_id": row_id.hex} | more),
    )  # fmt: skip
    with db.scoped(Setting(tenant=tenant.id)) as session:
        session.add(row)
    return row


def make_file_dossier(
    db: Database,
    tenant: Tenant,
    authorisation: Authorisation,
    number: str = "",
    *,
    chart: bytes = FEC,
    siren: str = SIREN,
) -> FileDossier:
    """With an open year 2026, and with a chart a closed year 2025 too."""
    with db.scoped(Setting(tenant=tenant.id)) as session:
        scope = Scope.system(session, tenant.id, tenant.kind)
        number = number or f"F{uuid.uuid4().hex[:8]}"
        draft = dossiers.Draft(number, "Boulangerie Évrard", "FR", siren, date(2026, 1, 1), date(2026, 12, 31))
        row = dossiers.add_dossier(scope, authorisation.id, draft)
        if not chart:
            return row
        dossiers.bring_chart(scope, row.id, chart)
        year = dossiers.add_year(scope, row.id, date(2025, 1, 1), date(2025, 12, 31))
        dossiers.close_year(scope, year.id, closed=True)
    return row


def set_form(db: Database, tenant: Tenant, authorisation: Authorisation, **settings: str) -> None:
    with db.scoped(Setting(tenant=tenant.id)) as session:
        files.set_form(Scope.system(session, tenant.id, tenant.kind), authorisation.id, settings)


def read(app: str, content: bytes, settings: Mapping[str, str]) -> Sequence[Seen]:
    """A file as its package would read it."""
    form = settings.get("form")
    if app == "tra":
        return read_tra(content)[1]
    if app == "csv":
        return read_table(content, CSV_COLUMNS, charset="utf-8", separator=";", dates="%Y-%m-%d")
    if app == "tiime" and form == "csv":
        return read_table(content, CSV_COLUMNS, charset="iso8859-15", separator=";", dates="%d/%m/%Y")
    if app == "sage100" and form == "text":
        return read_table(
            content, SAGE_COLUMNS, charset="cp1252", separator="\t", dates="%d%m%y", header=False, quotes=False
        )
    return read_pnm(content)[1] if app == "sage100" else read_fec(content)


class Package:
    """What has the files that were made, and books what they say."""

    def __init__(self, db: Database, tenant: Tenant, dossier: FileDossier, app: str, **settings: str) -> None:
        self._db, self._tenant, self._dossier, self._app, self._settings = db, tenant, dossier, app, settings

    def lines(self) -> list[Seen]:
        """Of all files that count, after one was made of what waits."""
        with self._db.scoped(Setting(tenant=self._tenant.id)) as session:
            waits = "SELECT 1 FROM exchange_entries WHERE dossier_id = :id AND file_id IS NULL"
            if session.scalar(text(waits), {"id": self._dossier.id}):
                files.make_files(Scope.system(session, self._tenant.id, self._tenant.kind), self._dossier.id)
            query = "SELECT content FROM exchange_files WHERE dossier_id = :id AND state <> 'withdrawn' ORDER BY number"
            contents = session.scalars(text(query), {"id": self._dossier.id}).all()
        return [line for content in contents for line in read(self._app, bytes(content), self._settings)]

    def numbers(self, reference: str) -> set[str]:
        """The numbers under which an entry would be found, where the file does not hold our whole reference."""
        with self._db.scoped(Setting(tenant=self._tenant.id)) as session:
            query = "SELECT number FROM exchange_entries WHERE dossier_id = :id AND reference = :reference"
            asked = {"id": self._dossier.id, "reference": reference}
            return {str(number) for number in session.scalars(text(query), asked)}

    def booked(self, reference: str) -> int:
        found = {
            line.number.partition("-")[0]
            for line in self.lines()
            if line.reference == reference or line.number.partition("-")[0] in self.numbers(reference)
        }
        return len(found)

    def balance(self, account: str) -> Decimal:
        return sum((line.amount for line in self.lines() if line.account == account), Decimal(0))
