"""Holds the names in a query against the catalogue, and mends those it can.

Most queries of small models that do not run have a right idea and a wrong name: a
column under the wrong alias, a column of a neighbouring table that was not joined,
a misspelt table. Such a query is mended here, from the catalogue and its foreign
keys, without asking the model again. What stays unresolved is reported in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from meta_agent.contracts import DatabaseSchema, ForeignKey, Table

_NEAR = 80.0
"""Least similarity (0-100) at which a name counts as a misspelling of another."""


@dataclass
class NameCheck:
    """What was mended in a query and what could not be."""

    repairs: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    """Tables that the problems are about."""


def mend_names(tree: exp.Expression, schema: DatabaseSchema) -> NameCheck:
    """Resolve every table and column of ``tree`` against ``schema``, changing ``tree`` where a repair is clear."""
    check = NameCheck()
    _mend_tables(tree, schema, check)
    if check.problems:
        return check
    for scope in traverse_scope(tree):
        _ScopeNames(scope, schema, check).mend()
    return check


def catalogue_table(source: exp.Table, schema: DatabaseSchema) -> Table | None:
    """The catalogue's entry for a table of a query."""
    for table in schema.tables:
        if not _same(table.name, source.this):
            continue
        if source.db and table.schema_name.lower() != source.db.lower():
            continue
        if source.db or table.schema_name == schema.default_schema:
            return table
    return None


def _same(name: str, identifier: exp.Expression | str) -> bool:
    """PostgreSQL's rule: an unquoted identifier is folded to lower case, a quoted one is exact."""
    if isinstance(identifier, exp.Identifier):
        return name == (identifier.name if identifier.args.get("quoted") else identifier.name.lower())
    return name == identifier or name == identifier.lower()


# --- tables ----------------------------------------------------------------------


def _mend_tables(tree: exp.Expression, schema: DatabaseSchema, check: NameCheck) -> None:
    ctes = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for source in list(tree.find_all(exp.Table)):
        if not isinstance(source.this, exp.Identifier) or (not source.db and source.name.lower() in ctes):
            continue
        if catalogue_table(source, schema) is None:
            _mend_table(source, schema, check)


def _mend_table(source: exp.Table, schema: DatabaseSchema, check: NameCheck) -> None:
    written = source.name
    found = [t for t in schema.tables if t.name.lower() == written.lower()]
    if len(found) != 1:
        names = {t.name: t for t in schema.tables}
        near = _nearest(written, list(names))
        found = [names[near]] if near is not None and not found else found
    if len(found) != 1:
        tables = ", ".join(sorted(t.name for t in schema.tables)[:40])
        check.problems.append(f"There is no table {written}. The tables are: {tables}.")
        return
    table = found[0]
    alias = source.alias or written
    source.set("this", identifier(table.name))
    source.set("db", None if table.schema_name == schema.default_schema else identifier(table.schema_name))
    if not source.alias and alias != table.name:
        source.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
    check.repairs.append(f"table {written} is {table.schema_name}.{table.name}")


def identifier(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=not (name.isidentifier() and name == name.lower()))


def _nearest(written: str, names: list[str]) -> str | None:
    lowered = {name: name.lower() for name in names}
    best = process.extract(written.lower(), lowered, scorer=fuzz.ratio, score_cutoff=_NEAR, limit=2)
    if not best or (len(best) == 2 and best[0][1] == best[1][1]):
        return None
    return str(best[0][2])


# --- columns ---------------------------------------------------------------------


