"""What the user typed or piped, read and checked before anything is started for it."""

from __future__ import annotations

import codecs
import sys
import unicodedata
from pathlib import Path
from typing import Literal

from meta_agent.contracts import UserRequest
from meta_agent.errors import UsageError

MOST_BYTES = 32 * 1024
MOST_SCRIPT_BYTES = 1024 * 1024
STDIN = Path("-")
Source = Literal["argument", "stdin", "prompt"]


def given_content(argument: str | None) -> tuple[str | bytes, Source] | None:
    """What was asked and where, unchecked: the argument, or what is piped; None where nobody asked yet."""
    if argument is not None and argument != "-":
        return argument, "argument"
    if argument == "-" or not stdin_is_terminal():
        return read_stdin(), "stdin"
    return None


def text_of(content: str | bytes) -> str:
    """Unchecked content as it can be shown."""
    return content if isinstance(content, str) else content.decode("utf-8", "replace")


def read_request(content: str | bytes, source: Source) -> UserRequest:
    """A checked request. Raises UsageError for one that is empty, binary, not UTF-8 or over 32 KB."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", errors="surrogateescape")
    if len(data) > MOST_BYTES:
        raise UsageError(
            f"The request has more than {MOST_BYTES // 1024} KB.",
            "Ask one question; long material belongs in the database.",
        )
    text = _decoded(data, "The request", "a text file with the question in it")
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs")).strip()
    if not any(c.isalnum() for c in text):
        raise UsageError("The request is empty.", 'Say what you want to know: python script_executor.py "…".')
    return UserRequest(text=text, source=source)


def read_stdin(limit: int = MOST_BYTES) -> bytes:
    """Standard input, at most one byte more than ``limit``; nothing where it is closed."""
    return sys.stdin.buffer.read(limit + 1) if sys.stdin is not None else b""


def stdin_is_terminal() -> bool:
    """Whether somebody could be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def read_script(file: Path) -> str:
    """A Python file, ``-`` being stdin. Raises UsageError where it cannot be read as text of at most 1 MB."""
    try:
        if file == STDIN:
            data = read_stdin(MOST_SCRIPT_BYTES)
        else:
            with file.open("rb") as stream:
                data = stream.read(MOST_SCRIPT_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror or error}.", "Give the path of a Python file."
        ) from error
    if len(data) > MOST_SCRIPT_BYTES:
        raise UsageError(f"{file} has more than 1 MB.", "Give the path of a Python file.")
    return _decoded(data, str(file), "the path of a Python file")


def _decoded(data: bytes, name: str, instead: str) -> str:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\x00" in data and not utf16:
        raise UsageError(f"{name} is binary data, not text.", f"Give {instead}.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{name} is not UTF-8 text (byte {error.start + 1}).", "Save the file as UTF-8 and try again."
        ) from error
