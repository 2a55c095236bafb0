"""Whether two lists of rows are the same as multisets, where numbers may differ by a rounding.

A rounding can change which of two rows sorts first, so sorting alone does not tell: rows
are grouped by everything that must be equal, and paired within a group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from meta_agent.comparison.cells import Cell, Number, same

Column = tuple[Cell, ...]
Row = tuple[Cell, ...]
MOST_PAIRED = 300
"""Rows of a group that are paired one by one where sorting did not do; larger groups are as sorted."""


def same_in_order(expected: Sequence[Row], answer: Sequence[Row]) -> bool:
    """Whether the rows agree one by one."""
    return len(expected) == len(answer) and all(map(_same_row, expected, answer))


def same_rows(expected: Sequence[Row], answer: Sequence[Row]) -> bool:
    """Whether the rows agree in some order, each as often as in the other list."""
    left, right = _grouped(expected), _grouped(answer)
    return {key: len(rows) for key, rows in left.items()} == {
        key: len(rows) for key, rows in right.items()
    } and all(_can_be_paired(rows, right[key]) for key, rows in left.items())


def _same_row(expected: Row, answer: Row) -> bool:
    return all(map(_same_cell, expected, answer))


def _same_cell(expected: Cell, answer: Cell) -> bool:
    if isinstance(expected, Number) and isinstance(answer, Number):
        return same(expected, answer)
    return expected == answer


def _grouped(rows: Sequence[Row]) -> dict[Hashable, list[tuple[Number, ...]]]:
    """The numbers of the rows, by everything else in them."""
    groups: dict[Hashable, list[tuple[Number, ...]]] = defaultdict(list)
    for row in rows:
        key = tuple("a number" if isinstance(value, Number) else value for value in row)
        groups[key].append(tuple(value for value in row if isinstance(value, Number)))
    return groups


def _can_be_paired(expected: list[tuple[Number, ...]], answer: list[tuple[Number, ...]]) -> bool:
    left, right = _sorted(expected), _sorted(answer)
    if all(map(_same_row, left, right)):
        return True
    if len(left) > MOST_PAIRED:
        return False
    partners: dict[int, int] = {}
    edges = [[n for n, row in enumerate(right) if _same_row(wanted, row)] for wanted in left]
    return all(_find_partner(index, edges, partners, set()) for index in range(len(left)))


def _sorted(rows: list[tuple[Number, ...]]) -> list[tuple[Number, ...]]:
    """Sorted by the numbers that are never rounded first."""
    return sorted(
        rows,
        key=lambda row: (
            [number.value for number in row if number.is_whole],
            [number.value for number in row if not number.is_whole],
        ),
    )


def _find_partner(index: int, edges: list[list[int]], partners: dict[int, int], seen: set[int]) -> bool:
    """Give a row a partner, moving others to another where that helps (augmenting paths)."""
    for candidate in edges[index]:
        if candidate in seen:
            continue
        seen.add(candidate)
        if candidate not in partners or _find_partner(partners[candidate], edges, partners, seen):
            partners[candidate] = index
            return True
    return False
