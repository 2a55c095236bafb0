"""Makes a query return the first rows that the request asks for: how many, from which end, without gaps.

PostgreSQL puts rows without a value first in a descending order, so that a "top 5" may
show five unknowns. The direction is only changed where the figure it orders by is named
in the request: a request for the top risks may well order a coverage ratio from below.
"""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, build_scope

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.sql_origin import origin_of
from meta_agent.glossary import normalise
from meta_agent.ranking import End, Ranking

_NUMERIC = re.compile(r"(smallint|integer|bigint|numeric|decimal|real|double precision|money)")
_PLACE_WORDS = frozenset({"rank", "ranking", "position", "place", "order", "rn", "row", "number"})
"""Words of columns that hold a place in an order, of which 1 is the best."""


def mend_count(tree: exp.Expr, ranking: Ranking | None) -> list[str]:
    """Limit ``tree`` to as many rows as were asked for, in place; one line for the change.

    Left alone: a query without an order, one whose subqueries choose the rows, window functions.
    """
    if ranking is None or not isinstance(tree, exp.Query) or tree.args.get("order") is None:
        return []
    limit = tree.args.get("limit")
    inner = [node for node in tree.find_all(exp.Limit, exp.Fetch) if node is not limit]
    if inner or tree.args.get("offset") is not None or tree.find(exp.Window) is not None:
        return []
    count = limited_to(tree)
    if count == ranking.count or (limit is not None and count is None):
        return []
    tree.set("limit", exp.Limit(expression=exp.Literal.number(ranking.count)))
    if count is None:
        return [f"the first {ranking.count} rows are taken, as asked"]
    return [f"the first {ranking.count} rows are taken instead of {count}, as asked"]


def limited_to(tree: exp.Expr) -> int | None:
    """The number of rows that a query is limited to; None where it has no plain limit."""
    limit = tree.args.get("limit")
    if isinstance(limit, exp.Fetch):
        options = limit.args.get("limit_options")
        is_plain = not (options and (options.args.get("percent") or options.args.get("with_ties")))
        number = limit.args.get("count") if is_plain else None
    else:
        number = limit.expression if isinstance(limit, exp.Limit) else None
    is_number = isinstance(number, exp.Literal) and not number.is_string and number.name.isdigit()
    return int(number.name) if is_number and number is not None else None


def mend_direction(
    tree: exp.Expr, ranking: Ranking | None, request: str, schema: DatabaseSchema
) -> list[str]:
    """Turn the order of ``tree`` round, in place, where it surely is wrong; one line for the change."""
    first = _ranked_by(tree)
    if ranking is None or ranking.end is None or first is None:
        return []
    wanted: End = "high" if first.args.get("desc") else "low"
    measure = _measure(tree, first.this)
    if wanted == ranking.end or not _is_named_figure(measure, tree, request, schema):
        return []
    first.set("desc", ranking.end == "high")
    first.set("nulls_first", False)
    way = "the highest down" if ranking.end == "high" else "the lowest up"
    return [f"ordered from {way}, as asked"]


def put_unknown_last(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Let rows without the ranking figure come last in ``tree``, in place; one line for the change."""
    first = _ranked_by(tree)
    if first is None or not first.args.get("desc") or not first.args.get("nulls_first"):
        return []
    if not _may_be_unknown(_measure(tree, first.this), tree, schema):
        return []
    first.set("nulls_first", False)
    return ["rows without the figure that ranks them come last"]


def _ranked_by(tree: exp.Expr) -> exp.Ordered | None:
    """What a query that keeps its first rows orders them by."""
    order = tree.args.get("order")
    if order is None or tree.args.get("limit") is None:
        return None
    first = order.expressions[0]
    return first if isinstance(first, exp.Ordered) else None


def _measure(tree: exp.Expr, key: exp.Expr) -> exp.Expr:
    """What stands behind the name or the place of a result column."""
    shown = tree.selects if isinstance(tree, exp.Select) else []
    if isinstance(key, exp.Literal) and key.name.isdigit() and 1 <= int(key.name) <= len(shown):
        return shown[int(key.name) - 1].unalias()
    if isinstance(key, exp.Column) and not key.table:
        return next((p.unalias() for p in shown if p.alias == key.name), key)
    return key


def _is_named_figure(measure: exp.Expr, tree: exp.Expr, request: str, schema: DatabaseSchema) -> bool:
    """Whether the request names every column of a figure, so that its words are about it."""
    scope = _scope_of(tree)
    if scope is None or measure.find(exp.Neg, exp.Case, exp.Window, exp.Subquery) is not None:
        return False
    if isinstance(measure, exp.Count):
        return True
    words = set(normalise(request).split())
    columns = list(measure.find_all(exp.Column))
    for column in columns:
        origin = origin_of(column, scope, schema)
        named = set(normalise(column.name).split())
        if origin is None or not _NUMERIC.match(origin[1].type):
            return False
        if not named <= words or named & _PLACE_WORDS:
            return False
    return len(columns) == 1


def _may_be_unknown(measure: exp.Expr, tree: exp.Expr, schema: DatabaseSchema) -> bool:
    """Whether a figure may be NULL, as far as the catalogue tells."""
    if isinstance(measure, exp.Count):
        return False
    scope = _scope_of(tree)
    joins = tree.args.get("joins") or ()
    if scope is None or any(join.side for join in joins) or measure.find(exp.Nullif, exp.Case, exp.Subquery):
        return True
    origins = [origin_of(column, scope, schema) for column in measure.find_all(exp.Column)]
    return not origins or any(origin is None or origin[1].nullable for origin in origins)


def _scope_of(tree: exp.Expr) -> Scope | None:
    try:
        return build_scope(tree)
    except SqlglotError:
        return None
