"""From catalogue and inspection to one DatabaseSchema.

SQLAlchemy's inspection gives columns and keys, the catalogue what the inspection cannot
tell; where the inspection fails or misses something, the catalogue gives all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from loguru import logger
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from meta_agent.contracts import Column, ForeignKey, Table
from meta_agent.databases import catalogue
from meta_agent.databases.catalogue import ColumnFacts, Relation, TableKey, TableKeys
from meta_agent.databases.reflection import ReflectedColumn, ReflectedTable, ReflectionFailed, reflect

MOST_REFLECTED_SCHEMAS = 10
"""SQLAlchemy asks several queries per schema; beyond this the catalogue's few queries are quicker."""


def discover_tables(cursor: Cursor, connect: Callable[[], Connection]) -> tuple[Table, ...]:
    """Every relation the role may read, without row counts. Raises psycopg2.Error."""
    relations = catalogue.read_relations(cursor)
    facts = catalogue.read_columns(cursor)
    unique = catalogue.read_unique_keys(cursor)
    tables = _reflected_tables(connect, relations, facts)
    if tables is None:
        tables = _catalogue_tables(facts, catalogue.read_keys(cursor))
    known = {relation.key for relation in relations}
    return tuple(
        _table(
            relation, facts.get(relation.key, ()), tables[relation.key], known, unique.get(relation.key, ())
        )
        for relation in relations
        if relation.key in tables
    )


def _reflected_tables(
    connect: Callable[[], Connection],
    relations: Sequence[Relation],
    facts: Mapping[TableKey, Sequence[ColumnFacts]],
) -> Mapping[TableKey, ReflectedTable] | None:
    """What SQLAlchemy sees; None where it fails, or misses what the catalogue holds."""
    schemas = sorted({relation.schema for relation in relations})
    if len(schemas) > MOST_REFLECTED_SCHEMAS:
        return None
    try:
        tables = reflect(connect, schemas)
    except ReflectionFailed as error:
        logger.debug("SQLAlchemy's inspection failed, the catalogue is read instead: {}", error)
        return None
    for key, columns in facts.items():
        seen = {column.name for column in tables[key].columns} if key in tables else set()
        if not seen.issuperset(column.name for column in columns):
            logger.debug("SQLAlchemy's inspection missed columns, the catalogue is read instead")
            return None
    return tables


def _catalogue_tables(
    facts: Mapping[TableKey, Sequence[ColumnFacts]], keys: Mapping[TableKey, TableKeys]
) -> dict[TableKey, ReflectedTable]:
    """The same as SQLAlchemy's inspection, from the catalogue alone."""
    return {
        key: ReflectedTable(
            tuple(ReflectedColumn(column.name, column.nullable, column.comment) for column in columns),
            keys.get(key, TableKeys()),
        )
        for key, columns in facts.items()
    }


def _table(
    relation: Relation,
    facts: Sequence[ColumnFacts],
    reflected: ReflectedTable,
    known: set[TableKey],
    unique: Sequence[tuple[str, ...]],
) -> Table:
    readable = {column.name: column for column in facts}
    columns = tuple(
        _column(column, readable[column.name]) for column in reflected.columns if column.name in readable
    )
    keys = reflected.keys
    return Table(
        schema_name=relation.schema,
        name=relation.name,
        kind=relation.kind,
        columns=columns,
        primary_key=keys.primary if readable.keys() >= set(keys.primary) else (),
        unique_keys=tuple(key for key in unique if readable.keys() >= set(key)),
        foreign_keys=tuple(sorted(_usable(keys.foreign, readable, known), key=lambda key: key.columns)),
        comment=relation.comment,
    )


def _column(reflected: ReflectedColumn, facts: ColumnFacts) -> Column:
    return Column(
        name=reflected.name,
        type=facts.type,
        nullable=reflected.nullable,
        comment=_with_labels(reflected.comment, facts.labels),
    )


def _with_labels(comment: str | None, labels: Sequence[str]) -> str | None:
    """An enum's labels are what a query must compare with, so they come before the comment."""
    if not labels:
        return comment
    listed = "one of " + ", ".join("'" + label.replace("'", "''") + "'" for label in labels)
    return f"{listed}; {comment}" if comment else listed


def _usable(
    keys: Sequence[ForeignKey], readable: Mapping[str, ColumnFacts], known: set[TableKey]
) -> list[ForeignKey]:
    """Keys whose own columns and whose target the role may read: no other can be joined on."""
    return [
        key
        for key in keys
        if (key.referred_schema, key.referred_table) in known and readable.keys() >= set(key.columns)
    ]
