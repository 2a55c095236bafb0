"""The judge itself: what counts as right, and above all the near misses that must not."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.databases.base import Rows
from meta_agent.evaluation.gold_order import order_columns
from meta_agent.evaluation.judge import Expected, is_right


def table(*rows: tuple[Any, ...], is_cut: bool = False) -> Rows:
    width = len(rows[0]) if rows else 1
    return Rows(tuple(f"c{n}" for n in range(width)), rows, is_cut)


def right(expected: Rows, *answer: Rows, ordered: bool = False) -> bool:
    return is_right([Expected(expected)], answer, ordered=ordered)


CITIES = table(("Tampa", 3), ("Miami", 5), ("Dallas", 5))


# --- what does not matter ------------------------------------------------------------


def test_the_order_of_rows_matters_only_where_the_question_orders() -> None:
    swapped = table(("Miami", 5), ("Tampa", 3), ("Dallas", 5))
    assert right(CITIES, swapped)
    assert not right(CITIES, swapped, ordered=True)
    assert right(CITIES, CITIES, ordered=True)


def test_rows_that_are_equal_in_what_they_are_ordered_by_may_change_places() -> None:
    expected = [Expected(table(("Miami", 5), ("Dallas", 5), ("Tampa", 3)), order_by=(1,))]
    assert is_right(expected, [table(("Dallas", 5), ("Miami", 5), ("Tampa", 3))], ordered=True)
    assert not is_right(expected, [table(("Dallas", 5), ("Tampa", 3), ("Miami", 5))], ordered=True)
    assert not is_right(expected, [table(("Dallas", 5), ("Tampa", 5), ("Miami", 3))], ordered=True)
    assert not is_right(expected, [table(("Tampa", 3), ("Miami", 5), ("Dallas", 5))], ordered=True)


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT city, COUNT(*) AS n FROM p GROUP BY city ORDER BY n DESC", (1,)),
        ("SELECT city, COUNT(*) FROM p GROUP BY city ORDER BY COUNT(*) DESC, city", (1, 0)),
        ("SELECT city, COUNT(*) FROM p GROUP BY 1 ORDER BY 2", (1,)),
        ("SELECT p.city FROM p ORDER BY p.size", None),
        ("SELECT city FROM p", None),
        ("SELECT (", None),
    ],
)
def test_what_a_gold_query_is_ordered_by(sql: str, columns: tuple[int, ...] | None) -> None:
    assert order_columns(sql) == columns


def test_columns_may_come_in_any_order_with_others_between() -> None:
    wide = table((1, 3, None, "Tampa"), (2, 5, None, "Miami"), (3, 5, None, "Dallas"))
    assert right(CITIES, wide)
    assert right(CITIES, wide, ordered=True)


def test_one_of_several_expected_results_is_enough() -> None:
    assert is_right([Expected(table((1,))), Expected(table((2,)))], [table((2,))], ordered=False)
    assert not is_right([Expected(table((1,))), Expected(table((2,)))], [table((3,))], ordered=False)


def test_one_of_several_tables_is_enough_and_single_rows_count_side_by_side() -> None:
    assert right(CITIES, table((9,)), CITIES)
    both = table((10, Decimal("85.2")))
    assert right(both, table((10,)), table((Decimal("85.20"),)))
    assert not right(both, table((10,)), table((Decimal("85.3"),)))
    assert not right(both, table((10,), (10,)), table((Decimal("85.2"),), (Decimal("85.2"),)))


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (Decimal("12.345"), 12.35),
        (Decimal("12.345"), Decimal("12.34")),
        (Decimal("1.005"), 1.0),
        (Decimal("1.005"), 1.01),
        (Decimal("0.33333333"), Decimal("0.33")),
        (Decimal("0.33"), 0.333333333),
        (5, Decimal("5.00")),
        (5, 5.0),
        (0.1 + 0.2, Decimal("0.3")),
        (2023, "2023"),
        (Decimal("0.0213"), 0.02),
        (Decimal("0.02130"), 0.02131),
        (date(2025, 1, 1), datetime(2025, 1, 1)),
        (date(2025, 1, 1), "2025-01-01"),
        (datetime(2025, 1, 1, 9, 30), "2025-01-01T09:30:00"),
        (datetime(2025, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))), datetime(2025, 1, 1, 10)),
        (time(9, 30), "09:30:00"),
        ("Tampa", "Tampa  "),
        (None, None),
        (float("nan"), Decimal("nan")),
    ],
)
def test_values_that_are_the_same(expected: object, answer: object) -> None:
    assert right(table((expected,)), table((answer,)))


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (0.95, 95),
        (95, 0.95),
        (Decimal("12.345"), 12.36),
        (Decimal("12.34"), 12.3),
        (Decimal("1.28"), 1),
        (Decimal("0.5"), 1),
        (7, 8),
        (4567890123, 4567890124),
        (Decimal("4567890123.45"), Decimal("4567890123.46")),
        (Decimal("0.0213"), Decimal("0.0178")),
        (Decimal("0.0012"), 0.0049),
        (12, -12),
        (None, 0),
        (0, None),
        (None, ""),
        ("", None),
        (True, 1),
        (True, False),
        (float("nan"), None),
        (date(2025, 1, 1), date(2025, 1, 2)),
        (date(2025, 1, 1), datetime(2025, 1, 1, 13)),
        (date(2025, 1, 1), 1),
        ("Tampa", "tampa"),
        ("Tampa", "Tampa, FL"),
        ("007", "7"),
        (95, "95 %"),
        ("2025-02-30", date(2025, 3, 2)),
    ],
)
def test_values_that_are_not(expected: object, answer: object) -> None:
    assert not right(table((expected,)), table((answer,)))


# --- near misses of whole tables -------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(table(("Tampa", 3), ("Miami", 5)), id="a row too few"),
        pytest.param(table(("Tampa", 3), ("Miami", 5), ("Dallas", 5), ("Orlando", 1)), id="a row too many"),
        pytest.param(table(("Tampa", 3), ("Miami", 5), ("Miami", 5)), id="another row twice"),
        pytest.param(
            table(("Tampa", 5), ("Miami", 3), ("Dallas", 5)), id="right columns, wrong rows together"
        ),
        pytest.param(table(("Tampa",), ("Miami",), ("Dallas",)), id="a column missing"),
        pytest.param(table((3, 3), (5, 5), (5, 5)), id="one column twice in place of the other"),
        pytest.param(table(("Tampa", 3), ("Miami", 5), ("Dallas", None)), id="a value missing"),
        pytest.param(
            table(("Tampa", 3), ("Miami", 5), ("Dallas", 5), is_cut=True), id="cut at the row limit"
        ),
    ],
)
def test_tables_that_are_nearly_right(answer: Rows) -> None:
    assert not right(CITIES, answer)


def test_no_tables_are_no_answer() -> None:
    assert not right(CITIES)


def test_duplicate_rows_count_as_often_as_they_come() -> None:
    expected = table(("a", 1), ("a", 1), ("b", 1))
    assert right(expected, table(("b", 1), ("a", 1), ("a", 1)))
    assert not right(expected, table(("b", 1), ("a", 1), ("b", 1)))


def test_columns_are_matched_jointly_where_several_could_be_meant() -> None:
    # Looked at alone, either of the answer's number columns could be the first or the second expected one.
    expected = table(("a", 1, 2), ("b", 2, 1))
    assert right(expected, table((2, 1, "a"), (1, 2, "b")))
    crossed = table(("a", 1, 1), ("b", 2, 2))
    assert not right(expected, crossed)


def test_an_expected_column_takes_a_column_of_its_own() -> None:
    assert right(table((4, 4)), table((4, 4)))
    assert not right(table((4, 4)), table((4, 5)))


def test_rounding_that_changes_the_sorting_does_no_harm() -> None:
    expected = table((Decimal("1.004"), "x"), (Decimal("1.001"), "y"), (Decimal("1.003"), "x"))
    assert right(expected, table((1.0, "y"), (1.0, "x"), (1.0, "x")))
    pairs = table((Decimal("1.004"), 2), (Decimal("1.001"), 7))
    assert right(pairs, table((1.0, 7), (1.0, 2)))
    assert right(pairs, table((1.0, 7.0), (1.0, 2.0)))
    assert not right(pairs, table((1.0, 7), (1.0, 3)))


def test_a_pairing_is_found_where_the_nearest_one_is_taken() -> None:
    expected = table((Decimal("1.000"), Decimal("2.000")), (Decimal("1.004"), Decimal("1.992")))
    assert right(expected, table((1.004, 1.996), (1.0, 1.99)))


def test_nothing_expected_is_answered_by_nothing() -> None:
    nothing = Rows(("name",), ())
    assert right(nothing, Rows(("city",), ()))
    assert not right(nothing, table(("Tampa",)))
    assert not right(table(("Tampa",)), nothing)


def test_many_rows_are_judged_in_order_of_their_exact_values() -> None:
    rows = [(n, Decimal(n) / 7) for n in range(2000)]
    rounded = [(n, round(float(value), 2)) for n, value in reversed(rows)]
    assert right(table(*rows), table(*rounded))
    rounded[17] = (rounded[17][0], rounded[17][1] + 0.01)
    assert not right(table(*rows), table(*rounded))


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.decimals(-9, 9, places=2),
    st.sampled_from(["a", "b", "c"]),
)
TABLES = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[CELLS] * width), min_size=1, max_size=6).map(lambda rows: table(*rows))
)


@given(TABLES, st.randoms())
def test_a_shuffled_table_is_the_same_answer(expected: Rows, random: Any) -> None:
    order = list(range(len(expected.columns)))
    random.shuffle(order)
    rows = [tuple(row[index] for index in order) for row in expected.rows]
    random.shuffle(rows)
    assert right(expected, table(*rows))


@given(TABLES)
def test_a_changed_value_is_another_answer(expected: Rows) -> None:
    first, *others = expected.rows
    changed = table(("something else", *first[1:]), *others)
    assert not right(expected, changed)
    assert not right(changed, expected)
