"""Run folders on disk: which there are, and their records, written and read in one step."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from meta_agent.contracts import RunRecord
from meta_agent.errors import UsageError
from meta_agent.runs.json_text import to_json

RECORD_NAME = "run.json"
MOST_RECORD_BYTES = 64 * 2**20
"""A result has 16 MB at most, and stands in the record once."""
_RUN_NAME = re.compile(r"script_(\d{8}_\d{6})(?:_\d+)?")
_REMOVED = ".removed-"
"""Before the name of a folder that is being removed."""


@dataclass(frozen=True)
class RunFolder:
    """One folder of a run."""

    path: Path
    stamp: str
    """Changes whenever the record was written anew; empty where there is none."""

    @property
    def name(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def begun(self) -> datetime | None:
        """When the run began, as its name says, in this machine's time."""
        return time_of_name(self.name)


def save_record(record: RunRecord) -> Path:
    """Write ``run.json`` into the run's folder. Raises UsageError where it cannot be written."""
    target = Path(record.run_dir) / RECORD_NAME
    draft = target.with_suffix(".json.part")
    try:
        draft.write_text(to_json(record.model_dump()) + "\n", encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise cannot_save(target.parent, error) from error
    return target


def load_record(run_dir: Path) -> RunRecord:
    """Read a run's record, numbers as exact as they were. Raises UsageError."""
    content = read_json(run_dir / RECORD_NAME)
    if content is None:
        raise UsageError(
            f"The run {run_dir.name} has no record that can be read.",
            "It was stopped before it had finished, or run.json in its folder was changed.",
        )
    try:
        record = RunRecord.model_validate(content)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"][:3])
        raise UsageError(
            f"The record of the run {run_dir.name} has a form that this version does not know, at {place}.",
            "Use the version of the tool that wrote it.",
        ) from error
    return record.model_copy(update={"run_dir": str(run_dir)})  # the folder may have been moved


def read_json(file: Path) -> dict[str, Any] | None:
    """The object in a file; None where there is none that could be read."""
    try:
        if file.stat().st_size > MOST_RECORD_BYTES:
            return None
        content = json.loads(file.read_bytes(), parse_float=Decimal)
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def run_folders(runs_dir: Path) -> Iterator[RunFolder]:
    """Every folder of a run, in no order; links are left alone. Raises UsageError."""
    try:
        with os.scandir(runs_dir) as entries:
            names = [
                entry.name
                for entry in entries
                if _RUN_NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(
            f"The folder {runs_dir} cannot be read: {error.strerror or error}.", "Correct RUNS_DIR."
        ) from error
    for name in names:
        yield RunFolder(runs_dir / name, _stamp(runs_dir / name / RECORD_NAME))


def time_of_name(run_id: str) -> datetime | None:
    """When a run began, as its id says, in this machine's time; None for no id of a run."""
    named = _RUN_NAME.fullmatch(run_id)
    try:
        return datetime.strptime(named[1], "%Y%m%d_%H%M%S").astimezone() if named else None
    except ValueError:
        return None


def remove_folder(path: Path) -> None:
    """Remove a run's folder; killed in between, it is no run any more. Raises OSError."""
    doomed = path.with_name(f"{_REMOVED}{path.name}")
    path.replace(doomed)
    shutil.rmtree(doomed)


def half_removed(runs_dir: Path) -> list[Path]:
    """Folders whose removal was cut short."""
    return sorted(path for path in runs_dir.glob(f"{_REMOVED}*") if path.is_dir() and not path.is_symlink())


def _stamp(file: Path) -> str:
    try:
        state = file.stat()
    except OSError:
        return ""
    return f"{state.st_mtime_ns} {state.st_size} {state.st_ino}"


def cannot_save(run_dir: Path, error: OSError) -> UsageError:
    """The error of a run's folder that takes no record."""
    return UsageError(
        f"The record of this run cannot be written in {run_dir}: {error.strerror or error}.",
        "Choose a RUNS_DIR you may write to and that has space left.",
    )
