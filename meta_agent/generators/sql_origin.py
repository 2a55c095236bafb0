"""Finds the table of the catalogue that a query's column comes from, through subqueries and CTEs."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.generators.sql_joins import column_named
from meta_agent.generators.sql_parsing import catalogue_table

Origin = tuple[Table, Column]


def origin_of(column: exp.Column, scope: Scope, schema: DatabaseSchema) -> Origin | None:
    """The stored column that ``column``, written in ``scope``, stands for.

    None where it is computed, where it may be of several tables, or where that is not known.
    """
    around: Scope | None = scope
    while around is not None:
        sources = {alias: source for alias, (_, source) in around.selected_sources.items()}
        if column.table:
            sources = {alias: source for alias, source in sources.items() if alias == column.table}
        found = [origin for source in sources.values() if (origin := _inside(column.name, source, schema))]
        if found or (column.table and sources):
            return found[0] if len(found) == 1 else None
        around = around.parent if around.is_subquery else None
    return None


def _inside(name: str, source: exp.Table | Scope, schema: DatabaseSchema) -> Origin | None:
    """The stored column that a table or subquery offers under a name."""
    if isinstance(source, exp.Table):
        table = catalogue_table(source, schema)
        alias = source.args.get("alias")
        column = column_named(table, name) if table and not (alias and alias.columns) else None
        return (table, column) if table and column else None
    if not isinstance(source.expression, exp.Select) or source.outer_columns:
        return None
    shown = [p.unalias() for p in source.expression.selects if p.output_name == name]
    plain = [node for node in shown if isinstance(node, exp.Column)]
    return origin_of(plain[0], source, schema) if len(shown) == len(plain) == 1 else None
