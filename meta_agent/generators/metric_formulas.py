"""Says the glossary's formulas in the columns of the user's own schema.

"100.0 * loan balance / property value" becomes
``100.0 * SUM(loans.current_balance) / financial_metrics.property_value``: for the prompt, where a
small model would guess the columns, and for queries that take a metric for a column.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.generators.sql_joins import is_unique
from meta_agent.generators.sql_parsing import DIALECT, column_of, identifier
from meta_agent.generators.sql_similar import is_number, says_with_table
from meta_agent.glossary import Glossary, Metric, normalise
from meta_agent.join_graph import JoinGraph, key_of

_PHRASE = re.compile(r"[A-Za-z][A-Za-z_ ]*[A-Za-z]|[A-Za-z]")
_BEYOND = re.compile(r",|;|\bwhere\b|\bif\b|\bin percent\b", re.IGNORECASE)
_MOST_WAYS = 64


@dataclass(frozen=True)
class Formula:
    """A metric in terms of stored columns."""

    metric: Metric
    tree: exp.Expr
    """Its columns are qualified by the names of their tables."""
    tables: tuple[Table, ...]
    many: tuple[Table, ...]
    """Those of the tables that may have several rows for one of the others."""

    def text(self) -> str:
        """The formula with a SUM around what has several rows."""
        tree, names = self.tree.copy(), {table.name for table in self.many}
        for column in list(tree.find_all(exp.Column)):
            if column.table in names:
                column.replace(exp.Sum(this=column.copy()))
        return tree.sql(dialect=DIALECT)

    def read_from(self, sources: Iterable[tuple[str, Table]]) -> exp.Expr | None:
        """The formula over the tables of a query; None where one of them stands there twice.

        Nor where another table there has a column of the same name: a month's income is not the year's.
        """
        read = list(sources)
        tree = self.tree.copy()
        for column in tree.find_all(exp.Column):
            owners = [alias for alias, table in read if table.name == column.table]
            others = [table for _, table in read if any(c.name == column.name for c in table.columns)]
            if len(owners) > 1 or (not owners and others):
                return None
            column.set("table", identifier(owners[0]) if owners else None)
        return tree


Formulas = Mapping[str, Formula]
"""By every name of the metric, normalised."""


def formulas_of(glossary: Glossary, schema: DatabaseSchema) -> Formulas:
    """The formulas of all metrics that are not stored themselves and whose quantities are."""
    found = {}
    for metric in glossary.metrics:
        if not _is_stored(metric, schema) and (formula := formula_of(metric, schema)) is not None:
            found.update(dict.fromkeys(metric.names, formula))
    return found


def formula_of(metric: Metric, schema: DatabaseSchema) -> Formula | None:
    """The formula of one metric; None where it is not of this form or a quantity is not clear."""
    written = _BEYOND.split(metric.formula)[0]
    phrases = list(dict.fromkeys(normalise(phrase) for phrase in _PHRASE.findall(written)))
    chosen = _columns_of(phrases, schema)
    if chosen is None:
        return None
    places = dict(zip(phrases, chosen, strict=True))
    marked = _PHRASE.sub(lambda match: f"q{phrases.index(normalise(match[0]))}", written)
    try:
        tree = sqlglot.parse_one(marked, dialect=DIALECT)
    except SqlglotError:
        return None
    by_mark = {f"q{number}": places[phrase] for number, phrase in enumerate(phrases)}
    for column in list(tree.find_all(exp.Column)):
        table, stored = by_mark[column.name]
        column.replace(column_of(table.name, stored.name))
    tables = tuple({key_of(table): table for table, _ in chosen}.values())
    return Formula(metric, tree, tables, tuple(_many_of(tables, schema)))


def _is_stored(metric: Metric, schema: DatabaseSchema) -> bool:
    return any(normalise(column.name) in metric.names for table in schema.tables for column in table.columns)


Place = tuple[Table, Column]


def _columns_of(phrases: list[str], schema: DatabaseSchema) -> tuple[Place, ...] | None:
    """One column for each phrase, from as few tables as will do; None where that is open."""
    options = [list(_candidates(phrase, schema)) for phrase in phrases]
    if not options or math.prod(map(len, options)) > _MOST_WAYS:
        return None
    ways = list(itertools.product(*options))
    sizes = [len({key_of(table) for table, _ in way}) for way in ways]
    best = [way for way, size in zip(ways, sizes, strict=True) if size == min(sizes)]
    if len(best) > 1:  # a figure of the year rather than twelve of its months
        repeating = [len(list(_many_of(tuple(table for table, _ in way), schema))) for way in best]
        best = [way for way, many in zip(best, repeating, strict=True) if many == min(repeating)]
    return best[0] if len(best) == 1 else None


def _candidates(phrase: str, schema: DatabaseSchema) -> Iterator[Place]:
    """Number columns of the phrase's own name, else those that have its words together with their table."""
    columns = [(t, c) for t in schema.tables for c in t.columns if is_number(c) and not _is_key(t, c)]
    exact = [(table, column) for table, column in columns if normalise(column.name) == phrase]
    yield from exact
    if exact:
        return
    words = set(phrase.split())
    yield from ((table, column) for table, column in columns if says_with_table(words, column, table))


def _is_key(table: Table, column: Column) -> bool:
    """Whether a column tells rows apart or refers to others: no quantity."""
    keys = [table.primary_key, *(key.columns for key in table.foreign_keys)]
    return any(column.name in key for key in keys)


def _many_of(tables: tuple[Table, ...], schema: DatabaseSchema) -> Iterator[Table]:
    """The tables whose key into the others repeats."""
    by_key = {key_of(table): table for table in tables}
    links = JoinGraph(schema).connect(list(by_key)) or ()
    for link in links:
        child = by_key.get(link.child)
        if child is not None and not is_unique(child, {ours for ours, _ in link.pairs}, schema):
            yield child
