"""Takes the files of a run out of a tar stream that an untrusted program filled.

Only regular files with ordinary names are taken, up to a count and a total size; of names
that some file systems take for one (upper and lower case, composed letters) the first.
They are written below the run folder without following any link there: nothing of the
archive's modes, owners or times is kept. Everybody may write them, as the folders they
lie in, so that Compose's user can run the script again; the run folder itself is private.
"""

from __future__ import annotations

import os
import stat
import tarfile
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import RawIOBase
from pathlib import Path
from typing import IO

from meta_agent.errors import SandboxError

FOLDERS = ("results", "exports", "logs")
ANSWER = "results/result.json"
"""Taken even where too many files come before it."""
DEEPEST = 8
LONGEST_NAME = 200
NOT_IN_NAMES = frozenset('\\:*?"<>|' + "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""What means something to some system, and letters that nobody sees."""
SHOWN_REFUSALS = 5
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
FILE_MODE, FOLDER_MODE = 0o666, 0o777
FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


@dataclass
class Collected:
    """What was taken, by its path relative to the run folder."""

    files: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Why a thing was left out, one line each."""
    _places: dict[str, str] = field(default_factory=dict)
    """Files and folders so far: what all spellings of a name come to, and the one that was taken."""

    def take_place(self, path: str) -> str | None:
        """The earlier place that some file system would take for this one; None where there is none."""
        parts = path.split("/")
        places = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        for place in places:
            if (earlier := self._places.setdefault(_alike(place), place)) != place:
                return earlier
        return None

    def warnings(self) -> tuple[str, ...]:
        """The refusals, the first few of them spelled out."""
        more = len(self.refused) - SHOWN_REFUSALS
        shown = [f"Not collected: {reason}." for reason in self.refused[:SHOWN_REFUSALS]]
        return (*shown, f"Not collected: {more} more.") if more > 0 else tuple(shown)


class ChunkReader(RawIOBase):
    """Presents an iterator of byte chunks as a file that can be read once."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with what is there; 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def collect(stream: Iterator[bytes], run_dir: Path, *, limit_bytes: int, limit_files: int) -> Collected:
    """Write the files of the archive ``stream`` below ``run_dir``. Stops reading where the size is passed.

    The archive has one folder at its top, whose name does not matter. Raises SandboxError where the run
    folder cannot be written or the archive is broken.
    """
    found = Collected()
    try:
        with tarfile.open(fileobj=ChunkReader(stream), mode="r|") as archive:
            for entry in archive:
                if entry.isdir():
                    continue
                path, reason = _judged(entry)
                if entry.size > limit_bytes:
                    found.refused.append(f"everything from {path!a} on, the files are too large")
                    break
                limit_bytes -= entry.size
                if len(found.files) >= limit_files and path != ANSWER:
                    reason = f"{path!a}, there are too many files"
                reason = reason or _write(run_dir, path, archive.extractfile(entry), found)
                found.refused.extend([reason] if reason else [])
    except (OSError, tarfile.TarError) as error:
        raise SandboxError(
            f"The script's files could not be stored in {run_dir}: {error}.",
            "Make sure the folder can be written and the disk has space left.",
        ) from error
    return found


def remove_collected(run_dir: Path, files: list[str]) -> None:
    """Delete the files an earlier script of the same run has left, so that they are not taken for new."""
    for path in files:
        (run_dir / path).unlink(missing_ok=True)


def _judged(entry: tarfile.TarInfo) -> tuple[str, str | None]:
    """The entry's path below the run folder, and why it is not to be taken (None: it is)."""
    parts = entry.name.split("/")[1:]
    path = "/".join(parts)
    shown = ascii(path[:LONGEST_NAME])
    if not entry.isreg() or entry.issparse():
        return path, f"{shown} is not a regular file"
    if not parts or parts[0] not in FOLDERS or len(parts) < 2 or len(parts) > DEEPEST:
        return path, f"{shown} is not in one of the folders for results"
    if not all(_is_ordinary(part) for part in parts):
        return path, f"{shown} is not an ordinary file name"
    return path, None


def _is_ordinary(name: str) -> bool:
    """A name that is safe on every system and shows what it is."""
    if not name or len(name.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
        return False
    if name[0] in ".-~ " or name[-1] in ". ":  # hidden, an option, a home; cut off by some systems
        return False
    return name.isprintable() and not NOT_IN_NAMES.intersection(name)


def _alike(path: str) -> str:
    """The same for all spellings that some file system takes for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())


def _write(run_dir: Path, path: str, content: IO[bytes] | None, found: Collected) -> str | None:
    """Write one file and note it, or tell why not.

    Goes down folder by folder, so that no link on the way is followed.
    """
    if earlier := found.take_place(path):
        return f"{path!a}, some systems take it for {earlier!a}"
    *folders, name = path.split("/")
    folder = os.open(run_dir, FOLDER_FLAGS)
    try:
        for part in folders:
            inner = _enter(folder, part)
            os.close(folder)
            folder = inner
        if _is_folder(folder, name):
            return f"{path!a}, there is a folder of that name"
        _unlink(folder, name)
        descriptor = os.open(name, FILE_FLAGS, 0o600, dir_fd=folder)
        with os.fdopen(descriptor, "wb") as target:
            os.fchmod(descriptor, FILE_MODE)
            while content is not None and (data := content.read(1024 * 1024)):
                target.write(data)
    finally:
        os.close(folder)
    found.files.append(path)
    return None


def _is_folder(parent: int, name: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _enter(folder: int, name: str) -> int:
    """Open a sub-folder, made where it is missing."""
    try:
        os.mkdir(name, 0o700, dir_fd=folder)
    except FileExistsError:
        return os.open(name, FOLDER_FLAGS, dir_fd=folder)
    inner = os.open(name, FOLDER_FLAGS, dir_fd=folder)
    os.fchmod(inner, FOLDER_MODE)
    return inner


def _unlink(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
