"""PostgreSQL behind the interface of ``base``.

One connection, opened read-only and used in short read-only transactions that are always
rolled back. Read-only sessions are a belt, not the boundary: what the role may do is the
boundary, see ``rights``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.databases import catalogue, column_values, key_values
from meta_agent.databases.base import Endpoint, RoleRights, Rows, TextColumn, Values
from meta_agent.databases.column_facts import read_facts
from meta_agent.databases.connection_errors import connection_error
from meta_agent.databases.discovery import discover_tables
from meta_agent.databases.inferred_keys import infer_keys
from meta_agent.databases.names import is_harmless
from meta_agent.databases.rights import read_rights
from meta_agent.databases.row_counts import count_rows
from meta_agent.databases.statements import objection_to, objection_to_change
from meta_agent.databases.url import DatabaseUrl
from meta_agent.errors import DatabaseError

OLDEST_VERSION = 120000
CATALOGUE_TIMEOUT_MS = 15_000
EXPLAIN_TIMEOUT_MS = 5_000
LOOKUP_TIMEOUT_MS = 2_000
"""For one lookup of a text or one count; usual ones take milliseconds."""
ROWS_TIMEOUT_MS = 10_000
"""For the rows of a draft: a query that takes longer is not compared with others."""
LONGEST_MESSAGE = 1_000

# DECLARE CURSOR takes a SELECT and nothing else, not even one that modifies data in its WITH; the options in
# parentheses keep a leading ANALYZE, which would run the query, from being read as one.
_EXPLAIN = "EXPLAIN (COSTS OFF) DECLARE meta_agent_probe NO SCROLL CURSOR FOR\n"
_EXPLAIN_CHANGE = "EXPLAIN (COSTS OFF)\n"
_DECLARE = "DECLARE meta_agent_probe NO SCROLL CURSOR FOR\n"

_SESSION = """
    SET default_transaction_read_only = on;
    SET standard_conforming_strings = on;
    SET statement_timeout = {timeout};
