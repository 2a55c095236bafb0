"""Applies a what-if to a query: the same query over tables in which one quantity is changed.

The tables are replaced, not the formulas, so that everything computed from the
quantity follows, in subqueries, aggregates and sort orders alike.
"""

from __future__ import annotations

import re

from rapidfuzz import fuzz, process
from sqlglot import exp

from meta_agent.contracts import DatabaseSchema, Scenario, Table
from meta_agent.generators.sql_names import catalogue_table, identifier

_NEAR = 75.0


def column_meant(quantity: str, tree: exp.Expression, schema: DatabaseSchema) -> str | None:
    """The column of the query's tables that a quantity in the user's words stands for."""
    wanted = "_".join(re.findall(r"[a-z0-9]+", quantity.lower()))
    used = {c.name for c in tree.find_all(exp.Column)}
    names = {c.name for t in _tables(tree, schema) for c in t.columns}
    if wanted in names:
        return wanted
    best = process.extractOne(
        wanted, sorted(used & names) or sorted(names), scorer=fuzz.token_set_ratio, score_cutoff=_NEAR
    )
    contained = [n for n in sorted(used & names) if wanted in n.split("_") or wanted in n]
    return contained[0] if len(contained) == 1 else (str(best[0]) if best else None)


def apply_scenario(
    tree: exp.Expression, scenario: Scenario, column: str, schema: DatabaseSchema
) -> exp.Expression:
    """A copy of ``tree`` that reads ``column`` changed by the scenario's percentage."""
    changed = tree.copy()
    for source in list(changed.find_all(exp.Table)):
        table = catalogue_table(source, schema)
        if table is not None and any(c.name == column for c in table.columns):
            source.replace(_changed_table(source, table, column, scenario.change_percent))
    return changed


def _changed_table(source: exp.Table, table: Table, column: str, change_percent: float) -> exp.Subquery:
    factor = exp.Literal.number(f"{1 + change_percent / 100:.10g}")
    projections: list[exp.Expression] = []
    for own in table.columns:
        plain = exp.Column(this=identifier(own.name))
        if own.name == column:
            projections.append(exp.alias_(exp.Mul(this=plain, expression=factor), own.name, quoted=True))
        else:
            projections.append(plain)
    inner = exp.Table(this=source.this.copy(), db=source.args.get("db"))
    return exp.select(*projections).from_(inner).subquery(source.alias or source.name, copy=False)


def _tables(tree: exp.Expression, schema: DatabaseSchema) -> list[Table]:
    found = (catalogue_table(source, schema) for source in tree.find_all(exp.Table))
    return [table for table in found if table is not None]


def changed_outputs(tree: exp.Query, column: str) -> list[str]:
    """Result columns that are computed from ``column``, followed by name through subqueries and CTEs."""
    dependent = {column}
    for select in reversed(list(tree.find_all(exp.Select))):
        for projection in select.selects:
            if {c.name for c in projection.find_all(exp.Column)} & dependent:
                dependent.add(projection.alias_or_name)
    outputs = zip(tree.named_selects, tree.selects, strict=False)
    return [name for name, node in outputs if {c.name for c in node.find_all(exp.Column)} & dependent]


def take_out_change(tree: exp.Expression, scenarios: tuple[Scenario, ...]) -> list[str]:
    """Undo a change that the model applied itself (``noi * 0.9``), so that it is not applied twice."""
    factors = {round(1 + s.change_percent / 100, 9): s.name for s in scenarios}
    repairs = []
    for product in list(tree.find_all(exp.Mul)):
        for factor_side, other in ((product.expression, product.this), (product.this, product.expression)):
            name = factors.get(_constant(factor_side))
            if name is not None:
                product.replace(other.copy())
                repairs.append(
                    f"the change {name} stood in the query; it is applied beside the base case instead"
                )
                break
    return repairs


def _constant(node: exp.Expression) -> float | None:
    """The value of ``0.9`` or ``(1 - 0.10)`` or ``(1 - 10 / 100.0)``."""
    if isinstance(node, exp.Paren):
        return _constant(node.this)
    if isinstance(node, exp.Literal):
        return None if node.is_string else round(float(node.name), 9)
    if isinstance(node, exp.Add | exp.Sub | exp.Div):
        left, right = _constant(node.this), _constant(node.expression)
        if left is None or right is None:
            return None
        if isinstance(node, exp.Div):
            return round(left / right, 9) if right else None
        return round(left + right if isinstance(node, exp.Add) else left - right, 9)
    return None
