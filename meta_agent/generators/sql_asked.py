"""Lets a query show what the request names: an average, the figure to rank by, a name for an id.

The request's own words decide; where they do not name a column, nothing is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.generators.report_shape import tables_of
from meta_agent.generators.sql_joins import Neighbour, join_of, owner_of, refers_to
from meta_agent.generators.sql_origin import origin_of
from meta_agent.generators.sql_parsing import column_of, identifier
from meta_agent.glossary import Glossary, normalise

_BEHIND = r"(?P<what>(?:[^\w.;?!]+\w+){1,6})"
_AVERAGE = re.compile(rf"\b(?:avg|average|mean)\b{_BEHIND}|\bon\s+average\b", re.IGNORECASE)
_TOTAL = re.compile(rf"\b(?:total|sum)\b{_BEHIND}", re.IGNORECASE)
_COMPARED = re.compile(
    r"\b(?:above|below|over|under|than|exceeds?|exceeding|beyond|to|with)\s+(?:(?:the|an?|overall)\s+)*"
    r"(?:avg|average|mean)\b",
    re.IGNORECASE,
)
"""``above the average``: a bound, nothing to show."""
_TAKEN = frozenset({"avg", "average", "mean", "total", "sum"})
_BY = re.compile(r"\bby\s+(?:the\s+|their\s+)?(?P<what>[a-z]+(?:[ _][a-z]+){0,3})", re.IGNORECASE)
_ID = re.compile(r"\bids?\b|_id\b|\bidentifiers?\b", re.IGNORECASE)
_EVERYTHING = re.compile(
    r"\b(?:everything|details?|overview|(?:all|full|complete)\s+(?:the\s+)?(?:information|data|columns|fields|figures))\b",
    re.IGNORECASE,
)
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
    takes_average = _is_said_of(figure, _AVERAGE, request)
    if not takes_average and not (_is_said_of(figure, _TOTAL, request) and glossary.is_additive(figure.name)):
        return []
    others = [p.unalias() for p in tree.selects if p.unalias() is not figure]
    if not others and tree.args.get("limit") is not None:
        return []  # the highest one of a list
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


def _is_said_of(figure: exp.Column, pattern: re.Pattern[str], request: str) -> bool:
    """Whether the request asks for the average, or total, of this figure and it is not stored as one."""
    own = set(normalise(figure.name).split())
    found = pattern.finditer(_COMPARED.sub(" ", request))
    return not own & _TAKEN and any(
        match["what"] is None or own & set(normalise(match["what"]).split()) for match in found
    )


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
    found = list(_named_behind_by(request, tables)) if tables else []
    if not found or not isinstance(key, exp.Column):
        return []
    if any(key.name == name for places in found for _, name in places) or len(found[-1]) != 1:
        return []
    named = found[-1][0]
    scope = build_scope(tree)
    origin = origin_of(key, scope, schema) if isinstance(scope, Scope) else None
    if origin is None or not origin[1].type.startswith(_NUMBERS) or tree.args.get("group") is not None:
        return []
    order.expressions[0].set("this", column_of(*named))
    return [f"ordered by {named[1]} instead of {key.name}, as asked"]


def _named_behind_by(request: str, tables: dict[str, Table]) -> Iterator[list[tuple[str, str]]]:
    """For each "by" with the name of number columns behind it these, as (alias, column)."""
    for match in _BY.finditer(request):
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
                yield found
                break


def name_what_is_shown(tree: exp.Expr, request: str, schema: DatabaseSchema) -> list[str]:
    """Show the name beside the key of another table, where no id was asked for."""
    if not isinstance(tree, exp.Select) or _ID.search(request) or tree.args.get("distinct") is not None:
        return []
    tables = tables_of(tree, schema)
    if tables is None:
        return []
    group = tree.args.get("group")
    keys = _shown_columns(tree)
    if group is not None or tree.find(exp.AggFunc) is not None:
        grouped = group.expressions if group is not None else []
        keys = [column for column in keys if column in grouped]  # a name of its own for each group
    shown = {(owner_of(column, tables), column.name) for column in keys}
    parents = [
        (name, link)
        for alias, name in sorted((alias, name) for alias, name in shown if alias is not None)
        if (link := _parent_of(alias, name, tables, schema)) is not None
    ]
    repairs = []
    for name, link in parents:
        label = _label_of(link.table)
        if label is None or len([other for _, other in parents if other.table is link.table]) > 1:
            continue
        joined = [alias for alias, table in tables.items() if table is link.table]
        if not joined and link.table.name not in tables:
            _say_whose(tree, tables)
            joined = [link.table.name]
            tree.append("joins", join_of(link, joined[0], schema))
        elif len(joined) != 1 or not _is_joined_by(link, joined[0], tree):
            continue
        if (joined[0], label) not in shown:
            tree.append("expressions", column_of(joined[0], label))
            if group is not None:
                group.append("expressions", column_of(joined[0], label))
            repairs.append(f"{label} is shown beside {name}")
    return repairs


def _is_joined_by(link: Neighbour, alias: str, tree: exp.Select) -> bool:
    """Whether a table stands there as what this very key refers to: a seller is no buyer."""
    wanted = {(link.alias, link.pairs[0][0]), (alias, link.pairs[0][1])}
    return any(
        {(side.table, side.name) for side in (equation.this, equation.expression)} == wanted
        for join in tree.args.get("joins") or ()
        for equation in join.find_all(exp.EQ)
    )


def _say_whose(tree: exp.Select, tables: dict[str, Table]) -> None:
    """Qualify what a further join would make ambiguous."""
    outputs = {projection.alias for projection in tree.selects}
    for column in tree.find_all(exp.Column):
        owner = owner_of(column, tables) if not column.table else None
        is_plain = column.find_ancestor(exp.Select) is tree and column.name not in outputs
        if owner is not None and is_plain:
            column.set("table", identifier(owner))


def _parent_of(alias: str, name: str, tables: dict[str, Table], schema: DatabaseSchema) -> Neighbour | None:
    """The one other table that a column refers to."""
    own = tables[alias]
    found = [
        Neighbour(alias, own, other, ((name, key.referred_columns[0]),))
        for key in own.foreign_keys
        if key.columns == (name,)
        for other in schema.tables
        if refers_to(key, other)
    ]
    return found[0] if len(found) == 1 and found[0].table is not own else None


def _label_of(table: Table) -> str | None:
    """The one column that names a row of a table."""
    labels = [c.name for c in table.columns if c.type.startswith(_TEXTS) and _LABEL.search(c.name)]
    return labels[0] if len(labels) == 1 else None


def shorten_names(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Call a stored column by its own name where the query put its table's name before it."""
    tables = tables_of(tree, schema) if isinstance(tree, exp.Select) else None
    if not isinstance(tree, exp.Select) or tables is None:
        return []
    taken = {projection.alias_or_name for projection in tree.selects}
    repairs = []
    for projection in list(tree.selects):
        column = projection.unalias()
        owner = owner_of(column, tables) if isinstance(column, exp.Column) else None
        if owner is None or projection.alias != f"{tables[owner].name}_{column.name}" or column.name in taken:
            continue
        for term in [c for c in _in_order(tree) if not c.table and c.name == projection.alias]:
            term.replace(column.copy())
        repairs.append(f"{projection.alias} is called {column.name}")
        taken.add(column.name)
        projection.replace(column.copy())
    return repairs


