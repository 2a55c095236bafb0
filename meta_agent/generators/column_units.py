"""The units of a query's result columns, as far as comments and the glossary tell them.

A sum of dollars is dollars, dollars by dollars are none. What is not clear has no unit.
"""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.generators.sql_origin import origin_of
from meta_agent.generators.sql_parsing import leaf_selects
from meta_agent.glossary import Glossary

PERCENT = "%"
_AMOUNTS = ("numeric", "decimal", "money")
_CURRENCIES = (
    ("USD", r"\bUSD\b|\$|\bU\.?S\.? dollars?\b"),
    ("EUR", r"\bEUR\b|€|\beuros?\b"),
    ("GBP", r"\bGBP\b|£"),
)
_UNITS = (*_CURRENCIES, (PERCENT, r"\bper ?cent\b|%"))
_SAME = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Round, exp.Paren, exp.Nullif, exp.Cast, exp.Filter, exp.Abs)
"""What leaves the unit of its first argument as it is."""


def units_of(tree: exp.Expr, schema: DatabaseSchema, glossary: Glossary) -> dict[str, str]:
    """Result column to unit: a currency's code or ``%``; columns without one are left out."""
    found: dict[str, str] = {}
    select = next(iter(leaf_selects(tree)), None)
    scope = build_scope(select) if select is not None else None
    if select is None or not isinstance(scope, Scope):
        return found
    for projection in select.selects:
        unit = _unit(projection.unalias(), scope, schema, glossary)
        metric = glossary.metric_of_column(projection.output_name)
        if unit is None and metric is not None and metric.unit == "percent":
            unit = PERCENT
        if unit is not None:
            found[projection.output_name] = unit
    return found


def _unit(node: exp.Expr, scope: Scope, schema: DatabaseSchema, glossary: Glossary) -> str | None:
    if isinstance(node, exp.Column):
        origin = origin_of(node, scope, schema)
        return _stored_unit(*origin, glossary) if origin is not None else None
    if isinstance(node, (*_SAME, exp.Coalesce)):
        return _unit(node.this, scope, schema, glossary)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
        one, other = (_unit(side, scope, schema, glossary) for side in (node.this, node.expression))
        return _combined(node, one, other)
    return None


def _combined(node: exp.Expr, one: str | None, other: str | None) -> str | None:
    if isinstance(node, exp.Add | exp.Sub):
        return one if one == other or other is None else other if one is None else None
    if isinstance(node, exp.Div):
        return one if other is None else None
    return None if one and other else one or other


def _stored_unit(table: Table, column: Column, glossary: Glossary) -> str | None:
    """What a column's comment says; a table's own is about its amounts of money only."""
    said = _said_by(column.comment or "")
    is_amount = column.type.startswith(_AMOUNTS) and glossary.is_additive(column.name)
    return said or (_said_by(table.comment or "", _CURRENCIES) if is_amount else None)


def _said_by(comment: str, units: tuple[tuple[str, str], ...] | None = None) -> str | None:
    return next((unit for unit, words in units or _UNITS if re.search(words, comment, re.IGNORECASE)), None)
