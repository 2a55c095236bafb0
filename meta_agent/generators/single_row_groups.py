"""Takes away a GROUP BY whose every group is one row, and the aggregates that then say nothing.

Small models add "GROUP BY property, noi" and SUM(noi) beside noi when a request speaks of a summary.
The figures are right and shown twice; the totals under the table would be shown twice, too.
"""

from __future__ import annotations

import re

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.report_shape import groups_are_rows

_OF_ONE_ROW = (exp.Sum, exp.Avg, exp.Min, exp.Max)
"""Aggregates that give a single row's own value."""
_COUNT_ASKED = re.compile(r"\bhow many\b|\bnumber of\b|\bcount\b", re.IGNORECASE)


def ungroup_single_rows(tree: exp.Expr, request: str, schema: DatabaseSchema) -> list[str]:
    """Ungroup ``tree`` in place where its groups are single rows; one line if it was.

    Nothing is done where an aggregate is left that a single row does not answer: a condition on
    it (FILTER), DISTINCT, a window, or a count that the request asks for.
    """
    group = tree.args.get("group") if isinstance(tree, exp.Select) else None
    if group is None or not isinstance(tree, exp.Select) or not groups_are_rows(group, tree, schema):
        return []
    rows = _without_groups(tree, request)
    if rows is None:
        return []
    for part in ("expressions", "group", "having", "where", "order"):
        tree.set(part, rows.args.get(part))
    return ["left out a grouping in which every group is one row"]


def _without_groups(tree: exp.Select, request: str) -> exp.Select | None:
    """The same rows ungrouped; None where an aggregate stands in the way."""
    rows = tree.copy()
    aggregates = [node for node in rows.find_all(exp.AggFunc) if node.find_ancestor(exp.Select) is rows]
    if not all(_is_own_value(node) or _is_idle_count(node, request) for node in aggregates):
        return None
    for node in aggregates:
        if isinstance(node, _OF_ONE_ROW):
            node.replace(node.this)
    rows.set("expressions", [p for p in rows.selects if not isinstance(p.unalias(), exp.Count)])
    rows.set("group", None)
    having = rows.args.get("having")
    if having is not None:
        rows.set("having", None)
        rows.where(having.this, copy=False)
    return rows if _show_once(rows) else None


def _is_own_value(node: exp.Expr) -> bool:
    plain = isinstance(node, _OF_ONE_ROW) and not isinstance(node.this, exp.Distinct)
    return plain and not isinstance(node.parent, exp.Filter | exp.Window)


def _is_idle_count(node: exp.Expr, request: str) -> bool:
    """Whether this is an output that is 1 in every row, and nobody asked for it."""
    counts_rows = isinstance(node, exp.Count) and isinstance(node.this, exp.Star | exp.Literal)
    is_output = isinstance(node.parent, exp.Select) or (
        isinstance(node.parent, exp.Alias) and isinstance(node.parent.parent, exp.Select)
    )
    return counts_rows and is_output and _COUNT_ASKED.search(request) is None


def _show_once(tree: exp.Select) -> bool:
    """Keep the first output of each expression; whether that leaves all that is sorted by."""
    first = {projection.unalias(): projection for projection in reversed(tree.selects)}
    kept = [projection for projection in tree.selects if first[projection.unalias()] is projection]
    dropped = {p.alias for p in tree.selects if p not in kept and p.alias}
    order = tree.args.get("order")
    sorted_by = {column.name for column in order.find_all(exp.Column)} if order is not None else set()
    if not kept or dropped & sorted_by or (order is not None and order.find(exp.Literal) is not None):
        return False
    tree.set("expressions", kept)
    return True
