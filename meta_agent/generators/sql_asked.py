"""Lets a query show what the request names: an average, the figure to rank by, a name for an id.

The request's own words decide; where they do not name a column, nothing is changed.
"""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.generators.report_shape import tables_of
from meta_agent.generators.sql_joins import Neighbour, join_of, links, owner_of
from meta_agent.generators.sql_origin import origin_of
from meta_agent.generators.sql_parsing import column_of
from meta_agent.glossary import Glossary, normalise

_AVERAGE = re.compile(r"\b(?:avg|average|mean)\b", re.IGNORECASE)
_TOTAL = re.compile(r"\b(?:total|sum)\b", re.IGNORECASE)
_BY = re.compile(r"\bby\s+(?:the\s+|their\s+)?(?P<what>[a-z]+(?:[ _][a-z]+){0,3})", re.IGNORECASE)
_ID = re.compile(r"\bids?\b|_id\b|\bidentifiers?\b", re.IGNORECASE)
_LABEL = re.compile(r"(?:^|_)(?:name|title|label)$")
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "decimal", "real", "double precision", "money")
_TEXTS = ("text", "character", "varchar", "citext")


def aggregate_as_asked(tree: exp.Expr, request: str, schema: DatabaseSchema, glossary: Glossary) -> list[str]:
    """Take the average, or the total, of the one figure of ``tree`` where the request asks for it."""
    if not isinstance(tree, exp.Select) or tree.is_star or tree.find(exp.AggFunc, exp.Window) is not None:
        return []
    figures = [column for column in _shown_columns(tree) if _is_asked_figure(column, tree, request, schema)]
    if len(figures) != 1 or tree.args.get("distinct") is not None:
        return []
    figure = figures[0]
    takes_average = _AVERAGE.search(request) is not None
    if not takes_average and not (_TOTAL.search(request) and glossary.is_additive(figure.name)):
        return []
    others = [p.unalias() for p in tree.selects if p.unalias() is not figure]
    if any(figure in list(other.find_all(exp.Column)) for other in others):
        return []
    tree.set("group", exp.Group(expressions=[node.copy() for node in others]) if others else None)
    function = exp.Avg if takes_average else exp.Sum
    for column in [
        column for column in tree.find_all(exp.Column) if column == figure and _may_change(column)
    ]:
        column.replace(function(this=column.copy()))
    kind = "average" if takes_average else "total"
    return [f"the {kind} of {figure.name} is taken, as asked"]


def _shown_columns(tree: exp.Select) -> list[exp.Column]:
    shown = (projection.unalias() for projection in tree.selects)
    return [node for node in shown if isinstance(node, exp.Column)]


def _is_asked_figure(column: exp.Column, tree: exp.Select, request: str, schema: DatabaseSchema) -> bool:
    """Whether a shown column is a number that the request names, and no key."""
    scope = build_scope(tree)
    origin = origin_of(column, scope, schema) if isinstance(scope, Scope) else None
    if origin is None or not origin[1].type.startswith(_NUMBERS) or _is_key(*origin):
        return False
    words = set(normalise(request).split())
    return bool(set(normalise(column.name).split()) & words)


def _is_key(table: Table, column: Column) -> bool:
    return column.name in table.primary_key or any(column.name in key.columns for key in table.foreign_keys)


def _may_change(column: exp.Column) -> bool:
    """WHERE and joins are about single rows."""
    return column.find_ancestor(exp.Where, exp.Join, exp.Group, exp.AggFunc) is None


def rank_as_asked(tree: exp.Expr, request: str, schema: DatabaseSchema) -> list[str]:
    """Order the first rows of ``tree`` by the column that the request names behind its last "by"."""
    order = tree.args.get("order")
    if not isinstance(tree, exp.Select) or order is None or tree.args.get("limit") is None:
        return []
    tables = tables_of(tree, schema)
    key = order.expressions[0].this
    named = _named_last(request, tables) if tables else None
    if named is None or not isinstance(key, exp.Column) or key.name == named[1]:
        return []
    scope = build_scope(tree)
    origin = origin_of(key, scope, schema) if isinstance(scope, Scope) else None
    if origin is None or not origin[1].type.startswith(_NUMBERS) or tree.args.get("group") is not None:
        return []
    order.expressions[0].set("this", column_of(*named))
    return [f"ordered by {named[1]} instead of {key.name}, as asked"]


