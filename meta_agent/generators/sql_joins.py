"""What a join does to the number of rows, told from keys.

A join that equates every column of a unique key of the joined table finds at most one
row there: it repeats nothing. Whether sums are true hangs on this. Keys that are inferred
from the rows count like declared ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from meta_agent.contracts import Column, DatabaseSchema, ForeignKey, Table
from meta_agent.generators.sql_parsing import column_of, identifier


@dataclass(frozen=True)
class Neighbour:
    """A table that a foreign key links to one of a query's tables."""

    alias: str
    """Of the query's table."""
    own: Table
    table: Table
    pairs: tuple[tuple[str, str], ...]
    """(column of the query's table, column of the neighbour)."""

    def adds_rows(self, schema: DatabaseSchema) -> bool:
        """Whether one row of the query's table may have several in the neighbour."""
        return not is_unique(self.table, {theirs for _, theirs in self.pairs}, schema)

    def may_miss(self) -> bool:
        """Whether a row of the query's table may have none in the neighbour."""
        nullable = {column.name for column in self.own.columns if column.nullable}
        refers = any(
            refers_to(key, self.table) and _pairs(key) == self.pairs for key in self.own.foreign_keys
        )
        return not refers or any(ours in nullable for ours, _ in self.pairs)


def neighbours(alias: str, own: Table, schema: DatabaseSchema) -> Iterator[Neighbour]:
    """Every table linked to ``own`` by a foreign key, in either direction."""
    for other in schema.tables:
        yield from links(alias, own, other)


def links(alias: str, own: Table, other: Table) -> Iterator[Neighbour]:
    """The foreign keys between two tables, as ways to join ``other`` to ``own``."""
    for key in own.foreign_keys:
        if refers_to(key, other):
            yield Neighbour(alias, own, other, _pairs(key))
    if own is other:
        return
    for key in other.foreign_keys:
        if refers_to(key, own):
            yield Neighbour(alias, own, other, tuple((theirs, ours) for ours, theirs in _pairs(key)))


def siblings(alias: str, own: Table, schema: DatabaseSchema) -> Iterator[Neighbour]:
    """Tables with at most one row for the same parent: the figures of the property that a loan is on."""
    for other in schema.tables:
        for theirs in other.foreign_keys if other is not own else ():
            for ours in own.foreign_keys:
                same = (theirs.referred_schema, theirs.referred_table, theirs.referred_columns) == (
                    ours.referred_schema,
                    ours.referred_table,
                    ours.referred_columns,
                )
                if same and is_unique(other, set(theirs.columns), schema):
                    yield Neighbour(alias, own, other, tuple(zip(ours.columns, theirs.columns, strict=True)))


def distinct_meanings(select: exp.Expr, options: list[Neighbour]) -> list[Neighbour]:
    """One way only to a table that several tables refer to by columns that a join of ``select`` equates."""
    equated = {
        frozenset(((eq.this.table, eq.this.name), (eq.expression.table, eq.expression.name)))
        for join in select.args.get("joins") or ()
        if not join.side
        for eq in join.find_all(exp.EQ)
        if isinstance(eq.this, exp.Column) and isinstance(eq.expression, exp.Column)
    }

    def means_the_same(one: Neighbour, other: Neighbour) -> bool:
        return one.table is other.table and all(
            theirs == theirs_too and frozenset(((one.alias, ours), (other.alias, ours_too))) in equated
            for (ours, theirs), (ours_too, theirs_too) in zip(one.pairs, other.pairs, strict=False)
        )

    first = options[:1]
    return first if all(means_the_same(first[0], other) for other in options[1:]) else options


def wants_rows_of(
    child: Table, column: exp.Column, select: exp.Expr, resolves: Callable[[exp.Column], bool]
) -> bool:
    """Whether a join that adds rows is what was asked for.

    It is in a plain list that shows a column of ``child``, and where every aggregate is over
    columns of ``child`` alone. Everywhere else it would count rows of the other tables twice.
    ``resolves``: whether a column is of the tables already there.
    """
    parts = ("distinct", "limit", "offset")
    if not isinstance(select, exp.Select) or any(select.args.get(part) for part in parts):
        return False
    if select.find(exp.Window):
        return False
    names = {c.name for c in child.columns}
    aggregates = [node for node in select.find_all(exp.AggFunc) if node.find_ancestor(exp.Select) is select]
    if aggregates:
        inside = [list(node.find_all(exp.Column)) for node in aggregates]
        return all(own and all(c.name in names and not resolves(c) for c in own) for own in inside)
    shown = any(column is found for p in select.selects for found in p.find_all(exp.Column))
    return shown and not select.args.get("group")


def _pairs(key: ForeignKey) -> tuple[tuple[str, str], ...]:
    return tuple(zip(key.columns, key.referred_columns, strict=True))


