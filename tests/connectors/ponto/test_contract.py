"""The rules of all bank feeds, kept by Ponto against its stand-in server."""

from __future__ import annotations

from tests.connectors.feed_contract import FeedContract


class TestContract(FeedContract):
    pass
