"""Whether one table is found in another, by its values: whatever their columns are called.

Every expected column must be found among the answer's columns so that all of them together
give the same rows: columns that each hold the right values, but in other rows than the
others, do not count.
"""

from __future__ import annotations

from collections.abc import Sequence

from meta_agent.comparison.cells import cell
from meta_agent.comparison.rows import Column, same_in_order, same_rows
from meta_agent.databases.base import Rows


def is_found_in(expected: Rows, answer: Rows, order: tuple[int, ...] = ()) -> bool:
    """Whether the answer has the same rows in the expected columns; it may have more columns.

    ``order``: numbers of the expected columns whose values must come one after the other alike.
    """
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


def shared_columns(one: Rows, other: Rows) -> tuple[int, ...]:
    """Numbers of the columns of ``one`` that the other table has as well, all together in the same rows."""
    if one.is_cut or other.is_cut or len(one.rows) != len(other.rows):
        return ()
    wanted, given = _columns(one), _columns(other)
    shared: list[int] = []
    partners: list[int] = []
    for number, column in enumerate(wanted):
        for index, candidate in enumerate(given):
            if index in partners or not _agree([column], [candidate], ()):
                continue
            if _agree([*(wanted[n] for n in shared), column], [*(given[n] for n in partners), candidate], ()):
                shared.append(number)
                partners.append(index)
                break
    return tuple(shared)


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
