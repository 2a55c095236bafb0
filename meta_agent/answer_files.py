"""Writes a finished answer into a file that the user names: from the typed result, without the model."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from meta_agent.contracts import AskedFiles, RunRecord, ScriptResult
from meta_agent.display.formats import answer_as_markdown
from meta_agent.display.json_output import record_as_json
from meta_agent.errors import UsageError
from meta_agent.generators.script_files import ColumnFacts, about_columns
from meta_agent.glossary import Glossary
from meta_agent.runs.json_text import to_json
from meta_agent.templates.script.csv_files import csv_file

ENDINGS = (".csv", ".json", ".md", ".xlsx")


def check_output(path: Path) -> None:
    """Raise UsageError where an answer could not be written there, before anything is asked."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(
            f"No answer can be written as {path.name}.", f"Use one of the endings {', '.join(ENDINGS)}."
        )
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(
            f"{path} cannot be written.", "Name a file in a folder that exists and that you may write to."
        )


def write_answer(record: RunRecord, glossary: Glossary, path: Path) -> tuple[Path, ...]:
    """Write the answer in the form of the file's ending; the files that were written.

    A CSV file holds one table: further ones get files of their own, numbered. Raises UsageError.
    """
    result = record.execution.result if record.execution else None
    try:
        return tuple(_written(*part) for part in _contents(record, result or ScriptResult(), glossary, path))
    except OSError as error:
        raise UsageError(
            f"{path} could not be written: {error.strerror or error}.",
            "Name another file; the answer also lies in the run's folder.",
        ) from error


def _contents(
    record: RunRecord, result: ScriptResult, glossary: Glossary, path: Path
) -> Iterator[tuple[Path, bytes]]:
    ending = path.suffix.lower()
    if ending == ".csv":
        for number, table in enumerate(result.tables, 1):
            place = path if number == 1 else path.with_name(f"{path.stem}_{number}{path.suffix}")
            yield place, csv_file(table.model_dump())
    elif ending == ".xlsx":
        yield path, _workbook(record, result, glossary)
    elif ending == ".md":
        yield path, answer_as_markdown(record).encode("utf-8", "replace")
    else:
        yield path, f"{to_json(record_as_json(record))}\n".encode()


def _written(path: Path, content: bytes) -> Path:
    """Put the whole file in place in one step, so that nobody reads half of it."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        umask = os.umask(0)
        os.umask(umask)
        Path(draft).chmod(0o666 & ~umask)
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise
    return path


# --- Excel ---------------------------------------------------------------------------


def _workbook(record: RunRecord, result: ScriptResult, glossary: Glossary) -> bytes:
    from meta_agent.templates.script.excel import colour_rules, excel_file

    names = dict.fromkeys(name for table in result.tables for name in table.columns)
    known = {"Run": record.run_id, "Model": record.model, "Database structure": record.schema_fingerprint}
    about = {
        "title": record.plan.plan_name if record.plan else record.request.splitlines()[0],
        "request": record.request,
        "origin": [(name, value) for name, value in known.items() if value],
        "assumptions": list(record.script.assumptions) if record.script else [],
        **about_columns(AskedFiles(), ColumnFacts(tuple(names)), glossary),
    }
    tables = [_with_dates(table.model_dump()) for table in result.tables]
    workbook: bytes = excel_file({"tables": tables, "summary": result.summary}, about, [colour_rules])
    return workbook


def _with_dates(table: dict[str, Any]) -> dict[str, Any]:
    """A table whose columns of ISO dates hold dates again."""
    dated = {name for name in table["columns"] if _holds_dates([row.get(name) for row in table["rows"]])}
    rows = [
        {name: date.fromisoformat(value) if name in dated and value else value for name, value in row.items()}
        for row in table["rows"]
    ]
    return {**table, "rows": rows}


def _holds_dates(values: list[Any]) -> bool:
    found = [value for value in values if value is not None]
    return bool(found) and all(isinstance(value, str) and _is_date(value) for value in found)


def _is_date(text: str) -> bool:
    try:
        return len(text) == len("2026-01-31") and bool(date.fromisoformat(text))
    except ValueError:
        return False