_MOST_COLUMNS = 4
"""A table of so many columns is left as it is, whatever they are."""


def leave_out_unasked(tree: exp.Expr, request: str, glossary: Glossary, schema: DatabaseSchema) -> list[str]:
    """Leave out columns of a wide table that the request does not speak of, where it speaks of others.

    Not what tells groups apart, nor where everything is asked for.
    """
    if not isinstance(tree, exp.Select) or tree.is_star or len(tree.selects) <= _MOST_COLUMNS:
        return []
    if tree.args.get("group") is not None or _EVERYTHING.search(request):
        return []
    tables = tables_of(tree, schema)
    if tables is None or tree.args.get("distinct") is not None:
        return []
    words = set(normalise(request).split())
    for metric in glossary.mentioned_in(request):
        words |= {word for name in metric.names for word in name.split()}
        words |= set(normalise(metric.formula).split())
    ordered = {column.sql() for column in _in_order(tree)}
    asked = [p for p in tree.selects if _is_spoken_of(p, words, tables) or p.alias_or_name in ordered]
    left_out = [p for p in tree.selects if p not in asked]
    if len(asked) < 2 or not left_out:
        return []
    tree.set("expressions", asked)
    return [f"left out {', '.join(p.alias_or_name for p in left_out)}, which nobody asked for"]