"""

Result = TypeVar("Result")


class PostgresDatabase:
    """A ``Database`` of the kind PostgreSQL, 12 or newer."""

    def __init__(self, target: DatabaseUrl, *, connect_timeout: int) -> None:
        self._target = target
        self._connect_timeout = connect_timeout
        self._turn = threading.RLock()
        self._connection = self._connect()

    @property
    def name(self) -> str:
        """Name of the database."""
        return self._connection.info.dbname

    @property
    def user(self) -> str:
        """The login."""
        return self._connection.info.user

    @property
    def endpoint(self) -> Endpoint:
        """The server that answered: of several hosts the one that did."""
        info = self._connection.info
        return Endpoint(info.host or self._target.host, info.port, self._target.endpoint.sslmode)

    @property
    def server_version(self) -> str:
        """Such as ``16.4``."""
        return (self._connection.info.parameter_status("server_version") or "unknown").split()[0]

    def fingerprint(self) -> str:
        """Hash of the structure this role sees; rows and statistics have no part in it."""
        return self._read(catalogue.read_fingerprint)

    def schema(self) -> DatabaseSchema:
        """Everything this role may read: structure, comments and row counts."""
        fingerprint = self.fingerprint()
        schema = DatabaseSchema(
            database=self.name,
            default_schema=self._read(catalogue.read_default_schema),
            fingerprint=fingerprint,
            tables=self._read(lambda cursor: discover_tables(cursor, self._connect)),
        )
        return self.with_row_counts(schema)

    def with_row_counts(self, schema: DatabaseSchema) -> DatabaseSchema:
        """The same schema with its rows counted again."""
        wanted = {(table.schema_name, table.name) for table in schema.tables}
        relations = [relation for relation in self._read(catalogue.read_relations) if relation.key in wanted]
        with self._translated():
            counts = count_rows(self._transaction, relations)

        def counted(table: Table) -> Table:
            count = counts.get((table.schema_name, table.name))
            figures = {
                "row_count": count.rows if count else None,
                "row_count_is_estimate": bool(count and count.is_estimate),
            }
            return table.model_copy(update=figures)

        return schema.model_copy(update={"tables": tuple(map(counted, schema.tables))})

    def with_facts(self, schema: DatabaseSchema) -> DatabaseSchema:
        """The same schema with what its rows say, as far as they can be read soon."""
        with self._translated():
            return infer_keys(
                read_facts(self._transaction, schema), key_values.asker(self._transaction, schema)
            )

    def explain(self, sql: str) -> str | None:
        """Plan exactly one SELECT without running it; the server's message where it would not run."""
        return objection_to(sql) or self._planned(_EXPLAIN, sql)

    def explain_change(self, sql: str) -> str | None:
        """Plan exactly one INSERT, UPDATE or DELETE without running it; why it would not run."""
        return objection_to_change(sql) or self._planned(_EXPLAIN_CHANGE, sql)

    def columns_of(self, sql: str) -> tuple[Column, ...]:
        """Names and types of the columns a SELECT would return; empty where it would not run."""
        if objection_to(sql) is not None:
            return ()
        return self._attempt(lambda cursor: _described_columns(cursor, sql), EXPLAIN_TIMEOUT_MS) or ()

    def holds(self, column: TextColumn, text: str) -> bool | None:
        """Whether some row has exactly this text; None where that cannot be found out soon."""
        return self._attempt(lambda cursor: column_values.holds(cursor, column, text))

    def values(self, column: TextColumn, near: str) -> Values | None:
        """The texts of a column, see ``column_values.values``; None where they cannot be read soon."""
        return self._attempt(lambda cursor: column_values.values(cursor, column, near))

    def rows(self, sql: str, most: int) -> Rows | None:
        """The rows of one SELECT, at most ``most`` of them; None where they are slow or refused."""
        if objection_to(sql) is not None:
            return None
        return self._attempt(lambda cursor: _fetched(cursor, sql, most), ROWS_TIMEOUT_MS)

    def count(self, sql: str, most: int) -> int | None:
        """How many rows one SELECT returns, counted up to ``most``; None where it is slow or refused."""
        return None if objection_to(sql) else self._attempt(lambda cursor: _counted(cursor, sql, most))

    def rights(self) -> RoleRights:
        """Whether the role could change anything."""
        return self._read(read_rights)

    def close(self) -> None:
        """End the connection; a later question opens it again."""
        with self._turn:
            self._connection.close()

    def _planned(self, explain: str, sql: str) -> str | None:
        """The server's message where it cannot plan the statement after ``explain``."""
        with self._translated():
            try:
                with self._transaction(EXPLAIN_TIMEOUT_MS) as cursor:
                    cursor.execute(explain + sql)
            except psycopg2.Error as error:
                if self._connection.closed:
                    raise
                return _server_message(error, sql, prefix=len(explain))
        return None

    def _read(self, question: Callable[[Cursor], Result]) -> Result:
        with self._translated(), self._transaction(CATALOGUE_TIMEOUT_MS) as cursor:
            return question(cursor)

    def _attempt(
        self, question: Callable[[Cursor], Result], timeout_ms: int = LOOKUP_TIMEOUT_MS
    ) -> Result | None:
        """The answer to a question that may fail; None where the server refuses or stops it."""
        with self._translated():
            try:
                with self._transaction(timeout_ms) as cursor:
                    return question(cursor)
            except psycopg2.Error:
                if self._connection.closed:
                    raise
                return None
            except ValueError:  # a text that no parameter can hold, such as one with a null character
                return None

    @contextmanager
    def _transaction(self, timeout_ms: int) -> Iterator[Cursor]:
        """A read-only transaction that is rolled back whatever happens. Raises psycopg2.Error."""
        with self._turn:
            self._begin(timeout_ms)
            try:
                with self._connection.cursor() as cursor:
                    yield cursor
            finally:
                if not self._connection.closed:
                    self._connection.rollback()

    def _begin(self, timeout_ms: int) -> None:
        """Start a transaction; a connection that was lost since the last one is opened again."""
        try:
            self._set_timeout(timeout_ms)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            if not self._connection.closed:
                raise
            self._connection = self._connect()
            self._set_timeout(timeout_ms)

    def _set_timeout(self, timeout_ms: int) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", (timeout_ms,))

    def _connect(self) -> Connection:
        """A new connection with our session settings. Raises DatabaseError."""
        settings: dict[str, Any] = {
            "connect_timeout": str(self._connect_timeout),
            "application_name": "meta-agent",
            "tcp_user_timeout": "15000",  # ms; a dead network must not hang a query
            **self._target.parameters,
            "client_encoding": "UTF8",
        }
        try:
            connection: Connection = psycopg2.connect(**settings)
            _check_version(connection)
            _prepare_session(connection)
        except psycopg2.Error as error:
            raise connection_error(error, self._target) from error
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """psycopg2's errors as ours."""
        try:
            yield
        except psycopg2.Error as error:
            if self._connection.closed:
                raise connection_error(error, self._target) from error
            raise _unreadable(_server_message(error)) from error
        except UnicodeDecodeError as error:  # names in a database without an encoding
            raise _unreadable("its names are not in the encoding it claims") from error


