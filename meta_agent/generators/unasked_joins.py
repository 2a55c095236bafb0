"""Takes out a condition on a joined table that nothing in the request leads to.

Small models join one more table to narrow the rows down by a value they made up. Where the
table serves nothing else, and the request has no word of it, nobody asked for that.
"""

from __future__ import annotations

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.sql_parsing import catalogue_table
from meta_agent.generators.unasked_filters import unasked_bounds, unasked_texts
from meta_agent.generators.unused_joins import is_asked_about, is_used


def drop_unasked_conditions(
    tree: exp.Expr, request: str, definitions: str, schema: DatabaseSchema
) -> list[str]:
    """Remove such conditions from ``tree`` in place; one line for each table.

    Only of a table that is used for nothing but them, and only where each compares with texts, dates
    or figures that neither the request nor ``definitions`` (further text a figure may come from) has.
    The join itself stays: without a use it is another rule's business.
    """
    if not isinstance(tree, exp.Select) or tree.is_star:
        return []
    repairs = []
    for join in tree.args.get("joins") or ():
        table = join.this
        if join.side or not isinstance(table, exp.Table) or catalogue_table(table, schema) is None:
            continue
        if is_asked_about(table, tree, request, schema):
            continue
        parts = _conjuncts(tree)
        own = [part for part in parts if _is_about(part, join.alias_or_name)]
        if not own or not all(_is_unasked(part, request, definitions, schema) for part in own):
            continue
        before = tree.args["where"]
        rest = [part.copy() for part in parts if part not in own]
        tree.set("where", exp.Where(this=exp.and_(*rest)) if rest else None)
        if is_used(tree, join, schema):
            tree.set("where", before)
        else:
            repairs.append(f"left out a condition on {table.name}, which was not asked for")
    return repairs


def _conjuncts(tree: exp.Select) -> list[exp.Expr]:
    where = tree.args.get("where")
    if where is None:
        return []
    return list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]


def _is_about(condition: exp.Expr, alias: str) -> bool:
    """Whether a condition speaks of one table only."""
    tables = {column.table for column in condition.find_all(exp.Column)}
    return tables == {alias} and condition.find(exp.Query) is None


def _is_unasked(condition: exp.Expr, request: str, definitions: str, schema: DatabaseSchema) -> bool:
    compared = {literal.name for literal in condition.find_all(exp.Literal)}
    alone = exp.select("1").where(condition.copy())
    unasked = {
        *unasked_texts(alone, request, schema),
        *unasked_bounds(alone, request, definitions, schema),
    }
    return bool(compared) and compared <= unasked
