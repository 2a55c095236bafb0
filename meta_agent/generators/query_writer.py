"""Has the model write the query of a report, and lets no query through that PostgreSQL would refuse.

A draft that PostgreSQL accepts keeps its names. In any other they are mended from the
catalogue; only what is still wrong then goes back to the model, with the reason and
the tables concerned. Last, arithmetic and result columns are made safe.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema, ExecutionPlan, Table
from meta_agent.errors import AnswerCut, NoAnswer
from meta_agent.generators.applied_change import take_out_change
from meta_agent.generators.code_cleaner import function_block, sql_code
from meta_agent.generators.definitions import definition_lines
from meta_agent.generators.function_code import Entry, fault_in
from meta_agent.generators.report_shape import (
    count_rows_once,
    repeated_rows,
    repeated_sums,
    show_what_repeats,
)
from meta_agent.generators.single_row_groups import ungroup_single_rows
from meta_agent.generators.sql_arithmetic import make_arithmetic_safe
from meta_agent.generators.sql_durations import give_unit
from meta_agent.generators.sql_entities import missing_names
from meta_agent.generators.sql_grouping import complete_grouping
from meta_agent.generators.sql_intent import (
    count_keys,
    group_alternatives,
    meet_all_values,
    mend_patterns,
    show_ratio,
)
from meta_agent.generators.sql_names import mend_names
from meta_agent.generators.sql_output import name_outputs_apart, show_what_ranks
from meta_agent.generators.sql_parsing import NotAQuery, catalogue_table, parse_queries, to_sql
from meta_agent.generators.sql_ranking import mend_count, mend_direction, put_unknown_last
from meta_agent.generators.sql_rejoin import mend_joins
from meta_agent.generators.sql_types import mend_types
from meta_agent.generators.sql_values import mend_values
from meta_agent.generators.unasked_filters import unasked_bounds, unasked_texts
from meta_agent.generators.unused_joins import drop_unused_joins
from meta_agent.glossary import Metric
from meta_agent.ranking import Ranking, asked_ranking
from meta_agent.rendering import render

if TYPE_CHECKING:
    from meta_agent.databases.base import Lookup
    from meta_agent.utils.llm_client import Conversation

_ATTEMPTS = 3
_QUERY_TOKENS = 600
_TRANSFORM_TOKENS = 1200
_YEAR = re.compile(r"\b(19|20)\d\d\b|\byears?\b|\byearly\b|\bannually\b", re.IGNORECASE)
_END_OF_BLOCK = ("```\n", "```\r\n")
_HOW_TO_MEND_DOUBTS = (
    "Leave out tables and conditions that are not needed; aggregate others in a subquery before the join."
)
_TRANSFORM = Entry("transform", parameters=1)
Explain = Callable[[str], str | None]
"""None where PostgreSQL would run the query, else its message."""


@dataclass(frozen=True)
class Task:
    """What is to be written."""

    request: str
    plan: ExecutionPlan
    definitions: tuple[Metric, ...] = ()
    may_transform: bool = False
    """Whether a function may follow the query, for what SQL cannot do."""
    names: tuple[str, ...] = ()
    """Proper names in the request, which the rows should hold."""
    taken: frozenset[str] = frozenset()
    """Names that the script around that function uses."""


@dataclass(frozen=True)
class WrittenQuery:
    """A query that PostgreSQL accepts."""

    title: str
    sql: str
    tree: exp.Query


@dataclass(frozen=True)
class WrittenQueries:
    """The queries of a report, and what there is to say about them."""

    queries: tuple[WrittenQuery, ...]
    repairs: tuple[str, ...]
    """What was mended, one line each."""
    warnings: tuple[str, ...] = ()
    """Why a figure may not be what was asked for, one sentence each."""
    transform: str = ""
    """Python source that defines ``transform(rows)``; empty where there is none."""


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
        lookup: Lookup | None = None,
    ) -> None:
        self._conversation = conversation
        self._lookup = lookup
        self._schema = schema
        self._explain = explain
        self._describe = describe

    def write(self, task: Task, problem: str | None = None) -> WrittenQueries:
        """The queries that answer a request.

        ``problem``: what was wrong with the query written before, if there was one.
        Raises ModelError, DatabaseError, and NoAnswer where no try gave a sound query.
        """
        prompt = self._repair_prompt(problem) if problem else self._first_prompt(task)
        doubted: WrittenQueries | None = None
        replies: list[str] = []
        for attempt in range(_ATTEMPTS):
            try:
                replies.append(self._reply(prompt, task))
                written = self._checked(replies[-1], task)
                written = replace(written, warnings=self._doubts(written, task))
                if not written.warnings or attempt > 0:
                    return self._with_stored_values(_surer(doubted, written), task)
                doubts, doubted = written.warnings, written
                raise _Rejected(f"{' '.join(doubts)} {_HOW_TO_MEND_DOUBTS}")
            except _Rejected as rejected:
                problem = rejected.problem
                prompt = self._repair_prompt(problem, rejected.tables)
                if replies and replies[-1] in replies[:-1]:
                    break  # told what is wrong, the model says the same again
        if doubted is not None:
            return self._with_stored_values(doubted, task)
        raise NoAnswer(
            f"No query that your database accepts could be written; the last problem: {_sentence(problem)}",
            "Name the tables or columns you mean, or ask in smaller steps.",
        )

    def _reply(self, prompt: str, task: Task) -> str:
        """The model's answer. One that was cut may parse without its last conditions: it is not used."""
        limit = _TRANSFORM_TOKENS if task.may_transform else _QUERY_TOKENS
        stop = () if task.may_transform else _END_OF_BLOCK
        try:
            return self._conversation.ask_text(prompt, max_tokens=limit, stop=stop)
        except AnswerCut as error:
            raise _Rejected("The answer was too long and was cut. Write a shorter query.") from error

    def _first_prompt(self, task: Task) -> str:
        prompt = render(
            "prompts/write_query.md.j2",
            request=task.request,
            definitions=definition_lines(task.definitions, self._schema),
            simulation=task.plan.simulation_config is not None,
            by_year=_YEAR.search(task.request) is not None,
        )
        return prompt + (render("prompts/transform_hint.md.j2") if task.may_transform else "")

    def _repair_prompt(self, problem: str, tables: tuple[Table, ...] = ()) -> str:
        described = self._describe(self._schema.model_copy(update={"tables": tables})) if tables else ""
        return render("prompts/repair_query.md.j2", problem=problem, tables=described)

    def _doubts(self, written: WrittenQueries, task: Task) -> tuple[str, ...]:
        """Why a draft that runs looks wrong. A second one may know better; if not, it is shown with these."""
        rules = " ".join([*definition_lines(task.definitions, self._schema), *_thresholds(task.definitions)])
        unasked = [
            text
            for query in written.queries
            for text in (
                *unasked_texts(query.tree, task.request, self._schema),
                *unasked_bounds(query.tree, task.request, rules, self._schema),
            )
        ]
        said = (f"The query has a condition on '{text}', which was not asked for." for text in unasked)
        return tuple(dict.fromkeys([*said, *written.warnings]))

    def _with_stored_values(self, written: WrittenQueries, task: Task) -> WrittenQueries:
        """Its texts as the database writes them: the last step, so that none of them gets into a prompt."""
        if self._lookup is None:
            return written
        queries, repairs, warnings = [], [*written.repairs], [*written.warnings]
        for query in written.queries:
            tree = query.tree.copy()
            check = mend_values(tree, self._schema, self._lookup)
            if tree != query.tree and self._explain(to_sql(tree)) is not None:
                queries.append(query)
                continue
            queries.append(replace(query, sql=to_sql(tree), tree=tree))
            repairs += check.repairs
            warnings += check.warnings
        told = " ".join([*repairs, *warnings])
        names = (name for name in task.names if f"'{name}'" not in told)
        warnings += missing_names(names, (query.tree for query in queries), self._schema, self._lookup)
        unique = tuple(dict.fromkeys(repairs)), tuple(dict.fromkeys(warnings))
        return replace(written, queries=tuple(queries), repairs=unique[0], warnings=unique[1])

    # --- one draft ---------------------------------------------------------------------

    def _checked(self, reply: str, task: Task) -> WrittenQueries:
        queries, repairs, warnings = [], [], []
        try:
            trees = parse_queries(sql_code(reply))
        except NotAQuery as error:
            raise _Rejected(str(error)) from error
        for tree in trees:
            title = _take_title(tree) or task.plan.plan_name
            sound, mended = self._sound(tree, task)
            ranking = asked_ranking(task.request) if len(trees) == 1 else None
            sound, ranked = self._improved(sound, self._rankings(ranking, task.request))
            mended += ranked
            doubts = [*repeated_sums(sound, self._schema), *repeated_rows(sound, self._schema)]
            if not doubts:
                sound, shown = self._improved(sound, [show_what_ranks])
                mended += shown
            queries.append(WrittenQuery(title, to_sql(sound), sound))
            repairs += mended
            warnings += doubts
        return WrittenQueries(
            tuple(queries), tuple(dict.fromkeys(repairs)), tuple(warnings), _transform_in(reply, task)
        )

    def _sound(self, tree: exp.Query, task: Task) -> tuple[exp.Query, list[str]]:
        """A query that PostgreSQL accepts, and what was mended in it. Raises _Rejected."""
        tree, repairs = self._rejoined(tree, task)
        refusal = self._explain(to_sql(tree))
        if refusal is not None:
            mended = tree.copy()
            names = mend_names(mended, self._schema)
            done = [*names.repairs, *mend_types(mended, self._schema), *complete_grouping(mended)]
            if names.problems:
                raise _Rejected(" ".join(names.problems), tuple(names.tables))
            refusal = self._explain(to_sql(mended)) if done else refusal
            if refusal is not None:
                raise _Rejected(f"PostgreSQL says: {_sentence(refusal)}", self._tables_of(tree))
            tree, repairs = mended, repairs + done
        tree, done = self._improved(tree, self._improvements(task))
        return tree, repairs + done

    def _rejoined(self, tree: exp.Query, task: Task) -> tuple[exp.Query, list[str]]:
        """The query with its tables joined by the keys, where its own joins cannot be meant."""
        better = tree.copy()
        done = mend_joins(better, task.request, self._schema)
        if done and (self._explain(to_sql(better)) is None or self._explain(to_sql(tree)) is not None):
            return better, done
        return tree, []

    def _improved(
        self, tree: exp.Query, steps: Iterable[Callable[[exp.Query], list[str]]]
    ) -> tuple[exp.Query, list[str]]:
        """The query after each step that PostgreSQL still accepts, and what these steps did."""
        repairs: list[str] = []
        for improve in steps:
            better = tree.copy()
            done = improve(better)
            if better != tree and self._explain(to_sql(better)) is None:
                tree = better
                repairs += done
        return tree, repairs

    def _improvements(self, task: Task) -> Iterator[Callable[[exp.Query], list[str]]]:
        """What makes a query that runs also right; none may keep it from running."""
        scenarios = task.plan.simulation_config.scenarios if task.plan.simulation_config else ()
        yield lambda tree: take_out_change(tree, scenarios)
        yield lambda tree: drop_unused_joins(tree, task.request, self._schema)
        yield lambda tree: meet_all_values(tree)
        yield lambda tree: group_alternatives(tree)
        yield lambda tree: mend_patterns(tree, task.request)
        yield lambda tree: count_keys(tree, self._schema)
        yield lambda tree: ungroup_single_rows(tree, task.request, self._schema)
        yield lambda tree: count_rows_once(tree, self._schema)
        yield lambda tree: show_what_repeats(tree, self._schema)
        yield lambda tree: show_ratio(tree, task.request)
        yield lambda tree: give_unit(tree, task.request, self._schema)
        yield lambda tree: make_arithmetic_safe(tree, self._schema)
        yield lambda tree: name_outputs_apart(tree, self._schema)

    def _rankings(self, ranking: Ranking | None, request: str) -> Iterator[Callable[[exp.Query], list[str]]]:
        """What makes the first rows those that were asked for."""
        yield lambda tree: mend_count(tree, ranking)
        yield lambda tree: mend_direction(tree, ranking, request, self._schema)
        yield lambda tree: put_unknown_last(tree, self._schema)

    def _tables_of(self, tree: exp.Expr) -> tuple[Table, ...]:
        named = (catalogue_table(source, self._schema) for source in tree.find_all(exp.Table))
        return tuple(dict.fromkeys(table for table in named if table is not None))


def _surer(first: WrittenQueries | None, second: WrittenQueries) -> WrittenQueries:
    """The draft with fewer doubts; the second, which was told of the first one's, where they have as many."""
    return first if first is not None and len(first.warnings) < len(second.warnings) else second


def _thresholds(definitions: Iterable[Metric]) -> Iterator[str]:
    for metric in definitions:
        yield from (str(threshold) for threshold in metric.thresholds)


def _transform_in(reply: str, task: Task) -> str:
    code = function_block(reply, _TRANSFORM.name) if task.may_transform else ""
    fault = fault_in(code, _TRANSFORM, task.taken) if code else None
    if fault is not None:
        raise _Rejected(f"The function transform() cannot be used: {fault.problem}\n{fault.context}".strip())
    return code


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())[:400]


def _take_title(tree: exp.Expr) -> str:
    """The comment above a query, as models write it, as its title; it leaves the query."""
    comments = tree.comments or []
    tree.comments = []
    return " ".join(comments[0].split())[:100] if comments else ""
