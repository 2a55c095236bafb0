"""The rows of one SELECT, within limits: for answers that are compared, not for scripts.

The query runs behind a cursor of the server in a read-only transaction, so that nothing but
a SELECT runs and no more rows travel than are wanted. What the role may do is the boundary.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from meta_agent.databases.base import Rows
from meta_agent.databases.connection_errors import connection_error
from meta_agent.databases.statements import objection_to
from meta_agent.databases.url import parse_url

LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class QueryFailure:
    """Why a query gave no rows, in the database's own words."""

    message: str


def read_rows(
    url: str, query: str, *, max_rows: int, seconds: float, schema: str | None = None
) -> Rows | QueryFailure:
    """At most ``max_rows`` rows of one SELECT that may take ``seconds``.

    ``schema`` is searched before ``public``, in place of the role's own search path. A query that
    the server refuses or stops is a QueryFailure; raises DatabaseError where there is no server.
    """
    objection = objection_to(query)
    if objection is not None:
        return QueryFailure(objection)
    with closing(_connect(url)) as connection:
        try:
            _prepare(connection, seconds, schema)
            return _fetch(connection, query, max_rows)
        except psycopg2.Error as error:
            if connection.closed:
                raise connection_error(error, parse_url(url)) from error
            return QueryFailure(_message(error))
        except UnicodeEncodeError:
            return QueryFailure("The query holds characters that no database text can hold.")
        except (UnicodeDecodeError, ValueError, OverflowError) as error:
            return QueryFailure(f"Its rows hold values that Python cannot hold ({type(error).__name__}).")


def _connect(url: str) -> Connection:
    target = parse_url(url)
    settings: dict[str, Any] = {"connect_timeout": "5", **target.parameters, "client_encoding": "UTF8"}
    try:
        connection: Connection = psycopg2.connect(**settings)
        return connection
    except psycopg2.Error as error:
        raise connection_error(error, target) from error


def _prepare(connection: Connection, seconds: float, schema: str | None) -> None:
    connection.set_session(readonly=True)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = %s", (int(seconds * 1000),))
        if schema is not None:
            cursor.execute(sql.SQL("SET LOCAL search_path TO {}, public").format(sql.Identifier(schema)))


def _fetch(connection: Connection, query: str, max_rows: int) -> Rows:
    with connection.cursor(name="meta_agent_rows") as cursor:
        cursor.itersize = max_rows + 1
        # No parameters are given, so that a percent sign in the query means itself.
        cursor.execute(query)
        rows = cursor.fetchmany(max_rows + 1)
        columns = tuple(column.name for column in cursor.description or ())
    return Rows(columns, tuple(tuple(row) for row in rows[:max_rows]), is_cut=len(rows) > max_rows)


def _message(error: psycopg2.Error) -> str:
    said = error.diag.message_primary or str(error) or type(error).__name__
    return " ".join(said.split())[:LONGEST_MESSAGE]
