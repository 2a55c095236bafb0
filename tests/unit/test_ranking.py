from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.ranking import MOST, Ranking, asked_ranking, without_counts


@pytest.mark.parametrize(
    ("request_text", "asked"),
    [
        ("Show the top 5 properties by NOI", Ranking(5, "high")),
        ("the Five Largest loans", Ranking(5, "high")),
        ("which 3 tenants pay the highest rent?", Ranking(3, "high")),
        ("3 properties with the lowest occupancy, please", Ranking(3, "low")),
        ("bottom ten by revenue", Ranking(10, "low")),
        ("top 4 least expensive loans", Ranking(4, "low")),
        ("top 5 with the lowest rent", Ranking(5, "low")),
        ("the 7 most valuable buildings", Ranking(7, "high")),
        ("worst 3 by DSCR", Ranking(3, None)),
        ("best five properties", Ranking(5, None)),
        ("top 5 riskiest properties", Ranking(5, None)),
        ("the 2 oldest buildings", Ranking(2, None)),
        ("top 3 months by income", Ranking(3, "high")),
        ("top 5 by NOI and lowest LTV with highest rent", Ranking(5, None)),
    ],
)
def test_what_is_asked_for(request_text: str, asked: Ranking) -> None:
    assert asked_ranking(request_text) == asked


@pytest.mark.parametrize(
    "request_text",
    [
        "Show the NOI of every property, largest first",
        "properties with at most 5 units",
        "properties that have at least 3 loans",
        "the top 10% by NOI",
        "top 10 percent of the loans",
        "the highest 3 month average",
        "top 3 tenants in each city",
        "top 3 tenants per property",
        "the top 5 and the bottom 5 properties",
        "top 5 properties and the 3 largest loans",
        "loans above 5.5 with the highest balance",
        "the largest 2024 loan",
        "top 0 properties",
        "",
    ],
)
def test_what_asks_for_no_ranking_or_no_clear_one(request_text: str) -> None:
    assert asked_ranking(request_text) is None


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    asked = asked_ranking(text)
    assert asked is None or 1 <= asked.count <= MOST


@given(st.integers(1, MOST), st.sampled_from(["top", "largest", "lowest", "bottom"]))
def test_the_number_is_the_one_written(count: int, word: str) -> None:
    asked = asked_ranking(f"show the {word} {count} loans")
    assert asked is not None and asked.count == count


@pytest.mark.parametrize(
    ("request_text", "has_figures"),
    [
        ("the top 5 properties", False),
        ("the first ten loans and the next 10", False),
        ("3 properties with the lowest NOI", False),
        ("a loan of 500,000 at 6 percent", True),
        ("the top 5 of 40, 30, 20", True),
    ],
)
def test_how_many_rows_are_wanted_is_no_figure_to_compute_from(request_text: str, has_figures: bool) -> None:
    assert any(character.isdigit() for character in without_counts(request_text)) is has_figures


@pytest.mark.parametrize(
    ("request_text", "asked"),
    [
        ("which three of our properties have the lowest DSCR?", Ranking(3, "low")),
        ("Which one has the highest NOI?", Ranking(1, "high")),
        ("the names of the 5 largest loans", Ranking(5, "high")),
        ("which of the 5 loans has the highest rate?", None),
        ("which one of our three lenders has the largest balance", None),
        ("Show the lowest one", None),
        ("the lowest one hundred", None),
        ("in 2024 the highest rent", None),
        ("which month of 2024 had the lowest NOI", None),
    ],
)
def test_how_many_are_wanted_is_not_how_many_there_are(request_text: str, asked: Ranking | None) -> None:
    assert asked_ranking(request_text) == asked
