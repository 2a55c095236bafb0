"""What changed between two answers: rows by what names them, figures exactly, and never what did not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from meta_agent.comparison.changes import AnswerChanges, TableChanges, changes_between, key_columns, unchanged
from meta_agent.contracts import ResultTable, ScriptResult


def answer(*rows: dict[str, Any], title: str = "t", **summary: Any) -> ScriptResult:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return ScriptResult(tables=(ResultTable(title=title, columns=columns, rows=rows),), summary=summary)


def compared(before: ScriptResult, after: ScriptResult) -> AnswerChanges:
    return changes_between(before, after, "script_1")


def only(changes: AnswerChanges) -> TableChanges:
    (table,) = changes.tables
    return table


MILL = {"name": "Old Mill", "noi": Decimal("98000.10")}
COURT = {"name": "Maple Court", "noi": Decimal("480250.00")}


def test_added_removed_and_changed_rows_are_told_by_their_key() -> None:
    later = {**MILL, "noi": Decimal("98000.11")}
    new = {"name": "Harbour", "noi": None}
    table = only(compared(answer(MILL, COURT), answer(new, later)))
    assert table.keys == ("name",)
    assert (table.added, table.removed, table.unchanged) == ((new,), (COURT,), 0)
    (change,) = table.changed
    assert change.key == {"name": "Old Mill"}
    assert [(c.column, c.before, c.after) for c in change.cells] == [
        ("noi", Decimal("98000.10"), Decimal("98000.11"))
    ]


def test_another_order_or_spelling_of_a_number_is_no_change() -> None:
    later = answer(COURT, {"name": "Old Mill", "noi": Decimal("98000.1")})
    assert not compared(answer(MILL, COURT), later).is_any


def test_one_name_alone_may_not_do() -> None:
    rows = [
        {"year": year, "city": city, "noi": n}
        for n, (year, city) in enumerate(((2024, "A"), (2025, "A"), (2025, "B")))
    ]
    assert key_columns(("year", "city", "noi"), rows, rows) == ("year", "city")


def test_numbers_that_name_something_are_keys_and_figures_are_not() -> None:
    rows = [{"property_id": 1, "units": 5}, {"property_id": 2, "units": 7}]
    assert key_columns(("units", "property_id"), rows, rows) == ("property_id",)
    assert key_columns(("units",), rows, rows) == ()


def test_rows_that_nothing_tells_apart_come_and_go() -> None:
    before = answer({"n": 1}, {"n": 1}, {"n": 2})
    after = answer({"n": 1}, {"n": 2}, {"n": 3})
    table = only(compared(before, after))
    assert (table.keys, table.added, table.removed, table.unchanged) == ((), ({"n": 3},), ({"n": 1},), 2)


def test_columns_that_came_or_went_are_told_once() -> None:
    table = only(compared(answer(MILL), answer({"name": "Old Mill", "value": 1})))
    assert (table.new_columns, table.lost_columns, table.changed) == (("value",), ("noi",), ())


def test_tables_and_figures_over_all_rows() -> None:
    changes = compared(answer(MILL, title="a", Rows=1), answer(MILL, title="b", Rows=2))
    assert [(t.title, len(t.added), len(t.removed)) for t in changes.tables] == [("a", 0, 1), ("b", 1, 0)]
    assert [(c.column, c.before, c.after) for c in changes.summary] == [("Rows", 1, 2)]


def test_of_tables_with_the_same_title_each_is_compared_with_its_own() -> None:
    both = ScriptResult(tables=(*answer(MILL).tables, *answer(COURT).tables))
    assert not compared(both, both).is_any


def test_no_rows_before_or_after() -> None:
    nothing = ScriptResult(tables=(ResultTable(title="t", columns=("name", "noi"), rows=()),))
    assert only(compared(nothing, answer(MILL))).added == (MILL,)
    assert only(compared(answer(MILL), nothing)).removed == (MILL,)
    assert not compared(nothing, nothing).is_any


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (Decimal("55831000000.00"), Decimal("55831000000.01"), False),
        (0.1 + 0.2, 0.3, True),
        (0.30000000001, 0.3, False),
        (1, Decimal("1.00"), True),
        (None, 0, False),
        (True, 1, False),
        ("2026-01-01", "2026-01-02", False),
        ("a", "a ", True),
    ],
)
def test_a_cent_is_a_change_and_floating_point_noise_is_none(
    before: object, after: object, same: bool
) -> None:
    assert unchanged(before, after) is same


CELLS = st.one_of(st.none(), st.integers(-9, 9), st.sampled_from("abc"), st.decimals(-9, 9, places=2))
TABLES = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abcdef"), "x": CELLS, "y": CELLS}), max_size=7
)


@given(rows=TABLES, order=st.randoms())
def test_an_answer_is_like_itself_in_any_order(rows: list[dict[str, Any]], order: Any) -> None:
    other = list(rows)
    order.shuffle(other)
    assert not compared(answer(*rows), answer(*other)).is_any


@given(before=TABLES, after=TABLES)
def test_every_row_is_counted_once(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    columns = ("name", "x", "y")
    one, other = (
        ScriptResult(tables=(ResultTable(title="t", columns=columns, rows=tuple(rows)),))
        for rows in (before, after)
    )
    table = only(compared(one, other))
    kept = table.unchanged + len(table.changed)
    assert (kept + len(table.removed), kept + len(table.added)) == (len(before), len(after))
    back = only(compared(other, one))
    assert (len(back.added), len(back.removed)) == (len(table.removed), len(table.added))
