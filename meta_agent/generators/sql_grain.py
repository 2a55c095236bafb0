"""Lets every figure count each of its rows once, whatever it is joined with.

A property has one net operating income and two loans: joined, the income stands there
twice, and its sum is wrong without any error. The keys tell which table's rows a join
repeats; what is repeated is taken once, or the other table is summed up before the join.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.generators.report_shape import tables_of
from meta_agent.generators.sql_joins import column_named, is_unique, owner_of, repeats_rows_of
from meta_agent.generators.sql_parsing import column_of, identifier, to_sql
from meta_agent.glossary import Glossary
from meta_agent.mentions import speaks_of, speaks_of_table

_NOUN = r"(?P<what>[a-z]+(?:\s+[a-z]+)?)"
_EACH = re.compile(
    r"\b(?:each|every|per|by|any|all|which(?:\s+\w+)?(?:\s+of)?|of)\s+(?:the\s+|our\s+|my\s+)?" + _NOUN,
    re.IGNORECASE,
)
"""``per property``, ``which three of our properties``."""
_ADDED = (exp.Sum, exp.Count)


def take_once(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Where a group has one row of a table, a sum of its column is that one value, in place."""
    repairs = []
    for select in list(tree.find_all(exp.Select)):
        tables = tables_of(select, schema)
        group = select.args.get("group")
        if tables is None or group is None or group.find(exp.Rollup, exp.Cube, exp.GroupingSets):
            continue
        single = _single_in_groups(group, select, tables, schema)
        for total in list(select.find_all(exp.Sum)):
            owner = _owner_of_all(total, tables)
            is_repeated = owner is not None and repeats_rows_of({owner}, tables, select, schema)
            if owner in single and is_repeated and total.find(exp.Distinct) is None:
                repairs.append(
                    f"{to_sql(total.this)} is taken once in each group, not once for each joined row"
                )
                total.replace(exp.Max(this=total.this.copy()))
    return list(dict.fromkeys(repairs))


def _single_in_groups(
    group: exp.Group, select: exp.Select, tables: dict[str, Table], schema: DatabaseSchema
) -> set[str]:
    """Aliases of the tables of which every group has one row."""
    columns = [column for column in group.expressions if isinstance(column, exp.Column)]
    for alias, table in tables.items():
        grouped = {column.name for column in columns if owner_of(column, tables) == alias}
        if is_unique(table, grouped, schema):
            return set(tables) - set(repeats_rows_of({alias}, tables, select, schema))
    return set()


