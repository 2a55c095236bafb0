"""Has the model write the query of a report, and lets no query through that PostgreSQL would refuse.

Each draft is parsed, its names are mended from the catalogue, its divisions made
safe, and the database's EXPLAIN has the last word. Only what is still wrong then
goes back to the model, with the reason and the tables concerned.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from meta_agent.contracts import DatabaseSchema, ExecutionPlan, Table
from meta_agent.errors import NoAnswer
from meta_agent.generators.code_cleaner import sql_code
from meta_agent.generators.definitions import definition_lines
from meta_agent.generators.sql_arithmetic import make_division_safe
from meta_agent.generators.sql_names import mend_names
from meta_agent.generators.sql_output import name_outputs_apart
from meta_agent.generators.sql_scenarios import take_out_change
from meta_agent.generators.unasked_filters import unasked_texts
from meta_agent.generators.unused_joins import drop_unused_joins
from meta_agent.glossary import Metric
from meta_agent.rendering import render

if TYPE_CHECKING:
    from meta_agent.utils.llm_client import Conversation

_ATTEMPTS = 3
_QUERY_TOKENS = 600
_YEAR = re.compile(r"\b(19|20)\d\d\b|\byears?\b|\byearly\b|\bannually\b", re.IGNORECASE)
_END_OF_BLOCK = ("```\n", "```\r\n")
Explain = Callable[[str], str | None]
"""None where PostgreSQL would run the query, else its message."""


@dataclass(frozen=True)
class WrittenQuery:
    """A query that PostgreSQL accepts."""

    title: str
    sql: str
    tree: exp.Query


@dataclass(frozen=True)
class WrittenQueries:
    """The queries of a report and what was mended in them."""

    queries: tuple[WrittenQuery, ...]
    repairs: tuple[str, ...]


class _Rejected(Exception):
    """A draft that has to be written again."""

    def __init__(self, problem: str, tables: tuple[Table, ...] = ()) -> None:
        super().__init__(problem)
        self.problem = problem
        self.tables = tables


class QueryWriter:
    """Asks for queries until they are sound, at most three times."""

    def __init__(
        self,
        conversation: Conversation,
        schema: DatabaseSchema,
        explain: Explain,
        describe: Callable[[DatabaseSchema], str],
    ) -> None:
        self._conversation = conversation
        self._schema = schema
        self._explain = explain
        self._describe = describe

    def write(
        self, request: str, plan: ExecutionPlan, definitions: tuple[Metric, ...], problem: str | None
    ) -> WrittenQueries:
        """The queries that answer a request.

        ``problem``: what was wrong with the query written before, if there was one.
        Raises ModelError, DatabaseError, and NoAnswer where no try gave a sound query.
        """
        prompt = (
            render("prompts/repair_query.md.j2", problem=problem, tables="")
            if problem
            else self._first_prompt(request, plan, definitions)
        )
        for attempt in range(_ATTEMPTS):
            reply = self._conversation.ask_text(
                prompt, max_tokens=_QUERY_TOKENS, stop=_END_OF_BLOCK, cut_ok=True
            )
            try:
                written = self._checked(reply, request, plan)
                if attempt == 0:
                    self._question_filters(written, request)
                return written
            except _Rejected as rejected:
                problem = rejected.problem
                prompt = render(
                    "prompts/repair_query.md.j2", problem=problem, tables=self._described(rejected.tables)
                )
        raise NoAnswer(
            f"No query that your database accepts could be written; the last problem: {_sentence(problem)}",
            "Name the tables or columns you mean, or ask in smaller steps.",
        )

    def _first_prompt(self, request: str, plan: ExecutionPlan, definitions: tuple[Metric, ...]) -> str:
        return render(
            "prompts/write_query.md.j2",
            request=request,
            definitions=definition_lines(definitions, self._schema),
            simulation=plan.simulation_config is not None,
            by_year=_YEAR.search(request) is not None,
        )

    def _described(self, tables: tuple[Table, ...]) -> str:
        if not tables:
            return ""
        return self._describe(self._schema.model_copy(update={"tables": tables}))

    def _question_filters(self, written: WrittenQueries, request: str) -> None:
        """Send a first draft back that filters by a text from nowhere; a second one may know better than we do."""
        for query in written.queries:
            texts = unasked_texts(query.tree, request, self._schema)
            if texts:
                listed = ", ".join(f"'{text}'" for text in texts)
                raise _Rejected(f"The request does not speak of {listed}; leave that condition out.")

    def _checked(self, reply: str, request: str, plan: ExecutionPlan) -> WrittenQueries:
        queries, repairs = [], []
        for tree in _parse(sql_code(reply)):
            query, mended = self._checked_query(tree, request, plan)
            queries.append(query)
            repairs.extend(mended)
        return WrittenQueries(tuple(queries), tuple(repairs))

    def _checked_query(
        self, tree: exp.Query, request: str, plan: ExecutionPlan
    ) -> tuple[WrittenQuery, list[str]]:
        names = mend_names(tree, self._schema)
        if names.problems:
            raise _Rejected(" ".join(names.problems), tuple(names.tables))
        scenarios = plan.simulation_config.scenarios if plan.simulation_config else ()
        repairs = [
            *names.repairs,
            *take_out_change(tree, scenarios),
            *drop_unused_joins(tree, request),
            *make_division_safe(tree, self._schema),
            *name_outputs_apart(tree),
        ]
        sql = tree.sql(dialect="postgres", pretty=True)
        message = self._explain(sql)
        if message is not None:
            raise _Rejected(f"PostgreSQL says: {_sentence(message)}", self._tables_of(tree))
        return WrittenQuery(_title_of(tree) or plan.plan_name, sql, tree), repairs

    def _tables_of(self, tree: exp.Expression) -> tuple[Table, ...]:
        named = {source.name.lower() for source in tree.find_all(exp.Table)}
        return tuple(table for table in self._schema.tables if table.name.lower() in named)


def _parse(sql: str) -> list[exp.Query]:
    if not sql:
        raise _Rejected("There is no SQL in the answer.")
    try:
        trees = [tree for tree in sqlglot.parse(sql, dialect="postgres") if tree is not None]
    except SqlglotError as error:
        raise _Rejected(f"The SQL does not parse: {_sentence(_plain(str(error)))}") from error
    for tree in trees:
        if not isinstance(tree, exp.Query):
            raise _Rejected("Only SELECT queries are possible.")
    if not trees:
        raise _Rejected("There is no SQL in the answer.")
    return trees  # type: ignore[return-value]


def _plain(text: str) -> str:
    """sqlglot underlines its findings with terminal codes."""
    return text.replace("\x1b[4m", "").replace("\x1b[0m", "")


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())[:400]


def _title_of(tree: exp.Expression) -> str:
    """The comment above a query, as models write it, as its title."""
    comments = tree.comments or []
    tree.comments = []
    return " ".join(comments[0].split())[:100] if comments else ""
