from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.what_if import asks_what_if, percent_changes

DOWN, UP, BOTH = (-1,), (1,), (-1, 1)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("What if NOI fell by 10 %?", [(10, DOWN)]),
        ("What would happen if NOI changed by -10%?", [(10, DOWN)]),
        ("DSCR if rates rose 5 percent", [(5, UP)]),
        ("What if NOI moves ±10 %", [(10, BOTH)]),
        ("What if NOI goes up or down 10 %", [(10, BOTH)]),
        ("What if NOI went +/- 10 %", [(10, BOTH)]),
        ("What if NOI changes by 10%", [(10, BOTH)]),
        ("Stress NOI by 10%", [(10, BOTH)]),
        ("if NOI were 10 % lower", [(10, DOWN)]),
        ("if NOI is 10% less", [(10, DOWN)]),
        ("What if NOI down 5%, rates up 10%?", [(5, DOWN), (10, UP)]),
        ("NOI down 10%, rates up 10%: what would DSCR be?", [(10, DOWN), (10, UP)]),
        ("What if expenses rose 3% and NOI fell 2%?", [(3, UP), (2, DOWN)]),
        ("What if a 5% drop in NOI and a 10% rise in rates", [(5, DOWN), (10, UP)]),
        ("simulate a 12.5% reduction of rents", [(12.5, DOWN)]),
        ("What if expenses grow 2,5 %?", [(2.5, UP)]),
        ("What if income increased 1,000 %", [(1000, UP)]),
        ("What if NOI fell by 5, 10 and 15 percent?", [(5, DOWN), (10, DOWN), (15, DOWN)]),
        ("What if NOI dropped 5-10 %", [(5, DOWN), (10, DOWN)]),
        ("What if NOI falls by up to 10%", [(10, DOWN)]),
        ("Which would have a DSCR below 1.25 if NOI fell by 10%?", [(10, DOWN)]),
        ("Which have occupancy below 85% and what would DSCR be if NOI fell by 10%?", [(10, DOWN)]),
        ("What would DSCR be with NOI down 15 percent, and who is below 85%?", [(15, DOWN)]),
        ("What if rates move by −2 %", [(2, DOWN)]),
        ("suppose the rents were cut by 7 per cent", [(7, DOWN)]),
        ("What if rates rose 2 pct", [(2, UP)]),
    ],
)
def test_sizes_and_signs(text: str, changes: list[tuple[float, tuple[int, ...]]]) -> None:
    assert asks_what_if(text)
    assert [(change.percent, change.directions) for change in percent_changes(text)] == changes


@pytest.mark.parametrize(
    "text",
    [
        "Which properties have an occupancy below 85 %?",
        "Show the properties whose cap rate is above 6 percent and would qualify",
        "If NOI is positive, list it",
        "What if we sold Orlando Fashion Square?",
        "If a property has an interest rate of 5 percent, list higher ones",
        "rents rose by more than 5% last year",
        "By how many percent did NOI fall?",
        "Which leases would end with an increase?",
        "What if occupancy fell to 85%",
        "List the loans with an interest rate of at least 4.5%, lower ones too",
        "",
    ],
)
def test_what_supposes_no_change_is_no_what_if(text: str) -> None:
    assert not asks_what_if(text)
    assert percent_changes(text) == ()


def test_points_are_a_supposition_but_no_percentage() -> None:
    text = "What if the interest rate rises by 2 percentage points?"
    assert asks_what_if(text)
    assert percent_changes(text) == ()


def test_each_change_has_the_words_around_it() -> None:
    first, second = percent_changes("What if NOI fell 5%, rates rose 10%?")
    assert (first.clause, second.clause) == ("What if NOI fell 5%", " rates rose 10%")


@given(st.text(alphabet=st.sampled_from("0123456789%.,- +±fellroseupif?what\n"), max_size=200))
def test_any_text_gives_sizes_with_a_direction(text: str) -> None:
    for change in percent_changes(text):
        assert change.percent >= 0
        assert change.directions
    assert isinstance(asks_what_if(text), bool)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "text", ["1, " * 20_000 + "%", "9" * 32_000, "what if " + "fell 5% " * 3_000, "- " * 16_000]
)
def test_long_requests_end(text: str) -> None:
    assert isinstance(asks_what_if(text), bool)
