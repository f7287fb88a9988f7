"""A number of eleven bytes that is a thousand million digits written out: refused where it is read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from portal.connectors import calls, xml_rpc
from portal.connectors.exact import mapping as exact
from portal.connectors.pennylane import mapping as pennylane
from portal.connectors.saltedge import mapping as saltedge
from portal.connectors.xero import mapping as xero

ENDLESS = ["1E+999999999", "-1e+999999", "0E+999999999", "1E-999999999", "1" + "0" * 61 + ".5"]


def _xml_rpc(kind: str) -> Callable[[str], Any]:
    start = "<?xml version='1.0'?><methodResponse><params><param><value>"
    end = "</value></param></params></methodResponse>"
    return lambda text: xml_rpc.unmarshalled(f"{start}<{kind}>{text}</{kind}>{end}".encode())


READERS: list[Callable[[str], Any]] = [
    lambda text: calls.decode(f'{{"id": {text}}}'.encode()),
    lambda text: saltedge.decode(f'{{"id": {text}}}'.encode()),
    _xml_rpc("double"), _xml_rpc("bigdecimal"), exact.money, pennylane.money, xero.money,
]  # fmt: skip


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("text", ENDLESS)
def test_a_number_out_of_all_bounds_is_refused(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises(calls.UNREADABLE):
        read(text)


@pytest.mark.parametrize("read", READERS)
def test_amounts_keep_their_digits(read: Callable[[str], Any]) -> None:
    for text in ("0.00", "-1234567890123.45678", "1e3"):
        found = read(text)
        assert Decimal(found["id"] if isinstance(found, dict) else found) == Decimal(text)


def test_a_log_in_server_that_nests_without_end_is_not_understood() -> None:
    from portal.authorisations import replies

    assert replies._document(b"[" * 200_000) == {}
