"""Mends aggregates that PostgreSQL refuses for where they stand: what is missing is only bookkeeping.

A plain column beside an aggregate has to be grouped by; a condition on an aggregate
belongs into HAVING; conditions that no row can meet at once ask for groups that meet them all.
"""

from __future__ import annotations

from sqlglot import exp

from meta_agent.generators.sql_parsing import aggregates_of, to_sql

_CALCULATES = (
    *(exp.Div, exp.Sub, exp.Add, exp.Mul, exp.Neg, exp.Paren),
    *(exp.Nullif, exp.Coalesce, exp.Cast, exp.Round),
)
"""What may stand around a figure without making another kind of figure of it."""


def complete_grouping(tree: exp.Expr) -> list[str]:
    """Group by every plain output beside an aggregate, and move conditions on aggregates, in place."""
    repairs: list[str] = []
    for select in list(tree.find_all(exp.Select)):
        repairs += _move_conditions(select)
        repairs += _sum_up_beside(select)
        repairs += _group_by_outputs(select)
    return list(dict.fromkeys(repairs))


def _sum_up_beside(select: exp.Select) -> list[str]:
    """``SUM(balance) / value`` over all rows at once means the sum of the values, too."""
    if select.args.get("group") is not None or select.is_star:
        return []
    parts = [projection.unalias() for projection in select.selects]
    sums = [part for part in parts if part.find(exp.Sum) is not None and part.find(exp.Window) is None]
    if not sums or any(part.find(exp.AggFunc) is None for part in parts):
        return []
    bare = [column for part in sums for column in _bare_columns(part)]
    if not all(_is_compared(column) for column in bare):
        return []
    for column in bare:
        column.replace(exp.Sum(this=column.copy()))
    return (
        [f"{', '.join(to_sql(column) for column in bare)} is summed up like what it is compared with"]
        if bare
        else []
    )


def _bare_columns(part: exp.Expr) -> list[exp.Column]:
    """Columns beside the aggregates of an expression."""
    select = part.find_ancestor(exp.Select)
    return [
        column
        for column in part.find_all(exp.Column)
        if column.find_ancestor(exp.AggFunc) is None and column.find_ancestor(exp.Select) is select
    ]


def _is_compared(column: exp.Column) -> bool:
    """Whether a column is only divided, added or subtracted: the sum of rates to multiply by says nothing."""
    node: exp.Expr = column
    while isinstance(node.parent, _CALCULATES):
        if isinstance(node.parent, exp.Mul):
            other = node.parent.expression if node.parent.this is node else node.parent.this
            if not isinstance(other.unnest(), exp.Literal):
                return False
        node = node.parent
    return isinstance(node.parent, exp.Select | exp.Alias)


def _is_known(column: exp.Column, select: exp.Select) -> bool:
    group = select.args.get("group")
    return group is not None and column in group.expressions


def _group_by_outputs(select: exp.Select) -> list[str]:
    group = select.args.get("group")
    has_aggregate = any(
        isinstance(node, exp.AggFunc) for node in aggregates_of(select) if not _is_windowed(node)
    )
    if select.is_star or not (has_aggregate or group) or (group and group.find(exp.Rollup, exp.Cube)):
        return []
    missing: list[exp.Expr] = []
    for projection in select.selects:
        bare = projection.unalias()
        if bare.find(exp.Column) is None or bare.find(exp.Window, exp.Select) is not None:
            continue
        if bare.find(exp.AggFunc) is not None:
            missing += [column.copy() for column in _bare_columns(bare) if not _is_known(column, select)]
        elif not _is_grouped(projection, select):
            missing.append(bare.copy())
    missing = list(dict.fromkeys(missing))
    for node in missing:
        select.group_by(node, copy=False)
    return [f"grouped by {', '.join(to_sql(node) for node in missing)}"] if missing else []


def _is_grouped(projection: exp.Expr, select: exp.Select) -> bool:
    group, bare = select.args.get("group"), projection.unalias()
    if group is None:
        return False
    position = str(select.selects.index(projection) + 1)
    for term in group.expressions:
        if term == bare or (isinstance(term, exp.Literal) and term.name == position):
            return True
        if isinstance(term, exp.Column) and not term.table and term.name == projection.alias_or_name:
            return True
    columns = list(bare.find_all(exp.Column))
    return all(column in group.expressions for column in columns)


def _is_windowed(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.Window) or isinstance(node, exp.Window)


def _move_conditions(select: exp.Select) -> list[str]:
    """Conditions on aggregates from WHERE to HAVING."""
    where = select.args.get("where")
    if where is None:
        return []
    parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
    on_groups = [
        part
        for part in parts
        if any(node.find_ancestor(exp.Select) is select for node in part.find_all(exp.AggFunc))
    ]
    if not on_groups:
        return []
    rest = [part for part in parts if part not in on_groups]
    select.set("where", exp.Where(this=exp.and_(*rest)) if rest else None)
    for part in on_groups:
        select.having(part.copy(), copy=False)
    return ["a condition on a total applies to the groups"]
