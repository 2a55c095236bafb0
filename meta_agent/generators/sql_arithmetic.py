"""Makes the arithmetic of a query safe: no division by zero, no integer division.

PostgreSQL's 7 / 2 is 3, and a single zero among the divisors fails the whole query.
Neither is what somebody who asks for a ratio wants.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.sql_names import catalogue_table

_INTEGER_TYPES = ("smallint", "integer", "bigint", "int2", "int4", "int8", "serial", "bigserial")


def make_division_safe(tree: exp.Expression, schema: DatabaseSchema) -> list[str]:
    """Change the divisions of ``tree`` in place; one line for each kind of change."""
    integers = _integer_columns(tree, schema)
    repairs: dict[str, None] = {}
    for division in list(tree.find_all(exp.Div)):
        if _is_integer(division.this, integers) and _is_integer(division.expression, integers):
            division.set("this", exp.cast(division.this.copy(), "numeric"))
            repairs["whole numbers are divided with decimals"] = None
        if not _is_never_zero(division.expression):
            division.set("expression", _null_if_zero(division.expression))
            repairs["a division by zero gives no value instead of an error"] = None
    return list(repairs)


def _null_if_zero(divisor: exp.Expression) -> exp.Expression:
    inner = divisor.this if isinstance(divisor, exp.Paren) else divisor
    return exp.Nullif(this=inner.copy(), expression=exp.Literal.number(0))


def _is_never_zero(divisor: exp.Expression) -> bool:
    bare = divisor
    while isinstance(bare, exp.Paren | exp.Cast):
        bare = bare.this
    if isinstance(bare, exp.Literal):
        return not bare.is_string and float(bare.name) != 0.0
    return isinstance(bare, exp.Nullif)


def _is_integer(side: exp.Expression, integers: set[int]) -> bool:
    if isinstance(side, exp.Paren | exp.Neg | exp.Abs | exp.Nullif | exp.Sum | exp.Min | exp.Max):
        return _is_integer(side.this, integers)
    if isinstance(side, exp.Binary):
        return _is_integer(side.this, integers) and _is_integer(side.expression, integers)
    if isinstance(side, exp.Literal):
        return not side.is_string and side.name.isdigit()
    return isinstance(side, exp.Count) or id(side) in integers


def _integer_columns(tree: exp.Expression, schema: DatabaseSchema) -> set[int]:
    """Identities of the column nodes that stand for an integer column of a table."""
    found: set[int] = set()
    for scope in traverse_scope(tree):
        types: dict[tuple[str, str], str] = {}
        for alias, source in scope.sources.items():
            table = catalogue_table(source, schema) if isinstance(source, exp.Table) else None
            for column in table.columns if table is not None else ():
                types[(alias, column.name)] = column.type
                types.setdefault(("", column.name), column.type)
        for node in scope.columns:
            if types.get((node.table, node.name), "").lower().startswith(_INTEGER_TYPES):
                found.add(id(node))
    return found
