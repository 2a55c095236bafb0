"""Mends what a query does with values of the wrong type.

A year that is stored as a number is no date to extract a year from; PostgreSQL compares
no text with a number. The stored type says what is meant.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.sql_origin import origin_of

_NUMBERS = ("smallint", "integer", "bigint", "numeric", "decimal", "real", "double precision")
_TEXTS = ("text", "character", "varchar", "bpchar", "citext")
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_PART_NAMES: dict[type[exp.Expr], str] = {
    exp.Year: "YEAR",
    exp.Month: "MONTH",
    exp.Day: "DAY",
    exp.Quarter: "QUARTER",
}


def mend_types(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Change such places of ``tree`` in place; one line for each column."""
    repairs: dict[str, None] = {}
    for scope in traverse_scope(tree):
        for node in list(scope.find_all(exp.Extract, *_PART_NAMES, exp.TimestampTrunc)):
            repairs.update(dict.fromkeys(_take_number(node, scope, schema)))
        for comparison in list(scope.find_all(*_COMPARISONS, exp.In, exp.Between)):
            repairs.update(dict.fromkeys(_compare_as_text(comparison, scope, schema)))
    return list(repairs)


def _take_number(node: exp.Expr, scope: Scope, schema: DatabaseSchema) -> list[str]:
    """``EXTRACT(YEAR FROM year)`` of a number is the number; of a difference of dates the days are."""
    part, inner = _part_of(node)
    if part == "YEAR" and isinstance(inner, exp.Column) and _type_of(inner, scope, schema, _NUMBERS):
        _replace(node, inner)
        return [f"{inner.name} is a number already: nothing has to be extracted"]
    bare = inner.unnest() if isinstance(inner, exp.Paren) else inner
    sides = (bare.this, bare.expression) if isinstance(bare, exp.Sub) else ()
    if part == "DAY" and sides and all(_is_date(side, scope, schema) for side in sides):
        _replace(node, exp.paren(bare))
        return ["the difference of two dates is a number of days already"]
    return []


def _replace(node: exp.Expr, value: exp.Expr) -> None:
    """Put ``value`` in the place of ``node``; an output without a name keeps the one it had."""
    if isinstance(node.parent, exp.Select) and not isinstance(value, exp.Column):
        value = exp.alias_(value.copy(), "days")
    node.replace(value.copy())


def _part_of(node: exp.Expr) -> tuple[str, exp.Expr]:
    if isinstance(node, exp.Extract):
        return str(node.this).upper(), node.expression
    if isinstance(node, exp.TimestampTrunc):
        return str(node.args.get("unit")).upper(), node.this
    return _PART_NAMES[type(node)], node.this


def _compare_as_text(node: exp.Expr, scope: Scope, schema: DatabaseSchema) -> list[str]:
    """Numbers that a text column is compared with become texts."""
    column = node.this
    if not isinstance(column, exp.Column) or not _type_of(column, scope, schema, _TEXTS):
        return []
    keys = ("low", "high") if isinstance(node, exp.Between) else ("expression",)
    values = [node.args[key] for key in keys if node.args.get(key) is not None] + list(node.expressions)
    numbers = [value for value in values if isinstance(value, exp.Literal) and not value.is_string]
    if isinstance(node, exp.Between | exp.GT | exp.GTE | exp.LT | exp.LTE):
        return []  # texts are in another order than numbers
    for number in numbers:
        number.replace(exp.Literal.string(number.name))
    return [f"{column.name} holds texts: it is compared with a text"] if numbers else []


def _is_date(node: exp.Expr, scope: Scope, schema: DatabaseSchema) -> bool:
    while isinstance(node, exp.Paren | exp.Min | exp.Max):
        node = node.this
    if isinstance(node, exp.CurrentDate):
        return True
    if isinstance(node, exp.Cast):
        return node.to.is_type("date")
    return isinstance(node, exp.Column) and _type_of(node, scope, schema, ("date",))


def _type_of(column: exp.Column, scope: Scope, schema: DatabaseSchema, types: tuple[str, ...]) -> bool:
    origin = origin_of(column, scope, schema)
    return origin is not None and origin[1].type.startswith(types)
