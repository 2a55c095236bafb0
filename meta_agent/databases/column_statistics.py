"""Facts about the columns of large tables, from what ANALYZE has sampled.

Reading a large table takes too long. The server's statistics are a sample: a range may be a
little narrower than the rows', and a rare text may be missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg2

from meta_agent.contracts import Table
from meta_agent.databases.bounded_reads import Budget, Transactions
from meta_agent.databases.catalogue import TableKey
from meta_agent.databases.column_readings import (
    MOST_VALUES,
    ColumnReading,
    Kind,
    TableReading,
    few_texts,
    in_range,
    is_personal,
)
from meta_agent.databases.key_names import looks_like_key

# Of a partitioned table only the figures with its partitions are kept; they come last.
_STATISTICS = """
    SELECT s.schemaname::text, s.tablename::text, s.attname::text, s.null_frac, s.n_distinct,
           s.most_common_vals::text::text[], s.histogram_bounds::text::text[]
    FROM pg_catalog.pg_stats s
    JOIN unnest(%s::text[], %s::text[]) AS asked(schema, name)
      ON s.schemaname = asked.schema AND s.tablename = asked.name
    ORDER BY s.inherited
"""


def read_statistics(
    transaction: Transactions, tables: Sequence[Table], kinds: Mapping[str, Kind], budget: Budget
) -> dict[TableKey, TableReading]:
    """What the server has sampled of these tables; empty where it cannot be read."""
    timeout = budget.timeout_ms()
    if not tables or not timeout:
        return {}
    keys = {(table.schema_name, table.name): table for table in tables}
    try:
        with transaction(timeout) as cursor:
            cursor.execute(_STATISTICS, ([schema for schema, _ in keys], [name for _, name in keys]))
            rows = cursor.fetchall()
    except (psycopg2.Error, ValueError):
        return {}
    found: dict[TableKey, dict[str, ColumnReading]] = defaultdict(dict)
    for schema, name, column, *figures in rows:
        reading = _reading(keys[schema, name], column, kinds, figures)
        if reading is not None:
            found[schema, name][column] = reading
    return {key: TableReading(tuple(columns.values())) for key, columns in found.items()}


def _reading(
    table: Table, name: str, kinds: Mapping[str, Kind], figures: Sequence[Any]
) -> ColumnReading | None:
    column = next((column for column in table.columns if column.name == name), None)
    if column is None:
        return None
    missing, different, common, bounds = figures
    kind = kinds.get(column.type)
    lowest, highest = _ends(kind, [*(common or ()), *(bounds or ())])
    texts = [str(text) for text in common or ()]
    # A positive number of different values is their estimated count; all are listed where as many are common.
    is_complete = kind == "text" and not is_personal(name) and 0 < different <= MOST_VALUES and not bounds
    return ColumnReading(
        name=name,
        kind=kind,
        has_nulls=missing > 0,
        lowest=lowest,
        highest=highest,
        values=few_texts(texts, table.row_count or 0) if is_complete and len(texts) == different else (),
        is_unique=different == -1 and missing == 0 and looks_like_key(table, column),
    )


def _ends(kind: Kind | None, sampled: Iterable[str]) -> tuple[str | None, str | None]:
    """The smallest and the largest of the sampled values."""
    plain = [text for text in sampled if in_range(kind, text) is not None]
    if not plain:
        return None, None
    if kind == "number":
        return min(plain, key=Decimal), max(plain, key=Decimal)
    return min(plain), max(plain)
