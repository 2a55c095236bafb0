"""The catalogue in a few queries: relations, columns, keys, fingerprint.

Each query answers for the whole database, so that five hundred tables cost no more
round trips than one. All of them leave out what a question can never need: system
schemas, temporary tables, partitions (their parent stands for them), what an extension
brought along, and what the role may not read.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from meta_agent.contracts import ForeignKey

TableKey = tuple[str, str]
"""Schema and name of a relation."""

Kind = Literal["table", "view", "materialized view"]
_KINDS: Mapping[str, Kind] = {"v": "view", "m": "materialized view"}

# Three views of the catalogue that every query below begins with; a server computes only those a query uses.
# An enum's labels are those of the type itself, of an array's elements, or of a domain's base.
_CATALOGUE = sql.SQL("""
    WITH readable AS MATERIALIZED (
        SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples,
               has_table_privilege(c.oid, 'SELECT') AS whole
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
          AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND has_schema_privilege(n.oid, 'USAGE')
          AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'))
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND (
                  (d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid)
               OR (d.classid = 'pg_catalog.pg_namespace'::regclass AND d.objid = n.oid)))
    ), columns AS (
        SELECT r.oid AS relation, r.nspname, r.relname, a.attnum, a.attname, a.attnotnull,
               format_type(a.atttypid, a.atttypmod) AS spelled,
               (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e
                WHERE e.enumtypid IN (t.oid, t.typelem, t.typbasetype)) AS labels,
               col_description(r.oid, a.attnum) AS comment
        FROM readable r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        WHERE a.attnum > 0 AND NOT a.attisdropped
          AND (r.whole OR has_column_privilege(r.oid, a.attnum, 'SELECT'))
    ), keys AS (
        SELECT r.nspname, r.relname, k.contype, k.conname, fn.nspname AS f_schema, f.relname AS f_table,
               (SELECT array_agg(a.attname::text ORDER BY u.place)
                FROM unnest(k.conkey) WITH ORDINALITY u(num, place)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num) AS columns,
               (SELECT array_agg(a.attname::text ORDER BY u.place)
                FROM unnest(k.confkey) WITH ORDINALITY u(num, place)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num) AS f_columns
        FROM readable r JOIN pg_catalog.pg_constraint k ON k.conrelid = r.oid
        LEFT JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
        LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
        WHERE k.contype = 'p' OR (k.contype = 'f' AND k.conparentid = 0)
    ), uniques AS (
        SELECT r.nspname, r.relname,
               (SELECT array_agg(a.attname::text ORDER BY u.place)
                FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY u(num, place)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = u.num) AS columns
        FROM readable r JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
        WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
    )
""")

# A partitioned table has no rows of its own: its estimate is the sum of its leaves', and unknown (-1)
# as long as one of them was never analysed.
_RELATIONS = sql.SQL("""{catalogue}
    SELECT nspname, relname, relkind,
           CASE WHEN relkind = 'p' THEN (
                    SELECT CASE WHEN min(leaf.reltuples) < 0 THEN -1 ELSE sum(leaf.reltuples) END
                    FROM pg_catalog.pg_partition_tree(readable.oid) part
                    JOIN pg_catalog.pg_class leaf ON leaf.oid = part.relid WHERE part.isleaf)
                ELSE reltuples END,
           obj_description(oid, 'pg_class')
    FROM readable ORDER BY nspname COLLATE "C", relname COLLATE "C"
""").format(catalogue=_CATALOGUE)

_COLUMNS = sql.SQL("""{catalogue}
    SELECT nspname, relname, attname, spelled, NOT attnotnull, labels, comment
    FROM columns ORDER BY relation, attnum
""").format(catalogue=_CATALOGUE)

_KEYS = sql.SQL("""{catalogue}
    SELECT nspname, relname, contype, columns, f_schema, f_table, f_columns
    FROM keys ORDER BY nspname, relname, conname
""").format(catalogue=_CATALOGUE)

_UNIQUES = sql.SQL("""{catalogue}
    SELECT DISTINCT nspname, relname, columns FROM uniques ORDER BY nspname, relname, columns
