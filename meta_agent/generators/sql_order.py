"""Orders a list as the request says: "lowest first", "worst one at the top".

Which end is the worst the glossary knows (``better``): a low coverage, a high loan to value.
"""

from __future__ import annotations

import re

from sqlglot import exp

from meta_agent.glossary import Glossary, Metric
from meta_agent.ranking import End, asked_ranking

_HIGH = r"(?:highest|largest|biggest|greatest|most)"
_LOW = r"(?:lowest|smallest|fewest|least)"
_BAD = r"(?:worst|weakest|riskiest)"
_GOOD = r"(?:best|strongest|safest)"


_NO_PLACE = r"[-\s]+(?:half|day|week|month|quarter|year|floor|lien|mortgage|loan|payment|\d)"
"""Behind "first" of a first year or a first mortgage."""


def _said(words: str, more: str = "") -> re.Pattern[str]:
    first = rf"\b{words}(?:\s+\w+)?\s+(?:first(?!{_NO_PLACE})|at\s+the\s+top|on\s+top)\b"
    return re.compile(rf"{first}|\bfrom\s+(?:the\s+)?{words}\s+to\b{more}", re.IGNORECASE)


_FIRST: tuple[tuple[re.Pattern[str], str], ...] = (
    (_said(_HIGH, r"|\bdescending\b"), "high"),
    (_said(_LOW, r"|\bascending\b"), "low"),
    (_said(_BAD), "bad"),
    (_said(_GOOD), "good"),
)


def mend_order(tree: exp.Expr, request: str, glossary: Glossary) -> list[str]:
    """Turn the order of ``tree`` round, in place, where the request says the other end; one line for it."""
    order = tree.args.get("order")
    said = [end for pattern, end in _FIRST if pattern.search(request)]
    if order is None or len(said) != 1 or not isinstance(tree, exp.Select):
        return []
    first = order.expressions[0]
    end = _end(said[0], first.this, tree, glossary)
    if tree.args.get("limit") is not None and _chosen_end(request) not in (None, end):
        return []  # of the five lowest the highest first: turned round, it would be other five
    if end is None or bool(first.args.get("desc")) == (end == "high"):
        return []
    first.set("desc", end == "high")
    first.set("nulls_first", False)
    return [f"ordered from {'the highest down' if end == 'high' else 'the lowest up'}, as asked"]


def _end(said: str, key: exp.Expr, tree: exp.Select, glossary: Glossary) -> End | None:
    """The end that comes first; None where the order is not by a figure, or it is open which is worse."""
    key = _at_position(key, tree)
    name = key.name if isinstance(key, exp.Column) else ""
    output = next((p.unalias() for p in tree.selects if name and p.alias_or_name == name), None)
    metric = glossary.metric_of_column(name) if name else None
    if said in ("high", "low"):
        is_figure = metric is not None or _is_computed(key) or (output is not None and _is_computed(output))
        return ("high" if said == "high" else "low") if is_figure else None
    return _judged(said, metric)


def _chosen_end(request: str) -> End | None:
    """The end of which a request wants so many rows, apart from the order it wants them in."""
    for pattern, _ in _FIRST:
        request = pattern.sub(" ", request)
    ranking = asked_ranking(request)
    return ranking.end if ranking is not None else None


def _at_position(key: exp.Expr, tree: exp.Select) -> exp.Expr:
    """``ORDER BY 2`` is by the second output."""
    if not isinstance(key, exp.Literal) or key.is_string or not key.name.isdigit():
        return key
    place = int(key.name)
    return tree.selects[place - 1].unalias() if 1 <= place <= len(tree.selects) else key


def _is_computed(node: exp.Expr) -> bool:
    """Whether an expression is a figure made of others, such as a ratio: no part of a date nor a text."""
    while isinstance(node, exp.Paren | exp.Round | exp.Cast | exp.Coalesce):
        node = node.this
    return isinstance(node, exp.AggFunc | exp.Div | exp.Mul | exp.Sub | exp.Add | exp.Window)


def _judged(said: str, metric: Metric | None) -> End | None:
    if metric is None or metric.better is None:
        return None
    return metric.better if said == "good" else "low" if metric.better == "high" else "high"