def sum_before_join(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Sum up a table in a subquery before its join repeats the rows that other sums are over, in place."""
    repairs = []
    for select in list(tree.find_all(exp.Select)):
        tables = tables_of(select, schema)
        many = _one_that_repeats(select, tables, schema) if tables else None
        if tables is None or many is None:
            continue
        is_first = select.args["from_"].this.alias_or_name == many
        if is_first and not _change_places(select):
            continue
        join = next(
            (join for join in select.args.get("joins") or () if join.this.alias_or_name == many), None
        )
        keys = _join_columns(join, many) if join is not None else None
        totals = _totals_of(select, many, tables)
        if join is not None and keys and totals:
            _replace_by_sums(join, keys, totals, many)
            repairs.append(f"{tables[many].name} is summed up before the join, which would repeat other rows")
        elif is_first:
            _change_places(select)
    return repairs


def _change_places(select: exp.Select) -> bool:
    """Let the first two tables of an inner join change places, which leaves its rows; whether they could."""
    joins, first = select.args.get("joins") or [], select.args["from_"].this
    if not joins or joins[0].side or joins[0].args.get("on") is None or select.is_star:
        return False
    second = joins[0].this
    select.args["from_"].set("this", second.copy())
    joins[0].set("this", first.copy())
    return True


def _one_that_repeats(select: exp.Select, tables: dict[str, Table], schema: DatabaseSchema) -> str | None:
    """The one table that repeats rows which a sum of another table's column is over."""
    repeating: set[str] = set()
    for total in select.find_all(exp.Sum, exp.Avg):
        owner = _owner_of_all(total, tables)
        if owner is not None and total.find_ancestor(exp.Select) is select:
            repeating |= set(repeats_rows_of({owner}, tables, select, schema))
    known = {alias for alias in repeating if is_unique(tables[alias], _names(tables[alias]), schema)}
    return next(iter(known)) if len(repeating) == len(known) == 1 else None


def _names(table: Table) -> set[str]:
    return {column.name for column in table.columns}


def _join_columns(join: exp.Join, alias: str) -> list[str] | None:
    """The table's own columns that a plain equality join uses; None where it is any other join."""
    condition = join.args.get("on")
    if condition is None or join.side not in ("", "LEFT"):
        return None
    parts = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
    names = []
    for part in parts:
        sides = (part.this, part.expression) if isinstance(part, exp.EQ) else ()
        own = [side.name for side in sides if isinstance(side, exp.Column) and side.table == alias]
        if len(own) != 1 or not all(isinstance(side, exp.Column) for side in sides):
            return None
        names += own
    return names


def _totals_of(select: exp.Select, alias: str, tables: dict[str, Table]) -> list[exp.AggFunc] | None:
    """The sums and counts over the table, if nothing else uses it; None where something does."""
    totals, inside = [], set()
    for node in select.find_all(*_ADDED):
        if _owner_of_all(node, tables) == alias:
            if node.find(exp.Distinct) is not None or node.find_ancestor(exp.Filter, exp.Window):
                return None
            totals.append(node)
            inside |= {id(column) for column in node.find_all(exp.Column)}
    joined = {
        id(c) for j in select.args["joins"] if j.this.alias_or_name == alias for c in j.find_all(exp.Column)
    }
    counts_rows = any(isinstance(node.this, exp.Star) for node in select.find_all(exp.Count))
    others = [
        column
        for column in select.find_all(exp.Column)
        if owner_of(column, tables) == alias and id(column) not in inside | joined
    ]
    return None if others or counts_rows else totals


def _replace_by_sums(join: exp.Join, keys: list[str], totals: list[exp.AggFunc], alias: str) -> None:
    inner = exp.select(*(column_of(alias, name) for name in keys)).from_(join.this.copy())
    for number, total in enumerate(totals, start=1):
        name = f"total_{number}"
        inner = inner.select(exp.alias_(total.copy(), name), copy=False)
        total.replace(exp.Sum(this=column_of(alias, name)))
    inner.group_by(*(column_of(alias, name) for name in keys), copy=False)
    join.set("this", exp.Subquery(this=inner, alias=exp.TableAlias(this=identifier(alias))))


def sum_for_each(tree: exp.Expr, request: str, schema: DatabaseSchema, glossary: Glossary) -> list[str]:
    """Sum up the rows that a list has for each thing asked for, in place.

    A ratio "for each property" over its loans is one figure a property. Only where the request names
    the thing and not the table whose rows are many, and where what is added adds up.
    """
    if (
        not isinstance(tree, exp.Select)
        or tree.args.get("group")
        or tree.args.get("distinct")
        or tree.is_star
    ):
        return []
    tables = tables_of(tree, schema)
    if tables is None or tree.find(exp.AggFunc, exp.Window) is not None:
        return []
    for alias in _things(request, tables, schema):
        many = repeats_rows_of({alias}, tables, tree, schema)
        if len(many) == 1 and not speaks_of(request, tables[many[0]].name):
            return _summed(tree, many[0], tables, glossary)
    return []


def _things(request: str, tables: dict[str, Table], schema: DatabaseSchema) -> Iterator[str]:
    """Aliases of the tables of which the request wants something for each row."""
    names = [table.name for table in schema.tables]
    for match in _EACH.finditer(request):
        for alias, table in tables.items():
            if speaks_of_table(match["what"], table.name, names):
                yield alias


def _summed(tree: exp.Select, many: str, tables: dict[str, Table], glossary: Glossary) -> list[str]:
    used = [c for p in tree.selects for c in p.find_all(exp.Column) if owner_of(c, tables) == many]
    stored = [column_named(tables[many], column.name) for column in used]
    if not used or not all(column is not None and _may_be_added(column, glossary) for column in stored):
        return []
    if any(owner_of(c, tables) == many for c in _ordered_or_filtered(tree)):
        return []
    plain = [p.unalias() for p in tree.selects if not any(c in used for c in p.find_all(exp.Column))]
    beside = [
        column
        for p in tree.selects
        if any(c in used for c in p.find_all(exp.Column))
        for column in p.find_all(exp.Column)
        if column not in used
    ]
    tree.group_by(*(node.copy() for node in dict.fromkeys([*plain, *beside])), copy=False)
    for column in used:
        column.replace(exp.Sum(this=column.copy()))
    return [f"the rows of {tables[many].name} are summed up, one row each as asked"]


def _may_be_added(column: Column, glossary: Glossary) -> bool:
    return glossary.is_additive(column.name) and column.type.startswith(
        ("numeric", "integer", "bigint", "real", "double", "money", "decimal")
    )


def _ordered_or_filtered(tree: exp.Select) -> Iterator[exp.Column]:
    for part in ("where", "order"):
        if tree.args.get(part) is not None:
            yield from tree.args[part].find_all(exp.Column)


def _owner_of_all(node: exp.Expr, tables: dict[str, Table]) -> str | None:
    """The alias of the one table whose columns an expression is over."""
    owners = {owner_of(column, tables) for column in node.find_all(exp.Column)}
    return owners.pop() if len(owners) == 1 else None