""").format(catalogue=_CATALOGUE)

# No oid, statistic or transaction number is part of it: a database restored elsewhere, or filled with other
# rows, keeps its fingerprint.
_FINGERPRINT = sql.SQL("""{catalogue}, lines AS (
        SELECT concat_ws(' ', 'relation', quote_ident(nspname), quote_ident(relname), relkind,
                         quote_nullable(obj_description(oid, 'pg_class'))) AS line
        FROM readable
        UNION ALL
        SELECT concat_ws(' ', 'column', quote_ident(nspname), quote_ident(relname), attnum,
                         quote_ident(attname), attnotnull, spelled,
                         quote_nullable(labels::text), quote_nullable(comment))
        FROM columns
        UNION ALL
        SELECT concat_ws(' ', 'key', quote_ident(nspname), quote_ident(relname), contype, columns::text,
                         quote_ident(f_schema), quote_ident(f_table), f_columns::text)
        FROM keys
        UNION ALL
        SELECT concat_ws(' ', 'unique', quote_ident(nspname), quote_ident(relname), columns::text)
        FROM uniques
    )
    SELECT current_database()::text, current_schema()::text,
           encode(sha256(convert_to(string_agg(line, chr(10) ORDER BY line COLLATE "C"), 'UTF8')), 'hex')
    FROM lines
""").format(catalogue=_CATALOGUE)


@dataclass(frozen=True)
class Relation:
    """A table, view or the like that the role may read."""

    schema: str
    name: str
    relkind: str
    """``r`` table, ``p`` partitioned table, ``f`` foreign table, ``v`` view, ``m`` materialized view."""
    estimated_rows: float
    """The last ANALYZE's figure; below zero where there was none."""
    comment: str | None

    @property
    def key(self) -> TableKey:
        """Schema and name."""
        return (self.schema, self.name)

    @property
    def kind(self) -> Kind:
        """The kind as the contracts know it."""
        return _KINDS.get(self.relkind, "table")


@dataclass(frozen=True)
class ColumnFacts:
    """What the catalogue says about a column."""

    name: str
    type: str
    nullable: bool
    labels: tuple[str, ...]
    """Labels of an enum, in their order."""
    comment: str | None


@dataclass
class TableKeys:
    """Primary and foreign keys of one table."""

    primary: tuple[str, ...] = ()
    foreign: list[ForeignKey] = field(default_factory=list)


def read_fingerprint(cursor: Cursor) -> str:
    """Hash of everything below, computed by the server, under the database's name and default schema."""
    cursor.execute(_FINGERPRINT)
    return hashlib.sha256(repr(_first_row(cursor)).encode()).hexdigest()


def read_default_schema(cursor: Cursor) -> str:
    """The schema whose tables need no prefix; ``public`` where the search path names none that exists."""
    cursor.execute("SELECT current_schema()::text")
    return str(_first_row(cursor)[0] or "public")


def read_relations(cursor: Cursor) -> list[Relation]:
    """Every relation the role may read, by schema and name."""
    cursor.execute(_RELATIONS)
    return [
        Relation(schema, name, kind, float(-1 if rows is None else rows), comment)
        for schema, name, kind, rows, comment in cursor.fetchall()
    ]


def read_columns(cursor: Cursor) -> dict[TableKey, list[ColumnFacts]]:
    """The columns the role may read, in their order."""
    cursor.execute(_COLUMNS)
    columns: dict[TableKey, list[ColumnFacts]] = defaultdict(list)
    for schema, table, name, spelled, nullable, labels, comment in cursor.fetchall():
        columns[schema, table].append(ColumnFacts(name, spelled, nullable, tuple(labels or ()), comment))
    return dict(columns)


def read_keys(cursor: Cursor) -> dict[TableKey, TableKeys]:
    """Primary and foreign keys of the relations the role may read."""
    cursor.execute(_KEYS)
    keys: dict[TableKey, TableKeys] = defaultdict(TableKeys)
    for schema, table, kind, columns, referred_schema, referred_table, referred in cursor.fetchall():
        if kind == "p":
            keys[schema, table].primary = tuple(columns)
        else:
            reference = ForeignKey(
                columns=tuple(columns),
                referred_schema=referred_schema,
                referred_table=referred_table,
                referred_columns=tuple(referred),
            )
            keys[schema, table].foreign.append(reference)
    return dict(keys)


def read_unique_keys(cursor: Cursor) -> dict[TableKey, list[tuple[str, ...]]]:
    """Columns of the unique indexes over plain columns and all rows; no two rows agree in all of one's."""
    cursor.execute(_UNIQUES)
    keys: dict[TableKey, list[tuple[str, ...]]] = defaultdict(list)
    for schema, table, columns in cursor.fetchall():
        keys[schema, table].append(tuple(columns))
    return dict(keys)


def _first_row(cursor: Cursor) -> tuple[Any, ...]:
    row = cursor.fetchone()
    if row is None:  # these queries always return one row
        raise AssertionError("the catalogue query returned no row")
    return row
