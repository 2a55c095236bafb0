"""Cuts a schema to the tables and columns that a request is about, where all of it would cost too much.

Under the budget nothing is cut. Above it tables are taken in the order of ``schema_relevance``, each
with what lies on the shortest way of keys to those taken already, as long as they fit. Of a table that
alone would take too large a share, keys stay and columns are taken in the order of their scores.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.join_graph import JoinGraph, TableKey, key_of
from meta_agent.schema_relevance import Asked, Relevance

TABLES_AT_LEAST = 4
"""No table may take more of the budget than would leave as much for each of so many."""
LEAST_SHARE = 300
"""Tokens that a table may take in any case: about thirty columns."""
_LONGEST_WAY = 4
"""Keys from a table to the nearest that was taken; one further off is joined to none."""
_MOST_MISFITS = 12
"""Tables that did not fit, after which the rest is not tried."""

Cost = Callable[[Table], int]
"""Tokens of a table as the model is shown it."""


@dataclass(frozen=True)
class CutSchema:
    """What is left of a schema."""

    schema: DatabaseSchema
    """Keys to tables that are not in it are left out."""
    hidden_columns: Mapping[TableKey, int] = field(default_factory=dict)
    """How many columns were left out of which table."""
    left_out: tuple[Table, ...] = ()


def cut_schema(schema: DatabaseSchema, asked: Asked, budget: int, cost: Cost) -> CutSchema:
    """The part of a schema that is shown for a request; all of it where it costs at most ``budget``.

    At least one table stays, whatever it costs.
    """
    if _costs_at_most(schema.tables, budget, cost):
        return CutSchema(schema)
    relevance = Relevance(schema, asked)
    share = max(budget // min(len(schema.tables), TABLES_AT_LEAST), min(budget, LEAST_SHARE))

    @cache
    def narrowed(key: TableKey) -> Table:
        return _narrowed(tables[key], share, cost, relevance.column_score)

    tables = {key_of(table): table for table in schema.tables}
    taken = _taken(relevance, budget, lambda key: cost(narrowed(key)))
    shown = [_without_keys_to_others(narrowed(key), taken) for key in tables if key in taken]
    return CutSchema(
        schema.model_copy(update={"tables": tuple(shown)}),
        _hidden_columns(schema.tables, shown),
        tuple(table for table in relevance.ranked() if key_of(table) not in taken),
    )


def narrow_tables(schema: DatabaseSchema, asked: Asked, budget: int, cost: Cost) -> CutSchema:
    """All tables of a schema, their columns cut to what each may have of the budget."""
    if _costs_at_most(schema.tables, budget, cost):
        return CutSchema(schema)
    score, share = Relevance(schema, asked).column_score, budget // len(schema.tables)
    narrowed = [_narrowed(table, share, cost, score) for table in schema.tables]
    return CutSchema(
        schema.model_copy(update={"tables": tuple(narrowed)}), _hidden_columns(schema.tables, narrowed)
    )


def _hidden_columns(before: Iterable[Table], after: Iterable[Table]) -> dict[TableKey, int]:
    columns = {key_of(table): len(table.columns) for table in before}
    hidden = {key_of(table): columns[key_of(table)] - len(table.columns) for table in after}
    return {key: number for key, number in hidden.items() if number}


def _costs_at_most(tables: Iterable[Table], budget: int, cost: Cost) -> bool:
    spent = 0
    for table in tables:
        spent += cost(table)
        if spent > budget:
            return False
    return True


# --- tables ----------------------------------------------------------------------


def _taken(relevance: Relevance, budget: int, cost: Callable[[TableKey], int]) -> set[TableKey]:
    taken: set[TableKey] = set()
    left, misfits = budget, 0
    for key in map(key_of, relevance.ranked()):
        if key in taken:
            continue
        with_joins = {key, *_way(relevance.graph, key, taken, relevance.score)}
        fitting = next((g for g in (with_joins, {key}) if sum(map(cost, g)) <= left or not taken), None)
        if fitting is None:
            misfits += 1
            if misfits > _MOST_MISFITS:
                break
            continue
        taken |= fitting
        left -= sum(map(cost, fitting))
    return taken


def _way(
    graph: JoinGraph, start: TableKey, goals: Collection[TableKey], score: Callable[[TableKey], float]
) -> list[TableKey]:
    """The tables between ``start`` and the nearest of the goals; of equally short ways the best scored."""
    came: dict[TableKey, TableKey] = {start: start}
    layer = [start]
    for _ in range(_LONGEST_WAY):
        further: list[TableKey] = []
        for table in sorted(layer, key=score, reverse=True):
            for there in (link.other(table) for link in graph.links_of(table)):
                if there not in came:
                    came[there] = table
                    further.append(there)
        reached = [table for table in further if table in goals]
        if reached:
            return _steps_back(max(reached, key=score), came)[:-1]
        layer = further
    return []


def _steps_back(table: TableKey, came: Mapping[TableKey, TableKey]) -> list[TableKey]:
    steps = []
    while came[table] != table:
        table = came[table]
        steps.append(table)
    return steps


def _without_keys_to_others(table: Table, taken: Collection[TableKey]) -> Table:
    keys = tuple(key for key in table.foreign_keys if (key.referred_schema, key.referred_table) in taken)
    return table if keys == table.foreign_keys else table.model_copy(update={"foreign_keys": keys})


# --- columns ---------------------------------------------------------------------


def _narrowed(table: Table, share: int, cost: Cost, score: Callable[[Column], float]) -> Table:
    """The table with as many of its columns, best first, as its share allows; keys always stay."""
    if cost(table) <= share:
        return table
    keys = _key_columns(table)
    others = sorted((c for c in table.columns if c.name not in keys), key=score, reverse=True)
    low, high = 0, len(others)
    while low < high:  # the most columns that still fit
        middle = (low + high + 1) // 2
        if cost(_with_columns(table, keys, others[:middle])) <= share:
            low = middle
        else:
            high = middle - 1
    return _with_columns(table, keys, others[:low])


def _with_columns(table: Table, keys: Collection[str], others: Iterable[Column]) -> Table:
    kept = {*keys, *(column.name for column in others)}
    return table.model_copy(update={"columns": tuple(c for c in table.columns if c.name in kept)})


def _key_columns(table: Table) -> set[str]:
    own = [table.primary_key, *table.unique_keys, *table.inferred_unique]
    return {name for key in [*own, *(key.columns for key in table.foreign_keys)] for name in key}
