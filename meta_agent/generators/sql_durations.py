"""Gives a duration in the unit that was asked for: "in seconds" is a number, not ``00:01:30``."""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.sql_origin import origin_of

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_UNIT = re.compile(r"\b(?:in|number of|how many)\s+(second|minute|hour|day)s\b", re.IGNORECASE)
_OF_DURATIONS = (exp.Avg, exp.Sum, exp.Min, exp.Max, exp.Paren)


def give_unit(tree: exp.Expr, request: str, schema: DatabaseSchema) -> list[str]:
    """Turn the intervals among the outputs of ``tree`` into numbers of the unit asked for, in place.

    One line for each. Nothing is done where the request names no unit, or several.
    """
    units = {unit.lower() for unit in _UNIT.findall(request)}
    if len(units) != 1 or not isinstance(tree, exp.Select):
        return []
    unit = units.pop()
    return [line for scope in traverse_scope(tree) for line in _outputs_in(unit, scope, schema)]


def _outputs_in(unit: str, scope: Scope, schema: DatabaseSchema) -> list[str]:
    """Of a subquery, too: what the whole query shows may be computed there."""
    repairs = []
    for projection in list(getattr(scope.expression, "selects", ())):
        duration = projection.unalias()
        if _is_interval(duration, scope, schema):
            number: exp.Expr = exp.Extract(this=exp.var("EPOCH"), expression=duration.copy())
            if _SECONDS[unit] != 1:
                number = exp.Div(this=number, expression=exp.Literal.number(_SECONDS[unit]), typed=True)
            name = projection.alias or f"{unit}s"
            duration.replace(number) if projection.alias else duration.replace(exp.alias_(number, name))
            repairs.append(f"{name} is given in {unit}s")
    return repairs


def _is_interval(node: exp.Expr, scope: Scope, schema: DatabaseSchema) -> bool:
    while isinstance(node, _OF_DURATIONS):
        node = node.this
    sides = (node.this, node.expression) if isinstance(node, exp.Sub) else ()
    return bool(sides) and all(_is_timestamp(side, scope, schema) for side in sides)


def _is_timestamp(node: exp.Expr, scope: Scope, schema: DatabaseSchema) -> bool:
    while isinstance(node, exp.Min | exp.Max | exp.Paren):
        node = node.this
    if isinstance(node, exp.CurrentTimestamp):
        return True
    origin = origin_of(node, scope, schema) if isinstance(node, exp.Column) else None
    return origin is not None and origin[1].type.startswith("timestamp")
