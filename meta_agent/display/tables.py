"""Tables and summaries of an answer, with the glossary's thresholds as words and colours.

A file or pipe gets every row on a line of its own, uncut. A terminal gets the first rows;
where the columns do not fit beside one another, text is wrapped, figures never are, and
if that is not enough each row is shown as a list of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rich.cells import cell_len
from rich.text import Text

from meta_agent.display.errors import wrapped
from meta_agent.display.values import column_cells, is_number, one_line, shown

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.contracts import ResultTable
    from meta_agent.glossary import Glossary, Metric

MOST_ROWS = 50
"""Rows shown on a terminal; files and pipes get all of them."""
_GAP = "  "
_NARROWEST_TEXT = 14
_LONGEST_CELL = 400
"""Characters of one cell on a terminal."""


@dataclass(frozen=True)
class _Column:
    """One column, ready to be shown; the styles are those of the cells."""

    title: str
    cells: list[str]
    styles: list[str]
    numeric: bool

    @property
    def width(self) -> int:
        return max(map(cell_len, (self.title, *self.cells)))

    @property
    def narrowest(self) -> int:
        """Without breaking a figure or a word of the title."""
        words = max(map(cell_len, _title_words(self.title)))
        longest = max(map(cell_len, self.cells))
        return max(words, longest if self.numeric else min(longest, _NARROWEST_TEXT))


def show_table(table: ResultTable, glossary: Glossary, console: Console, elsewhere: str) -> None:
    """One result table with its title; ``elsewhere`` is where rows are that do not stand here."""
    console.print(Text(wrapped(one_line(table.title), console, ""), style="bold"), soft_wrap=True)
    if not table.rows:
        console.print(Text("  (no rows)\n"))
        return
    rows = table.rows[:MOST_ROWS] if console.is_terminal else table.rows
    columns = [_column(name, rows, glossary, cut=console.is_terminal) for name in table.columns]
    if not console.is_terminal or _total(column.width for column in columns) <= console.width:
        _print_lines(columns, console)
    elif _total(column.narrowest for column in columns) <= console.width:
        _print_wrapped(columns, console)
    else:
        _print_records(columns, len(rows), console)
    if len(rows) < len(table.rows):
        hidden = f"{len(table.rows) - len(rows):,} more of {len(table.rows):,} rows: {elsewhere}"
        console.print(Text(f"… {hidden}", style="dim"), soft_wrap=True)
    console.print()


def show_summary(summary: dict[str, Any], console: Console) -> None:
    """The figures over all rows."""
    if not summary:
        return
    console.print(Text("Summary", style="bold"))
    labels = [one_line(label) for label in summary]
    values = [shown(label, value) for label, value in summary.items()]
    label_width = max(map(cell_len, labels))
    value_width = max(
        (cell_len(v) for v, raw in zip(values, summary.values(), strict=True) if is_number(raw)), default=0
    )
    for label, text, raw in zip(labels, values, summary.values(), strict=True):
        padded = _padded(text, value_width, right=True) if is_number(raw) else text
        console.print(Text(f"{_GAP}{_padded(label, label_width)}{_GAP}{padded}"), soft_wrap=True)
    console.print()


def _column(name: str, rows: Sequence[dict[str, Any]], glossary: Glossary, *, cut: bool) -> _Column:
    values = [row.get(name) for row in rows]
    metric = glossary.metric_of_column(name.partition(" [")[0])
    bounds = [t.at_least for t in metric.thresholds if t.at_least is not None] if metric else []
    cells = column_cells(name, values, bounds)
    if cut:
        cells = [cell if len(cell) <= _LONGEST_CELL else cell[:_LONGEST_CELL] + "…" for cell in cells]
    labels: dict[str, str] = {t.label: t.colour for each in glossary.metrics for t in each.thresholds}
    styles = [_style(value, metric, labels) for value in values]
    return _Column(one_line(name), cells, styles, any(map(is_number, values)))


def _style(value: Any, metric: Metric | None, labels: dict[str, str]) -> str:
    if value is None:
        return "dim"
    if isinstance(value, str):
        return labels.get(value, "")
    if metric is None or not is_number(value):
        return ""
    reached = (t.colour for t in metric.thresholds if t.at_least is None or value >= t.at_least)
    return next(reached, "")


def _print_lines(columns: list[_Column], console: Console) -> None:
    """One line a row."""
    rule = "─" if console.encoding.lower().startswith("utf") else "-"
    widths = [column.width for column in columns]
    console.print(
        _line([Text(column.title, style="bold") for column in columns], columns, widths), soft_wrap=True
    )
    console.print(Text(_GAP + _GAP.join(rule * width for width in widths), style="dim"), soft_wrap=True)
    for row in _rows(columns):
        console.print(_line(row, columns, widths), soft_wrap=True)


def _line(cells: Sequence[Text], columns: list[_Column], widths: list[int]) -> Text:
    line = Text()
    for cell, column, width in zip(cells, columns, widths, strict=True):
        line.append(_GAP)
        blank = " " * (width - cell.cell_len)
        line.append(blank if column.numeric else "").append_text(cell).append("" if column.numeric else blank)
    line.rstrip()
    return line


def _print_wrapped(columns: list[_Column], console: Console) -> None:
    """Text wrapped inside its column."""
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.numeric else "left"
        width = max(map(cell_len, column.cells)) if column.numeric else _NARROWEST_TEXT
        title = Text(_broken_title(column.title, width))
        grid.add_column(title, justify=justify, no_wrap=column.numeric, overflow="fold")
    for row in _rows(columns):
        grid.add_row(*row)
    console.print(grid)


def _print_records(columns: list[_Column], count: int, console: Console) -> None:
    """Each row as a list of its columns."""
    width = max(cell_len(column.title) for column in columns)
    for number, row in enumerate(_rows(columns), 1):
        console.print(Text(f"{_GAP}row {number} of {count}", style="dim"))
        for column, cell in zip(columns, row, strict=True):
            title = Text(_GAP + _padded(column.title, width) + _GAP, style="bold")
            console.print(title.append_text(cell), soft_wrap=True)


def _rows(columns: list[_Column]) -> Iterator[list[Text]]:
    for number in range(len(columns[0].cells) if columns else 0):
        yield [Text(column.cells[number], style=column.styles[number]) for column in columns]


def _title_words(title: str) -> list[str]:
    """Where a title may be broken: after an underscore, at a blank; a scenario in brackets stays whole."""
    return re.findall(r"\[[^\]]*\]|[^_ ]*[_ ]|[^_ ]+", title) or [title]


def _broken_title(title: str, width: int) -> str:
    lines = [""]
    for word in _title_words(title):
        if lines[-1] and cell_len((lines[-1] + word).rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return "\n".join(line.rstrip(" ") for line in lines)


def _total(widths: Iterator[int]) -> int:
    return sum(width + len(_GAP) for width in widths)


def _padded(text: str, width: int, *, right: bool = False) -> str:
    blank = " " * (width - cell_len(text))
    return blank + text if right else text + blank
