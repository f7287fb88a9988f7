"""The explanations belong to codes that exist."""

from __future__ import annotations

from portal.routes import _problems
from portal.sync import wording
from portal.sync.explanations import EXPLANATIONS


def test_a_removed_authorisation_is_explained_with_the_way_out() -> None:
    explained = _problems.explain("posting.removed_authorisation")
    assert explained.title == "The authorisation was removed"
    assert any("Overwrite the coupling" in step for step in explained.steps)


def test_every_explained_posting_code_can_be_raised() -> None:
    explained = {code for code in EXPLANATIONS if code.startswith(("posting.", "run."))}
    assert explained <= set(wording.ERRORS)
