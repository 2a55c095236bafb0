"""Reads from a query what its result columns are: which may be totalled, which are ratios, which are rated.

The summary under a table must be as true as the table. A column is totalled only
where every row stands for another fact: its words say that it adds up (a rate does
not), and no join repeats its values. A ratio is summed up as the ratio of the sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.generators.sql_joins import is_unique, owner_of, repeats_rows_of
from meta_agent.generators.sql_parsing import aggregates_of, catalogue_table, column_of
from meta_agent.glossary import Glossary, Metric, normalise

_SNAPSHOT_WORDS = frozenset({"balance", "value", "unit", "occupied"})
"""Quantities at a moment: the balances of twelve months must not be added up."""


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


def shape_of(tree: exp.Expr, schema: DatabaseSchema, glossary: Glossary) -> ReportShape:
    """The shape of a query's result. Unknown constructs give fewer totals, never wrong ones."""
    if not isinstance(tree, exp.Select) or tree.args.get("distinct") is not None:
        return ReportShape((), (), _rated(tree, glossary))
    outputs = {p.output_name: p.unalias() for p in tree.selects if p.output_name not in ("", "*")}
    totals = tuple(
        name for name, node in outputs.items() if glossary.is_additive(name) and _adds_up(node, tree, schema)
    )
    ratios = tuple(
        r for name, node in outputs.items() if (r := _ratio(name, node, outputs, totals)) is not None
    )
    return ReportShape(totals, ratios, _rated(tree, glossary))


def shown_ratios(tree: exp.Expr) -> tuple[RatioOfSums, ...]:
    """Result columns that are one result column by another in each row; they need not add up."""
    if not isinstance(tree, exp.Select):
        return ()
    outputs = {p.output_name: p.unalias() for p in tree.selects if p.output_name not in ("", "*")}
    found = (_ratio(name, node, outputs, tuple(outputs)) for name, node in outputs.items())
    return tuple(ratio for ratio in found if ratio is not None)


@dataclass(frozen=True)
class _Repetition:
    """An aggregate over one table whose rows a join may repeat."""

    node: exp.AggFunc
    owner: Table
    many: tuple[Table, ...]
    """Tables that may have several rows for one row of ``owner``."""


def repeated_sums(tree: exp.Expr, schema: DatabaseSchema) -> Iterator[str]:
    """One sentence for each sum, count or average that a join makes wrong by repeating its rows.

    Nothing is said of tables without any known key: many databases declare none, and all joins
    would be suspect.
    """
    for found in _repetitions(tree, schema):
        many = [table.name for table in found.many if _has_key(table, schema)]
        if many:
            what, one = found.node.sql(dialect="postgres"), found.owner.name
            yield f"{what} counts a row of {one} once for each of its rows in {' and '.join(many)}."


