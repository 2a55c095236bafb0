"""What an answer rests on, read from its query: filters, joins, limits, what happens to missing values.

Taken from the query's tree and the catalogue's keys, never from the model's prose, so that
every line is true of the figures shown. One line each, in words, with the tables' own names.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.generators.sql_parsing import DIALECT, catalogue_table
from meta_agent.generators.sql_ranking import limited_to

_LONGEST_CONDITION = 160


def assumptions_of(tree: exp.Expr, schema: DatabaseSchema) -> tuple[str, ...]:
    """The lines for one query, the weightiest first, none twice."""
    selects = list(tree.find_all(exp.Select))
    lines = [
        *(line for select in selects for line in _filters(select)),
        *(line for select in selects for line in _joins(select, schema)),
        *_limit(tree),
        *_missing_values(tree),
    ]
    return tuple(dict.fromkeys(lines))


def _filters(select: exp.Select) -> Iterator[str]:
    for part, what in (("where", "rows"), ("having", "groups")):
        condition = select.args.get(part)
        if condition is not None:
            yield f"only {what} where {_in_words(condition.this, select)}"
    if select.args.get("distinct") is not None:
        yield "equal rows are shown once"


def _in_words(node: exp.Expr, select: exp.Select) -> str:
    """An expression on one line, its columns under their tables' names."""
    names = _table_names(select)
    shown = node.copy()
    for column in shown.find_all(exp.Column):
        if column.table in names:
            column.set("table", exp.to_identifier(names[column.table]) if len(names) > 1 else None)
    text = " ".join(shown.sql(dialect=DIALECT, comments=False).split())
    return text if len(text) <= _LONGEST_CONDITION else f"{text[: _LONGEST_CONDITION - 1].rstrip()}…"


def _table_names(select: exp.Select) -> dict[str, str]:
    """Alias to table, where no table is read twice."""
    tables = [source for source in _sources(select) if isinstance(source, exp.Table)]
    names = [table.name for table in tables]
    return {t.alias_or_name: t.name for t in tables if names.count(t.name) == 1}


def _sources(select: exp.Select) -> list[exp.Expr]:
    first = select.args.get("from_")
    joins = select.args.get("joins") or ()
    return [*([first.this] if first is not None else []), *(join.this for join in joins)]


# --- joins --------------------------------------------------------------------------------


def _joins(select: exp.Select, schema: DatabaseSchema) -> Iterator[str]:
    sources = {source.alias_or_name: source for source in _sources(select)}
    first, *_ = [*sources, ""]
    for join in select.args.get("joins") or ():
        joined = join.this.alias_or_name
        partner = _partner(join, joined, sources) or (first if first != joined else None)
        if partner is not None:
            yield _join_line(join, sources[partner], sources[joined], schema)


def _partner(join: exp.Join, joined: str, sources: dict[str, exp.Expr]) -> str | None:
    """The source that a join's condition compares the joined one with."""
    condition = join.args.get("on")
    found = condition.find_all(exp.Column) if condition is not None else ()
    return next((c.table for c in found if c.table in sources and c.table != joined), None)


def _join_line(join: exp.Join, one: exp.Expr, other: exp.Expr, schema: DatabaseSchema) -> str:
    ours, theirs = _name(one), _name(other)
    if join.args.get("on") is None and not join.args.get("using") and not join.args.get("method"):
        return f"{ours} and {theirs} are combined as the filter says, or every row with every row"
    if join.side == "FULL":
        return f"{ours} and {theirs} without a match are kept"
    if join.side in ("LEFT", "RIGHT"):
        kept, missing = (ours, theirs) if join.side == "LEFT" else (theirs, ours)
        return f"{kept} without a match in {missing} are kept"
    parent, child = _parent_first(one, other, schema)
    if parent and child:
        return f"{parent} without a match in {child} are left out"
    return f"{ours} and {theirs} without a match in the other are left out"


def _parent_first(one: exp.Expr, other: exp.Expr, schema: DatabaseSchema) -> tuple[str | None, str | None]:
    """The table referred to, then the one that refers to it; None where no key says so."""
    for parent, child in ((one, other), (other, one)):
        referred, referring = _stored(parent, schema), _stored(child, schema)
        if referred and referring and _refers(referring, referred):
            return _name(parent), _name(child)
    return None, None


def _refers(child: Table, parent: Table) -> bool:
    wanted = (parent.schema_name, parent.name)
    return any((key.referred_schema, key.referred_table) == wanted for key in child.foreign_keys)


def _stored(source: exp.Expr, schema: DatabaseSchema) -> Table | None:
    return catalogue_table(source, schema) if isinstance(source, exp.Table) else None


def _name(source: exp.Expr) -> str:
    return source.name if isinstance(source, exp.Table) else source.alias_or_name


# --- limits and missing values ------------------------------------------------------------


def _limit(tree: exp.Expr) -> Iterator[str]:
    count, order = limited_to(tree), tree.args.get("order")
    if count is None:
        return
    rows = "1 row" if count == 1 else f"{count:,} rows"
    if order is None or not isinstance(tree, exp.Select):
        yield f"at most {rows}" + ("" if order is not None else ", in no particular order")
        return
    first = order.expressions[0]
    way = "the highest down" if first.args.get("desc") else "the lowest up"
    yield f"at most {rows}, by {_in_words(first.this, tree)} from {way}"


def _missing_values(tree: exp.Expr) -> Iterator[str]:
    kinds = {exp.Sum: "sums", exp.Avg: "averages", exp.Min: "minima", exp.Max: "maxima"}
    found = [word for kind, word in kinds.items() if tree.find(kind) is not None]
    if found:
        yield f"{' and '.join(found)} leave out rows without a value"
    for node in tree.find_all(exp.Coalesce):
        default = node.expressions[-1] if node.expressions else None
        if isinstance(node.this, exp.Column) and isinstance(default, exp.Literal):
            yield f"a missing {node.this.name} counts as {default.sql(dialect=DIALECT)}"
    if tree.find(exp.Nullif) is not None:
        yield "a division by zero gives no value"
