"""Joins the tables of a SELECT by the database's keys where the model's own joins cannot be meant.

A join cannot be meant when it names a column that is not there, a table that does not
exist, or equates the keys of two different things (an organisation's id and an
author's). The tables that are needed are those whose columns the query uses and those
that the request speaks of; the join graph says how they hang together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.generators.sql_parsing import catalogue_table, column_of, identifier
from meta_agent.generators.sql_similar import nearest_name, prefixed_name
from meta_agent.join_graph import ColumnKey, JoinGraph, Link, TableKey, key_of
from meta_agent.mentions import speaks_of, speaks_of_table


def mend_joins(tree: exp.Expr, request: str, schema: DatabaseSchema) -> list[str]:
    """Rebuild joins of ``tree`` that cannot be meant, in place; one line for each SELECT changed.

    Left alone: SELECTs that read subqueries, the same table twice, or join by anything but equal columns.
    """
    graph = JoinGraph(schema)
    repairs = []
    for select in list(tree.find_all(exp.Select)):
        joins = _Joins.of(select, schema)
        if joins is not None and joins.are_wrong(graph):
            repairs += _rebuilt(joins, request, schema, graph)
    return repairs


@dataclass
class _Joins:
    """The FROM clause of a SELECT, taken apart."""

    select: exp.Select
    tables: dict[str, Table | None]
    """By alias; None for one that does not exist."""
    sides: dict[str, str]
    """LEFT or nothing, by alias."""
    equations: list[tuple[exp.Column, exp.Column]] = field(default_factory=list)
    filters: dict[str, list[exp.Expr]] = field(default_factory=dict)
    """Further conditions of a join, by the alias they are about."""

    @classmethod
    def of(cls, select: exp.Select, schema: DatabaseSchema) -> _Joins | None:
        """None where the SELECT is not one that can be rebuilt."""
        first, joins = select.args.get("from_"), select.args.get("joins") or []
        sources = [first.this, *(join.this for join in joins)] if first is not None else []
        if len(sources) < 2 or select.args.get("laterals") or not all(map(_is_plain_table, sources)):
            return None
        tables = {source.alias_or_name: catalogue_table(source, schema) for source in sources}
        known = [key_of(table) for table in tables.values() if table is not None]
        if len(tables) < len(sources) or len(set(known)) < len(known) or _reads_with_query(sources):
            return None
        found = cls(select, tables, {})
        return found if all(found._take(join) for join in joins) else None

    def _take(self, join: exp.Join) -> bool:
        if join.side not in ("", "LEFT") or join.method or join.kind not in ("", "INNER", "OUTER"):
            return False
        alias, condition = join.this.alias_or_name, join.args.get("on")
        self.sides[alias] = join.side
        for name in join.args.get("using") or ():
            left = next((a for a, t in self.tables.items() if a != alias and _has(t, name.name)), "")
            self.equations.append((column_of(left, name.name), column_of(alias, name.name)))
        if condition is None:
            return bool(join.args.get("using"))
        return all(self._take_condition(part, alias) for part in _conjuncts(condition))

    def _take_condition(self, part: exp.Expr, alias: str) -> bool:
        sides = (part.this, part.expression) if isinstance(part, exp.EQ) else ()
        if sides and all(isinstance(side, exp.Column) for side in sides):
            self.equations.append((part.this, part.expression))
            return True
        owners = {column.table for column in part.find_all(exp.Column)}
        self.filters.setdefault(alias, []).append(part)
        return owners == {alias} and part.find(exp.Select) is None

    def are_wrong(self, graph: JoinGraph) -> bool:
        """Whether some join names what is not there, or equates keys of different things."""
        if any(table is None for table in self.tables.values()):
            return True
        return any(self._is_wrong(one, other, graph) for one, other in self.equations)

    def _is_wrong(self, one: exp.Column, other: exp.Column, graph: JoinGraph) -> bool:
        keys = [self.stored(column) for column in (one, other)]
        if None in keys:
            return True
        meant = [graph.referent(key) for key in keys if key is not None]
        return None not in meant and meant[0] != meant[1]

    def stored(self, column: exp.Column) -> ColumnKey | None:
        """The catalogue's column that is named; None where its table has none of that name."""
        if column.table:
            owners = [column.table] if _has(self.tables.get(column.table), column.name) else []
        else:
            owners = [alias for alias, table in self.tables.items() if _has(table, column.name)]
        table = self.tables[owners[0]] if len(owners) == 1 else None
        return (*key_of(table), column.name) if table is not None else None

    def used_columns(self) -> list[exp.Column] | None:
        """The columns used outside the equations; None where a subquery reads one of these tables."""
        inside = {id(column) for pair in self.equations for column in pair}
        found = []
        for column in self.select.find_all(exp.Column):
            own = column.find_ancestor(exp.Select) is self.select
            if not own and column.table in self.tables:
                return None
            if own and id(column) not in inside and not self._is_output(column):
                found.append(column)
        return found

    def _is_output(self, column: exp.Column) -> bool:
        place = column.find_ancestor(exp.Order, exp.Group, exp.Having, exp.Select)
        named = {projection.alias for projection in self.select.selects if projection.alias}
        return not column.table and column.name in named and not isinstance(place, exp.Select)


