"""Writes a run's record into the run's folder, in one step: a reader never sees half of one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from meta_agent.contracts import RunRecord
from meta_agent.errors import UsageError
from meta_agent.runs.json_text import to_json

RECORD_NAME = "run.json"


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


def cannot_save(run_dir: Path, error: OSError) -> UsageError:
    """The error of a run's folder that takes no record."""
    return UsageError(
        f"The record of this run cannot be written in {run_dir}: {error.strerror or error}.",
        "Choose a RUNS_DIR you may write to and that has space left.",
    )
