"""Where log lines go: into each run's own file, and with --debug to stderr. Secrets are masked in both."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from loguru import logger

from meta_agent.errors import UsageError
from meta_agent.runs.secrets import mask

LOG_NAME = "run.log"


def start_logging(level: str, secrets: Sequence[str], *, to_stderr: bool) -> None:
    """Forget earlier places; ``to_stderr`` shows everything from DEBUG (or TRACE) on."""
    logger.remove()
    if to_stderr and sys.stderr is not None:
        shown = level if level == "TRACE" else "DEBUG"
        logger.add(_masked(sys.stderr, secrets), level=shown, backtrace=False, diagnose=False)


@contextmanager
def log_run(run_dir: Path, secrets: Sequence[str], level: str = "INFO") -> Iterator[None]:
    """Log everything of a run into its folder; ``secrets`` may grow meanwhile.

    Raises UsageError where the file cannot be made.
    """
    folder = run_dir / "logs"
    try:
        folder.mkdir(exist_ok=True)
        stream = (folder / LOG_NAME).open("a", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(
            f"Nothing can be written in {folder}: {error.strerror or error}.",
            "Choose a RUNS_DIR you may write to and that has space left.",
        ) from error
    with stream:
        sink = logger.add(_masked(stream, secrets), level=level, backtrace=False, diagnose=False)
        try:
            yield
        finally:
            logger.remove(sink)


def _masked(stream: TextIO, secrets: Sequence[str]) -> Callable[[object], None]:
    """Writes whole log entries, tracebacks included. A disk that is full must not end a run."""

    def write(entry: object) -> None:
        with suppress(OSError):
            stream.write(mask(str(entry), secrets))
            stream.flush()

    return write