def refers_to(key: ForeignKey, table: Table) -> bool:
    """Whether a foreign key points at ``table``."""
    return (key.referred_schema, key.referred_table) == (table.schema_name, table.name)


def join_of(neighbour: Neighbour, alias: str, schema: DatabaseSchema) -> exp.Join:
    """The JOIN clause; a LEFT JOIN where an inner one would lose rows."""
    table = exp.Table(this=identifier(neighbour.table.name))
    if neighbour.table.schema_name != schema.default_schema:
        table.set("db", identifier(neighbour.table.schema_name))
    if alias != neighbour.table.name:
        table.set("alias", exp.TableAlias(this=identifier(alias)))
    conditions = [
        exp.EQ(this=column_of(neighbour.alias, ours), expression=column_of(alias, theirs))
        for ours, theirs in neighbour.pairs
    ]
    return exp.Join(this=table, on=exp.and_(*conditions), side="LEFT" if neighbour.may_miss() else None)


def is_unique(table: Table, columns: set[str], schema: DatabaseSchema) -> bool:
    """Whether no two rows of ``table`` agree in all of ``columns``, by declaration or at present."""
    keys = [set(key) for key in (table.primary_key, *table.unique_keys, *table.inferred_unique) if key]
    keys += [
        set(key.referred_columns)
        for other in schema.tables
        for key in other.foreign_keys
        if refers_to(key, table)
    ]
    return any(key <= columns for key in keys)


def repeats_rows_of(
    owners: set[str], tables: dict[str, Table], tree: exp.Select, schema: DatabaseSchema
) -> tuple[str, ...]:
    """Aliases of the tables that may have several rows for one row of the ``owners``; empty: none has."""
    equated = _equations(tree, tables)
    reached, grew = set(owners), True
    while grew:
        grew = False
        for alias, table in tables.items():
            if alias not in reached and is_unique(table, _fixed(alias, reached, equated), schema):
                reached.add(alias)
                grew = True
    return tuple(alias for alias in tables if alias not in reached)


Equation = tuple[tuple[str, str], tuple[str, str] | None]
"""A column (alias, name) and the one it equals; None for a constant."""


def _fixed(alias: str, reached: set[str], equations: list[Equation]) -> set[str]:
    """Columns of ``alias`` that a row of the reached tables determines."""
    return {
        name
        for (owner, name), other in equations
        if owner == alias and (other is None or other[0] in reached)
    }


def _equations(tree: exp.Select, tables: dict[str, Table]) -> list[Equation]:
    found: list[Equation] = []
    seen = [alias for alias in tables if alias not in {j.alias_or_name for j in _joins(tree)}]
    for join in _joins(tree):
        for name in join.args.get("using") or ():
            found += [
                pair
                for left in seen
                if _has(tables.get(left), name.name)
                for pair in _both(left, name.name, join.alias_or_name)
            ]
        found += _conjuncts(join.args.get("on"), tables)
        seen.append(join.alias_or_name)
    where = tree.args.get("where")
    found += _conjuncts(where.this if where is not None else None, tables)
    return found


def _both(left: str, name: str, right: str) -> list[Equation]:
    return [((left, name), (right, name)), ((right, name), (left, name))]


def _conjuncts(condition: exp.Expr | None, tables: dict[str, Table]) -> Iterator[Equation]:
    """The equalities that must all hold; what stands under an OR must not."""
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.this, tables)
        yield from _conjuncts(condition.expression, tables)
    elif isinstance(condition, exp.Paren):
        yield from _conjuncts(condition.this, tables)
    elif isinstance(condition, exp.EQ):
        sides = (condition.this, condition.expression)
        for one, other in (sides, sides[::-1]):
            if isinstance(one, exp.Column) and (owner := owner_of(one, tables)):
                if isinstance(other, exp.Column) and (theirs := owner_of(other, tables)):
                    yield (owner, one.name), (theirs, other.name)
                elif isinstance(other, exp.Literal):
                    yield (owner, one.name), None


def owner_of(column: exp.Column, tables: dict[str, Table]) -> str | None:
    """The alias of the table that a column belongs to; None where that is open."""
    if column.table:
        return column.table if column.table in tables else None
    having = [alias for alias, table in tables.items() if _has(table, column.name)]
    return having[0] if len(having) == 1 else None


def _joins(tree: exp.Select) -> list[exp.Join]:
    return list(tree.args.get("joins") or ())


def _has(table: Table | None, name: str) -> bool:
    return table is not None and any(column.name == name for column in table.columns)


def column_named(table: Table, name: str) -> Column | None:
    """A table's column by its exact name."""
    return next((column for column in table.columns if column.name == name), None)
