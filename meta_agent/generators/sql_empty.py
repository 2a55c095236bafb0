"""Says which condition left a query without rows: the one without which there would be some.

What is counted are the rows that the tables and joins give, before any grouping: a sum
over nothing is a row too, and says as little.
"""

from __future__ import annotations

from sqlglot import exp

from meta_agent.databases.base import Lookup
from meta_agent.generators.sql_parsing import DIALECT, to_sql

MOST_CONDITIONS = 6
"""Conditions that are left out in turn; each costs one bounded count."""
_ENOUGH = 1_000
"""Rows beyond which it does not matter how many there are."""
_LONGEST_CONDITION = 160


def emptying_conditions(tree: exp.Expr, lookup: Lookup) -> tuple[str, ...]:
    """A sentence for each condition that alone keeps the rows away, or one for all together.

    Nothing where rows come through, for a query without conditions, and where the database is
    too slow. Raises DatabaseError.
    """
    parts = _conditions(tree)
    if not parts or lookup.count(_rows_sql(tree, parts), 1) != 0:
        return ()
    sentences = []
    for part in parts[:MOST_CONDITIONS]:
        rows = lookup.count(_rows_sql(tree, [other for other in parts if other is not part]), _ENOUGH)
        if rows is None:
            break  # a database that is slow is not asked again
        if rows:
            sentences.append(f"No row fits {_shown(part)}; without that condition there {_are(rows)}.")
    if sentences or len(parts) == 1:
        return tuple(sentences)
    rows = lookup.count(_rows_sql(tree, []), _ENOUGH)
    return (f"No row fits the conditions together; without them there {_are(rows)}.",) if rows else ()


def _conditions(tree: exp.Expr) -> list[exp.Expr]:
    where = tree.args.get("where") if isinstance(tree, exp.Select) else None
    if where is None:
        return []
    return list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]


def _rows_sql(tree: exp.Expr, conditions: list[exp.Expr]) -> str:
    """The rows that a query reads under these conditions, ungrouped and unordered."""
    bare = tree.copy()
    bare.set("expressions", [exp.Literal.number(1)])
    for part in ("distinct", "group", "having", "order", "limit", "offset"):
        bare.set(part, None)
    kept = [condition.copy() for condition in conditions]
    bare.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
    return to_sql(bare)


def _shown(part: exp.Expr) -> str:
    return " ".join(part.unnest().sql(dialect=DIALECT, comments=False).split())[:_LONGEST_CONDITION]


def _are(rows: int) -> str:
    if rows == 1:
        return "is 1"
    return f"are {rows:,} or more" if rows >= _ENOUGH else f"are {rows:,}"
