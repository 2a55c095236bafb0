"""Which of its result's columns a gold query is ordered by.

Rows that are equal there have no order of their own: a server may return them either way.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError


def order_columns(sql: str) -> tuple[int, ...] | None:
    """Numbers of the result columns that a query orders by, from 0.

    None where it orders by something that it does not show, or by nothing.
    """
    try:
        tree = sqlglot.parse_one(sql, dialect="postgres")
    except SqlglotError:
        return None
    order = tree.args.get("order")
    if not isinstance(tree, exp.Select) or order is None:
        return None
    found = [_number_of(term.this, tree) for term in order.expressions]
    known = tuple(number for number in found if number is not None)
    return known if len(known) == len(found) else None


def _number_of(term: exp.Expr, tree: exp.Select) -> int | None:
    if isinstance(term, exp.Literal) and not term.is_string:
        return int(term.name) - 1
    for number, projection in enumerate(tree.selects):
        is_alias = isinstance(term, exp.Column) and not term.table and term.name == projection.alias_or_name
        if is_alias or projection.unalias() == term:
            return number
    return None
