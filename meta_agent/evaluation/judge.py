"""Whether an answer is right, by its values: never by its SQL, names or order of columns.

Every expected column must be found among the answer's columns so that all of them together
give the same rows: columns that each hold the right values, but in other rows than the
others, are no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meta_agent.databases.rows import Rows
from meta_agent.evaluation.judge_rows import Column, same_in_order, same_rows
from meta_agent.evaluation.judge_values import cell


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
    return any(_matches(one.rows, table, _order(one, ordered)) for one in expected for table in tables)


def _order(expected: Expected, ordered: bool) -> tuple[int, ...]:
    """The columns whose values must come one after the other as in the expected rows."""
    if not ordered:
        return ()
    return tuple(range(len(expected.rows.columns))) if expected.order_by is None else expected.order_by


def _side_by_side(tables: Sequence[Rows]) -> Iterator[Rows]:
    if len(tables) > 1 and all(len(table.rows) == 1 for table in tables):
        columns = tuple(name for table in tables for name in table.columns)
        yield Rows(columns, (tuple(value for table in tables for value in table.rows[0]),))


def _matches(expected: Rows, answer: Rows, order: tuple[int, ...]) -> bool:
    if answer.is_cut or len(expected.rows) != len(answer.rows) or len(expected.columns) > len(answer.columns):
        return False
    wanted, given = _columns(expected), _columns(answer)
    candidates = [
        [
            index
            for index, column in enumerate(given)
            if _agree([one], [column], (0,) if number in order else ())
        ]
        for number, one in enumerate(wanted)
    ]
    return all(candidates) and _assign(wanted, given, candidates, [], order)


def _columns(table: Rows) -> list[Column]:
    return [tuple(cell(row[index]) for row in table.rows) for index in range(len(table.columns))]


def _assign(
    wanted: list[Column],
    given: list[Column],
    candidates: list[list[int]],
    chosen: list[int],
    order: tuple[int, ...],
) -> bool:
    """Whether the wanted columns that have no partner yet can all be given one, rows agreeing throughout.

    ``candidates``: for each wanted column those of the answer that could be it, looked at alone.
    """
    depth = len(chosen)
    if depth == len(wanted):
        return True
    tried: list[Column] = []
    for index in candidates[depth]:
        if index in chosen or given[index] in tried:
            continue
        tried.append(given[index])
        partners = [*chosen, index]
        if _agree(wanted[: depth + 1], [given[i] for i in partners], order) and _assign(
            wanted, given, candidates, partners, order
        ):
            return True
    return False


def _agree(wanted: Sequence[Column], given: Sequence[Column], order: tuple[int, ...]) -> bool:
    """Whether columns give the same rows, those of ``order`` also one after the other."""
    in_order = [number for number in order if number < len(wanted)]
    one_by_one = [[columns[number] for number in in_order] for columns in (wanted, given)]
    if in_order and not same_in_order(_rows(one_by_one[0]), _rows(one_by_one[1])):
        return False
    return len(in_order) == len(wanted) or same_rows(_rows(wanted), _rows(given))


def _rows(columns: Sequence[Column]) -> list[Column]:
    return list(zip(*columns, strict=True))
