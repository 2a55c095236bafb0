"""Lets a change between two periods go forward: (later − earlier) / earlier.

Small models take the periods in the order they stand in the request and subtract the
second from the first, or divide by the later one. Both give a plausible figure with the
wrong sign or size.
"""

from __future__ import annotations

import re

from sqlglot import exp

_FORWARD = re.compile(
    r"\b(?:changed?|changes|growth|grow|grew|grown|increased?|increases|year[ -]over[ -]year|yoy|mom|qoq"
    r"|(?:month|quarter|week)[ -](?:over|on)[ -](?:month|quarter|week)"
    r"|develop(?:ed|ment)?|evolution|trend)\b",
    re.IGNORECASE,
)
_BACKWARD = re.compile(
    r"\b(?:declined?|declines|decreased?|decreases|drop(?:ped|s)?|fall(?:en)?|fell|loss(?:es)?|lost|reduc\w+|shr[aiu]nk\w*)\b",
    re.IGNORECASE,
)
_PERIOD = re.compile(r"(?<!\d)(?:19|20)\d\d(?:-\d\d){0,2}(?!\d)")
_AROUND = (exp.Paren, exp.Cast, exp.Round, exp.Nullif, exp.Abs)


def mend_change(tree: exp.Expr, request: str) -> list[str]:
    """Turn relative changes of ``tree`` that go backward, in place; a line for each kind of change.

    Only where the request asks for a change or growth, and the two figures are the same but for
    the period in their conditions or names, or one of them is the other's LAG.
    """
    if not _FORWARD.search(request) or _BACKWARD.search(request):
        return []
    repairs: dict[str, None] = {}
    for division in list(tree.find_all(exp.Div)):
        difference = _difference(division.this)
        if difference is None:
            continue
        sides = difference.this.copy(), difference.expression.copy()
        order = _order(*sides)
        if order == 0:
            continue
        earlier, later = sides if order < 0 else sides[::-1]
        if order < 0:
            difference.set("this", later)
            difference.set("expression", earlier)
            repairs["a change is the later figure minus the earlier one"] = None
        base = _bare(division.expression)
        if base == _bare(later):
            base.replace(_bare(earlier).copy())
            repairs["a change is measured by the earlier figure"] = None
    return list(repairs)


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, _AROUND):
        node = node.this
    return node


def _difference(numerator: exp.Expr) -> exp.Sub | None:
    """The difference that is divided; a factor of 100 may stand beside it."""
    node = _bare(numerator)
    if isinstance(node, exp.Mul):
        factors = [_bare(node.this), _bare(node.expression)]
        rest = [factor for factor in factors if not isinstance(factor, exp.Literal)]
        node = rest[0] if len(rest) == 1 else node
    return node if isinstance(node, exp.Sub) else None


def _order(first: exp.Expr, second: exp.Expr) -> int:
    """Below 0 where the first figure is the earlier one, above 0 where it is the later; 0: unknown."""
    one, other = _bare(first), _bare(second)
    if _is_lag_of(one, other):
        return -1
    if _is_lag_of(other, one):
        return 1
    texts = _text(one), _text(other)
    if _PERIOD.sub("?", texts[0]) != _PERIOD.sub("?", texts[1]):
        return 0
    periods = [_PERIOD.findall(text) for text in texts]
    return (periods[0] > periods[1]) - (periods[0] < periods[1])


def _text(figure: exp.Expr) -> str:
    """The figure in SQL, without the aliases before its columns where they name no period."""
    plain = figure.copy()
    for column in plain.find_all(exp.Column):
        if not _PERIOD.search(column.table):
            column.set("table", None)
    return plain.sql(dialect="postgres")


def _is_lag_of(window: exp.Expr, figure: exp.Expr) -> bool:
    """Whether the window is the figure's own value in the row before."""
    if isinstance(window, exp.Coalesce):
        window = _bare(window.this)
    inner = window.this if isinstance(window, exp.Window) else None
    return isinstance(inner, exp.Lag) and _bare(inner.this) == figure
