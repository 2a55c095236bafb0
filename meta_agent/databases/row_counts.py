"""Exact counts of small tables, estimates of large ones.

Nothing here may hold a run up: a count stops at a bound, many tables share a round
trip, and statement timeouts and a budget for the whole end what takes too long. Views
are counted apart, because counting one runs its query.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from meta_agent.databases.catalogue import Relation, TableKey

EXACT_UP_TO = 10_000
TOGETHER = 100
TOGETHER_TIMEOUT_MS = 2_000
ALONE_TIMEOUT_MS = 300
BUDGET_SECONDS = 3.0
"""After this no further relation is counted alone; its estimate, or nothing, must do."""

Transactions = Callable[[int], AbstractContextManager[Cursor]]
"""A read-only transaction with a statement timeout in milliseconds."""


@dataclass(frozen=True)
class RowCount:
    """Rows of one relation."""

    rows: int
    is_estimate: bool


def count_rows(transaction: Transactions, relations: Sequence[Relation]) -> dict[TableKey, RowCount]:
    """Row counts by relation; a relation that cannot be counted is missing."""
    deadline = time.monotonic() + BUDGET_SECONDS
    counts = {relation.key: _estimate(relation) for relation in relations if _is_large(relation)}
    small = [relation for relation in relations if not _is_large(relation)]
    stored = [relation for relation in small if relation.relkind in "rpm"]
    computed = [relation for relation in small if relation.relkind not in "rpm"]
    for group, timeout in ((stored, TOGETHER_TIMEOUT_MS), (computed, ALONE_TIMEOUT_MS)):
        for chunk in _chunks(group):
            counts.update(_count_chunk(transaction, chunk, timeout, deadline))
    return counts


def _is_large(relation: Relation) -> bool:
    return relation.estimated_rows > EXACT_UP_TO


def _estimate(relation: Relation) -> RowCount:
    return RowCount(round(relation.estimated_rows), is_estimate=True)


def _chunks(relations: Sequence[Relation]) -> Iterator[Sequence[Relation]]:
    for start in range(0, len(relations), TOGETHER):
        yield relations[start : start + TOGETHER]


def _count_chunk(
    transaction: Transactions, relations: Sequence[Relation], timeout_ms: int, deadline: float
) -> dict[TableKey, RowCount]:
    """One round trip for all; where one of them fails or is slow, each on its own."""
    try:
        counts = _bounded_counts(transaction, relations, timeout_ms)
    except psycopg2.Error:
        return _count_each(transaction, relations, deadline)
    return dict(_resolved(transaction, counts))


def _count_each(
    transaction: Transactions, relations: Sequence[Relation], deadline: float
) -> dict[TableKey, RowCount]:
    counts: dict[TableKey, RowCount] = {}
    for relation in relations:
        if time.monotonic() > deadline:
            break
        try:
            counts.update(_resolved(transaction, _bounded_counts(transaction, [relation], ALONE_TIMEOUT_MS)))
        except (
            psycopg2.Error
        ):  # no right after all, locked, a foreign server away, too slow: simply not known
            continue
    return counts


def _bounded_counts(
    transaction: Transactions, relations: Sequence[Relation], timeout_ms: int
) -> list[tuple[Relation, int]]:
    """Rows of each relation, counted no further than one past the bound."""
    statement = sql.SQL("SELECT {place}, count(*) FROM (SELECT FROM {table} LIMIT {limit}) AS bounded")
    parts = [
        statement.format(
            place=sql.Literal(place),
            table=sql.Identifier(relation.schema, relation.name),
            limit=sql.Literal(EXACT_UP_TO + 1),
        )
        for place, relation in enumerate(relations)
    ]
    with transaction(timeout_ms) as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(parts))
        return [(relations[place], rows) for place, rows in cursor.fetchall()]


def _resolved(
    transaction: Transactions, counts: Sequence[tuple[Relation, int]]
) -> Iterator[tuple[TableKey, RowCount]]:
    """Counts within the bound as they are; beyond it the planner's estimate."""
    for relation, rows in counts:
        if rows <= EXACT_UP_TO:
            yield relation.key, RowCount(rows, is_estimate=False)
        else:
            yield relation.key, RowCount(max(rows, _planned_rows(transaction, relation)), is_estimate=True)


def _planned_rows(transaction: Transactions, relation: Relation) -> int:
    """How many rows the planner expects: it looks at the table's present size, analysed or not."""
    query = sql.SQL("EXPLAIN (FORMAT JSON) SELECT FROM {}")
    with transaction(ALONE_TIMEOUT_MS) as cursor:
        cursor.execute(query.format(sql.Identifier(relation.schema, relation.name)))
        row = cursor.fetchone()
    return int(row[0][0]["Plan"]["Plan Rows"]) if row else 0
