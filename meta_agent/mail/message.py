"""A finished run as a message: request, tables and summary as text and HTML, its files attached.

Whatever a database holds is text here: escaped in HTML, and never part of a header.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from meta_agent.contracts import ResultTable, RunRecord
from meta_agent.display.values import column_cells, is_number, one_line, shown, visible
from meta_agent.rendering import render

MOST_ROWS = 200
"""Rows of a table that stand in the message itself."""
MOST_ATTACHED = 15 * 1024 * 1024
"""Bytes of all attachments together: many servers take no more than 25 MB of their longer encoding."""
_LONGEST_SUBJECT = 120


@dataclass(frozen=True)
class Letter:
    """A message, and what it does not hold."""

    message: EmailMessage
    left_out: tuple[str, ...]
    """Names of files that were too large to be attached."""


def letter_of(record: RunRecord, files: Sequence[Path], sender: str, recipients: Iterable[str]) -> Letter:
    """The message about a run. Raises OSError where one of its ``files`` cannot be read."""
    attached, left_out = _fitting(files)
    values = {
        "request": visible(record.request),
        "tables": [_table(table) for table in _tables(record)],
        "summary": _summary(record),
        "assumptions": [one_line(line) for line in record.script.assumptions] if record.script else [],
        "warnings": [one_line(line) for line in record.warnings],
        "left_out": [visible(name) for name in left_out],
        "run_id": record.run_id,
        "finished": record.finished_at.strftime("%Y-%m-%d %H:%M"),
        "model": record.model,
    }
    message = EmailMessage()
    message["Subject"] = _subject(record)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(render("templates/mail/answer.txt.j2", **values))
    message.add_alternative(render("templates/mail/answer.html.j2", **values), subtype="html")
    for file in attached:
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        main, _, sub = kind.partition("/")
        message.add_attachment(file.read_bytes(), maintype=main, subtype=sub, filename=file.name)
    return Letter(message, tuple(left_out))


def _fitting(files: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files that may be attached together, in their order, and the names of the others."""
    attached, left_out, room = [], [], MOST_ATTACHED
    for file in files:
        size = file.stat().st_size
        if size <= room:
            attached.append(file)
            room -= size
        else:
            left_out.append(file.name)
    return attached, left_out


def _subject(record: RunRecord) -> str:
    title = record.plan.plan_name if record.plan else record.request
    line = one_line(" ".join(title.split()))
    return line if len(line) <= _LONGEST_SUBJECT else line[: _LONGEST_SUBJECT - 1] + "…"


def _tables(record: RunRecord) -> tuple[ResultTable, ...]:
    result = record.execution.result if record.execution else None
    return result.tables if result else ()


def _table(table: ResultTable) -> dict[str, Any]:
    """A table as texts, with the width of each column."""
    rows = table.rows[:MOST_ROWS]
    columns = [column_cells(name, [row.get(name) for row in rows]) for name in table.columns]
    names = [one_line(name) for name in table.columns]
    return {
        "title": one_line(table.title),
        "columns": names,
        "numeric": [any(is_number(row.get(name)) for row in rows) for name in table.columns],
        "widths": [max(map(len, (name, *cells))) for name, cells in zip(names, columns, strict=True)],
        "rows": [list(line) for line in zip(*columns, strict=True)],
        "hidden": len(table.rows) - len(rows),
    }


def _summary(record: RunRecord) -> list[tuple[str, str]]:
    result = record.execution.result if record.execution else None
    return [
        (one_line(label), shown(label, value)) for label, value in (result.summary if result else {}).items()
    ]