def _in_order(tree: exp.Select) -> list[exp.Column]:
    order = tree.args.get("order")
    return list(order.find_all(exp.Column)) if order is not None else []


def _is_spoken_of(projection: exp.Expr, words: set[str], tables: dict[str, Table]) -> bool:
    """Whether every stored column of an output is spoken of; a name where its table is."""
    columns = list(projection.find_all(exp.Column))
    for column in columns:
        owner = owner_of(column, tables)
        own = set(normalise(column.name).split())
        of_table = set(normalise(tables[owner].name).split()) if owner is not None else set()
        is_label = _LABEL.search(column.name) is not None and bool((own | of_table) & words)
        if not is_label and not (own - of_table or own) & words:
            return False
    return True


def percent_once(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """A mean of percentages is in percent: it is not multiplied by 100 again."""
    repairs = []
    for product in list(tree.find_all(exp.Mul)):
        sides = (product.this, product.expression)
        hundred = next((s for s in sides if isinstance(s, exp.Literal) and s.name in ("100", "100.0")), None)
        rest = next((side for side in sides if side is not hundred), None)
        if hundred is None or rest is None:
            continue
        if not _holds_percentages(rest, schema) and not _is_weighted_percentage(product, rest, schema):
            continue
        product.replace(rest.copy())
        repairs.append("the figure is in percent already")
    return list(dict.fromkeys(repairs))


def _holds_percentages(node: exp.Expr, schema: DatabaseSchema) -> bool:
    """Whether the numerator of a ratio, or the mean of a column, is made of stored percentages."""
    bare = node.unnest()
    if not isinstance(bare, exp.Div | exp.Avg) or bare.find(exp.Count, exp.Case, exp.Predicate):
        return False  # how many have a percentage is none itself
    if any(isinstance(part.expression.unnest(), exp.Literal) for part in bare.find_all(exp.Div)):
        return False  # a share already: percent / 100
    below = bare.expression if isinstance(bare, exp.Div) else exp.Null()
    weights = {column.name for column in below.find_all(exp.Column)}
    upper = bare.this if isinstance(bare, exp.Div) else bare
    own = [column for column in upper.find_all(exp.Column) if column.name not in weights]
    return (
        bool(own)
        and all(_is_percentage(column.name, schema) for column in own)
        and not any(_is_percentage(name, schema) for name in weights)
    )


def _is_weighted_percentage(product: exp.Mul, rest: exp.Expr, schema: DatabaseSchema) -> bool:
    """Whether ``rest`` is the upper part of a weighted mean: ``SUM(percent * area) * 100 / SUM(area)``."""
    around = product.parent
    while isinstance(around, exp.Paren):
        around = around.parent
    if not isinstance(around, exp.Div) or around.this.unnest() is not product:
        return False
    weights = {column.name for column in around.expression.find_all(exp.Column)}
    is_weighted = bool(weights) and weights <= {column.name for column in rest.find_all(exp.Column)}
    mean = exp.Div(this=rest.copy(), expression=around.expression.copy())
    return is_weighted and _holds_percentages(mean, schema)


def _is_percentage(name: str, schema: DatabaseSchema) -> bool:
    stored = [c for table in schema.tables for c in table.columns if c.name == name]
    return bool(stored) and all(_is_in_percent(column) for column in stored)


def _is_in_percent(column: Column) -> bool:
    """Whether a column says that it is, and its rows do not go from 0 to 1 only."""
    is_said = "percent" in (column.comment or "").lower()
    try:
        highest = None if column.highest is None else float(column.highest)
    except ValueError:
        highest = None
    if highest is None:
        return is_said
    return highest > 1.0 and (is_said or "percent" in column.name.lower())
