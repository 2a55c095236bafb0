"""Whether an answer is right, by its values: never by its SQL, names or order of columns.

Every expected column must be found among the answer's columns so that all of them together
give the same rows: columns that each hold the right values, but in other rows than the
others, are no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meta_agent.databases.rows import Rows
from meta_agent.evaluation.judge_rows import Column, same_in_order, same_rows
from meta_agent.evaluation.judge_values import cell


def is_right(expected: Sequence[Rows], answer: Sequence[Rows], *, ordered: bool) -> bool:
    """Whether a table of the answer holds one of the expected results.

    Several tables of one row each also count side by side: a request of several questions may
    be answered in several tables. A table that was cut at the row limit is never right.
    """
    tables = [*answer, *_side_by_side(answer)]
    return any(_matches(wanted, table, ordered) for wanted in expected for table in tables)


def _side_by_side(tables: Sequence[Rows]) -> Iterator[Rows]:
    if len(tables) > 1 and all(len(table.rows) == 1 for table in tables):
        columns = tuple(name for table in tables for name in table.columns)
        yield Rows(columns, (tuple(value for table in tables for value in table.rows[0]),))


def _matches(expected: Rows, answer: Rows, ordered: bool) -> bool:
    if answer.is_cut or len(expected.rows) != len(answer.rows) or len(expected.columns) > len(answer.columns):
        return False
    wanted, given = _columns(expected), _columns(answer)
    candidates = [_candidates(column, given, ordered) for column in wanted]
    return all(candidates) and _assign(wanted, given, candidates, [], ordered)


def _columns(table: Rows) -> list[Column]:
    return [tuple(cell(row[index]) for row in table.rows) for index in range(len(table.columns))]


def _candidates(wanted: Column, given: Sequence[Column], ordered: bool) -> list[int]:
    """The answer's columns that could be the wanted one, looked at alone."""
    return [index for index, column in enumerate(given) if _agree([wanted], [column], ordered)]


def _assign(
    wanted: list[Column], given: list[Column], candidates: list[list[int]], chosen: list[int], ordered: bool
) -> bool:
    """Whether the wanted columns that have no partner yet can all be given one, rows agreeing throughout."""
    depth = len(chosen)
    if depth == len(wanted):
        return True
    tried: list[Column] = []
    for index in candidates[depth]:
        if index in chosen or given[index] in tried:
            continue
        tried.append(given[index])
        partners = [*chosen, index]
        if _agree(wanted[: depth + 1], [given[i] for i in partners], ordered) and _assign(
            wanted, given, candidates, partners, ordered
        ):
            return True
    return False


def _agree(wanted: Sequence[Column], given: Sequence[Column], ordered: bool) -> bool:
    left, right = list(zip(*wanted, strict=True)), list(zip(*given, strict=True))
    return same_in_order(left, right) if ordered else same_rows(left, right)
