"""Texts under keys in a small SQLite file of ours, which may be lost at any time and never stands in the way.

Readable by its owner only, shared by processes that run at the same time (write-ahead log),
bounded (what was not used for longest goes first), and forgiving: a file that is damaged is
set aside and a new one made; one that is locked, full or not writable is done without.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import TypeVar

from loguru import logger

from meta_agent.local_state import exclusive

T = TypeVar("T")

FORMAT = 1
LOCKED_SECONDS = 2.0
"""How long to wait for another process that is writing."""
ROW_BYTES = 250
"""What an entry takes beside its text: key, figures, indexes."""
KEPT_SHARE = 0.9
"""How full the store is after entries were dropped, so that not every new one drops another."""
_SIDE_FILES = ("-wal", "-shm")
_MAKE = (
    """CREATE TABLE IF NOT EXISTS entries (
        key TEXT PRIMARY KEY, content TEXT NOT NULL, size INTEGER NOT NULL,
        made REAL NOT NULL, used REAL NOT NULL, uses INTEGER NOT NULL DEFAULT 0
    )""",
    # All that dropping needs, so that it need not read the texts.
    "CREATE INDEX IF NOT EXISTS by_use ON entries (used DESC, key, size)",
)
_DROP_OLDEST = """DELETE FROM entries WHERE key IN (
    SELECT key FROM (SELECT key, sum(size) OVER (ORDER BY used DESC, key) AS so_far FROM entries)
    WHERE so_far > ?
)"""


class LocalStore:
    """One file. No method raises for what is wrong with it: then nothing is found, nothing kept."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._is_ready = False

    def find(self, key: str) -> str | None:
        """The text under a key; it counts as used."""
        return self._run(lambda connection: _find(connection, key), None)

    def keep(self, key: str, content: str) -> None:
        """Put a text under a key, in the place of an earlier one."""
        self._run(lambda connection: _keep(connection, key, content, self._most_bytes), None)

    def forget(self, key: str) -> None:
        """Take one entry away."""
        self._run(lambda connection: _execute(connection, "DELETE FROM entries WHERE key = ?", key), None)

    def clear(self) -> None:
        """Take all entries away."""
        self._run(lambda connection: _execute(connection, "DELETE FROM entries"), None)

    # --- the file ------------------------------------------------------------------

    def _run(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
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
            if found != FORMAT:
                connection.execute("DROP TABLE IF EXISTS entries")
            for statement in _MAKE:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {FORMAT}")

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


def key_of(*parts: str) -> str:
    """A key that stands for all the parts and tells none of them."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


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


def _find(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute("SELECT content FROM entries WHERE key = ?", (key,)).fetchone()
    if row is None or not isinstance(row[0], str):
        return None
    with suppress(sqlite3.OperationalError):  # locked or not writable: what was found is good all the same
        _execute(connection, "UPDATE entries SET used = ?, uses = uses + 1 WHERE key = ?", time.time(), key)
    return row[0]


def _keep(connection: sqlite3.Connection, key: str, content: str, most_bytes: int) -> None:
    now, size = time.time(), len(content.encode()) + ROW_BYTES
    statement = "INSERT OR REPLACE INTO entries (key, content, size, made, used) VALUES (?, ?, ?, ?, ?)"
    _execute(connection, statement, key, content, size, now, now)
    (total,) = connection.execute("SELECT sum(size) FROM entries").fetchone()
    if total > most_bytes:
        _execute(connection, _DROP_OLDEST, int(most_bytes * KEPT_SHARE))


def _execute(connection: sqlite3.Connection, statement: str, *values: object) -> None:
    connection.execute(statement, values)
