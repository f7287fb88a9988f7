"""An entry reaches the package once, or a person is told why not."""

from __future__ import annotations

from datetime import date

from portal.sync.models import PostingState
from tests.sync.office import Office


def test_an_offered_entry_is_booked_and_read_back(office: Office) -> None:
    posting = office.step(office.offered((date(2024, 3, 5), "12.50"), (date(2024, 3, 20), "-2.25")))
    assert posting.state == PostingState.CONFIRMED
    assert posting.remote_id == "id-1"
    assert posting.remote_number == "1"
    assert posting.remote_lines == 2
    assert str(posting.remote_debit) == "12.50"
    assert office.package.booked(posting.reference) == 1
