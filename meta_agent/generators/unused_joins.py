"""Drops joined tables that a query neither uses nor was asked about.

Small models like to join one table more. Where that table has several rows for one
row of the others, every figure appears several times: an answer that runs and is wrong.
A join that repeats nothing does no harm and stays.
"""

from __future__ import annotations

import re

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.generators.sql_joins import is_unique
from meta_agent.generators.sql_parsing import aggregates_of, catalogue_table

_CLAUSES = ("expressions", "where", "group", "having", "order")


def drop_unused_joins(tree: exp.Expr, request: str, schema: DatabaseSchema) -> list[str]:
    """Remove such joins from ``tree`` in place; one line for each.

    A table counts as used when a column of it stands outside its own join condition, unless an inner
    join equates it with another table's, which then takes its place. It counts as asked
    about when the request has its name or a word of it. Aggregates may want the rows of a join, whose
    columns they need not name: there a word of one of its columns is enough. DISTINCT is left alone.
    """
    if not isinstance(tree, exp.Select) or tree.is_star or tree.args.get("distinct") is not None:
        return []
    repairs = _drop(tree, request, schema)
    first, joins = tree.args.get("from_"), tree.args.get("joins") or ()
    if first is None or not joins or joins[0].side or joins[0].args.get("on") is None:
        return repairs
    turned = tree.copy()
    _start_from_second(turned)
    left_out = _drop(turned, request, schema, only=first.alias_or_name)
    if left_out:
        for part in ("from_", "joins", *_CLAUSES):
            tree.set(part, turned.args.get(part))
    return [*repairs, *left_out]


def _start_from_second(tree: exp.Select) -> None:
    """Let the first two tables of an inner join change places, so that the first can be left out, too."""
    first, second = tree.args["from_"].this, tree.args["joins"][0].this
    tree.args["from_"].set("this", second.copy())
    tree.args["joins"][0].set("this", first.copy())


def _drop(tree: exp.Select, request: str, schema: DatabaseSchema, only: str | None = None) -> list[str]:
    aggregated = tree.args.get("group") is not None or bool(aggregates_of(tree)) or tree.find(exp.Window)
    named = {query.alias for query in tree.find_all(exp.CTE)}
    repairs = []
    for join in reversed(list(tree.args.get("joins") or ())):
        table = join.this
        if not isinstance(table, exp.Table) or _is_named(table.name, request):
            continue
        if only not in (None, join.alias_or_name):
            continue
        if catalogue_table(table, schema) is None or table.name in named:
            continue  # a WITH query: joining it may choose rows
        if aggregated and _are_columns_asked_about(table, tree, request, schema):
            continue
        if _repeats_rows(join, table, schema) and not is_used(tree, join, schema):
            for column, same in _replaceable(tree, join):
                _replace(column, same)
            tree.args["joins"].remove(join)
            repairs.append(f"left out the table {table.name}, which the answer does not use")
    return repairs


def _repeats_rows(join: exp.Join, table: exp.Table, schema: DatabaseSchema) -> bool:
    known = catalogue_table(table, schema)
    own = {c.name for c in join.find_all(exp.Column) if c.table == table.alias_or_name}
    return known is None or not is_unique(known, own, schema)


def is_used(tree: exp.Select, join: exp.Join, schema: DatabaseSchema) -> bool:
    """Whether a column of a joined table stands outside its own join condition, as said above."""
    if join.args.get("using") or join.args.get("method"):
        return True
    known = catalogue_table(join.this, schema)
    names = {column.name for column in known.columns} if known is not None else None
    own = {id(column) for column in join.find_all(exp.Column)}
    own |= {id(column) for column, _ in _replaceable(tree, join)}
    return any(
        column.table == join.alias_or_name or (not column.table and (names is None or column.name in names))
        for column in tree.find_all(exp.Column)
        if id(column) not in own
    )


def _replaceable(tree: exp.Select, join: exp.Join) -> list[tuple[exp.Column, exp.Column]]:
    """Columns of an inner join's table outside its condition, with the column that the condition equates."""
    condition = join.args.get("on")
    if join.side or condition is None:
        return []
    equal = {}
    for part in condition.flatten() if isinstance(condition, exp.And) else (condition,):
        for one, other in ((part.this, part.expression), (part.expression, part.this)):
            both = isinstance(part, exp.EQ) and isinstance(one, exp.Column) and isinstance(other, exp.Column)
            if both and one.table == join.alias_or_name and other.table not in ("", join.alias_or_name):
                equal[one.name] = other
    own = {id(column) for column in join.find_all(exp.Column)}
    return [
        (column, equal[column.name])
        for column in tree.find_all(exp.Column)
        if id(column) not in own and column.table == join.alias_or_name and column.name in equal
    ]


def _replace(column: exp.Column, same: exp.Column) -> None:
    """Put an equal column in its place; an output keeps its name."""
    is_output = isinstance(column.parent, exp.Select) and column.name != same.name
    column.replace(exp.alias_(same.copy(), column.name, quoted=True) if is_output else same.copy())


def is_asked_about(table: exp.Table, tree: exp.Select, request: str, schema: DatabaseSchema) -> bool:
    """Whether the request has a word of a table's name, or of a column that only this one has."""
    return _is_named(table.name, request) or _are_columns_asked_about(table, tree, request, schema)


def _is_named(table: str, request: str) -> bool:
    text = request.lower()
    words = [word for word in re.findall(r"[a-z]+", table.lower()) if len(word) > 2]
    return any(_stem(word) in text for word in words)


def _are_columns_asked_about(
    table: exp.Table, tree: exp.Select, request: str, schema: DatabaseSchema
) -> bool:
    """Whether the request has a word of a column that only this one of the query's tables has."""
    known = catalogue_table(table, schema)
    if known is None:
        return True
    others = [
        other
        for source in tree.find_all(exp.Table)
        if source is not table and (other := catalogue_table(source, schema)) is not None
    ]
    elsewhere = {word for other in others for word in (*_column_words(other), *_words(other.name))}
    return bool((_column_words(known) - elsewhere) & _words(request))


def _column_words(table: Table) -> set[str]:
    return _words(" ".join(column.name for column in table.columns))


def _words(text: str) -> set[str]:
    return {_stem(word) for word in re.findall(r"[a-z]{3,}", text.lower())}


def _stem(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3]
    return word.removesuffix("s")
