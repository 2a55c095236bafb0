"""Tables and summaries of an answer, with the glossary's thresholds as colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from meta_agent.display.values import is_number, shown, visible

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.contracts import ResultTable
    from meta_agent.glossary import Glossary

MOST_ROWS = 50
"""Rows shown on a terminal; files and pipes get all of them."""


def show_table(table: ResultTable, glossary: Glossary, console: Console) -> None:
    """One result table with its title; figures to the right, labels in their colours."""
    console.print(Text(visible(table.title), style="bold"))
    if not table.rows:
        console.print(Text("  (no rows)"))
        return
    rows = table.rows[:MOST_ROWS] if console.is_terminal else table.rows
    colours = {t.label: t.colour for metric in glossary.metrics for t in metric.thresholds}
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        numeric = any(is_number(row.get(column)) for row in rows)
        grid.add_column(Text(visible(column)), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(_cell(column, row.get(column), colours) for column in table.columns))
    console.print(grid)
    if len(rows) < len(table.rows):
        console.print(Text(f"  … and {len(table.rows) - len(rows):,} more rows in results/result.json"))


def show_summary(summary: dict[str, Any], console: Console) -> None:
    """The figures over all rows."""
    if not summary:
        return
    console.print(Text("Summary", style="bold"))
    width = max(len(visible(label)) for label in summary)
    for label, value in summary.items():
        console.print(Text(f"  {visible(label).ljust(width)}  {shown(label, value)}"))


def _cell(column: str, value: Any, colours: dict[str, str]) -> Text:
    text = shown(column, value)
    if value is None:
        return Text(text, style="dim")
    return Text(text, style=colours.get(text, "") if isinstance(value, str) else "")
