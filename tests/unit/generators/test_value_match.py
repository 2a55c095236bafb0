from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.generators.value_match import Match, meant_text, nearest_texts

CITIES = ("Tampa", "Orlando", "Saint-Denis", "Port St. Lucie")
NAMES = st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tampa", Match("Tampa", "same")),
        (" TAMPA ", Match("Tampa", "same")),
        ("saint denis", Match("Saint-Denis", "same")),
        ("Port St Lucie", Match("Port St. Lucie", "same")),
        ("Orlanda", Match("Orlando", "near")),
        ("Tampaa", Match("Tampa", "near")),
        ("Atlantis", None),
        ("Tam", None),
    ],
)
def test_what_is_meant(written: str, meant: Match | None) -> None:
    assert meant_text(written, CITIES) == meant


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("unpaid", ["paid"]),
        ("Inactive", ["Active"]),
        ("Building A", ["Building B"]),
        ("Suite 101", ["Suite 102"]),
        ("FL", ["FA"]),
        ("tampa", ["Tampa", "TAMPA"]),
        ("Jonson", ["Johnson", "Jonsson"]),
        ("East Harbor", ["West Harbor"]),
        ("...", ["!!!"]),
    ],
)
def test_another_or_no_clear_text_is_not_meant(written: str, stored: list[str]) -> None:
    assert meant_text(written, stored) is None


@given(NAMES, st.data())
def test_a_text_that_occurs_is_meant_itself(stored: list[str], data: st.DataObject) -> None:
    written = data.draw(st.sampled_from(stored))
    assert meant_text(written, stored) == Match(written, "same")


@given(st.text(max_size=20), NAMES)
def test_what_is_meant_and_what_is_near_is_stored(written: str, stored: list[str]) -> None:
    match = meant_text(written, stored)
    assert match is None or match.text in stored
    near = nearest_texts(written, stored)
    assert len(near) <= 3 and set(near) <= set(stored)
