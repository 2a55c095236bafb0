"""Mends what a query says against its own sense: sums of keys, parts for a ratio, conditions no row meets.

Each rule looks for something that nobody can have meant, whatever the question was, and
writes what was meant instead.
"""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.sql_origin import origin_of
from meta_agent.join_graph import JoinGraph, key_of
from meta_agent.mentions import stems

_RATIO = re.compile(r"\b(ratio|proportion)\b", re.IGNORECASE)
_RATIO_OF = re.compile(
    r"\bratios?\s+of\s+(?P<first>.{3,60}?)\s+to\s+(?P<second>[^,.;?]{3,60})", re.IGNORECASE
)
_SPLIT = re.compile(
    r"\b(?:per|by|each|every|respective(?:ly)?|across|among|different|various|distribution|break(?:down|s?\s+down)"
    r"|group(?:s|ed)?|split|for\s+all|(?:dai|week|month|quarter|year|annual)ly)\b",
    re.IGNORECASE,
)
_REST = r"\b(?P<rest>(?:(?!\b(?:start|begin|end)).){0,40})"
_STARTS = re.compile(rf"\b(?:start|begin)(?:s|ning|ing)?\s+with{_REST}", re.IGNORECASE)
_ENDS = re.compile(rf"\bend(?:s|ing)?\s+(?:with|in){_REST}", re.IGNORECASE)


