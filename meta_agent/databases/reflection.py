"""Columns and keys by SQLAlchemy's inspection.

SQLAlchemy knows many server versions and dialects of PostgreSQL; its bulk calls ask once
per schema, not once per table. What it cannot tell (types as the server spells them, enum
labels, rights, statistics) the catalogue adds. Where the inspection fails, the catalogue's
own queries take its place.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import connection as Connection

from meta_agent.contracts import ForeignKey
from meta_agent.databases.catalogue import TableKey, TableKeys
from meta_agent.errors import DatabaseError

if TYPE_CHECKING:
    from sqlalchemy.engine.reflection import Inspector


@dataclass(frozen=True)
class ReflectedColumn:
    """What SQLAlchemy tells about a column."""

    name: str
    nullable: bool
    comment: str | None


@dataclass(frozen=True)
class ReflectedTable:
    """Columns in their order, and keys."""

    columns: tuple[ReflectedColumn, ...]
    keys: TableKeys


class ReflectionFailed(Exception):
    """SQLAlchemy could not inspect this database."""


def reflect(connect: Callable[[], Connection], schemas: Iterable[str]) -> dict[TableKey, ReflectedTable]:
    """Every table and view of the schemas. Raises ReflectionFailed."""
    from sqlalchemy import NullPool, create_engine, inspect
    from sqlalchemy.exc import SAWarning, SQLAlchemyError

    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: _without_path(connect()), poolclass=NullPool
    )
    try:
        with warnings.catch_warnings(), engine.connect() as connection:
            warnings.simplefilter(
                "ignore", SAWarning
            )  # types it does not know: we take the server's spelling
            inspector = inspect(connection)
            return {
                key: table for schema in schemas for key, table in _reflect_schema(inspector, schema).items()
            }
    except (SQLAlchemyError, DatabaseError, AssertionError) as error:
        # No second connection to be had, or (AssertionError) a server version SQLAlchemy cannot read.
        raise ReflectionFailed(str(error)) from error


def _without_path(connection: Connection) -> Connection:
    """With a search path, SQLAlchemy gives a key into the default schema the schema of its own table."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SET search_path = pg_catalog")
    connection.autocommit = False
    return connection


def _reflect_schema(inspector: Inspector, schema: str) -> dict[TableKey, ReflectedTable]:
    from sqlalchemy.engine.reflection import ObjectKind, ObjectScope

    scope: dict[str, Any] = {"schema": schema, "kind": ObjectKind.ANY, "scope": ObjectScope.DEFAULT}
    columns = inspector.get_multi_columns(**scope)
    primary = inspector.get_multi_pk_constraint(**scope)
    foreign = inspector.get_multi_foreign_keys(postgresql_ignore_search_path=True, **scope)
    tables = {}
    for (_, name), described in columns.items():
        key = primary.get((schema, name))
        keys = TableKeys(
            primary=tuple(key["constrained_columns"]) if key else (),
            foreign=[_foreign_key(reference, schema) for reference in foreign.get((schema, name), ())],
        )
        tables[schema, name] = ReflectedTable(tuple(map(_column, described)), keys)
    return tables


def _column(described: Mapping[str, Any]) -> ReflectedColumn:
    return ReflectedColumn(described["name"], described["nullable"], described.get("comment"))


def _foreign_key(described: Mapping[str, Any], schema: str) -> ForeignKey:
    return ForeignKey(
        columns=tuple(described["constrained_columns"]),
        referred_schema=described["referred_schema"] or schema,
        referred_table=described["referred_table"],
        referred_columns=tuple(described["referred_columns"]),
    )
