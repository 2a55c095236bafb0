from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.databases.column_readings import (
    LONGEST_VALUE,
    MOST_VALUES,
    few_texts,
    in_range,
    is_personal,
)


def test_few_texts_that_repeat_are_told_in_order() -> None:
    assert few_texts(["shut", "open"], 10) == ("open", "shut")
    assert few_texts(["only"], 2) == ("only",)


@pytest.mark.parametrize(
    ("texts", "filled"),
    [
        ([], 0),
        (["a", "b", "c"], 4),
        ([str(n) for n in range(MOST_VALUES + 1)], 1000),
        (["short", "x" * (LONGEST_VALUE + 1)], 1000),
    ],
)
def test_texts_that_are_many_long_or_hardly_repeat_are_not(texts: list[str], filled: int) -> None:
    assert few_texts(texts, filled) == ()


@given(st.lists(st.text(max_size=LONGEST_VALUE), max_size=MOST_VALUES, unique=True))
def test_a_text_that_could_break_a_line_is_left_out(texts: list[str]) -> None:
    told = few_texts(texts, 1000)
    assert set(told) <= set(texts)
    assert len("".join(told).splitlines()) <= 1
    assert "`" not in "".join(told)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((n, True) for n in ("first_name", "username", "custEmail", "PhoneNumber", "home address", "ip")),
        *((n, True) for n in ("password_hash", "postalcode", "tax_id", "date_of_birth", "api_key")),
        *((n, False) for n in ("status", "shipping_method", "city", "region_name", "tip", "type", "grip")),
    ],
)
def test_columns_about_people_and_secrets(name: str, expected: bool) -> None:
    assert is_personal(name) is expected


def test_only_plain_ends_make_a_range() -> None:
    assert [in_range("number", text) for text in ("-1.50", "1e+20", "NaN", "Infinity", None)] == [
        *("-1.50", "1e+20", None, None, None)
    ]
    assert in_range("date", "2024-01-31T10:00:00+00:00") == "2024-01-31T10:00:00+00:00"
    assert in_range("date", "infinity") is None
    assert in_range("date", "0044-03-15 BC") is None
    assert in_range("text", "1") is None and in_range(None, "1") is None
