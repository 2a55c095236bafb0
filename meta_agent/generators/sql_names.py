"""Holds the names in a query against the catalogue, and mends those it can.

Most queries of small models that do not run have a right idea and a wrong name: a
column under the wrong alias, a column of a neighbouring table that was not joined,
a misspelt table. Such a query is mended here, from the catalogue and its keys,
without asking the model again. Only what has one meaning is mended; what stays
unresolved is reported in words. Trees come from ``sql_parsing``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.generators.metric_formulas import Formulas
from meta_agent.generators.sql_columns import ScopeNames
from meta_agent.generators.sql_parsing import catalogue_table, identifier
from meta_agent.generators.sql_similar import nearest_name


@dataclass
class NameCheck:
    """What was mended in a query and what could not be."""

    repairs: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    """Tables that the problems are about."""


def mend_names(
    tree: exp.Expr, schema: DatabaseSchema, formulas: Formulas = MappingProxyType({})
) -> NameCheck:
    """Resolve every name of ``tree`` against ``schema``, changing ``tree`` where a repair is clear.

    ``formulas``: metrics that may be written as if they were columns.
    """
    check = NameCheck()
    _part_aliases(tree, schema, check)
    _mend_tables(tree, schema, check)
    if check.problems:
        return check
    for scope in traverse_scope(tree):
        names = ScopeNames(scope, schema, formulas)
        names.mend()
        check.repairs += names.repairs
        check.problems += names.problems
        check.tables += [table for table in names.concerned if table not in check.tables]
    return check


def _part_aliases(tree: exp.Expr, schema: DatabaseSchema, check: NameCheck) -> None:
    """Two tables of a SELECT with one alias: the second goes by its own name, as do its columns."""
    for select in tree.find_all(exp.Select):
        first = [select.args["from_"].this] if select.args.get("from_") is not None else []
        sources = [*first, *(join.this for join in select.args.get("joins") or ())]
        seen: dict[str, exp.Expr] = {}
        for source in sources:
            if source.alias_or_name not in seen:
                seen[source.alias_or_name] = source
            elif isinstance(source, exp.Table) and source.alias and source.name not in seen:
                earlier, shared = seen[source.alias], source.alias
                source.set("alias", None)
                seen[source.name] = source
                _give_columns(select, shared, earlier, source, schema)
                check.repairs.append(f"{source.name} and {earlier.name} had the same alias")


def _give_columns(
    select: exp.Select, shared: str, earlier: exp.Expr, later: exp.Table, schema: DatabaseSchema
) -> None:
    owner = catalogue_table(earlier, schema) if isinstance(earlier, exp.Table) else None
    own, theirs = _names_of(catalogue_table(later, schema)), _names_of(owner)

    def is_of_later(column: exp.Column) -> bool:
        inside = column.find_ancestor(exp.Join)
        if column.name in own ^ theirs:
            return column.name in own
        if inside is None or inside.this is not later:
            return False
        around = column.parent if isinstance(column.parent, exp.EQ) else None
        if around is None or around.this is not column or not _is_of(around.expression, shared):
            return True
        return around.expression.name in theirs - own  # of x.id = x.id only the right one is of the later

    of_later = [c for c in select.find_all(exp.Column) if _is_of(c, shared) and is_of_later(c)]
    for column in of_later:
        column.set("table", identifier(later.name))


def _is_of(node: exp.Expr, alias: str) -> bool:
    return isinstance(node, exp.Column) and node.table == alias


def _names_of(table: Table | None) -> set[str]:
    return {column.name for column in table.columns} if table is not None else set()


def _mend_tables(tree: exp.Expr, schema: DatabaseSchema, check: NameCheck) -> None:
    ctes = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    for source in list(tree.find_all(exp.Table)):
        if not isinstance(source.this, exp.Identifier) or (not source.db and source.name in ctes):
            continue
        if catalogue_table(source, schema) is None:
            _mend_table(source, schema, check)


def _mend_table(source: exp.Table, schema: DatabaseSchema, check: NameCheck) -> None:
    written = source.name
    if _take_out_invented(source, schema, check):
        return
    found = [t for t in schema.tables if t.name.lower() == written.lower()]
    if not found:
        near = nearest_name(written, (t.name for t in schema.tables))
        found = [t for t in schema.tables if t.name == near]
    if len(found) != 1:
        check.problems.append(_no_table(written, found or list(schema.tables)))
        return
    table, alias = found[0], source.alias or written
    source.set("this", identifier(table.name))
    source.set("db", None if table.schema_name == schema.default_schema else identifier(table.schema_name))
    source.set("catalog", None)
    if not source.alias and alias != table.name:
        source.set("alias", exp.TableAlias(this=identifier(alias)))
    check.repairs.append(f"table {written} is {table.schema_name}.{table.name}")


def _take_out_invented(source: exp.Table, schema: DatabaseSchema, check: NameCheck) -> bool:
    """Drop a join to a table that does not exist, where another table read there has all it was used for."""
    join, select, alias = source.parent, source.find_ancestor(exp.Select), source.alias_or_name
    if not isinstance(join, exp.Join) or select is None or join not in (select.args.get("joins") or ()):
        return False
    if _is_known_name(source.name, schema):
        return False
    inside = {id(column) for column in join.find_all(exp.Column)}
    used = [c for c in select.find_all(exp.Column) if c.table == alias and id(c) not in inside]
    names = {column.name for column in used}
    first = [select.args["from_"].this] if select.args.get("from_") is not None else []
    others = [s for s in (*first, *(j.this for j in select.args["joins"])) if isinstance(s, exp.Table)]
    owners = [
        other
        for other in others
        if (table := catalogue_table(other, schema)) and names <= {column.name for column in table.columns}
    ]
    if not names or len(owners) != 1:
        return False
    for column in used:
        column.set("table", identifier(owners[0].alias_or_name))
    select.args["joins"].remove(join)
    check.repairs.append(
        f"left out {source.name}, which does not exist: {owners[0].name} has what it was for"
    )
    return True


def _is_known_name(written: str, schema: DatabaseSchema) -> bool:
    names = [table.name for table in schema.tables]
    return written.lower() in map(str.lower, names) or nearest_name(written, names) is not None


def _no_table(written: str, candidates: list[Table]) -> str:
    names = ", ".join(sorted(f"{t.schema_name}.{t.name}" for t in candidates)[:40])
    if all(t.name.lower() == written.lower() for t in candidates):
        return f"The table {written} is in more than one schema: {names}. Say which."
    return f"There is no table {written}. The tables are: {names}."
