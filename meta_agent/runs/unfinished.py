"""Keeps a run in the history whose process was killed, and never came to write its record.

While a run goes on, its folder holds the record it gets if nothing more is heard of it. The file
is locked by the process: a lock that can be taken is one whose process has ended.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from loguru import logger
from pydantic import ValidationError

from meta_agent.contracts import RunRecord
from meta_agent.errors import UsageError
from meta_agent.runs.json_text import to_json
from meta_agent.runs.store import RECORD_NAME, cannot_save, save_record

NAME = "unfinished.json"


@contextmanager
def unfinished(record: RunRecord) -> Iterator[Path]:
    """Keep ``record`` in its run's folder during the block; the file may be removed before the end.

    Where the block ends without a record, as by an interrupt in an unlucky moment, it is this one.
    Raises UsageError where it cannot be written.
    """
    path = Path(record.run_dir) / NAME
    try:
        stream = path.open("w", encoding="utf-8")
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(to_json(record.model_dump()) + "\n")
        stream.flush()
    except OSError as error:
        raise cannot_save(path.parent, error) from error
    with stream:
        try:
            yield path
        finally:
            _give_way(path)


def give_up(path: Path) -> None:
    """Remove the file and free its place on the disk, which it would keep as long as it is open."""
    with suppress(FileNotFoundError):
        os.truncate(path, 0)
        path.unlink()


def _give_way(path: Path) -> None:
    with suppress(FileNotFoundError):
        if path.with_name(RECORD_NAME).exists():
            path.unlink()
        else:
            path.rename(path.with_name(RECORD_NAME))


def is_going_on(run_dir: Path) -> bool:
    """Whether a process is still at work in a run's folder."""
    try:
        with (run_dir / NAME).open("r+", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def settle(runs_dir: Path) -> None:
    """Give every run whose process was killed its record. What cannot be read or written is left."""
    for path in runs_dir.glob(f"*/{NAME}"):
        with suppress(OSError, ValidationError, UsageError):
            _settle(path)


def _settle(path: Path) -> None:
    with path.open("r+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: the run goes on
        if not path.with_name(RECORD_NAME).exists():
            record = RunRecord.model_validate_json(stream.read())
            logger.info("run {} was killed", record.run_id)
            save_record(record.model_copy(update={"finished_at": _last_sign_of(path.parent)}))
        path.unlink(missing_ok=True)


def _last_sign_of(run_dir: Path) -> datetime:
    """When something was written in a run's folder for the last time."""
    last = max(file.lstat().st_mtime for file in (run_dir, *run_dir.rglob("*")))
    return datetime.fromtimestamp(last).astimezone()
