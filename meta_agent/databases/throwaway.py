"""A PostgreSQL server that lives as long as a ``with`` block, filled from dumps.

For data that has to be loaded afresh each time, such as rows with dates relative to today.
What a killed process leaves behind is removed by the next one: an owner holds a lock for
as long as it lives.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from meta_agent.databases.embedded import READER_FILE
from meta_agent.databases.postgres_program import SYSTEM_HOME, PostgresProgram
from meta_agent.errors import DatabaseError
from meta_agent.local_state import exclusive, is_locked

OWNER = "throwaway_owner"
READER = "throwaway_reader"
PREFIX = "throwaway-"
CONNECT_SECONDS = 5

_GRANTS = """
DO $$
DECLARE
    one name;
BEGIN
    FOR one IN
        SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO {reader}', one);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO {reader}', one);
    END LOOP;
END
$$
"""


class ThrowAwayServer:
    """A running server; made by ``throw_away_server``."""

    def __init__(self, port: int, owner_password: str, reader_password: str) -> None:
        self._port = port
        self._owner_password = owner_password
        self._reader_password = reader_password
        with closing(self._connect("postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(READER)))

    def load(self, name: str, dump: str) -> str:
        """Make the database ``name`` from a dump's text; the URL of a role that may only SELECT there.

        All of the dump or nothing is loaded. Raises DatabaseError with the server's reason.
        """
        try:
            self._create(name)
            with closing(self._connect(name)) as connection, connection, connection.cursor() as cursor:
                cursor.execute(dump)
                cursor.execute("ANALYZE")
                cursor.execute(self._reader_statements(name))
                cursor.execute(sql.SQL(_GRANTS).format(reader=sql.Identifier(READER)))
        except psycopg2.Error as error:
            reason = (error.diag.message_primary or type(error).__name__).rstrip(".")
            raise DatabaseError(
                f"The dump of {name} could not be loaded: {reason}.",
                "Correct the dump: it must run in one transaction on an empty database.",
            ) from error
        return f"postgresql://{READER}:{self._reader_password}@127.0.0.1:{self._port}/{name}"

    def _create(self, name: str) -> None:
        with closing(self._connect("postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _reader_statements(self, name: str) -> sql.Composed:
        return sql.SQL(READER_FILE.read_text(encoding="utf-8")).format(
            reader=sql.Identifier(READER),
            database=sql.Identifier(name),
            password=sql.Literal(self._reader_password),
        )

    def _connect(self, database: str) -> Connection:
        return psycopg2.connect(
            host="127.0.0.1",
            port=self._port,
            user=OWNER,
            password=self._owner_password,
            dbname=database,
            connect_timeout=CONNECT_SECONDS,
        )


@contextmanager
def throw_away_server(cache: Path) -> Iterator[ThrowAwayServer]:
    """Run an empty server for the length of the block. Raises DatabaseError."""
    base = SYSTEM_HOME if os.geteuid() == 0 else cache
    home = base / f"{PREFIX}{os.getpid()}"
    _remove_leftovers(base)
    home.mkdir(parents=True, exist_ok=True)
    with exclusive(home / "owner.lock"):
        program = PostgresProgram(home)
        try:
            password, port = secrets.token_urlsafe(16), _free_port()
            program.create_cluster(OWNER, password)
            program.start(port)
            yield ThrowAwayServer(port, password, secrets.token_urlsafe(16))
        finally:
            _remove(home)


def _remove_leftovers(base: Path) -> None:
    for home in base.glob(f"{PREFIX}*"):
        if not is_locked(home / "owner.lock"):
            _remove(home)


def _remove(home: Path) -> None:
    PostgresProgram(home).stop()
    shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
