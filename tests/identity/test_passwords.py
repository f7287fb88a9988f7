"""What is too weak, and that an unknown user takes as long."""

from __future__ import annotations

import time

import pytest

from portal.identity import passwords
from portal.kernel.errors import Invalid


@pytest.mark.parametrize(
    "password",
    [
        "kort", "Welkom2026!!!!", "password1234", "aaaaaaaaaaaaaaaa", "Zomer2026Zomer2026", "qwertyuiop123456",
        "Karin-Wouters-2026", "P@ssw0rdP@ssw0rd", "12345678901234567", "x" * 200,
    ],
)  # fmt: skip
def test_weak_ones_are_refused(password: str) -> None:
    with pytest.raises(Invalid):
        passwords.check_strength(password, "karin.wouters@example.com", "Karin Wouters")


@pytest.mark.parametrize("password", ["correct horse battery", "drie blauwe fietsen", "tHr33-bL4uwe-fietsen"])
def test_strong_ones_pass(password: str) -> None:
    passwords.check_strength(password, "karin.wouters@example.com", "Karin Wouters")


def test_an_unknown_user_takes_as_long_as_a_known_one() -> None:
    hashed = passwords.hash_password("drie blauwe fietsen")

    def cpu(known: str | None) -> float:
        begun = time.process_time()
        for _ in range(5):
            assert not passwords.matches(known, "something else")
        return time.process_time() - begun

    ratio = cpu(hashed) / cpu(None)
    assert 0.4 < ratio < 2.5
