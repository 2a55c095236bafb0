"""The two streams: the answer goes to stdout, everything else to stderr.

Off a terminal nothing is ever wrapped, cut or coloured. A reader that goes away early
(``| head -1``) is not an error.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import IO, TextIO

from rich.console import Console

_WIDE = 100_000


class _PatientConsole(Console):
    """A console whose reader may go away."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        discard(self.file)


def stdout_console() -> Console:
    """Where the answer goes."""
    return _console(sys.stdout)


def stderr_console() -> Console:
    """Where everything but the answer goes."""
    return _console(sys.stderr)


def write_text(text: str, stream: IO[str] | None = None) -> None:
    """Text as it is, for machines."""
    stream = stream or sys.stdout
    if stream is None:  # closed before the program began
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        discard(stream)


def discard(stream: object) -> None:
    """Send what is still to come, and what the interpreter flushes at its end, nowhere."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[attr-defined]


def _console(stream: TextIO | None) -> Console:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 gets escapes
    width = None if stream is not None and stream.isatty() else _WIDE
    return _PatientConsole(file=stream, width=width, highlight=False, markup=False, emoji=False)
