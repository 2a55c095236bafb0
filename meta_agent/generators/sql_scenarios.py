"""Applies a what-if to a query: the same query over tables in which one quantity is changed.

The tables are replaced, not the formulas, so that everything computed from the
quantity follows, in subqueries, aggregates and sort orders alike.
"""

from __future__ import annotations

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema, Scenario, Table
from meta_agent.generators.sql_parsing import catalogue_table, identifier, leaf_selects
from meta_agent.generators.sql_similar import nearest_name
from meta_agent.glossary import normalise


def column_meant(quantity: str, tree: exp.Expr, schema: DatabaseSchema) -> str | None:
    """The column of the query's tables that a quantity in the user's words stands for.

    None where none does, or more than one could.
    """
    names = {c.name for t in _tables(tree, schema) for c in t.columns}
    used = {c.name for c in tree.find_all(exp.Column)} & names
    near = nearest_name(quantity.split(".")[-1], names)
    if near is not None:
        return near
    words = set(normalise(quantity).split())
    for candidates in (used, names):
        found = [n for n in candidates if words <= set(normalise(n).split())]
        found = found or [n for n in candidates if set(normalise(n).split()) <= words]
        if len(found) == 1:
            return found[0]
        if found:
            return None
    return None


def apply_scenario(tree: exp.Query, scenario: Scenario, column: str, schema: DatabaseSchema) -> exp.Query:
    """A copy of ``tree`` that reads ``column`` changed by the scenario's percentage."""
    changed = tree.copy()
    for source in list(changed.find_all(exp.Table)):
        table = catalogue_table(source, schema)
        if table is not None and any(c.name == column for c in table.columns):
            source.replace(_changed_table(source, table, column, scenario.change_percent))
    return changed


def _changed_table(source: exp.Table, table: Table, column: str, change_percent: float) -> exp.Subquery:
    factor = exp.Literal.number(f"{1 + change_percent / 100:.10g}")
    projections: list[exp.Expr] = []
    for own in table.columns:
        plain = exp.Column(this=identifier(own.name))
        if own.name == column:
            changed = exp.Mul(this=plain, expression=factor)
            projections.append(exp.Alias(this=changed, alias=identifier(own.name)))
        else:
            projections.append(plain)
    inner = exp.Table(this=source.this.copy(), db=source.args.get("db"), sample=source.args.get("sample"))
    subquery = exp.select(*projections).from_(inner).subquery(copy=False)
    given = source.args.get("alias")
    subquery.set("alias", given.copy() if given is not None else exp.TableAlias(this=source.this.copy()))
    subquery.set("joins", [join.copy() for join in source.args.get("joins") or ()])
    return subquery


def _tables(tree: exp.Expr, schema: DatabaseSchema) -> list[Table]:
    found = (catalogue_table(source, schema) for source in tree.find_all(exp.Table))
    return [table for table in found if table is not None]


def changed_outputs(tree: exp.Query, column: str) -> list[str]:
    """Result columns that are computed from ``column``, followed by name through subqueries and CTEs.

    What counts or sums rows changes as well where the rows are chosen by what changes.
    """
    dependent = _dependent_names(tree, column)
    places: dict[int, None] = {}
    for select in leaf_selects(tree):
        chosen = _chooses_by(select, dependent)
        places |= {n: None for n, p in enumerate(select.selects) if _depends(p, dependent, chosen)}
    names = tree.named_selects
    return [names[place] for place in sorted(places) if place < len(names)]


def _dependent_names(tree: exp.Query, column: str) -> set[str]:
    """Names that mean something computed from ``column`` anywhere in the query."""
    dependent, known = {column}, 0
    while known < len(dependent):
        known = len(dependent)
        for select in tree.find_all(exp.Select):
            chosen = _chooses_by(select, dependent)
            dependent |= {p.alias_or_name for p in select.selects if _depends(p, dependent, chosen)}
    return dependent


def _depends(projection: exp.Expr, dependent: set[str], rows_are_chosen: bool) -> bool:
    if {c.name for c in projection.find_all(exp.Column)} & dependent:
        return True
    return rows_are_chosen and projection.find(exp.AggFunc, exp.Window) is not None


def _chooses_by(select: exp.Select, dependent: set[str]) -> bool:
    conditions = [select.args.get("where"), select.args.get("having")]
    conditions += [join.args.get("on") for join in select.args.get("joins") or ()]
    return any(
        c.name in dependent for node in conditions if node is not None for c in node.find_all(exp.Column)
    )
