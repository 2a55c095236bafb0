"""Mends aggregates that PostgreSQL refuses for where they stand: what is missing is only bookkeeping.

A plain column beside an aggregate has to be grouped by; a condition on an aggregate
belongs into HAVING; conditions that no row can meet at once ask for groups that meet them all.
"""

from __future__ import annotations

from sqlglot import exp

from meta_agent.generators.sql_parsing import aggregates_of, to_sql


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
    bare = [
        column
        for part in sums
        for column in part.find_all(exp.Column)
        if column.find_ancestor(exp.AggFunc) is None and column.find_ancestor(exp.Select) is select
    ]
    for column in bare:
        column.replace(exp.Sum(this=column.copy()))
    return (
        [f"{', '.join(to_sql(column) for column in bare)} is summed up like what it is compared with"]
        if bare
        else []
    )


def _group_by_outputs(select: exp.Select) -> list[str]:
    group = select.args.get("group")
    has_aggregate = any(
        isinstance(node, exp.AggFunc) for node in aggregates_of(select) if not _is_windowed(node)
    )
    if select.is_star or not (has_aggregate or group) or (group and group.find(exp.Rollup, exp.Cube)):
        return []
    missing = []
    for projection in select.selects:
        bare = projection.unalias()
        if bare.find(exp.Column) is None or bare.find(exp.AggFunc, exp.Window, exp.Select) is not None:
            continue
        if not _is_grouped(projection, select):
            missing.append(bare.copy())
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
