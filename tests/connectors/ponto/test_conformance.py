"""`portal conformance ponto`, against the stand-in server."""

from __future__ import annotations

import io

import pytest

from portal import feed_conformance
from portal.conformance import BadOption
from tests.connectors.ponto.world import World


def conform(world: World, **options: str) -> tuple[int, dict[str, str]]:
    out = io.StringIO()
    given = {"host": f"{world.url}/ponto-connect", "token": world.secret} | options
    status = feed_conformance.run("ponto", given, out)
    rows = out.getvalue().splitlines()[1:-1]
    return status, {row[:34].strip(): row[34:43].strip() for row in rows}


def test_the_command_tries_every_row(world: World) -> None:
    status, rows = conform(world, write="yes", address="192.0.2.9", account=world.number)
    assert (status, set(rows.values())) == (0, {"ok"})
    assert list(rows) == [name for name, _ in feed_conformance.ROWS]


def test_the_command_asks_no_bank_unless_told(world: World) -> None:
    before = len(world.control.get("synchronizations")["synchronizations"])
    status, rows = conform(world)
    assert (status, rows["fetch now"]) == (0, "skipped")
    assert len(world.control.get("synchronizations")["synchronizations"]) == before


def test_the_command_fails_when_a_row_fails(world: World) -> None:
    status, rows = conform(world, account="nowhere")
    assert (status, rows["list accounts"]) == (1, "failed")


def test_the_command_stops_when_it_cannot_log_in(world: World) -> None:
    status, rows = conform(world, token="made-up-token")
    assert (status, rows.pop("log in")) == (1, "failed")
    assert set(rows.values()) == {"skipped"}


@pytest.mark.parametrize(
    ("key", "options", "complaint"),
    [
        ("ponto", {}, "'host' is needed"),
        ("ponto", {"host": "live"}, "'token' is needed"),
        ("ponto", {"host": "mars", "token": "t"}, "neither an address"),
        ("ponto", {"host": "live", "token": "t", "dossier": "1"}, "no option 'dossier'"),
        ("saltedge", {}, "keys of ours"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_options(key: str, options: dict[str, str], complaint: str) -> None:
    with pytest.raises(BadOption, match=complaint):
        feed_conformance.run(key, options, io.StringIO())
