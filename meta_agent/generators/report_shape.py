"""Reads from a query what its result columns are: which may be totalled, which are ratios, which are rated.

The summary under a table must be as true as the table. A column is totalled only
where every row stands for another fact: its words say that it adds up (a rate does
not), and no join repeats its values. A ratio is summed up as the ratio of the sums.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.generators.sql_names import catalogue_table
from meta_agent.glossary import Glossary, Metric


@dataclass(frozen=True)
class RatioOfSums:
    """A result column that is one result column divided by another, times a factor."""

    column: str
    numerator: str
    denominator: str
    factor: float


@dataclass(frozen=True)
class ReportShape:
    """What is known of the columns of one query's result."""

    totals: tuple[str, ...]
    ratios: tuple[RatioOfSums, ...]
    rated: tuple[tuple[str, Metric], ...]
    """Columns with thresholds in the glossary."""


def shape_of(tree: exp.Expression, schema: DatabaseSchema, glossary: Glossary) -> ReportShape:
    """The shape of a query's result. Unknown constructs give fewer totals, never wrong ones."""
    if not isinstance(tree, exp.Select) or tree.args.get("distinct") is not None:
        return ReportShape((), (), _rated(tree, glossary))
    outputs = {p.alias_or_name: p.unalias() for p in tree.selects if p.alias_or_name != "*"}
    totals = tuple(
        name for name, node in outputs.items() if glossary.is_additive(name) and _adds_up(node, tree, schema)
    )
    ratios = tuple(
        r for name, node in outputs.items() if (r := _ratio(name, node, outputs, totals)) is not None
    )
    return ReportShape(totals, ratios, _rated(tree, glossary))


def _rated(tree: exp.Expression, glossary: Glossary) -> tuple[tuple[str, Metric], ...]:
    names = list(getattr(tree, "named_selects", ()))
    found = ((name, glossary.metric_of_column(name)) for name in names)
    return tuple((name, metric) for name, metric in found if metric is not None and metric.thresholds)


def _adds_up(node: exp.Expression, tree: exp.Select, schema: DatabaseSchema) -> bool:
    """Whether the sum over the result's rows counts every value once."""
    if _is_plain_sum(node):
        return tree.args.get("group") is not None
    if not isinstance(node, exp.Column) or tree.args.get("group") is not None:
        return False
    sources = {s.alias_or_name: s for s in tree.find_all(exp.Table) if s.find_ancestor(exp.Select) is tree}
    if len(sources) != len(list(_joined(tree))) + 1:
        return False
    tables = {alias: catalogue_table(source, schema) for alias, source in sources.items()}
    owner = node.table or (next(iter(tables)) if len(tables) == 1 else "")
    return (
        owner in tables
        and all(tables.values())
        and _only_parents(owner, {a: t for a, t in tables.items() if t})
    )


def _is_plain_sum(node: exp.Expression) -> bool:
    while isinstance(node, exp.Round | exp.Coalesce | exp.Cast | exp.Paren):
        node = node.this
    return isinstance(node, exp.Sum | exp.Count) and node.find(exp.Distinct) is None


def _joined(tree: exp.Select) -> list[exp.Join]:
    return list(tree.args.get("joins") or ())


def _only_parents(owner: str, tables: dict[str, Table]) -> bool:
    """Whether every other table is reached from ``owner`` by foreign keys to parents, which repeat no row."""
    reached, grew = {owner}, True
    while grew:
        grew = False
        for alias, table in tables.items():
            if alias not in reached and any(_refers(tables[child], table) for child in reached):
                reached.add(alias)
                grew = True
    return reached == set(tables)


def _refers(child: Table, parent: Table) -> bool:
    return any(
        (key.referred_schema, key.referred_table) == (parent.schema_name, parent.name)
        for key in child.foreign_keys
    )


def _ratio(
    name: str, node: exp.Expression, outputs: dict[str, exp.Expression], totals: tuple[str, ...]
) -> RatioOfSums | None:
    factor, division = _unwrap(node)
    if division is None:
        return None
    numerator = _output_for(division.this, outputs, totals)
    denominator = _output_for(division.expression, outputs, totals)
    if numerator is None or denominator is None:
        return None
    return RatioOfSums(name, numerator, denominator, factor)


def _unwrap(node: exp.Expression) -> tuple[float, exp.Div | None]:
    """The division inside ROUND, casts and a multiplication by a number, and that number."""
    factor = 1.0
    while not isinstance(node, exp.Div):
        if isinstance(node, exp.Round | exp.Cast | exp.Paren):
            node = node.this
        elif (
            isinstance(node, exp.Mul)
            and isinstance(node.expression, exp.Literal)
            and not node.expression.is_string
        ):
            factor, node = factor * float(node.expression.name), node.this
        elif isinstance(node, exp.Mul) and isinstance(node.this, exp.Literal) and not node.this.is_string:
            factor, node = factor * float(node.this.name), node.expression
        else:
            return factor, None
    left = node.this
    if isinstance(left, exp.Mul) and isinstance(left.this, exp.Literal) and not left.this.is_string:
        return factor * float(left.this.name), exp.Div(this=left.expression, expression=node.expression)
    return factor, node


def _output_for(
    side: exp.Expression, outputs: dict[str, exp.Expression], totals: tuple[str, ...]
) -> str | None:
    """The totalled result column that shows the same expression as one side of a division."""
    bare = side
    while isinstance(bare, exp.Nullif | exp.Cast | exp.Paren):
        bare = bare.this
    return next((name for name in totals if outputs[name] == bare), None)
