"""What changed between two answers of the same script: rows by their keys, and the figures over all of them.

Rows are told apart by the columns that name them: the first column whose values are there once in
either answer and are no figures, else the first two or three such columns together. Where none tell
them apart, a row that changed is one that went and one that came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations
from typing import Any

from meta_agent.column_words import is_label
from meta_agent.comparison.cells import FLOAT_NOISE, Number, cell
from meta_agent.contracts import ResultTable, ScriptResult

Row = dict[str, Any]
EXACT_DECIMALS = 8
"""A figure with more decimals was computed in floating point, and its last digits mean nothing."""
MOST_KEY_COLUMNS = 3
_MOST_NAMING = 8
"""Columns that are tried together, so that a wide table takes no time."""


@dataclass(frozen=True)
class CellChange:
    """One figure or text that is another one now."""

    column: str
    before: Any
    after: Any


@dataclass(frozen=True)
class ChangedRow:
    """A row that is still there, with other values."""

    key: Row
    cells: tuple[CellChange, ...]


@dataclass(frozen=True)
class TableChanges:
    """What changed in one table."""

    title: str
    keys: tuple[str, ...]
    """The columns that tell rows apart; empty where none do."""
    added: tuple[Row, ...] = ()
    removed: tuple[Row, ...] = ()
    changed: tuple[ChangedRow, ...] = ()
    unchanged: int = 0
    """How many rows are as they were."""
    new_columns: tuple[str, ...] = ()
    lost_columns: tuple[str, ...] = ()

    @property
    def is_any(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.removed or self.changed or self.new_columns or self.lost_columns)


@dataclass(frozen=True)
class AnswerChanges:
    """What changed from one answer to the next."""

    since: str
    """The run that gave the earlier answer."""
    tables: tuple[TableChanges, ...]
    summary: tuple[CellChange, ...] = ()
    """Figures over all rows."""

    @property
    def is_any(self) -> bool:
        """Whether anything changed."""
        return bool(self.summary) or any(table.is_any for table in self.tables)


def changes_between(before: ScriptResult, after: ScriptResult, since: str) -> AnswerChanges:
    """What changed from one answer to another; the order of rows is no change."""
    earlier, later = _by_title(before.tables), _by_title(after.tables)
    nothing = ResultTable(title="", columns=(), rows=())
    tables = (
        table_changes(earlier.get(key, nothing), later.get(key, nothing), title=key[0])
        for key in {**earlier, **later}
    )
    names = {**before.summary, **after.summary}
    summary = (
        CellChange(name, before.summary.get(name), after.summary.get(name))
        for name in names
        if not unchanged(before.summary.get(name), after.summary.get(name))
    )
    return AnswerChanges(since, tuple(tables), tuple(summary))


def table_changes(before: ResultTable, after: ResultTable, *, title: str) -> TableChanges:
    """What changed in one table; only the columns that both have are compared."""
    shared = tuple(name for name in before.columns if name in after.columns)
    return replace(
        _row_changes(before.rows, after.rows, shared),
        title=title,
        new_columns=tuple(name for name in after.columns if name not in shared),
        lost_columns=tuple(name for name in before.columns if name not in shared),
    )


def _row_changes(before: Sequence[Row], after: Sequence[Row], columns: tuple[str, ...]) -> TableChanges:
    if not columns:
        return TableChanges("", (), tuple(after), tuple(before))
    keys = key_columns(columns, before, after)
    if not keys:
        added, removed, same = _as_multisets(columns, before, after)
        return TableChanges("", (), added, removed, unchanged=same)
    old = {_key(row, keys): row for row in before}
    new = {_key(row, keys): row for row in after}
    kept = [(old[key], new[key]) for key in old if key in new]
    changed = tuple(change for pair in kept if (change := _changed_row(*pair, keys, columns)) is not None)
    return TableChanges(
        "",
        keys,
        added=tuple(row for key, row in new.items() if key not in old),
        removed=tuple(row for key, row in old.items() if key not in new),
        changed=changed,
        unchanged=len(kept) - len(changed),
    )


def key_columns(columns: Sequence[str], before: Sequence[Row], after: Sequence[Row]) -> tuple[str, ...]:
    """The columns that tell the rows of both tables apart; empty where none do."""
    named = [name for name in columns if _names_rows(name, [*before, *after])][:_MOST_NAMING]
    for count in range(1, MOST_KEY_COLUMNS + 1):
        for keys in combinations(named, count):
            if all(len({_key(row, keys) for row in rows}) == len(rows) for rows in (before, after)):
                return keys
    return ()


def unchanged(before: object, after: object) -> bool:
    """Whether two values are the same, but for what floating point leaves in the last digits."""
    one, other = cell(before), cell(after)
    if isinstance(one, Number) and isinstance(other, Number):
        noise = FLOAT_NOISE if max(one.decimals, other.decimals) > EXACT_DECIMALS else Decimal(0)
        return abs(one.value - other.value) <= noise * max(abs(one.value), abs(other.value))
    return one == other


def _by_title(tables: Sequence[ResultTable]) -> dict[tuple[str, int], ResultTable]:
    """Tables by title; of several with the same one, by their order."""
    seen: Counter[str] = Counter()
    found = {}
    for table in tables:
        found[(table.title, seen[table.title])] = table
        seen[table.title] += 1
    return found


def _names_rows(column: str, rows: Sequence[Row]) -> bool:
    """Whether a column holds no figures: texts, dates, or numbers that name something."""
    values = [row.get(column) for row in rows]
    if any(isinstance(value, (dict, list, tuple, bool)) for value in values):
        return False
    figures = any(isinstance(value, (int, float, Decimal)) for value in values)
    return not figures or (is_label(column) and not any(isinstance(v, (float, Decimal)) for v in values))


def _key(row: Row, keys: Sequence[str]) -> tuple[Hashable, ...]:
    return tuple(_hashable(row.get(name)) for name in keys)


def _hashable(value: object) -> Hashable:
    found = cell(value)
    return found.value if isinstance(found, Number) else found


def _changed_row(old: Row, new: Row, keys: Sequence[str], columns: Sequence[str]) -> ChangedRow | None:
    changed = tuple(
        CellChange(name, old.get(name), new.get(name))
        for name in columns
        if not unchanged(old.get(name), new.get(name))
    )
    return ChangedRow({name: new.get(name) for name in keys}, changed) if changed else None


def _as_multisets(
    columns: Sequence[str], before: Sequence[Row], after: Sequence[Row]
) -> tuple[tuple[Row, ...], tuple[Row, ...], int]:
    """Rows that came, rows that went, and how many stayed, each as often as it is there."""
    old = Counter(_key(row, columns) for row in before)
    new = Counter(_key(row, columns) for row in after)
    added = tuple(_beyond(after, columns, old))
    removed = tuple(_beyond(before, columns, new))
    return added, removed, (old & new).total()


def _beyond(
    rows: Sequence[Row], columns: Sequence[str], others: Counter[tuple[Hashable, ...]]
) -> Iterator[Row]:
    """Rows that are there more often than among the others."""
    left = Counter(others)
    for row in rows:
        key = _key(row, columns)
        left[key] -= 1
        if left[key] < 0:
            yield row