def _check_version(connection: Connection) -> None:
    if connection.server_version < OLDEST_VERSION:
        connection.close()
        raise DatabaseError(
            f"The server is PostgreSQL {connection.server_version // 10000}, which is too old.",
            "Use PostgreSQL 12 or newer.",
        )


def _prepare_session(connection: Connection) -> None:
    """Set by commands, because connection poolers refuse start-up options."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(_SESSION.format(timeout=CATALOGUE_TIMEOUT_MS))
    connection.autocommit = False
    connection.set_session(readonly=True)


def _described_columns(cursor: Cursor, sql: str) -> tuple[Column, ...]:
    """FETCH 0 describes the rows of a cursor without computing one."""
    cursor.execute(_DECLARE + sql)
    cursor.execute("FETCH 0 FROM meta_agent_probe")
    described = [(column.name, column.type_code) for column in cursor.description or ()]
    cursor.execute(
        "SELECT oid, format_type(oid, NULL) FROM unnest(%s::oid[]) AS types(oid)",
        ([type_code for _, type_code in described],),
    )
    spelled = dict(cursor.fetchall())
    return tuple(Column(name=name, type=spelled[type_code]) for name, type_code in described)


def _fetched(cursor: Cursor, sql: str, most: int) -> Rows:
    cursor.execute(_DECLARE + sql)
    cursor.execute("FETCH %s FROM meta_agent_probe", (most + 1,))
    found = cursor.fetchall()
    names = tuple(column.name for column in cursor.description or ())
    return Rows(names, tuple(map(tuple, found[:most])), is_cut=len(found) > most)


def _counted(cursor: Cursor, sql: str, most: int) -> int:
    """MOVE counts the rows of a cursor without sending one."""
    cursor.execute(_DECLARE + sql)
    cursor.execute("MOVE FORWARD %s IN meta_agent_probe", (most,))
    return max(cursor.rowcount, 0)


def _server_message(error: psycopg2.Error, sql: str | None = None, prefix: int = 0) -> str:
    """What the server said, with the line of the query it points at, and its hint; bounded, printable."""
    diagnosis = error.diag
    # What the user's query is wrapped in is none of their business.
    lines = [(diagnosis.message_primary or str(error)).replace("DECLARE CURSOR", "The query")]
    if sql is not None and diagnosis.statement_position:
        lines.append(_line_at(sql, int(diagnosis.statement_position) - prefix - 1))
    lines += [
        f"{label}: {text}"
        for label, text in (("DETAIL", diagnosis.message_detail), ("HINT", diagnosis.message_hint))
        if text
    ]
    kept = "".join(character for character in "\n".join(lines) if character == "\n" or is_harmless(character))
    return kept[:LONGEST_MESSAGE]


def _line_at(sql: str, position: int) -> str:
    before = sql[: max(position, 0)]
    number = before.count("\n") + 1
    return f"LINE {number}: {sql.splitlines()[number - 1].strip()[:200]}"


def _unreadable(said: str) -> DatabaseError:
    return DatabaseError(
        f"The database's catalogue could not be read: {said}.",
        "Check what the role of DATABASE_URL may read, and try again.",
    )
