"""Makes the arithmetic of a query safe: no division by zero, no integer division, no empty values on top.

PostgreSQL's 7 / 2 is 3, a single zero among the divisors fails the whole query, and
the first five in descending order are the five without a value. None of that is
what somebody who asks for a ratio wants.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.sql_joins import column_named
from meta_agent.generators.sql_parsing import catalogue_table

_INTEGER_TYPES = ("smallint", "integer", "bigint", "int2", "int4", "int8", "serial", "bigserial")
_TRANSPARENT = (
    exp.Paren, exp.Neg, exp.Abs, exp.Nullif, exp.Sum, exp.Min, exp.Max, exp.Filter, exp.Window, exp.Alias,
)  # fmt: skip
"""What has the type of its argument."""


def make_arithmetic_safe(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Change divisions and cut-off orders of ``tree`` in place; one line for each kind of change."""
    integers = _integer_nodes(tree, schema)
    repairs: dict[str, None] = {}
    for division in list(tree.find_all(exp.Div, exp.Mod)):
        whole = _is_integer(division.this, integers) and _is_integer(division.expression, integers)
        if isinstance(division, exp.Div) and whole and not _rounds_down_on_purpose(division):
            division.set("this", exp.cast(division.this.copy(), "numeric"))
            repairs["whole numbers are divided with decimals"] = None
        if not _is_never_zero(division.expression):
            division.set("expression", _null_if_zero(division.expression))
            repairs["a division by zero gives no value instead of an error"] = None
    if _put_nulls_last(tree, schema):
        repairs["rows without a value come last, so that the first rows have one"] = None
    return list(repairs)


def _null_if_zero(divisor: exp.Expr) -> exp.Expr:
    inner = divisor.this if isinstance(divisor, exp.Paren) else divisor
    return exp.Nullif(this=inner.copy(), expression=exp.Literal.number(0))


def _is_never_zero(divisor: exp.Expr) -> bool:
    bare = divisor
    while isinstance(bare, exp.Paren | exp.Cast | exp.Neg):
        bare = bare.this
    if isinstance(bare, exp.Literal):
        return not bare.is_string and float(bare.name) != 0.0
    return isinstance(bare, exp.Nullif)


def _rounds_down_on_purpose(division: exp.Div) -> bool:
    """``year_built / 10 * 10``: the decade."""
    node: exp.Expr | None = division.parent
    while isinstance(node, exp.Paren):
        node = node.parent
    return (
        isinstance(node, exp.Mul)
        and isinstance(division.expression, exp.Literal)
        and division.expression in (node.this, node.expression)
    )


# --- types ------------------------------------------------------------------------


def _is_integer(side: exp.Expr, integers: set[int]) -> bool:
    if id(side) in integers or isinstance(side, exp.Count):
        return True
    if isinstance(side, _TRANSPARENT):
        return _is_integer(side.this, integers)
    if isinstance(side, exp.Cast):
        return side.to.this in exp.DataType.INTEGER_TYPES
    if isinstance(side, exp.Case):
        results = [branch.args["true"] for branch in side.args["ifs"]]
        results += [side.args["default"]] if side.args.get("default") is not None else []
        return all(_is_integer(result, integers) for result in results)
    if isinstance(side, exp.Coalesce):
        return all(_is_integer(each, integers) for each in (side.this, *side.expressions))
    if isinstance(side, exp.Binary):
        return _is_integer(side.this, integers) and _is_integer(side.expression, integers)
    return isinstance(side, exp.Literal) and not side.is_string and side.name.isdigit()


def _integer_nodes(tree: exp.Expr, schema: DatabaseSchema) -> set[int]:
    """Identities of the nodes that are integers by their columns' types, subqueries' columns included."""
    found: set[int] = set()
    for scope in traverse_scope(tree):
        types = {alias: _types_of(source, schema, found) for alias, source in scope.sources.items()}
        for node in scope.columns:
            owners = [node.table] if node.table else list(types)
            kinds = [types[owner][node.name] for owner in owners if node.name in types.get(owner, {})]
            if kinds[:1] == ["integer"]:
                found.add(id(node))
            elif kinds[:1] == ["date"] and isinstance(node.parent, exp.Sub):
                _note_days(node.parent, scope, types, found)
    return found


def _types_of(source: exp.Table | Scope, schema: DatabaseSchema, integers: set[int]) -> dict[str, str]:
    """``integer`` or ``date`` for each column of a source that is one."""
    if isinstance(source, exp.Table):
        table = catalogue_table(source, schema)
        columns = table.columns if table is not None else ()
        return {c.name: kind for c in columns if (kind := _kind(c.type)) is not None}
    if not isinstance(source.expression, exp.Query):
        return {}
    names = source.outer_columns or [p.alias_or_name for p in source.expression.selects]
    pairs = zip(names, source.expression.selects, strict=False)
    return {name: "integer" for name, node in pairs if _is_integer(node, integers)}


def _kind(sql_type: str) -> str | None:
    if sql_type == "date":
        return "date"
    return "integer" if sql_type.lower().startswith(_INTEGER_TYPES) and "[" not in sql_type else None


def _note_days(difference: exp.Sub, scope: Scope, types: dict[str, dict[str, str]], found: set[int]) -> None:
    """A date minus a date is a whole number of days."""
    sides = (difference.this, difference.expression)
    if all(isinstance(side, exp.CurrentDate) or _is_date(side, scope, types) for side in sides):
        found.add(id(difference))


def _is_date(side: exp.Expr, scope: Scope, types: dict[str, dict[str, str]]) -> bool:
    if not isinstance(side, exp.Column):
        return isinstance(side, exp.Cast) and side.to.this == exp.DataType.Type.DATE
    owners = [side.table] if side.table else list(scope.sources)
    return any(types.get(owner, {}).get(side.name) == "date" for owner in owners)


# --- order ------------------------------------------------------------------------


def _put_nulls_last(tree: exp.Expr, schema: DatabaseSchema) -> bool:
    """Of a cut-off descending order, where its values may be empty."""
    changed = False
    for order in list(tree.find_all(exp.Order)):
        query = order.parent
        if not isinstance(query, exp.Select) or query.args.get("limit") is None:
            continue
        for term in order.expressions:
            may_be_empty = term.args.get("desc") and term.args.get("nulls_first")
            if may_be_empty and _may_be_null(_meant(term.this, query), query, schema):
                term.set("nulls_first", False)
                changed = True
    return changed


def _meant(term: exp.Expr, query: exp.Select) -> exp.Expr:
    """The output column that an order names by its alias or number, or the term itself."""
    if isinstance(term, exp.Literal) and not term.is_string and term.name.isdigit():
        place = int(term.name) - 1
        return query.selects[place].unalias() if 0 <= place < len(query.selects) else term
    if isinstance(term, exp.Column) and not term.table:
        return next((p.unalias() for p in query.selects if p.alias == term.name), term)
    return term


def _may_be_null(node: exp.Expr, query: exp.Select, schema: DatabaseSchema) -> bool:
    if isinstance(node, exp.Coalesce):
        return False
    if node.find(exp.Div, exp.Mod, exp.Nullif) is not None:
        return True
    if any(join.side for join in query.args.get("joins") or ()):
        return True
    tables = [catalogue_table(t, schema) for t in query.find_all(exp.Table)]
    columns = [column_named(t, c.name) for t in tables if t is not None for c in node.find_all(exp.Column)]
    return any(column is not None and column.nullable for column in columns)
