"""Texts under keys in a small file of ours: bounded, so that what was not used for longest goes first.

What is true of any such file (private, shared, forgiving) is said in ``local_database``.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from meta_agent.local_database import Layout, LocalDatabase

ROW_BYTES = 250
"""What an entry takes beside its text: key, figures, indexes."""
KEPT_SHARE = 0.9
"""How full the store is after entries were dropped, so that not every new one drops another."""
_LAYOUT = Layout(
    table="entries",
    format=1,
    make=(
        """CREATE TABLE IF NOT EXISTS entries (
            key TEXT PRIMARY KEY, content TEXT NOT NULL, size INTEGER NOT NULL,
            made REAL NOT NULL, used REAL NOT NULL, uses INTEGER NOT NULL DEFAULT 0
        )""",
        # All that dropping needs, so that it need not read the texts.
        "CREATE INDEX IF NOT EXISTS by_use ON entries (used DESC, key, size)",
    ),
)
_DROP_OLDEST = """DELETE FROM entries WHERE key IN (
    SELECT key FROM (SELECT key, sum(size) OVER (ORDER BY used DESC, key) AS so_far FROM entries)
    WHERE so_far > ?
)"""


class LocalStore:
    """One file. No method raises for what is wrong with it: then nothing is found, nothing kept."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._database = LocalDatabase(path, _LAYOUT)
        self._most_bytes = most_bytes

    def find(self, key: str) -> str | None:
        """The text under a key; it counts as used."""
        return self._database.run(lambda connection: _find(connection, key), None)

    def keep(self, key: str, content: str) -> None:
        """Put a text under a key, in the place of an earlier one."""
        self._database.run(lambda connection: _keep(connection, key, content, self._most_bytes), None)

    def forget(self, key: str) -> None:
        """Take one entry away."""
        self._database.run(
            lambda connection: _execute(connection, "DELETE FROM entries WHERE key = ?", key), None
        )

    def clear(self) -> None:
        """Take all entries away."""
        self._database.run(lambda connection: _execute(connection, "DELETE FROM entries"), None)


def key_of(*parts: str) -> str:
    """A key that stands for all the parts and tells none of them."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


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
