"""A PostgreSQL of our own with the sample portfolio, for ``--demo`` and the tests.

The server comes out of a Python wheel, listens on 127.0.0.1 only (containers
reach it through the gateway, so a Unix socket would not do), and stays up between
commands. Whether it runs is told by a lock that its processes inherit, so that a
pid file left by a crash never misleads.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from meta_agent.databases.sample_portfolio import SCHEMA_FILE, portfolio, portfolio_version
from meta_agent.errors import DatabaseError
from meta_agent.local_state import OnProgress, exclusive, ignore_progress, read_state, write_private

if TYPE_CHECKING:
    import psycopg2.extensions

    from meta_agent.databases.postgres_program import PostgresProgram

DATABASE = "portfolio"
OWNER = "portfolio_owner"
READER = "portfolio_reader"
READER_FILE = Path(__file__).with_name("sample_reader.sql")
CONNECT_SECONDS = 5


@dataclass(frozen=True)
class SampleDatabase:
    """Where the sample portfolio answers, as URLs with passwords: treat both as secrets."""

    owner_url: str = field(repr=False)
    """Superuser of the embedded server; for tests and maintenance."""
    reader_url: str = field(repr=False)
    """SELECT on the sample portfolio and nothing else."""


@dataclass(frozen=True)
class _State:
    """What ``database.json`` remembers between two commands."""

    port: int
    owner_password: str = field(repr=False)
    reader_password: str = field(repr=False)
    version: str
    """Of the portfolio that is loaded; empty before the first load."""

    def url(self, role: str, database: str = DATABASE) -> str:
        password = self.owner_password if role == OWNER else self.reader_password
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def sample(self) -> SampleDatabase:
        return SampleDatabase(self.url(OWNER), self.url(READER))


def ensure_sample_database(cache: Path, *, on_progress: OnProgress = ignore_progress) -> SampleDatabase:
    """The sample database, started and loaded where it is not.

    Safe to call from several processes at once. Raises DatabaseError when
    PostgreSQL cannot be installed, started or loaded here.
    """
    home = _home(cache)
    state = _read(home)
    if state is not None and state.version == portfolio_version() and _answers(state.url(READER)):
        return state.sample
    try:
        with exclusive(home / "start.lock", on_wait=lambda: on_progress("Waiting for PostgreSQL", None)):
            return _bring_up(home, on_progress).sample
    except OSError as error:
        raise DatabaseError(
            f"The embedded PostgreSQL could not use {home}: {error.strerror or error}.",
            "Free some space there, or set META_AGENT_CACHE to a folder that can be written.",
        ) from error


def stop_sample_database(cache: Path) -> bool:
    """Stop the server of this cache folder, keeping its data; False where none runs."""
    home = _home(cache)
    if not home.exists():
        return False
    with exclusive(home / "start.lock"):
        return _program(home).stop()


def delete_sample_database(cache: Path) -> None:
    """Stop the server and delete its data; the next start makes all of it anew."""
    home = _home(cache)
    if home.exists():
        stop_sample_database(cache)
        shutil.rmtree(home)


def _home(cache: Path) -> Path:
    from meta_agent.databases.postgres_program import home_for

    return home_for(cache)


def _program(home: Path) -> PostgresProgram:
    from meta_agent.databases.postgres_program import PostgresProgram

    return PostgresProgram(home)


# --- what is remembered ----------------------------------------------------------------


def _read(home: Path) -> _State | None:
    stored = read_state(home / "database.json")
    if set(stored) != {entry.name for entry in fields(_State)}:
        return None
    return _State(**stored)


def _remember(home: Path, state: _State) -> _State:
    write_private(home / "database.json", json.dumps(asdict(state)))
    return state


def _new_state() -> _State:
    return _State(_free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24), version="")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# --- bringing it up, under the lock ----------------------------------------------------


def _bring_up(home: Path, on_progress: OnProgress) -> _State:
    """Whatever is missing of: a cluster, a running server, the portfolio."""
    program = _program(home)
    state = _read(home)
    if state is None or not program.has_cluster():
        program.stop()
        on_progress("Setting up PostgreSQL", None)
        state = _new_state()
        program.create_cluster(OWNER, state.owner_password)
        _remember(home, state)
    if not _answers(state.url(OWNER, "postgres")):
        on_progress("Starting PostgreSQL", None)
        state = _start(home, program, state)
    if state.version != portfolio_version():
        on_progress("Loading the sample portfolio", None)
        _load(state)
        state = _remember(home, replace(state, version=portfolio_version()))
    return state


def _start(home: Path, program: PostgresProgram, state: _State) -> _State:
    """Start on the remembered port, or on another one where something else has taken that."""
    program.stop()
    if not _port_is_free(state.port):
        state = _remember(home, replace(state, port=_free_port()))
    program.start(state.port)
    if not _answers(state.url(OWNER, "postgres")):
        raise DatabaseError(
            "The embedded PostgreSQL started but does not accept its owner.",
            f"Delete {home} and run the command again; only the sample data lies there.",
        )
    return state


def _port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(url: str) -> bool:
    import psycopg2

    try:
        psycopg2.connect(url, connect_timeout=CONNECT_SECONDS).close()
    except psycopg2.OperationalError:
        return False
    return True


# --- loading ---------------------------------------------------------------------------


def _load(state: _State) -> None:
    """Make the database and its reader where they are missing, and fill the tables anew, all or nothing."""
    import psycopg2

    try:
        _create_database(state.url(OWNER, "postgres"))
        connection = psycopg2.connect(state.url(OWNER), connect_timeout=CONNECT_SECONDS)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '10s'")
                cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
                cursor.execute(SCHEMA_FILE.read_text(encoding="utf-8"))
                _insert_rows(cursor)
                _create_reader(cursor, state.reader_password)
        finally:
            connection.close()
    except psycopg2.Error as error:
        reason = (error.diag.message_primary or type(error).__name__).rstrip(".")
        raise DatabaseError(
            f"The sample portfolio could not be loaded: {reason}.",
            "End other programs that use the sample database and run the command again.",
        ) from error


def _create_database(maintenance_url: str) -> None:
    import psycopg2

    connection = psycopg2.connect(maintenance_url, connect_timeout=CONNECT_SECONDS)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    finally:
        connection.close()


def _insert_rows(cursor: psycopg2.extensions.cursor) -> None:
    from psycopg2 import sql
    from psycopg2.extras import execute_values

    rows = portfolio()
    for table in fields(rows):
        values = [tuple(vars(row).values()) for row in getattr(rows, table.name)]
        columns = [sql.Identifier(name) for name in vars(getattr(rows, table.name)[0])]
        statement = sql.SQL("INSERT INTO {} ({}) VALUES %s").format(
            sql.Identifier(table.name), sql.SQL(", ").join(columns)
        )
        execute_values(cursor, statement.as_string(cursor), values, page_size=500)
    cursor.execute("ANALYZE")


def _create_reader(cursor: psycopg2.extensions.cursor, password: str) -> None:
    from psycopg2 import sql

    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (READER,))
    if cursor.fetchone() is None:
        cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(READER)))
    statements = sql.SQL(READER_FILE.read_text(encoding="utf-8"))
    cursor.execute(
        statements.format(
            reader=sql.Identifier(READER),
            database=sql.Identifier(DATABASE),
            password=sql.Literal(password),
        )
    )