def count_rows_once(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Count the keys of repeated rows DISTINCT in ``tree``, in place; one line for each count changed."""
    repairs = []
    for found in list(_repetitions(tree, schema)):
        counted = found.node.this
        if not isinstance(found.node, exp.Count) or not isinstance(counted, exp.Column):
            continue
        if any(_has_key(table, schema) for table in found.many) and is_unique(
            found.owner, {counted.name}, schema
        ):
            found.node.set("this", exp.Distinct(expressions=[counted.copy()]))
            repairs.append(f"counted every row of {found.owner.name} once, however often the join repeats it")
    return repairs


def _repetitions(tree: exp.Expr, schema: DatabaseSchema) -> Iterator[_Repetition]:
    for select in tree.find_all(exp.Select):
        tables = tables_of(select, schema)
        for node in select.find_all(exp.Sum, exp.Avg, exp.Count):
            if tables is None or node.find_ancestor(exp.Select) is not select or node.find(exp.Distinct):
                continue
            owners = {owner_of(column, tables) for column in node.find_all(exp.Column)}
            owner = next(iter(owners), None)
            if len(owners) == 1 and owner is not None:
                many = tuple(tables[alias] for alias in repeats_rows_of({owner}, tables, select, schema))
                if many:
                    yield _Repetition(node, tables[owner], many)


def _has_key(table: Table, schema: DatabaseSchema) -> bool:
    return is_unique(table, {column.name for column in table.columns}, schema)


def repeated_rows(tree: exp.Expr, schema: DatabaseSchema) -> Iterator[str]:
    """A sentence where a list shows rows several times, for the rows of a table that it does not show."""
    hidden = _hidden_tables(tree, schema)
    if hidden:
        names = " and ".join(table.name for table in hidden.values())
        yield f"The same row is listed once for each row of {names}, which is not shown."


def show_what_repeats(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Show the columns by which rows of a hidden table were chosen, in place; one line for each.

    A list of loans above 6 % by the name of their property alone shows the same name twice: the
    rate tells the rows apart.
    """
    repairs = []
    where = tree.args.get("where")
    for alias, table in _hidden_tables(tree, schema).items():
        names = {c.name for c in where.find_all(exp.Column) if c.table == alias} if where is not None else ()
        for name in sorted(names):
            if isinstance(tree, exp.Select) and name not in tree.named_selects:
                tree.append("expressions", column_of(alias, name))
                repairs.append(f"{name} is shown, because the rows of {table.name} are chosen by it")
    return repairs


def _hidden_tables(tree: exp.Expr, schema: DatabaseSchema) -> dict[str, Table]:
    """The tables, by alias, of which a plain list shows nothing though their rows repeat those it shows."""
    tables = tables_of(tree, schema) if isinstance(tree, exp.Select) else None
    if not isinstance(tree, exp.Select) or tables is None or tree.is_star or tree.args.get("distinct"):
        return {}
    if tree.args.get("group") is not None or aggregates_of(tree):
        return {}
    shown = {owner_of(column, tables) for p in tree.selects for column in p.find_all(exp.Column)}
    owners = {owner for owner in shown if owner is not None}
    if not owners or len(owners) != len(shown):
        return {}
    repeating = repeats_rows_of(owners, tables, tree, schema)
    return {alias: tables[alias] for alias in repeating if _has_key(tables[alias], schema)}


def _rated(tree: exp.Expr, glossary: Glossary) -> tuple[tuple[str, Metric], ...]:
    names = dict.fromkeys(getattr(tree, "named_selects", ()))
    found = ((name, glossary.metric_of_column(name)) for name in names)
    return tuple((name, metric) for name, metric in found if metric is not None and metric.thresholds)


# --- what adds up -----------------------------------------------------------------


def _adds_up(node: exp.Expr, tree: exp.Select, schema: DatabaseSchema) -> bool:
    """Whether the sum over the result's rows counts every value once."""
    group = tree.args.get("group")
    if group is not None and not (isinstance(node, exp.Column) and groups_are_rows(group, tree, schema)):
        plain = group.find(exp.Rollup, exp.Cube, exp.GroupingSets) is None
        return plain and _is_plain_sum(node) and not list(_repetitions(tree, schema))
    tables = tables_of(tree, schema)
    if not isinstance(node, exp.Column) or tables is None or _multiplies_rows(tree):
        return False
    owner = owner_of(node, tables)
    if owner is None or (_is_snapshot(node.name) and _shows_a_date(tree, tables)):
        return False
    return not repeats_rows_of({owner}, tables, tree, schema)


def groups_are_rows(group: exp.Group, tree: exp.Select, schema: DatabaseSchema) -> bool:
    """Whether every group is one row: grouped by a key of a table whose rows no join repeats."""
    tables = tables_of(tree, schema)
    if tables is None or group.find(exp.Rollup, exp.Cube, exp.GroupingSets) is not None:
        return False
    columns = [column for column in group.expressions if isinstance(column, exp.Column)]
    for alias, table in tables.items():
        grouped = {column.name for column in columns if owner_of(column, tables) == alias}
        if is_unique(table, grouped, schema) and not repeats_rows_of({alias}, tables, tree, schema):
            return True
    return False


def _is_plain_sum(node: exp.Expr) -> bool:
    while isinstance(node, exp.Round | exp.Paren | exp.Filter) or _is_numeric_cast(node) or _is_or_zero(node):
        node = node.this
    return isinstance(node, exp.Sum | exp.Count) and node.find(exp.Distinct) is None


def _is_numeric_cast(node: exp.Expr) -> bool:
    return isinstance(node, exp.Cast) and node.to.this in exp.DataType.NUMERIC_TYPES


def _is_or_zero(node: exp.Expr) -> bool:
    return isinstance(node, exp.Coalesce) and all(isinstance(e, exp.Literal) for e in node.expressions)


def tables_of(tree: exp.Select, schema: DatabaseSchema) -> dict[str, Table] | None:
    """The catalogue's tables a SELECT reads, by alias; None where it reads anything else too."""
    sources = [tree.args["from_"].this] if tree.args.get("from_") is not None else []
    sources += [join.this for join in tree.args.get("joins") or ()]
    tables: dict[str, Table] = {}
    for source in sources:
        table = catalogue_table(source, schema) if isinstance(source, exp.Table) else None
        if table is None or source.args.get("joins"):
            return None
        tables[source.alias_or_name] = table
    return tables if tables and not tree.args.get("laterals") else None


def _multiplies_rows(tree: exp.Select) -> bool:
    """Whether a set-returning function among the outputs repeats rows."""
    unknown = (exp.Unnest, exp.Explode, exp.UDTF, exp.GenerateSeries, exp.Anonymous)
    return any(projection.find(*unknown) is not None for projection in tree.selects)


def _is_snapshot(name: str) -> bool:
    return bool(set(normalise(name).split()) & _SNAPSHOT_WORDS)


def _shows_a_date(tree: exp.Select, tables: dict[str, Table]) -> bool:
    types = {c.name: c.type for table in tables.values() for c in table.columns}
    shown = (c.name for projection in tree.selects for c in projection.find_all(exp.Column))
    return any(types.get(name, "").startswith(("date", "timestamp")) for name in shown)


# --- ratios -----------------------------------------------------------------------


def _ratio(
    name: str, node: exp.Expr, outputs: dict[str, exp.Expr], totals: tuple[str, ...]
) -> RatioOfSums | None:
    factor, division = _scaled(node)
    if not isinstance(division, exp.Div):
        return None
    up, upper = _scaled(division.this)
    down, lower = _scaled(division.expression)
    numerator, denominator = _output_for(upper, outputs, totals), _output_for(lower, outputs, totals)
    if numerator is None or denominator is None or not down:
        return None
    return RatioOfSums(name, numerator, denominator, round(factor * up / down, 12))


def _scaled(node: exp.Expr) -> tuple[float, exp.Expr]:
    """An expression without roundings, casts and constant factors, and the product of these factors."""
    if isinstance(node, exp.Round | exp.Paren | exp.Nullif) or _is_numeric_cast(node):
        return _scaled(node.this)
    if isinstance(node, exp.Mul):
        for number, rest in ((node.this, node.expression), (node.expression, node.this)):
            if (value := _number(number)) is not None:
                factor, inner = _scaled(rest)
                return factor * value, inner
    if isinstance(node, exp.Div) and (value := _number(node.expression)):
        factor, inner = _scaled(node.this)
        return factor / value, inner
    return 1.0, node


def _number(node: exp.Expr) -> float | None:
    while isinstance(node, exp.Paren | exp.Cast):
        node = node.this
    return float(node.name) if isinstance(node, exp.Literal) and not node.is_string else None


def _output_for(side: exp.Expr, outputs: dict[str, exp.Expr], totals: tuple[str, ...]) -> str | None:
    """The totalled result column that shows the same expression as one side of a division."""
    return next((name for name in totals if _scaled(outputs[name]) == (1.0, side)), None)
