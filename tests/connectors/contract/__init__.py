"""What every bookkeeping connector must do, whatever package it speaks to.

A connector's test module makes a `world` fixture for its stand-in server and inherits the tests:

    class TestContract(BookkeepingContract):
        pass
"""

from __future__ import annotations

from tests.connectors.contract.bad_days import BadDaysContract
from tests.connectors.contract.booking import BookingContract
from tests.connectors.contract.finding import FindingContract
from tests.connectors.contract.invoices import InvoicesContract
from tests.connectors.contract.lists import ListsContract
from tests.connectors.contract.manners import MannersContract
from tests.connectors.contract.refusals import RefusalsContract


class BooksContract(ListsContract, BookingContract, FindingContract, InvoicesContract, RefusalsContract):
    """The rules that hold with a network between and without. Collected only through a subclass that has a `world`."""


class BookkeepingContract(BooksContract, BadDaysContract, MannersContract):
    """And what a network does to them: limits, lost answers, gates."""
