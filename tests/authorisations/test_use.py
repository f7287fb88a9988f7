"""What hangs on an authorisation: it keeps it from being removed, and goes on at once when it is repaired."""

from __future__ import annotations

import hashlib
import uuid
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import update

from portal.authorisations import service
from portal.couplings.models import Configuration, Coupling
from portal.kernel import clock
from portal.kernel.db import Setting, uuid7
from portal.kernel.errors import Conflict
from portal.ledger.models import Entry
from portal.runtime import Runtime
from portal.sync.models import Posting, Run
from tests import factories as make
from tests.authorisations.conftest import SignedIn, Time
from tests.authorisations.provider import Provider, person
from tests.authorisations.test_login import make_visitor


def couple(signed: SignedIn, state: str = "done", code: str = "") -> Configuration:
    """A client of the firm with a configuration that is due in two hours; its last run ended in `state`."""
    db, now = signed.means.database, clock.now()
    client = make.make_tenant(db, "client", "Drukkerij Ingels")
    make.make_grant(db, client, signed.firm)
    row = make.make_configuration(
        db, make.make_coupling(db, client, signed.row), make.make_bank_account(db, client),
        next_due_at=now + timedelta(hours=2),
    )  # fmt: skip
    with db.scoped(Setting(tenant=client.id)) as session:
        for ago, ended in ((2, "failed" if state == "done" else "done"), (1, state)):
            session.add(
                Run(
                    tenant_id=client.id, id=uuid7(), configuration_id=row.id, cause="schedule", state=ended, code=code,
                    created_at=now - timedelta(hours=ago), next_try_at=now,
                )
            )  # fmt: skip
    return row


def due(signed: SignedIn, row: Configuration) -> datetime:
    with signed.means.database.scoped(Setting(tenant=row.tenant_id)) as session:
        at = session.get_one(Configuration, (row.tenant_id, row.id)).next_due_at
    assert at is not None
    return at


def end_coupling(signed: SignedIn, row: Configuration) -> None:
    with signed.means.database.scoped(Setting(tenant=row.tenant_id)) as session:
        session.execute(update(Coupling).where(Coupling.id == row.coupling_id).values(state="ended"))


def remove(signed: SignedIn) -> None:
    with signed.means.database.session() as session:
        service.remove(make.scope_in(session, signed.firm, "administrator", signed.owner), signed.row.id)
        session.commit()


def offer(signed: SignedIn, row: Configuration) -> uuid.UUID:
    """An entry of this configuration that waits to be sent."""
    now, payload = clock.now(), b"{}"
    with signed.means.database.scoped(Setting(tenant=row.tenant_id)) as session:
        entry = Entry(
            tenant_id=row.tenant_id, id=uuid7(), configuration_id=row.id, coupling_id=row.coupling_id,
            reference=f"KP-{uuid.uuid4().hex[:8]}", kind="bank", journal="20", currency="EUR",
            sequence=1, bank_ledger_account="550000",
            period_start=date(2024, 3, 1), period_end=date(2024, 3, 31), date=date(2024, 3, 31), state="offered",
            created_at=now,
        )  # fmt: skip
        session.add(entry)
        session.flush()
        posting = Posting(
            tenant_id=row.tenant_id, id=uuid7(), entry_id=entry.id, coupling_id=row.coupling_id,
            reference=entry.reference, payload=payload, payload_hash=hashlib.sha256(payload).digest(),
            approved_at=now, next_try_at=now, created_at=now, changed_at=now,
        )  # fmt: skip
        session.add(posting)
    return posting.id


def test_one_in_use_is_not_removed(signed_in: SignedIn) -> None:
    first, second = couple(signed_in), couple(signed_in)
    with pytest.raises(Conflict) as used:
        remove(signed_in)
    assert (used.value.code, used.value.values["count"]) == ("authorisation.in_use", 2)
    assert signed_in.state() == "active"
    end_coupling(signed_in, first)
    end_coupling(signed_in, second)
    remove(signed_in)
    assert signed_in.state() == "revoked"


def test_one_is_in_use_while_an_entry_of_an_ended_coupling_is_under_way(signed_in: SignedIn) -> None:
    row = couple(signed_in)
    posting = offer(signed_in, row)
    end_coupling(signed_in, row)
    with pytest.raises(Conflict) as used:
        remove(signed_in)
    assert used.value.code == "authorisation.in_use"
    with signed_in.means.database.scoped(Setting(tenant=row.tenant_id)) as session:
        session.execute(update(Posting).where(Posting.id == posting).values(state="parked"))
    remove(signed_in)


def test_another_firm_learns_nothing_of_the_use(signed_in: SignedIn) -> None:
    couple(signed_in)
    rival = make.make_tenant(signed_in.means.database, "portal", "Bakker & Zn")
    question = "SELECT uses_of_authorisation(CAST(:tenant AS uuid), CAST(:id AS uuid))"
    asked = {"tenant": str(signed_in.firm.id), "id": str(signed_in.row.id)}
    assert make.backdoor(signed_in.means.database, question, **asked)[0][0] == 0
    with signed_in.means.database.session() as session:
        assert service.uses(make.scope_in(session, rival), signed_in.row.id) == 0
        assert service.uses(make.scope_in(session, signed_in.firm), signed_in.row.id) == 1


def test_a_new_log_in_wakes_the_clients_that_stopped(
    signed_in: SignedIn, means: Runtime, provider: Provider, virtual: Time
) -> None:
    stopped, fine = couple(signed_in, "failed", "authorisation.token_expired"), couple(signed_in)
    visitor = make_visitor(means, provider, signed_in.firm, signed_in.owner)
    visitor.connect(person("Piet Bakker"), "Another")
    assert due(signed_in, stopped) > clock.now()
    who = person("Karin Wouters") | {"UserID": signed_in.row.remote_user_id}
    visitor.connect(who, authorisation_id=signed_in.row.id)
    assert due(signed_in, stopped) <= clock.now()
    assert due(signed_in, fine) > clock.now()


def test_activating_wakes_them_too(signed_in: SignedIn, means: Runtime) -> None:
    stopped, ended = couple(signed_in, "failed", "authorisation.not_active"), couple(signed_in, "failed")
    end_coupling(signed_in, ended)
    with means.database.session() as session:
        scope = make.scope_in(session, signed_in.firm, "administrator", signed_in.owner)
        service.activate(means, scope, signed_in.row.id)
        session.commit()
    assert due(signed_in, stopped) <= clock.now()
    assert due(signed_in, ended) > clock.now()