@dataclass(frozen=True)
class _Plan:
    """What a rebuilt FROM clause looks like."""

    root: TableKey
    order: tuple[tuple[TableKey, TableKey, Link], ...]
    """(table already there, table joined to it, by which key)."""

    @property
    def tables(self) -> tuple[TableKey, ...]:
        return (self.root, *(joined for _, joined, _ in self.order))


def _rebuilt(joins: _Joins, request: str, schema: DatabaseSchema, graph: JoinGraph) -> list[str]:
    owners = _owners(joins, schema, graph)
    if owners is None:
        return []
    used = {key: None for _, key, _ in owners}
    names = [table.name for table in schema.tables]
    mentioned = {
        key_of(table): None
        for table in joins.tables.values()
        if table and speaks_of_table(request, table.name, names)
    }
    required = [*dict.fromkeys([*used, *mentioned])] or [key_of(t) for t in joins.tables.values() if t][:1]
    named = {key for pair in joins.equations for column in pair if (key := joins.stored(column))}
    liked = [key_of(t) for t in schema.tables if speaks_of(request, t.name)]
    liked += [key_of(t) for t in joins.tables.values() if t is not None]
    links = graph.connect(required, liked, named)
    if links is None:
        return []
    plan = _plan(joins, required, links)
    aliases = _aliases(joins, plan)
    if not joins.filters.keys() <= {aliases[key] for key in plan.tables[1:]}:
        return []  # a condition would be lost
    for column, owner, name in owners:
        column.set("this", identifier(name))
        column.set("table", identifier(aliases[owner]))
    _write(joins, plan, aliases, schema)
    names = [name for _, name in plan.tables]
    said = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return [f"joined {said} by their keys" if len(names) > 1 else f"read {said} alone"]


Owner = tuple[exp.Column, TableKey, str]
"""A column of the query, the table it belongs to and its name there."""


def _owners(joins: _Joins, schema: DatabaseSchema, graph: JoinGraph) -> list[Owner] | None:
    """Where every used column belongs; None where that is open for one of them."""
    columns = joins.used_columns()
    if columns is None or joins.select.is_star:
        return None
    owners = []
    for column in columns:
        found = next(filter(None, _possible_owners(column, joins, schema, graph)), None)
        if found is None:
            return None
        owners.append((column, *found))
    return owners


def _possible_owners(
    column: exp.Column, joins: _Joins, schema: DatabaseSchema, graph: JoinGraph
) -> Iterator[tuple[TableKey, str] | None]:
    """The best guess first."""
    name, here = column.name, [table for table in joins.tables.values() if table is not None]
    own = joins.tables.get(column.table)
    yield _one([own] if own else [], name, graph)
    yield _same_thing(own, name, schema, graph) if own else None
    yield _one(here, name, graph)
    for tables in ([own] if own else [], here):
        meant = [(t, n) for t in tables if (n := prefixed_name(name, [c.name for c in t.columns]))]
        meant += [(t, n) for t in tables if (n := nearest_name(name, (c.name for c in t.columns)))]
        found = dict.fromkeys((key_of(table), written) for table, written in meant)
        yield next(iter(found)) if len(found) == 1 else None
    yield _one(list(schema.tables), name, graph)


def _same_thing(
    own: Table, name: str, schema: DatabaseSchema, graph: JoinGraph
) -> tuple[TableKey, str] | None:
    """The table's own column for the thing whose key is called ``name`` elsewhere, where there is one."""
    meant = {graph.referent((*key_of(t), name)) for t in schema.tables if _has(t, name)}
    referent = meant.pop() if len(meant) == 1 else None
    if referent is None:
        return None
    same = [c.name for c in own.columns if graph.referent((*key_of(own), c.name)) == referent]
    return (key_of(own), same[0]) if len(same) == 1 else None


