"""Drops joined tables that a query neither uses nor was asked about.

Small models like to join one table more. Where that table has several rows for one
row of the others, every figure appears several times: an answer that runs and is wrong.
"""

from __future__ import annotations

import re

from sqlglot import exp


def drop_unused_joins(tree: exp.Expression, request: str) -> list[str]:
    """Remove such joins from ``tree`` in place; one line for each.

    A table counts as used when any column of it stands outside its own join condition, and as asked
    about when the request has its name or a word of it. Aggregates and DISTINCT may want the rows
    of a join, whose columns they need not name: such queries are left alone.
    """
    if not isinstance(tree, exp.Select) or tree.is_star or tree.find(exp.AggFunc, exp.Distinct, exp.Star):
        return []
    repairs = []
    for join in reversed(list(tree.args.get("joins") or ())):
        table = join.this
        if not isinstance(table, exp.Table) or _is_asked_about(table.name, request):
            continue
        if not _is_used(tree, join, table.alias_or_name):
            tree.args["joins"].remove(join)
            repairs.append(f"left out the table {table.name}, which the answer does not use")
    return repairs


def _is_used(tree: exp.Select, join: exp.Join, alias: str) -> bool:
    if join.args.get("using"):
        return True
    own = {id(column) for column in join.find_all(exp.Column)}
    return any(not c.table or (c.table == alias and id(c) not in own) for c in tree.find_all(exp.Column))


def _is_asked_about(table: str, request: str) -> bool:
    text = request.lower()
    words = [word for word in re.findall(r"[a-z]+", table.lower()) if len(word) > 2]
    return any(_stem(word) in text for word in words)


def _stem(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3]
    return word.removesuffix("s")