def count_keys(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Count the different keys where ``tree`` adds them up, in place: the sum of ids says nothing."""
    graph, repairs = JoinGraph(schema), []
    for scope in traverse_scope(tree):
        for total in list(scope.find_all(exp.Sum)):
            origin = origin_of(total.this, scope, schema) if isinstance(total.this, exp.Column) else None
            if origin and graph.referent((*key_of(origin[0]), origin[1].name)) is not None:
                total.replace(exp.Count(this=exp.Distinct(expressions=[total.this.copy()])))
                repairs.append(
                    f"different values of {origin[1].name} are counted: the sum of keys says nothing"
                )
    return list(dict.fromkeys(repairs))


def calculations_with_keys(tree: exp.Expr, schema: DatabaseSchema) -> tuple[str, ...]:
    """A sentence for each key that a calculation takes for a figure."""
    graph = JoinGraph(schema)
    found: dict[str, None] = {}
    for scope in traverse_scope(tree):
        for node in scope.find_all(exp.Div, exp.Mul):
            for column in (side.unnest() for side in (node.this, node.expression)):
                origin = origin_of(column, scope, schema) if isinstance(column, exp.Column) else None
                if origin and graph.referent((*key_of(origin[0]), origin[1].name)) is not None:
                    found[f"The query calculates with {origin[1].name}, which is a key and no figure."] = None
    return tuple(found)


def show_ratio(tree: exp.Expr, request: str) -> list[str]:
    """Divide the two figures of ``tree`` where a ratio was asked for and only its parts are shown."""
    if not _RATIO.search(request) or not isinstance(tree, exp.Select) or tree.find(exp.Div) is not None:
        return []
    figures = [projection for projection in tree.selects if projection.find(exp.AggFunc) is not None]
    if len(figures) != 2 or any(figure.find(exp.Window, exp.Select) is not None for figure in figures):
        return []
    upper, lower = figures[::-1] if _are_turned(figures, request) else figures
    division = exp.Div(this=exp.cast(upper.unalias().copy(), "numeric"), expression=lower.unalias().copy())
    tree.append("expressions", exp.alias_(division, "ratio"))
    return [f"the ratio of {upper.output_name} to {lower.output_name} is computed"]


def _are_turned(figures: list[exp.Expr], request: str) -> bool:
    """Whether "the ratio of A to B" names the figures in the other order than the query shows them."""
    match = _RATIO_OF.search(request)
    if match is None:
        return False
    first, second = stems(match["first"]), stems(match["second"])
    words = [stems(figure.sql().replace("_", " ")) for figure in figures]
    straight = len(words[0] & (first - second)) + len(words[1] & (second - first))
    turned = len(words[0] & (second - first)) + len(words[1] & (first - second))
    return turned > straight


def free_totals(tree: exp.Expr) -> list[str]:
    """Take a condition out of WHERE that one of several totals has for itself, in place.

    Beside ``SUM(CASE WHEN a THEN 1 END)`` the other totals are those of all rows, or they would be equal.
    """
    repairs = []
    for select in list(tree.find_all(exp.Select)):
        where, totals = select.args.get("where"), [p.find(exp.AggFunc) for p in select.selects]
        conditions = [case.this for total in totals if total for case in total.find_all(exp.If)]
        if where is None or len([total for total in totals if total]) < 2 or not conditions:
            continue
        parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        rest = [part for part in parts if part.unnest() not in [one.unnest() for one in conditions]]
        if len(rest) < len(parts) and not all(total.find(exp.If) for total in totals if total):
            select.set("where", exp.Where(this=exp.and_(*rest)) if rest else None)
            repairs.append("a condition of one total is not one of the others")
    return repairs


def show_whole(tree: exp.Expr, request: str) -> list[str]:
    """Take one total of all rows where ``tree`` splits it by something that it does not show, in place.

    Not where the request asks for something "per" or "by", or names what is grouped by: then the split is
    meant and only unlabelled. The first one of an order is the group with the most.
    """
    group = tree.args.get("group")
    if not isinstance(tree, exp.Select) or group is None or _SPLIT.search(request):
        return []
    parts = [projection.unalias() for projection in tree.selects]
    if any(tree.args.get(part) is not None for part in ("having", "limit", "offset", "distinct")):
        return []
    if group.find(exp.Rollup, exp.Cube, exp.GroupingSets) or tree.find(exp.Window):
        return []
    if not all(part.find(exp.AggFunc) is not None for part in parts):
        return []
    spoken = stems(request)
    if any(words and words <= spoken for words in map(_words_of, group.find_all(exp.Column))):
        return []
    tree.set("group", None)
    tree.set("order", None)
    return ["taken of all rows at once: nothing tells the groups apart"]


def _words_of(column: exp.Column) -> set[str]:
    """The words of a column's name; none for a key, which stands for rows."""
    words = stems(column.name.replace("_", " "))
    return set() if "id" in words else words


def group_alternatives(tree: exp.Expr) -> list[str]:
    """Keep alternatives about one column together, in place: ``a = 1 OR a = 2 AND b`` means both of a."""
    repairs = []
    for either in list(tree.find_all(exp.Or)):
        both = either.expression
        if not isinstance(both, exp.And) or isinstance(either.parent, exp.Or | exp.And):
            continue
        parts = list(both.flatten())
        column = _only_column(either.this)
        if column is None or _only_column(parts[0]) != column or column in map(_only_column, parts[1:]):
            continue
        together = exp.paren(exp.or_(either.this.copy(), parts[0].copy()))
        either.replace(exp.and_(together, *(part.copy() for part in parts[1:])))
        repairs.append(f"the alternatives for {column.split('.')[-1]} belong together")
    return repairs


def _only_column(condition: exp.Expr) -> str | None:
    columns = {column.sql() for column in condition.find_all(exp.Column)}
    return columns.pop() if len(columns) == 1 else None


def mend_patterns(tree: exp.Expr, request: str) -> list[str]:
    """Let a pattern begin or end where the request says "starts with" or "ends with", in place."""
    repairs = []
    for like in tree.find_all(exp.Like, exp.ILike):
        pattern = like.expression
        core = pattern.name.strip("%") if isinstance(pattern, exp.Literal) and pattern.is_string else ""
        if not core or "%" in core or "_" in core:
            continue
        starts, ends = _is_said(_STARTS, core, request), _is_said(_ENDS, core, request)
        wanted = f"{core}%" if starts and not ends else f"%{core}" if ends and not starts else pattern.name
        if wanted != pattern.name:
            repairs.append(f"the pattern '{pattern.name}' is '{wanted}', as asked")
            pattern.replace(exp.Literal.string(wanted))
    return repairs


def _is_said(pattern: re.Pattern[str], core: str, request: str) -> bool:
    quoted = rf"(?<![a-z0-9]){re.escape(core)}(?![a-z0-9])"
    return any(re.search(quoted, match["rest"], re.IGNORECASE) for match in pattern.finditer(request))


def meet_all_values(tree: exp.Expr) -> list[str]:
    """``a = 'x' AND a = 'y'`` holds for no row: what is meant are groups with rows of both, in place."""
    if (
        not isinstance(tree, exp.Select)
        or tree.args.get("where") is None
        or tree.args.get("group") is not None
    ):
        return []
    condition = tree.args["where"].this
    parts = list(condition.flatten()) if isinstance(condition, exp.And) else []
    wanted: dict[str, list[exp.EQ]] = {}
    for part in parts:
        if isinstance(part, exp.EQ) and isinstance(part.this, exp.Column) and _is_text(part.expression):
            wanted.setdefault(part.this.sql(), []).append(part)
    several = [found for found in wanted.values() if len({part.expression.name for part in found}) > 1]
    if len(several) != 1 or tree.find(exp.AggFunc) is not None or tree.is_star:
        return []
    equal = several[0]
    column, values = equal[0].this, [part.expression.copy() for part in equal]
    rest = [part.copy() for part in parts if part not in equal]
    tree.set("where", exp.Where(this=exp.and_(exp.In(this=column.copy(), expressions=values), *rest)))
    tree.set("distinct", None)
    tree.group_by(*(projection.unalias().copy() for projection in tree.selects), copy=False)
    count = exp.Count(this=exp.Distinct(expressions=[column.copy()]))
    tree.having(exp.EQ(this=count, expression=exp.Literal.number(len(values))), copy=False)
    return [
        f"both values of {column.name} are asked for, which no single row has: groups that have all of them"
    ]


def _is_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_string
