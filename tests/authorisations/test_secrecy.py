"""Tokens, codes and verifiers stay out of logs, errors, Redis and every readable column."""

from __future__ import annotations

import traceback
import zlib
from collections.abc import Iterator

import psycopg
import pytest
import redis

from portal.authorisations import replies, tokens
from portal.authorisations.login import Arrival
from portal.connectors.errors import ConnectorError
from portal.jobs import authorisations as jobs
from portal.kernel import http, queue
from portal.kernel.db import Setting
from portal.runtime import Runtime
from tests.authorisations.conftest import SignedIn, Time
from tests.authorisations.provider import Provider, person
from tests.authorisations.test_login import make_visitor
from tests.conftest import Servers, Urls


@pytest.fixture
def doorbell(servers: Servers) -> Iterator[redis.Redis]:
    queue.connect(servers.redis_url)
    yield queue.connection()
    queue.connect(None)


def everything_in(urls: Urls) -> str:
    """All rows of all tables, as text."""
    with psycopg.connect(urls.admin) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [connection.execute(f"SELECT t::text FROM {name} t").fetchall() for (name,) in names]  # noqa: S608  (names from the catalogue)
    return str(rows)


def test_secrets_show_nowhere(
    signed_in: SignedIn, means: Runtime, provider: Provider, virtual: Time, doorbell: redis.Redis,
    database_urls: Urls, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A log-in, renewals that work, fail and are refused, and a call: then look for what must not be there."""
    told: list[str] = []
    secrets = {signed_in.grant.access, signed_in.grant.refresh, means.settings.registration("exact").secret}
    visitor = make_visitor(means, provider)
    given = provider.consent(visitor.begin(), person("Piet Bakker"))
    secrets |= {given["code"], given["state"]}
    row = visitor.finish(given).authorisation
    for fault in ("", "500", "drop_before", "garbage"):
        virtual.pass_(hours=1)
        provider.faults.extend([fault] * bool(fault))
        try:
            secrets.add(tokens.access_token(signed_in.custody))
        except ConnectorError as error:
            told.append("".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)))
        secrets |= {signed_in.grant.access, signed_in.grant.refresh}
        tokens.keep_alive(signed_in.custody)
    with means.database.scoped(Setting(tenant=visitor.firm.id)) as session:
        queue.ring(session, f"authorisations.{jobs.keep_alive.__name__}", visitor.firm.id, row.id)
    out, err = capsys.readouterr()
    bells: list[object] = []
    for key in doorbell.scan_iter("rq:job:*"):
        job: dict[bytes, bytes] = doorbell.hgetall(key)  # type: ignore[assignment]  # typed for both kinds of client
        bells.append({**job, b"data": zlib.decompress(job[b"data"])})
    places = {"logs": out + err, "errors": str(told), "redis": str(bells), "tables": everything_in(database_urls)}
    assert "token.renewal" in places["logs"]
    assert len(told) >= 2
    assert str(row.id) in places["redis"]
    for place, content in places.items():
        for secret in secrets:
            assert secret not in content, place
            assert secret.encode().hex() not in content, place


def test_what_holds_secrets_does_not_print_them(virtual: Time, signed_in: SignedIn) -> None:
    received = replies.Tokens("an-access-token", "a-refresh-token", 600.0, replies.Receipt.now())
    with signed_in.custody.session() as session:
        pair = signed_in.custody.read(session)
    arrival = Arrival(signed_in.row.id, "be", None, received)  # type: ignore[arg-type]  # its repr is all that counts
    printed = repr([received, pair, arrival, signed_in.custody])
    for secret in ("an-access-token", "a-refresh-token", signed_in.grant.access, "secret-of-the-client"):
        assert secret not in printed


def test_a_refusal_that_echoes_the_token_is_kept_without_it() -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "refresh-canary-token"}
    body = b'{"error": "invalid_grant", "error_description": "Unknown: refresh-canary-token"}'
    answer = replies.read(http.Reply(400, {}, body), form, 600.0)
    assert answer == replies.Refused("authorisation.consent_withdrawn", "Unknown: [secret]")
