"""The run folder on disk: made once, private, with the package's files and the places for results.

The folder itself is 0700, so that the folders inside may be writable for the container's
user, whoever runs ``docker compose up``, and for nobody else on the machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from meta_agent.errors import UsageError

WRITABLE_FOLDERS = ("results", "logs", "exports", "exports/reports", "exports/data")
INPUT_FOLDER = "data"
PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,&=?~!*;\[\]-]*")
"""Characters that every reader of .env takes as they are, outside quotes."""
URL_SAFE = ":/?@%&=+,;~!*[]"


class File(Protocol):
    """A file to write: what the generators call a PackageFile."""

    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def executable(self) -> bool: ...  # noqa: D102


def create_run_folder(parent: Path, now: datetime) -> Path:
    """Make ``script_YYYYMMDD_HHMMSS`` below ``parent``; ``_2``, ``_3`` … where that second is taken.

    Raises UsageError where nothing can be made there.
    """
    name = f"script_{now:%Y%m%d_%H%M%S}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for attempt in count(1):
            folder = parent / (name if attempt == 1 else f"{name}_{attempt}")
            try:
                folder.mkdir(mode=0o700)  # atomic: two runs never get the same folder
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise _cannot_write(parent, error) from error
    raise AssertionError("unreachable")


def write_package(run_dir: Path, files: Mapping[str, File], env: Mapping[str, str]) -> None:
    """Write the files, ``.env`` and the empty folders. An existing package is replaced file by file.

    Raises UsageError where the folder cannot be written, ValueError for a value that .env cannot hold.
    """
    environment = "".join(f"{name}={env_value(value)}\n" for name, value in env.items())
    try:
        for name, file in files.items():
            _write(run_dir / name, file.text, 0o755 if file.executable else 0o644)
        _write(run_dir / ".env", environment, 0o600)
        for folder in WRITABLE_FOLDERS:
            (run_dir / folder).mkdir(exist_ok=True)
            (run_dir / folder).chmod(0o777)  # only inside this folder of 0700
        (run_dir / INPUT_FOLDER).mkdir(exist_ok=True)
        (run_dir / INPUT_FOLDER).chmod(0o755)
    except OSError as error:
        raise _cannot_write(run_dir, error) from error


def env_value(value: str) -> str:
    """A value so that Compose v1, Compose v2 and python-dotenv all read the same from .env.

    A URL is percent-encoded, which changes its spelling and not its meaning; other text is put in single
    quotes where it needs them. Raises ValueError for what the readers understand differently.
    """
    if "://" in value and "\n" not in value:
        value = quote(value, safe=URL_SAFE)
    if PLAIN.fullmatch(value):
        return value
    if re.search(r"['\\\x00-\x1f\x7f]|\$\{|\$\(", value):
        raise ValueError("this value cannot be written into .env so that every reader understands it")
    return f"'{value}'"


def _write(path: Path, text: str, mode: int) -> None:
    """Replace a file at once; it never exists with more rights than it should have."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="\n") as stream:
            stream.write(text)
            os.fchmod(stream.fileno(), mode)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _cannot_write(folder: Path, error: OSError) -> UsageError:
    is_no_folder = isinstance(error, FileExistsError | NotADirectoryError)
    reason = "it is no folder" if is_no_folder else error.strerror or error
    return UsageError(
        f"Nothing can be written in {folder}: {reason}.",
        "Choose a folder you may write to and that has space left.",
    )
