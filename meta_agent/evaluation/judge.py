"""Whether an answer is right, by its values: never by its SQL, names or order of columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meta_agent.comparison.tables import is_found_in
from meta_agent.databases.base import Rows


@dataclass(frozen=True)
class Expected:
    """The result of one gold query."""

    rows: Rows
    order_by: tuple[int, ...] | None = None
    """Numbers of the columns that it is ordered by, from 0; None where they are not all shown."""


def is_right(expected: Sequence[Expected], answer: Sequence[Rows], *, ordered: bool) -> bool:
    """Whether a table of the answer holds one of the expected results.

    Several tables of one row each also count side by side: a request of several questions may
    be answered in several tables. A table that was cut at the row limit is never right. Where the
    question orders, rows that are equal in what they are ordered by may change places.
    """
    tables = [*answer, *_side_by_side(answer)]
    return any(is_found_in(one.rows, table, _order(one, ordered)) for one in expected for table in tables)


def _order(expected: Expected, ordered: bool) -> tuple[int, ...]:
    """The columns whose values must come one after the other as in the expected rows."""
    if not ordered:
        return ()
    return tuple(range(len(expected.rows.columns))) if expected.order_by is None else expected.order_by


def _side_by_side(tables: Sequence[Rows]) -> Iterator[Rows]:
    if len(tables) > 1 and all(len(table.rows) == 1 for table in tables):
        columns = tuple(name for table in tables for name in table.columns)
        yield Rows(columns, (tuple(value for table in tables for value in table.rows[0]),))
