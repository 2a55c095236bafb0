"""What changed since the last answer: rows that came, went or are other ones now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.text import Text

from meta_agent.display.values import is_number, one_line, shown

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.comparison.changes import AnswerChanges, CellChange, TableChanges

MOST_SHOWN = 20
"""Rows of each kind; --json has all of them."""
_LONGEST = 120


def show_changes(changes: AnswerChanges, console: Console) -> None:
    """One line for every row and figure that is another one now."""
    if not changes.is_any:
        console.print(Text(f"Nothing changed since {changes.since}.", style="green"), soft_wrap=True)
        return
    console.print(Text(f"Changed since {changes.since}:", style="bold yellow"), soft_wrap=True)
    for table in changes.tables:
        if table.is_any:
            console.print(Text(f"  {one_line(table.title)}: {_counts(table)}"), soft_wrap=True)
            for sign, line in _lines(table):
                console.print(Text(f"    {sign} {line}", style=_STYLES[sign]), soft_wrap=True)
    for cell in changes.summary:
        console.print(Text(f"  {_cell(cell)}"), soft_wrap=True)


def changes_as_json(changes: AnswerChanges) -> dict[str, Any]:
    """What ``rerun --json`` and ``run --json`` have under ``changes``."""
    return {"changed": changes.is_any, **asdict(changes)}


_STYLES = {"+": "green", "-": "red", "~": "yellow", " ": "dim"}


def _counts(table: TableChanges) -> str:
    counted = {"added": table.added, "removed": table.removed, "changed": table.changed}
    told = [f"{len(rows):,} {word}" for word, rows in counted.items() if rows]
    told += [f"{table.unchanged:,} unchanged"] if table.unchanged else []
    told += [f"new column {one_line(name)}" for name in table.new_columns]
    told += [f"lost column {one_line(name)}" for name in table.lost_columns]
    return ", ".join(told)


def _lines(table: TableChanges) -> Iterator[tuple[str, str]]:
    for sign, rows in (("+", table.added), ("-", table.removed)):
        yield from ((sign, _row(row, table.keys)) for row in rows[:MOST_SHOWN])
        yield from _rest(len(rows))
    for change in table.changed[:MOST_SHOWN]:
        key = ", ".join(shown(name, value) for name, value in change.key.items())
        yield "~", f"{_cut(key)}: {'; '.join(map(_cell, change.cells))}"
    yield from _rest(len(table.changed))


def _rest(count: int) -> Iterator[tuple[str, str]]:
    if count > MOST_SHOWN:
        yield " ", f"… {count - MOST_SHOWN:,} more; --json has all of them"


def _row(row: dict[str, Any], keys: tuple[str, ...]) -> str:
    """What names the row first, then its figures."""
    named = [shown(name, row.get(name)) for name in keys]
    rest = [f"{one_line(name)} {shown(name, value)}" for name, value in row.items() if name not in keys]
    return _cut(", ".join([*named, *rest]))


def _cell(change: CellChange) -> str:
    before, after = shown(change.column, change.before), shown(change.column, change.after)
    return f"{one_line(change.column)} {_cut(before)} → {_cut(after)}{_difference(change)}"


def _difference(change: CellChange) -> str:
    if not (is_number(change.before) and is_number(change.after)):
        return ""
    moved = Decimal(str(change.after)) - Decimal(str(change.before))
    return f" ({'+' if moved > 0 else ''}{shown(change.column, moved)})"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
