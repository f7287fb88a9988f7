"""Codes work once, in their half minute, and recovery codes once ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pyotp
import pytest

from portal.identity import second_factor as factor
from portal.identity import sessions
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.vault import Vault
from tests import factories as make
from tests.world import make_world

NOON = datetime(2026, 11, 20, 12, 0, 5, tzinfo=UTC)


def _at(moment: datetime) -> object:
    return patch.object(clock, "now", lambda: moment)


def _in_force(database: Database, vault: Vault) -> tuple[User, str, list[str]]:
    user = make.make_user(database)
    with _at(NOON), database.scoped() as session:  # type: ignore[attr-defined]
        row = session.get_one(User, user.id)
        secret = factor.begin(session, vault, row)
        codes = factor.confirm(session, vault, row, pyotp.TOTP(secret).at(NOON))
    return user, secret, codes


def test_a_code_works_once_and_only_near_its_time(database: Database, vault: Vault) -> None:
    user, secret, _ = _in_force(database, vault)
    later = NOON + timedelta(minutes=5)
    totp = pyotp.TOTP(secret)
    with _at(later), database.scoped() as session:  # type: ignore[attr-defined]
        row = session.get_one(User, user.id)
        assert not factor.use_code(session, vault, row, totp.at(later - timedelta(minutes=2)))
        assert factor.use_code(session, vault, row, totp.at(later - timedelta(seconds=30)))
        assert factor.use_code(session, vault, row, totp.at(later))
        assert not factor.use_code(session, vault, row, totp.at(later))
        assert not factor.use_code(session, vault, row, totp.at(later - timedelta(seconds=30)))


def test_recovery_codes_work_once_and_new_ones_end_the_old(database: Database, vault: Vault) -> None:
    user, _, codes = _in_force(database, vault)
    with database.scoped() as session:
        row = session.get_one(User, user.id)
        assert len(set(codes)) == 10
        assert factor.use_recovery_code(session, row, codes[0].upper())
        assert not factor.use_recovery_code(session, row, codes[0])
        assert factor.codes_left(session, row) == 9
        fresh = factor.new_recovery_codes(session, row)
        assert not factor.use_recovery_code(session, row, codes[1])
        assert factor.use_recovery_code(session, row, fresh[0])


def test_a_wrong_first_code_puts_nothing_in_force(database: Database, vault: Vault) -> None:
    user = make.make_user(database)
    with database.scoped() as session:
        row = session.get_one(User, user.id)
        factor.begin(session, vault, row)
        with pytest.raises(Invalid):
            factor.confirm(session, vault, row, "000000")
        assert row.totp_confirmed_at is None
    with database.scoped() as session, pytest.raises(Conflict):
        factor.confirm(session, vault, session.get_one(User, make.make_user(database).id), "000000")


def test_with_a_second_factor_a_password_alone_opens_no_tenant(database: Database, vault: Vault) -> None:
    world = make_world(database)
    with _at(NOON), database.scoped() as session:  # type: ignore[attr-defined]
        row = session.get_one(User, world.owner.id)
        factor.confirm(session, vault, row, pyotp.TOTP(factor.begin(session, vault, row)).at(NOON))
    with database.scoped() as session:
        token = sessions.start(session, world.owner)
    with database.scoped() as session:
        entered = sessions.enter(session, token, world.client.id)
        assert entered is not None
        assert entered.second_factor_due
        assert entered.role is None
