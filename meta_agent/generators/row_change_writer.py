"""Has the model write one statement that changes rows, where the user allows that.

Nothing is guessed here that would change other rows: names are mended where one is meant, and
PostgreSQL plans the statement without running it. A person sees it before it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from meta_agent.contracts import DatabaseSchema
from meta_agent.errors import NoAnswer
from meta_agent.generators.code_cleaner import sql_code
from meta_agent.generators.definitions import definition_lines
from meta_agent.generators.query_mender import Explain, Rejected, sentence
from meta_agent.generators.sql_names import mend_names
from meta_agent.generators.sql_parsing import DIALECT, catalogue_table, identifier, to_sql
from meta_agent.generators.sql_similar import nearest_name
from meta_agent.glossary import Glossary
from meta_agent.rendering import render

if TYPE_CHECKING:
    from meta_agent.utils.llm_client import Conversation

_ATTEMPTS = 3
_TOKENS = 600


@dataclass(frozen=True)
class WrittenChange:
    """A statement that PostgreSQL would run."""

    sql: str
    repairs: tuple[str, ...]
    """What was mended, one line each."""


class RowChangeWriter:
    """Asks for a statement, and for a better one where PostgreSQL would refuse it."""

    def __init__(
        self,
        conversation: Conversation,
        schema: DatabaseSchema,
        explain: Explain,
        may_change: Callable[[str], bool],
    ) -> None:
        """``explain`` plans a statement that changes rows; ``may_change`` says which may be asked about."""
        self._conversation = conversation
        self._schema = schema
        self._explain = explain
        self._may_change = may_change

    def write(self, request: str, glossary: Glossary) -> WrittenChange | None:
        """The statement; None where the request changes nothing. Raises ModelError, NoAnswer."""
        definitions = definition_lines(glossary.mentioned_in(request), self._schema, request)
        prompt = render("prompts/write_change.md.j2", request=request, definitions=definitions)
        problem = ""
        for _ in range(_ATTEMPTS):
            reply = self._conversation.ask_text(prompt, max_tokens=_TOKENS, stop=("```\n", "```\r\n"))
            try:
                tree = _parsed(sql_code(reply))
                return None if isinstance(tree, exp.Query) else self._sound(tree)
            except Rejected as rejected:
                problem = rejected.problem
            prompt = render("prompts/repair_query.md.j2", problem=problem, tables="")
        raise NoAnswer(
            "No statement that your database accepts could be written; the last problem:"
            f" {sentence(problem)}",
            "Name the table, the columns and the rows you mean.",
        )

    def _sound(self, tree: exp.Expr) -> WrittenChange:
        """A statement that would run. Raises Rejected."""
        repairs: list[str] = []
        if self._explain(to_sql(tree)) is not None:
            names = mend_names(tree, self._schema)
            if names.problems:
                raise Rejected(" ".join(names.problems))
            repairs = [*names.repairs, *_mend_columns(tree, self._schema)]
        sql = to_sql(tree)
        refusal = self._explain(sql)
        if refusal is not None:
            raise Rejected(f"PostgreSQL says: {sentence(refusal)}")
        if not self._may_change(sql):
            raise Rejected("Only one plain INSERT, UPDATE or DELETE on one table is possible.")
        return WrittenChange(sql, tuple(repairs))


def _parsed(sql: str) -> exp.Expr:
    """Exactly one statement, of a kind that reads or changes rows. Raises Rejected."""
    try:
        trees = [tree for tree in sqlglot.parse(sql, dialect=DIALECT) if tree is not None]
    except (SqlglotError, RecursionError) as error:
        raise Rejected("The SQL does not parse.") from error
    if len(trees) != 1:
        raise Rejected("Write exactly one statement.")
    if not isinstance(trees[0], exp.Query | exp.Insert | exp.Update | exp.Delete):
        raise Rejected("Only an INSERT, UPDATE or DELETE is possible.")
    return normalize_identifiers(trees[0], dialect=DIALECT)


def _mend_columns(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Write misspelt columns outside of subqueries as the tables concerned have them."""
    tables = [catalogue_table(table, schema) for table in tree.find_all(exp.Table)]
    known = {column.name for table in tables if table for column in table.columns}
    repairs = []
    for name in _column_names(tree):
        meant = None if name.name in known else nearest_name(name.name, known)
        if meant is not None:
            repairs.append(f"column {name.name} is {meant}")
            name.replace(identifier(meant))
    return list(dict.fromkeys(repairs))


def _column_names(tree: exp.Expr) -> Iterator[exp.Identifier]:
    target = tree.this
    if isinstance(tree, exp.Insert) and isinstance(target, exp.Schema):
        yield from (name for name in target.expressions if isinstance(name, exp.Identifier))
    for column in list(tree.find_all(exp.Column)):
        if column.find_ancestor(exp.Select) is None and isinstance(column.this, exp.Identifier):
            yield column.this