class _ScopeNames:
    """The columns of one SELECT, resolved against the tables and subqueries it reads."""

    def __init__(self, scope: Scope, schema: DatabaseSchema, check: NameCheck) -> None:
        self._scope = scope
        self._schema = schema
        self._check = check
        self._aliases = _projection_aliases(scope.expression)
        self._added: dict[str, exp.Table] = {}

    def mend(self) -> None:
        for column in self._own_columns():
            if isinstance(column.this, exp.Star) or self._resolves(column):
                continue
            if not self._mend(column):
                self._report(column)

    def _own_columns(self) -> list[exp.Column]:
        """The columns written in this SELECT itself; a subquery's are looked at in the subquery's own turn."""
        return [c for c in self._scope.columns if c.find_ancestor(exp.Select) is self._scope.expression]

    def _sources(self) -> dict[str, exp.Table | Scope]:
        return {**self._scope.sources, **self._added}

    def _visible(self) -> dict[str, exp.Table | Scope]:
        """Everything a column here may name: the own sources, and those of the queries around a subquery."""
        visible: dict[str, exp.Table | Scope] = {}
        around = self._scope.parent if self._scope.is_subquery else None
        while around is not None:
            visible = {**around.sources, **visible}
            around = around.parent if around.is_subquery else None
        return {**visible, **self._sources()}

    def _resolves(self, column: exp.Column) -> bool:
        if not column.table:
            own = any(self._has(source, column.this) for source in self._visible().values())
            return own or (column.name.lower() in self._aliases and _may_use_alias(column))
        source = self._source_named(column.table)
        return source is not None and self._has(source, column.this)

    def _source_named(self, alias: str) -> exp.Table | Scope | None:
        return next((s for name, s in self._visible().items() if name.lower() == alias.lower()), None)

    def _has(self, source: exp.Table | Scope, identifier: exp.Expression | str) -> bool:
        names = self._column_names(source)
        return names is None or any(_same(name, identifier) for name in names)

    def _column_names(self, source: exp.Table | Scope) -> list[str] | None:
        """The columns of a source; None where they cannot be known (``SELECT *`` in a subquery, a function)."""
        if isinstance(source, exp.Table):
            table = catalogue_table(source, self._schema)
            return None if table is None else [c.name for c in table.columns]
        if not isinstance(source.expression, exp.Query) or source.expression.is_star:
            return None
        return list(source.expression.named_selects)

    def _mend(self, column: exp.Column) -> bool:
        return (
            self._use_other_source(column) or self._join_neighbour(column) or self._use_nearest_name(column)
        )

    def _use_other_source(self, column: exp.Column) -> bool:
        having = [
            name
            for name, source in self._sources().items()
            if any(_same(own, column.this) for own in self._column_names(source) or ())
        ]
        if len(having) != 1:
            return False
        self._note(column, f"{having[0]}.{column.name}")
        column.set("table", exp.to_identifier(having[0]))
        return True

    def _join_neighbour(self, column: exp.Column) -> bool:
        """Join the one neighbouring table, by foreign key, that has the column."""
        options = [o for o in self._neighbours() if any(_same(c.name, column.this) for c in o.table.columns)]
        parents = [o for o in options if o.to_parent]
        chosen = parents if len(parents) == 1 else options
        if len(chosen) != 1 or not isinstance(self._scope.expression, exp.Select):
            return False
        alias = self._free_alias(chosen[0].table.name)
        join = _join(chosen[0], alias, self._schema)
        self._scope.expression.append("joins", join)
        self._added[alias] = join.this
        self._check.repairs.append(f"joined {chosen[0].table.name}, which has the column {column.name}")
        column.set("table", exp.to_identifier(alias))
        return True

    def _neighbours(self) -> Iterator[_Neighbour]:
        joined = {id(t) for _, t in self._tables()}
        for alias, table in self._tables():
            for other in self._schema.tables:
                if id(other) in joined:
                    continue
                yield from _links(alias, table, other)

    def _tables(self) -> list[tuple[str, Table]]:
        found = []
        for alias, source in self._sources().items():
            table = catalogue_table(source, self._schema) if isinstance(source, exp.Table) else None
            if table is not None:
                found.append((alias, table))
        return found

    def _free_alias(self, wanted: str) -> str:
        taken = {name.lower() for name in self._visible()}
        alias, number = wanted, 2
        while alias.lower() in taken:
            alias, number = f"{wanted}_{number}", number + 1
        return alias

    def _use_nearest_name(self, column: exp.Column) -> bool:
        sources = self._sources()
        named = self._source_named(column.table) if column.table else None
        searched = {column.table: named} if named is not None else sources
        options = {n: alias for alias, s in searched.items() for n in self._column_names(s) or []}
        near = _nearest(column.name, list(options))
        if near is None:
            return False
        self._note(column, f"{options[near]}.{near}")
        column.set("this", identifier(near))
        column.set("table", exp.to_identifier(options[near]))
        return True

    def _note(self, column: exp.Column, meant: str) -> None:
        written = f"{column.table}.{column.name}" if column.table else column.name
        self._check.repairs.append(f"column {written} is {meant}")

    def _report(self, column: exp.Column) -> None:
        written = f"{column.table}.{column.name}" if column.table else column.name
        tables = [table for _, table in self._tables()]
        owners = [t for t in self._schema.tables if any(_same(c.name, column.this) for c in t.columns)]
        hint = f" {column.name} is a column of {', '.join(t.name for t in owners)}." if owners else ""
        self._check.problems.append(f"There is no column {written}.{hint}")
        self._check.tables.extend(t for t in (*tables, *owners) if t not in self._check.tables)


def _projection_aliases(expression: exp.Expression) -> set[str]:
    return {p.alias.lower() for p in getattr(expression, "selects", []) if p.alias}


def _may_use_alias(column: exp.Column) -> bool:
    """GROUP BY and ORDER BY may name an output column by its alias; WHERE and HAVING may not."""
    return column.find_ancestor(exp.Order, exp.Group) is not None


@dataclass(frozen=True)
class _Neighbour:
    """A table that a foreign key links to one of the query's tables."""

    alias: str
    table: Table
    pairs: tuple[tuple[str, str], ...]
    """(column of the query's table, column of the neighbour)."""
    to_parent: bool
    """The query's table refers to the neighbour, so that the join adds no rows."""


def _links(alias: str, table: Table, other: Table) -> Iterator[_Neighbour]:
    for key in table.foreign_keys:
        if _refers_to(key, other):
            yield _Neighbour(alias, other, tuple(zip(key.columns, key.referred_columns, strict=True)), True)
    for key in other.foreign_keys:
        if _refers_to(key, table):
            yield _Neighbour(alias, other, tuple(zip(key.referred_columns, key.columns, strict=True)), False)


def _refers_to(key: ForeignKey, table: Table) -> bool:
    return (key.referred_schema, key.referred_table) == (table.schema_name, table.name)


def _join(neighbour: _Neighbour, alias: str, schema: DatabaseSchema) -> exp.Join:
    table = exp.Table(this=identifier(neighbour.table.name))
    if neighbour.table.schema_name != schema.default_schema:
        table.set("db", identifier(neighbour.table.schema_name))
    if alias != neighbour.table.name:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
    conditions = [
        exp.EQ(
            this=exp.Column(this=identifier(own), table=exp.to_identifier(neighbour.alias)),
            expression=exp.Column(this=identifier(others), table=exp.to_identifier(alias)),
        )
        for own, others in neighbour.pairs
    ]
    return exp.Join(this=table, on=exp.and_(*conditions))