def _one(tables: list[Table], name: str, graph: JoinGraph) -> tuple[TableKey, str] | None:
    """The one of the tables that has the column, or of several with the same key the one it is the key of."""
    having = [key_of(table) for table in tables if _has(table, name)]
    if len(having) > 1:
        meant = {graph.referent((*key, name)) for key in having}
        referent = meant.pop() if len(meant) == 1 else None
        having = [key for key in having if referent == (*key, name)]
    return (having[0], name) if len(having) == 1 else None


def _plan(joins: _Joins, required: list[TableKey], links: tuple[Link, ...]) -> _Plan:
    """The joins, each behind a table it joins to, from the query's first table if that stays."""
    reached = {end for link in links for end in (link.child, link.parent)} or set(required)
    first = joins.tables[next(iter(joins.tables))]
    root = key_of(first) if first is not None and key_of(first) in reached else required[0]
    joined, order, open_links = [root], [], list(links)
    while open_links:
        link = next(one for one in open_links if one.child in joined or one.parent in joined)
        open_links.remove(link)
        here = link.child if link.child in joined else link.parent
        if link.other(here) not in joined:
            order.append((here, link.other(here), link))
            joined.append(link.other(here))
    return _Plan(root, tuple(order))


def _aliases(joins: _Joins, plan: _Plan) -> dict[TableKey, str]:
    """The query's own aliases, and a free one for each table that comes in."""
    aliases = {key_of(table): alias for alias, table in joins.tables.items() if table is not None}
    for key in plan.tables:
        alias, number = key[1], 2
        while key not in aliases and (alias in joins.tables or alias in aliases.values()):
            alias, number = f"{key[1]}_{number}", number + 1
        aliases.setdefault(key, alias)
    return aliases


def _write(joins: _Joins, plan: _Plan, aliases: dict[TableKey, str], schema: DatabaseSchema) -> None:
    """Put the new FROM clause into the SELECT."""
    below = _left_joined(joins, plan, aliases)
    written = []
    for here, there, link in plan.order:
        conditions: list[exp.Expr] = [
            exp.EQ(this=column_of(aliases[here], ours), expression=column_of(aliases[there], theirs))
            for ours, theirs in link.pairs_from(here)
        ]
        conditions += [part.copy() for part in joins.filters.get(aliases[there], ())]
        source = _source(there, aliases[there], schema)
        written.append(
            exp.Join(this=source, on=exp.and_(*conditions), side="LEFT" if there in below else None)
        )
    joins.select.set("from_", exp.From(this=_source(plan.root, aliases[plan.root], schema)))
    joins.select.set("joins", written)


def _left_joined(joins: _Joins, plan: _Plan, aliases: dict[TableKey, str]) -> set[TableKey]:
    """Tables that are joined LEFT: those that were, all behind them, and what only leads there."""
    left: set[TableKey] = set()
    for here, there, _ in plan.order:
        if joins.sides.get(aliases[there]) == "LEFT" or here in left:
            left.add(there)
    for here, there, _ in reversed(plan.order):
        if there in left and here != plan.root and aliases[here] not in joins.tables:
            left.add(here)
    return left


def _source(key: TableKey, alias: str, schema: DatabaseSchema) -> exp.Table:
    source = exp.Table(this=identifier(key[1]))
    if key[0] != schema.default_schema:
        source.set("db", identifier(key[0]))
    if alias != key[1]:
        source.set("alias", exp.TableAlias(this=identifier(alias)))
    return source


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.this)
        yield from _conjuncts(condition.expression)
    elif isinstance(condition, exp.Paren):
        yield from _conjuncts(condition.this)
    else:
        yield condition


def _is_plain_table(source: exp.Expr) -> bool:
    return (
        isinstance(source, exp.Table)
        and isinstance(source.this, exp.Identifier)
        and not source.args.get("joins")
    )


def _reads_with_query(sources: list[exp.Table]) -> bool:
    """Whether one of the names is that of a WITH query, which has no keys."""
    around = sources[0].parent
    named: set[str] = set()
    while around is not None:
        named |= {cte.alias_or_name for cte in getattr(around, "ctes", ())}
        around = around.parent
    return any(source.name in named and not source.db for source in sources)


def _has(table: Table | None, name: str) -> bool:
    return table is not None and any(column.name == name for column in table.columns)
