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

    @property
    def place(self) -> str:
        """``properties.city``"""
        return f"{self.table.name}.{self.column.name}"


@dataclass
class ValueCheck:
    """What was mended, and what the user should know."""

    repairs: list[str]
    warnings: list[str]


def mend_values(tree: exp.Expr, schema: DatabaseSchema, lookup: Lookup) -> ValueCheck:
    """Write texts in ``tree`` as they are stored, in place. Raises DatabaseError."""
    check = ValueCheck([], [])
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
    check.warnings.append(_not_there(comparison, texts, lookup))


def _taken_instead(comparison: Comparison, written: str, match: Match) -> str:
    return f"There is no '{written}' in {comparison.place}; the answer takes '{match.text}' instead."


def _not_there(comparison: Comparison, texts: list[str], lookup: Lookup) -> str:
    said = f"There is no '{comparison.text}' in {comparison.place}"
    others = _holding(comparison, lookup)
    if len(others) == 1:
        return f"{said}; it stands in {comparison.table.name}.{others[0]}."
    near = nearest_texts(comparison.text, texts)
    if not near:
        return f"{said}."
    listed = ", ".join(f"'{text}'" for text in near)
    return f"{said}; the nearest there: {listed}."


def _holding(comparison: Comparison, lookup: Lookup) -> list[str]:
    """The other text columns of the table that hold the text."""
    others = [c for c in comparison.table.columns if is_text(c) and c != comparison.column][:_OTHER_COLUMNS]
    table = comparison.table
    return [
        column.name
        for column in others
        if lookup.holds(
            TextColumn(table.schema_name, table.name, column.name, "lower"), comparison.text.lower()
        )
    ]


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
            yield Comparison(other, _in_form(literal.name, own_form), table, stored, sought)


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
