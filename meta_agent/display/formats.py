"""An answer on stdout for other programs: CSV or Markdown, every row of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from meta_agent.contracts import ResultTable, RunRecord
from meta_agent.display.values import column_cells, is_number, one_line, shown
from meta_agent.templates.script.csv_files import csv_text

Form = Literal["table", "json", "csv", "markdown"]
_MARKUP = re.compile(r"([\\|`\[\]<>*])")


def answer_as_csv(record: RunRecord) -> str:
    """The tables as comma-separated text, an empty line between two."""
    return "\r\n".join(csv_text(table.model_dump()) for table in _tables(record))


def answer_as_markdown(record: RunRecord) -> str:
    """Tables and summary as Markdown; a stored text cannot become markup."""
    result = record.execution.result if record.execution else None
    parts = [_markdown_table(table) for table in _tables(record)]
    if result is not None and result.summary:
        lines = [
            f"- {_plain(label)}: {_plain(shown(label, value))}" for label, value in result.summary.items()
        ]
        parts.append("\n".join(["## Summary", "", *lines]))
    return "\n\n".join(parts) + "\n"


def _tables(record: RunRecord) -> tuple[ResultTable, ...]:
    result = record.execution.result if record.execution else None
    return result.tables if result else ()


def _markdown_table(table: ResultTable) -> str:
    columns = [[row.get(name) for row in table.rows] for name in table.columns]
    cells = [column_cells(name, values) for name, values in zip(table.columns, columns, strict=True)]
    rules = ["---:" if any(map(is_number, values)) else "---" for values in columns]
    lines = [f"## {_plain(table.title)}", "", _line(map(_plain, table.columns)), _line(rules)]
    return "\n".join([*lines, *(_line(map(_plain, row)) for row in zip(*cells, strict=True))])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", one_line(text))
