"""What the rows say about each column: its few texts, its range, whether values are missing or twice.

A model that knows that a status is 'active' or 'closed' writes a condition that finds rows. Small
tables are read whole, of large ones the server's statistics are taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import psycopg2
from psycopg2 import sql

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.databases.bounded_reads import Budget, Transactions, ask_all
from meta_agent.databases.catalogue import TableKey
from meta_agent.databases.column_readings import (
    KINDS,
    LONGEST_VALUE,
    MOST_VALUES,
    ColumnReading,
    Kind,
    TableReading,
    few_texts,
    in_range,
    is_personal,
)
from meta_agent.databases.column_statistics import read_statistics
from meta_agent.databases.key_names import is_junction, looks_like_key

WHOLE_UP_TO = 100_000
"""Rows; of a larger table the statistics must do."""
TABLE_TIMEOUT_MS = 2_000
BUDGET_SECONDS = 3.5

# Domains are read as the type beneath them.
_BASE_TYPES = """
    SELECT spelled, CASE WHEN t.typtype = 'e' THEN 'enum'
                         ELSE format_type(COALESCE(NULLIF(t.typbasetype, 0), t.oid), NULL) END
    FROM unnest(%s::text[]) AS asked(spelled) JOIN pg_catalog.pg_type t ON t.oid = to_regtype(spelled)
"""


def read_facts(transaction: Transactions, schema: DatabaseSchema) -> DatabaseSchema:
    """The schema with what its rows say, in place of what was known of them; never fails on a table."""
    bare = schema.model_copy(update={"tables": tuple(map(_without_facts, schema.tables))})
    kinds = _kinds(transaction, bare)
    small = [table for table in bare.tables if table.columns and 0 < (table.row_count or 0) <= WHOLE_UP_TO]
    large = [table for table in bare.tables if (table.row_count or 0) > WHOLE_UP_TO]
    budget = Budget(BUDGET_SECONDS, TABLE_TIMEOUT_MS)
    known: dict[TableKey, TableReading] = {}
    # A view may be slow however few its rows are, and must not keep the tables waiting.
    for group in ([t for t in small if t.kind != "view"], [t for t in small if t.kind == "view"]):
        questions = [(table, _question(table, kinds)) for table in group]
        for table, answer in ask_all(transaction, questions, budget):
            known[table.schema_name, table.name] = _reading(table, kinds, answer)
    known.update(read_statistics(transaction, large, kinds, budget))
    tables = (_with_facts(table, known.get((table.schema_name, table.name))) for table in bare.tables)
    return bare.model_copy(update={"tables": tuple(tables)})


def _without_facts(table: Table) -> Table:
    nothing = {"values": (), "lowest": None, "highest": None, "has_nulls": None}
    columns = tuple(column.model_copy(update=nothing) for column in table.columns)
    return table.model_copy(update={"columns": columns, "inferred_unique": ()})


def _with_facts(table: Table, reading: TableReading | None) -> Table:
    if reading is None:
        return table
    read = {column.name: column for column in reading.columns}
    columns = (
        _known(column, read[column.name]) if column.name in read else column for column in table.columns
    )
    declared = {table.primary_key, *table.unique_keys}
    unique: list[tuple[str, ...]] = [(column.name,) for column in reading.columns if column.is_unique]
    if reading.pair_is_unique:
        unique.append(tuple(column.name for column in table.columns))
    inferred = tuple(key for key in unique if key not in declared)
    return table.model_copy(update={"columns": tuple(columns), "inferred_unique": inferred})


def _known(column: Column, read: ColumnReading) -> Column:
    facts = {
        "values": read.values,
        "lowest": read.lowest,
        "highest": read.highest,
        "has_nulls": read.has_nulls,
    }
    return column.model_copy(update=facts)


def _kinds(transaction: Transactions, schema: DatabaseSchema) -> dict[str, Kind]:
    """What can be read of columns of each type, by its spelling; other types are missing."""
    spelled = sorted({column.type for table in schema.tables for column in table.columns})
    try:
        with transaction(TABLE_TIMEOUT_MS) as cursor:
            cursor.execute(_BASE_TYPES, (spelled,))
            return {name: KINDS[base] for name, base in cursor.fetchall() if base in KINDS}
    except (psycopg2.Error, ValueError):
        return {}


# --- one question for all columns of a table -------------------------------------


def _question(table: Table, kinds: Mapping[str, Kind]) -> sql.Composed:
    """One scan for counts, ranges and keys, and one for the texts of each column that may have few."""
    name = sql.Identifier(table.schema_name, table.name)
    parts: list[sql.Composable] = [sql.SQL("count(*)::text")]
    for column in table.columns:
        parts += _column_parts(table, column, kinds.get(column.type), name)
    if is_junction(table):
        parts.append(_count_of(sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)))
    return sql.SQL("SELECT ARRAY[{}] FROM {}").format(sql.SQL(", ").join(parts), name)


def _count_of(columns: sql.Composable) -> sql.Composed:
    return sql.SQL("count(DISTINCT ({}))::text").format(columns)


def _column_parts(
    table: Table, column: Column, kind: Kind | None, name: sql.Identifier
) -> Iterator[sql.Composable]:
    """Values present, different values, lowest, highest, texts: as many parts for every column."""
    value, nothing = sql.Identifier(column.name), sql.SQL("NULL")
    yield sql.SQL("count({})::text").format(value)
    yield _count_of(value) if looks_like_key(table, column) else nothing
    for end in ("min", "max"):
        # As JSON a date is ISO text, however the server is set.
        written = sql.SQL("to_jsonb({}({})) #>> '{{}}'").format(sql.SQL(end), value)
        yield written if kind in ("number", "date") else nothing
    texts = sql.SQL(
        "(SELECT json_agg(text)::text FROM (SELECT DISTINCT left({value}::text, {longest}) AS text"
        " FROM {table} WHERE {value} IS NOT NULL LIMIT {most}) AS different)"
    ).format(
        value=value, table=name, longest=sql.Literal(LONGEST_VALUE + 1), most=sql.Literal(MOST_VALUES + 1)
    )
    yield texts if kind == "text" and not is_personal(column.name) else nothing


_PARTS = 5


def _reading(table: Table, kinds: Mapping[str, Kind], answer: Sequence[str | None]) -> TableReading:
    """The answer to ``_question``, sorted by columns."""
    rows = int(answer[0] or 0)
    columns = []
    for number, column in enumerate(table.columns):
        present, different, lowest, highest, texts = answer[1 + number * _PARTS : 1 + (number + 1) * _PARTS]
        kind, filled = kinds.get(column.type), int(present or 0)
        reading = ColumnReading(
            name=column.name,
            kind=kind,
            has_nulls=filled < rows,
            lowest=in_range(kind, lowest),
            highest=in_range(kind, highest),
            values=few_texts(json.loads(texts) if texts else [], filled),
            is_unique=rows > 1 and different is not None and int(different) == rows,
        )
        columns.append(reading)
    pairs = answer[1 + len(columns) * _PARTS :]
    return TableReading(tuple(columns), rows > 1 and bool(pairs) and int(pairs[0] or 0) == rows)
