"""Writes one setting into the user's .env and leaves every other line as it is."""

from __future__ import annotations

import re
from pathlib import Path

from meta_agent.errors import UsageError
from meta_agent.local_state import write_private


def set_variable(file: Path, name: str, value: str) -> None:
    """Set ``name`` in an .env file, which is replaced at once and then readable by its owner only.

    The last line that sets it takes the value, as that is the one that counts; without one, a line
    is added. ``value`` must need no quotes. Raises UsageError where the file cannot be read or written.
    """
    target = file.resolve()  # where .env is a link, the link stays
    try:
        text = target.read_bytes().decode("utf-8") if target.exists() else ""
        write_private(target, _with(text, name, value))
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written: {error.strerror or error}.",
            "Make it writable for this account and run the command again.",
        ) from error
    except UnicodeDecodeError:
        raise UsageError(
            f"{file} is not UTF-8 text.", "Save it as UTF-8 and run the command again."
        ) from None


def _with(text: str, name: str, value: str) -> str:
    """The text with the variable set, its line ends kept."""
    end = "\r\n" if "\r\n" in text else "\n"
    settings = list(re.finditer(rf"^[ \t\ufeff]*(?:export[ \t]+)?{name}[ \t]*=[^\r\n]*", text, re.MULTILINE))
    if settings:
        last = settings[-1]
        begin = last.group().partition("=")[0]
        return f"{text[: last.start()]}{begin}={value}{text[last.end() :]}"
    gap = end if text and not text.endswith("\n") else ""
    return f"{text}{gap}{name}={value}{end}"