def _named_last(request: str, tables: dict[str, Table]) -> tuple[str, str] | None:
    """(alias, column) of the only number column with the name that stands behind the last "by" with one."""
    for match in reversed(list(_BY.finditer(request))):
        words = normalise(match["what"]).split()
        for length in range(len(words), 0, -1):
            phrase = " ".join(words[:length])
            found = [
                (alias, column.name)
                for alias, table in tables.items()
                for column in table.columns
                if normalise(column.name) == phrase and column.type.startswith(_NUMBERS)
            ]
            if found:
                return found[0] if len(found) == 1 else None
    return None


def name_what_is_shown(tree: exp.Expr, request: str, schema: DatabaseSchema) -> list[str]:
    """Show the name beside the key of another table, where no id was asked for."""
    if not isinstance(tree, exp.Select) or _ID.search(request) or tree.args.get("distinct") is not None:
        return []
    tables = tables_of(tree, schema)
    if tables is None or tree.args.get("group") is not None or tree.find(exp.AggFunc) is not None:
        return []
    shown = {(owner_of(column, tables), column.name) for column in _shown_columns(tree)}
    repairs = []
    for alias, name in sorted((alias, name) for alias, name in shown if alias is not None):
        link = _parent_of(alias, name, tables, schema)
        label = _label_of(link.table) if link is not None else None
        if link is None or label is None:
            continue
        parent = next((a for a, t in tables.items() if t is link.table), None)
        if parent is None:
            parent = link.table.name
            if parent in tables:
                continue
            tree.append("joins", join_of(link, parent, schema))
        if (parent, label) not in shown:
            tree.append("expressions", column_of(parent, label))
            repairs.append(f"{label} is shown beside {name}")
    return repairs


def _parent_of(alias: str, name: str, tables: dict[str, Table], schema: DatabaseSchema) -> Neighbour | None:
    """The table that a column refers to."""
    own = tables[alias]
    for other in schema.tables:
        for link in links(alias, own, other):
            if (
                link.pairs
                and len(link.pairs) == 1
                and link.pairs[0][0] == name
                and not link.adds_rows(schema)
            ):
                return link if other is not own else None
    return None


def _label_of(table: Table) -> str | None:
    """The one column that names a row of a table."""
    labels = [c.name for c in table.columns if c.type.startswith(_TEXTS) and _LABEL.search(c.name)]
    return labels[0] if len(labels) == 1 else None


def percent_once(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """A mean of percentages is in percent: it is not multiplied by 100 again."""
    repairs = []
    for product in list(tree.find_all(exp.Mul)):
        sides = (product.this, product.expression)
        hundred = next((s for s in sides if isinstance(s, exp.Literal) and s.name in ("100", "100.0")), None)
        rest = next((side for side in sides if side is not hundred), None)
        if hundred is None or rest is None or not _holds_percentages(rest, schema):
            continue
        product.replace(rest.copy())
        repairs.append("the figure is in percent already")
    return list(dict.fromkeys(repairs))


def _holds_percentages(node: exp.Expr, schema: DatabaseSchema) -> bool:
    """Whether the numerator of a ratio, or the mean of a column, is made of stored percentages."""
    bare = node.unnest()
    upper = bare.this if isinstance(bare, exp.Div) else bare
    if not isinstance(bare, exp.Div | exp.Avg):
        return False
    columns = list(upper.find_all(exp.Column))
    below = (
        {column.name for column in bare.expression.find_all(exp.Column)}
        if isinstance(bare, exp.Div)
        else set()
    )
    own = [column for column in columns if column.name not in below]
    return bool(own) and all(_is_percentage(column.name, schema) for column in own)


def _is_percentage(name: str, schema: DatabaseSchema) -> bool:
    stored = [c for table in schema.tables for c in table.columns if c.name == name]
    return bool(stored) and all(
        "percent" in f"{c.name} {c.comment or ''}".lower() and not _is_share(c) for c in stored
    )


def _is_share(column: Column) -> bool:
    """Whether the stored values go from 0 to 1."""
    try:
        return column.highest is not None and float(column.highest) <= 1.0
    except ValueError:
        return False
