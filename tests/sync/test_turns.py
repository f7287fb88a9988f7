"""Whose turn it is, by the choosing alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from portal.sync.turns import LONG, SLICE, Waiting, choose, lane_of


def dossier(key: str, calls: int = 2, served: float = 0.0, at_once: int | None = None) -> Waiting:
    """Named firm/login/dossier."""
    firm, login, _ = key.split("/")
    return Waiting(key, f"{firm}/{login}", firm, calls, served, at_once=at_once)


def keys(chosen: Iterable[Waiting]) -> list[str]:
    return [str(one.key) for one in chosen]


def test_who_waited_longest_since_the_last_turn_goes_first() -> None:
    waiting = [dossier(f"a/a/{name}", served=served) for name, served in (("x", 30), ("y", 10), ("z", 20))]
    assert keys(choose(waiting, [], general=3, lane=0).general) == ["a/a/y", "a/a/z", "a/a/x"]


def test_firms_take_turns_and_log_ins_within_them() -> None:
    many = [dossier(f"big/{login}/{n}") for login in ("p", "q") for n in range(50)]
    few = [dossier("small/r/1", served=5.0), dossier("small/r/2", served=6.0)]
    chosen = choose([*many, *few], [], general=8, lane=0).general
    assert Counter(one.firm for one in chosen[:4]) == {"big": 2, "small": 2}
    assert Counter(one.login for one in chosen) == {"big/p": 3, "big/q": 3, "small/r": 2}


def test_who_is_at_work_has_had_its_turn() -> None:
    waiting = [dossier(f"{firm}/l/{n}") for firm in ("a", "b") for n in range(4)]
    busy = [dossier("a/l/0"), dossier("a/l/9")]
    chosen = choose(waiting, busy, general=4, lane=0).general
    assert keys(chosen[:2]) == ["b/l/0", "b/l/1"]
    assert "a/l/0" not in keys(chosen)


def test_the_lane_takes_the_longest_and_nothing_short() -> None:
    waiting = [dossier(f"a/a/{n}", calls=n) for n in (2, LONG, LONG + 1, 500, 90)]
    chosen = choose(waiting, [], general=9, lane=2)
    assert keys(chosen.lane) == ["a/a/500", "a/a/90"]
    assert sorted(keys(chosen.general)) == sorted(["a/a/2", f"a/a/{LONG}", f"a/a/{LONG + 1}"])
    assert keys(choose(waiting[:2], [], general=0, lane=4).lane) == []


def test_a_log_in_that_allows_few_calls_at_once_gets_few_turns() -> None:
    waiting = [dossier(f"a/bc/{n}", calls=100 * n, at_once=5) for n in range(1, 9)] + [dossier("a/other/1")]
    chosen = choose(waiting, [dossier("a/bc/0", at_once=5)], general=16, lane=2)
    assert len(chosen.lane) == 2
    assert Counter(one.login for one in (*chosen.lane, *chosen.general)) == {"a/bc": 4, "a/other": 1}


def test_a_quarter_of_the_slots_is_the_lane() -> None:
    assert (lane_of(16), lane_of(4), lane_of(3), lane_of(1), SLICE) == (4, 1, 0, 0, 20)


names = st.builds("{}/{}/{}".format, st.sampled_from("ab"), st.sampled_from("pqr"), st.integers(0, 40))
dossiers = st.builds(
    dossier, names, st.integers(1, 200), st.integers(0, 5).map(float), at_once=st.sampled_from([None, 3])
)


@given(st.lists(dossiers, unique_by=lambda one: one.key), st.integers(0, 12), st.integers(0, 4), st.data())
def test_any_choice_is_a_choice(waiting: list[Waiting], general: int, lane: int, data: st.DataObject) -> None:
    """Nobody twice, nobody who is busy, no more than asked for or allowed, and no slot empty that could be filled."""
    few = {one.login: one.at_once for one in waiting}  # one limit for each log-in
    waiting = [replace(one, at_once=few[one.login]) for one in waiting]
    busy = data.draw(st.lists(st.sampled_from(waiting), unique=True, max_size=6) if waiting else st.just([]))
    chosen = choose(waiting, busy, general=general, lane=lane)
    assert len(chosen.general) <= general
    assert len(chosen.lane) <= lane
    both = [*chosen.lane, *chosen.general]
    assert len(set(keys(both))) == len(both)
    assert not set(keys(both)) & set(keys(busy))
    taken = Counter(one.login for one in (*both, *busy))
    was = Counter(one.login for one in busy)
    for login, most in few.items():
        assert most is None or taken[login] <= max(most, was[login])
    left = [
        one for one in waiting if one not in both and one not in busy
        and (one.at_once is None or taken[one.login] < one.at_once)
    ]  # fmt: skip
    assert not left or len(chosen.general) == general
