"""A small SQLite file of ours, which may be lost at any time and never stands in the way.

Readable by its owner only, shared by processes that run at the same time (write-ahead log),
and forgiving: a file that is damaged is set aside and a new one made, one of another format is
emptied, one that is locked, full or not writable is done without.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from loguru import logger

from meta_agent.local_state import exclusive

T = TypeVar("T")

LOCKED_SECONDS = 2.0
"""How long to wait for another process that is writing."""
_SIDE_FILES = ("-wal", "-shm")


@dataclass(frozen=True)
class Layout:
    """The one table of a file."""

    table: str
    format: int
    """Another number empties a file that was made before."""
    make: tuple[str, ...]
    """Statements that make the table and its indexes where they are not there."""


class LocalDatabase:
    """One file. No method raises for what is wrong with it."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path = path
        self._layout = layout
        self._is_ready = False

    def run(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What ``work`` does in one transaction; ``otherwise`` where the file cannot be used."""
        try:
            try:
                return self._attempt(work)
            except _Damaged as damaged:
                self._set_aside(damaged.inode)
                return self._attempt(work)
        except (_Damaged, sqlite3.Error, OSError, UnicodeError) as error:
            self._is_ready = self._is_ready and self._path.exists()
            logger.debug("{} is done without: {}", self._path.name, error)
            return otherwise

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        inode = 0
        try:
            if not self._is_ready:
                with self._locked():
                    inode = _make_private(self._path)
                    self._make_table()
                self._is_ready = True
            inode = self._path.stat().st_ino
            with closing(self._connect()) as connection, connection:
                return work(connection)
        except sqlite3.DatabaseError as error:
            # Damage raises the class itself; locks, full disks and the like have classes of their own.
            if type(error) is not sqlite3.DatabaseError:
                raise
            raise _Damaged(inode) from error

    def _connect(self) -> sqlite3.Connection:
        """Never makes the file: SQLite would make one that others can read."""
        return sqlite3.connect(f"{self._path.as_uri()}?mode=rw", uri=True, timeout=LOCKED_SECONDS)

    def _make_table(self) -> None:
        with closing(self._connect()) as connection, connection:
            connection.execute("PRAGMA journal_mode = WAL")
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found != self._layout.format:
                connection.execute(f"DROP TABLE IF EXISTS {self._layout.table}")
            for statement in self._layout.make:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {self._layout.format}")

    def _set_aside(self, inode: int) -> None:
        """Rename the damaged file, unless another process has done so and made a new one meanwhile."""
        self._is_ready = False
        with self._locked():
            if self._path.stat().st_ino != inode:
                return
            logger.warning("{} is damaged; it is set aside and made anew", self._path.name)
            self._path.replace(self._path.with_name(f"{self._path.name}.damaged"))
            for ending in _SIDE_FILES:
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)

    def _locked(self) -> AbstractContextManager[None]:
        return exclusive(self._path.with_name(f"{self._path.name}.lock"))


class _Damaged(Exception):
    """The file is no database any more."""

    def __init__(self, inode: int) -> None:
        super().__init__("it is damaged")
        self.inode = inode


def _make_private(path: Path) -> int:
    """Make the file where it is not there, for its owner only (SQLite's side files follow it); its inode."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        state = os.fstat(descriptor)
        if state.st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
        return state.st_ino
    finally:
        os.close(descriptor)
