"""One result found in another, whatever its columns are called and in which order they stand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.comparison.tables import is_found_in, shared_columns
from meta_agent.databases.base import Rows


def table(*rows: tuple[Any, ...], is_cut: bool = False, width: int = 1) -> Rows:
    return Rows(tuple(f"c{n}" for n in range(len(rows[0]) if rows else width)), rows, is_cut)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (table(("a", 1), ("b", 2)), table((2, "b"), (1, "a"))),
        (table(("a",), ("b",)), table(("b", 9, 8), ("a", 9, 7))),
        (table((Decimal("1.00"),)), table((1.001,))),
        (table((1, 1), (2, 2)), table((1, 1, "x"), (2, 2, "y"))),
        (table(width=2), table(width=3)),
        (table((None,)), table((None, 1))),
    ],
)
def test_the_same_rows_are_found(expected: Rows, answer: Rows) -> None:
    assert is_found_in(expected, answer)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (table(("a", 1), ("b", 2)), table(("a", 2), ("b", 1))),  # the right values in other rows
        (table(("a",), ("a",), ("b",)), table(("a",), ("b",), ("b",))),
        (table(("a",)), table(("a",), ("a",))),
        (table(("a", 1)), table(("a",))),
        (table((1, 1)), table((1, 2))),  # one column cannot be both
        (table(("a",)), table(("a",), is_cut=True)),
        (table((None,)), table((0,))),
        (table((1,)), table((2,))),
    ],
)
def test_other_rows_are_not(expected: Rows, answer: Rows) -> None:
    assert not is_found_in(expected, answer)


def test_the_order_counts_where_it_is_asked_for() -> None:
    expected, turned = table(("a", 1), ("b", 2)), table(("b", 2), ("a", 1))
    assert is_found_in(expected, turned)
    assert not is_found_in(expected, turned, (1,))
    assert is_found_in(expected, table((1, "a"), (2, "b")), (1,))


def test_rows_that_are_equal_in_the_order_may_change_places() -> None:
    expected = table(("a", 1), ("b", 1), ("c", 2))
    assert is_found_in(expected, table(("b", 1), ("a", 1), ("c", 2)), (1,))


_CELLS = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from("ab"))


@given(st.lists(st.tuples(_CELLS, _CELLS, _CELLS), max_size=6), st.permutations(range(3)), st.randoms())
def test_turned_columns_and_rows_are_the_same(
    rows: list[tuple[Any, ...]], order: list[int], chance: Any
) -> None:
    turned = [tuple(row[index] for index in order) for row in rows]
    chance.shuffle(turned)
    assert is_found_in(table(*rows, width=3), table(*turned, width=3))


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (table(("a", 1, 5), ("b", 2, 6)), table((7, "b", 2), (8, "a", 1)), (0, 1)),
        (table(("a", 1), ("b", 2)), table(("a", 2), ("b", 1)), (0,)),  # not in the same rows
        (
            table(
                (1, 1),
            ),
            table(
                (1,),
            ),
            (0,),
        ),
        (table(("a",)), table(("b",)), ()),
        (table(("a",)), table(("a",), ("a",)), ()),
        (table(("a",), is_cut=True), table(("a",)), ()),
    ],
)
def test_the_columns_that_two_tables_share_are_those_of_the_same_rows(
    one: Rows, other: Rows, shared: tuple[int, ...]
) -> None:
    assert shared_columns(one, other) == shared
