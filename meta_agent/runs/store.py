"""Writes a run's record and its log into the run's folder.

The record is replaced in one step, so that a reader never sees half of one; secrets
are masked in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import simplejson
from loguru import logger

from meta_agent.contracts import RunRecord
from meta_agent.runs.secrets import mask

if TYPE_CHECKING:
    from loguru import Record

RECORD_NAME = "run.json"
LOG_NAME = "run.log"


def save_record(record: RunRecord, secrets: tuple[str, ...] = ()) -> Path:
    """Write ``run.json`` into the run's folder; exact numbers stay exact."""
    target = Path(record.run_dir) / RECORD_NAME
    draft = target.with_suffix(".json.part")
    draft.write_text(mask(to_json(record.model_dump()), secrets), encoding="utf-8")
    draft.replace(target)
    return target


def to_json(content: dict[str, Any]) -> str:
    """JSON with database numbers at their own precision and dates in ISO 8601."""
    return simplejson.dumps(
        content, use_decimal=True, ensure_ascii=False, indent=2, ignore_nan=True, default=_as_json
    )


def _as_json(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


@contextmanager
def log_run(run_dir: Path, secrets: tuple[str, ...], level: str = "INFO") -> Iterator[None]:
    """Log everything of a run into its folder while the context is open."""

    def clean(record: Record) -> bool:
        record["message"] = mask(record["message"], secrets)
        return True

    sink = logger.add(
        run_dir / "logs" / LOG_NAME,
        level=level,
        filter=clean,
        backtrace=False,
        diagnose=False,
        encoding="utf-8",
    )
    try:
        yield
    finally:
        logger.remove(sink)
