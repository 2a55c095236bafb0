"""Holds the texts a query compares with against the texts that are stored.

``city = 'tampa'`` runs and finds nothing where the city is written Tampa. A text that
occurs is never touched; one that is stored in another spelling is written as it is
stored; of any other the user is told. What is read here goes into the query and to the
user, never into a prompt: the model has had its last word on the query before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.databases.base import Form, Lookup, TextColumn, Values
from meta_agent.databases.names import is_harmless
from meta_agent.generators.sql_origin import origin_of
from meta_agent.generators.sql_parsing import catalogue_table, column_of
from meta_agent.generators.value_match import Match, meant_text, nearest_texts

MOST_LOOKUPS = 12
"""Texts of one query that are looked up; further ones are left alone."""
_OTHER_COLUMNS = 10
"""Text columns of the table in which a text is sought that its own column lacks."""
_TEXT_TYPE = re.compile(r"(text|citext|name|character varying|varchar|character|char|bpchar)\b(?!.*\[\])")


@dataclass(frozen=True)
class Comparison:
    """A stored text column that is compared with a text."""

    written: exp.Expr
    """The side of the comparison that holds the text."""
    text: str
    """What is looked for, in the form in which it is compared."""
    table: Table
    column: Column
    sought: TextColumn
    compared: exp.Column
    """The column as it is written."""
    beside: tuple[tuple[str, Table], ...]
    """The other tables read there, with their aliases."""

    @property
    def is_required(self) -> bool:
        """Whether no row is left where the text does not occur."""
        condition = self.written.parent
        is_one_of = isinstance(condition, exp.In) and len(condition.expressions) > 1
        if is_one_of or isinstance(condition, exp.NEQ):
            return False
        around = condition.parent if condition is not None else None
        while isinstance(around, exp.And | exp.Paren):
            around = around.parent
        return isinstance(around, exp.Where)

    @property
    def place(self) -> str:
        """``properties.city``"""
        return f"{self.table.name}.{self.column.name}"


@dataclass
class ValueCheck:
    """What was mended, and what the user should know."""

    repairs: list[str]
    warnings: list[str]
    absent: list[str]
    """Of the warnings those of a text that a condition needs and no row has: the answer would be empty."""


def mend_values(tree: exp.Expr, schema: DatabaseSchema, lookup: Lookup) -> ValueCheck:
    """Write texts in ``tree`` as they are stored, in place. Raises DatabaseError."""
    check = ValueCheck([], [], [])
    for comparison in list(text_comparisons(tree, schema))[:MOST_LOOKUPS]:
        occurs = lookup.holds(comparison.sought, comparison.text)
        stored = None if occurs is not False else lookup.values(comparison.sought, comparison.text)
        if occurs is None or (occurs is False and stored is None):
            break  # a database that is slow is not asked again
        if stored is not None:
            _mend(comparison, stored, lookup, check)
    return check


def _mend(comparison: Comparison, stored: Values, lookup: Lookup, check: ValueCheck) -> None:
    written, texts = comparison.text, [text for text in stored.texts if _is_presentable(text)]
    match = meant_text(written, texts)
    if match is not None and (match.kind == "same" or stored.is_complete):
        comparison.written.replace(exp.Literal.string(match.text))
        check.repairs.append(f"'{written}' is written '{match.text}' in {comparison.place}")
        if match.kind == "near":
            check.warnings.append(_taken_instead(comparison, written, match))
        return
    if _move(comparison, lookup, check):
        return
    check.warnings.append(_not_there(comparison, texts))
    if comparison.is_required:
        check.absent.append(check.warnings[-1])


def _move(comparison: Comparison, lookup: Lookup, check: ValueCheck) -> bool:
    """Compare the one other column that has the text, where the written one lacks it."""
    places = list(_holding(comparison, lookup))
    if len(places) != 1 or not comparison.is_required:
        return False
    (alias, table, column), written = places[0], comparison.place
    stored = lookup.values(TextColumn(table.schema_name, table.name, column.name), comparison.text)
    match = meant_text(comparison.text, list(filter(_is_presentable, stored.texts))) if stored else None
    if match is None or match.kind != "same":
        return False
    comparison.compared.replace(column_of(alias, column.name))
    comparison.written.replace(exp.Literal.string(match.text))
    check.repairs.append(f"'{comparison.text}' stands in {table.name}.{column.name}, not in {written}")
    return True


def _taken_instead(comparison: Comparison, written: str, match: Match) -> str:
    return f"There is no '{written}' in {comparison.place}; the answer takes '{match.text}' instead."


def _not_there(comparison: Comparison, texts: list[str]) -> str:
    said = f"There is no '{comparison.text}' in {comparison.place}"
    near = nearest_texts(comparison.text, texts)
    if not near:
        return f"{said}."
    listed = ", ".join(f"'{text}'" for text in near)
    return f"{said}; the nearest there: {listed}."


def _holding(comparison: Comparison, lookup: Lookup) -> Iterator[tuple[str, Table, Column]]:
    """The other text columns of the tables read there that hold the text."""
    others = [
        (alias, table, column)
        for alias, table in comparison.beside
        for column in table.columns
        if is_text(column) and (table, column) != (comparison.table, comparison.column)
    ]
    for alias, table, column in others[:_OTHER_COLUMNS]:
        place = TextColumn(table.schema_name, table.name, column.name, "lower")
        if lookup.holds(place, comparison.text.lower()):
            yield alias, table, column


def is_text(column: Column) -> bool:
    """Whether a column holds texts."""
    return _TEXT_TYPE.match(column.type) is not None


def _is_presentable(text: str) -> bool:
    """Whether a stored text may stand in a query and on the terminal: no hidden characters, no backslash."""
    return "\\" not in text and all(map(is_harmless, text))


# --- what is compared ---------------------------------------------------------------------


def text_comparisons(tree: exp.Expr, schema: DatabaseSchema) -> Iterator[Comparison]:
    """Every comparison of a stored text column with a text, by ``=``, ``<>``, ``IN`` and plain ``LIKE``."""
    try:
        scopes = traverse_scope(tree)
    except SqlglotError:
        return
    for scope in scopes:
        for node in scope.find_all(exp.EQ, exp.NEQ, exp.In, exp.Like, exp.ILike):
            if node.find_ancestor(exp.Select) is scope.expression:
                yield from _compared(node, scope, schema)


def _compared(node: exp.Expr, scope: Scope, schema: DatabaseSchema) -> Iterator[Comparison]:
    for side, other in _sides(node):
        column, form = _bare(side)
        literal, own_form = _bare(other)
        if not isinstance(column, exp.Column) or not _is_sought(literal, node):
            continue
        if isinstance(node, exp.ILike):
            form = own_form = "lower"
        origin = origin_of(column, scope, schema)
        if origin is not None and is_text(origin[1]):
            table, stored = origin
            sought = TextColumn(table.schema_name, table.name, stored.name, form)
            text = _in_form(literal.name, own_form)
            beside = _tables_beside(column, scope, schema)
            yield Comparison(other, text, table, stored, sought, column, beside)


def _tables_beside(column: exp.Column, scope: Scope, schema: DatabaseSchema) -> tuple[tuple[str, Table], ...]:
    """The compared column's table and the others of the same SELECT, by alias."""
    read = {alias: source for alias, (_, source) in scope.selected_sources.items()}
    known = {
        alias: table
        for alias, source in read.items()
        if isinstance(source, exp.Table) and (table := catalogue_table(source, schema)) is not None
    }
    own = [alias for alias in known if alias == column.table or len(known) == 1]
    return tuple((alias, known[alias]) for alias in sorted(known, key=lambda alias: alias not in own))


def _sides(node: exp.Expr) -> list[tuple[exp.Expr, exp.Expr]]:
    if isinstance(node, exp.In):
        return [(node.this, text) for text in node.expressions]
    pairs = [(node.this, node.expression)]
    return [*pairs, pairs[0][::-1]] if isinstance(node, exp.EQ | exp.NEQ) else pairs


def _bare(node: exp.Expr) -> tuple[exp.Expr, Form]:
    """What stands in ``LOWER(...)`` or ``UPPER(...)``, and which of them."""
    bare = node.unnest()
    if isinstance(bare, exp.Lower):
        return bare.this.unnest(), "lower"
    if isinstance(bare, exp.Upper):
        return bare.this.unnest(), "upper"
    return bare, ""


def _is_sought(literal: exp.Expr, node: exp.Expr) -> bool:
    if not isinstance(literal, exp.Literal) or not literal.is_string or not literal.name.strip():
        return False
    return not isinstance(node, exp.Like | exp.ILike) or not set(literal.name) & set("%_\\")


def _in_form(text: str, form: Form) -> str:
    return {"": text, "lower": text.lower(), "upper": text.upper()}[form]
