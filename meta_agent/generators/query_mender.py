"""Turns a model's reply into queries that PostgreSQL accepts, mending what is clear.

A draft that PostgreSQL accepts keeps its names. In any other they are mended from the
catalogue; what is still wrong then is reported for the model. Last, arithmetic and
result columns are made safe, and texts are held against the stored ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema, ExecutionPlan, Table
from meta_agent.generators.applied_change import take_out_change
from meta_agent.generators.code_cleaner import function_block, sql_code
from meta_agent.generators.definitions import definition_lines
from meta_agent.generators.function_code import Entry, fault_in
from meta_agent.generators.metric_formulas import formulas_of
from meta_agent.generators.report_shape import (
    count_rows_once,
    repeated_rows,
    repeated_sums,
    show_what_repeats,
)
from meta_agent.generators.single_row_groups import ungroup_single_rows
from meta_agent.generators.sql_arithmetic import make_arithmetic_safe
from meta_agent.generators.sql_asked import (
    aggregate_as_asked,
    leave_out_unasked,
    name_what_is_shown,
    percent_once,
    rank_as_asked,
    shorten_names,
)
from meta_agent.generators.sql_change import mend_change
from meta_agent.generators.sql_durations import give_unit
from meta_agent.generators.sql_entities import missing_names
from meta_agent.generators.sql_grain import sum_before_join, sum_for_each, take_once
from meta_agent.generators.sql_grouping import complete_grouping
from meta_agent.generators.sql_in_force import hold_in_force
from meta_agent.generators.sql_intent import (
    calculations_with_keys,
    count_keys,
    free_totals,
    group_alternatives,
    meet_all_values,
    mend_patterns,
    show_ratio,
    show_whole,
)
from meta_agent.generators.sql_names import mend_names
from meta_agent.generators.sql_order import mend_order
from meta_agent.generators.sql_output import name_outputs_apart, show_the_time, show_what_ranks
from meta_agent.generators.sql_parsing import NotAQuery, catalogue_table, parse_queries, to_sql
from meta_agent.generators.sql_ranking import mend_count, mend_direction, put_unknown_last
from meta_agent.generators.sql_rejoin import mend_joins
from meta_agent.generators.sql_types import mend_types
from meta_agent.generators.sql_values import mend_values, text_comparisons
from meta_agent.generators.unasked_filters import unasked_bounds, unasked_texts
from meta_agent.generators.unasked_joins import drop_unasked_conditions
from meta_agent.generators.unused_joins import drop_unused_joins
from meta_agent.glossary import NO_GLOSSARY, Glossary, Metric
from meta_agent.mechanisms import ALL, Mechanisms
from meta_agent.ranking import Ranking, asked_ranking

if TYPE_CHECKING:
    from meta_agent.databases.base import Lookup

_TRANSFORM = Entry("transform", parameters=1)
Explain = Callable[[str], str | None]
"""None where PostgreSQL would run the query, else its message."""


@dataclass(frozen=True)
class Task:
    """What is to be written."""

    request: str
    plan: ExecutionPlan
    definitions: tuple[Metric, ...] = ()
    glossary: Glossary = NO_GLOSSARY
    """Says which columns may be added up."""
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
    absent: tuple[str, ...] = ()
    """Of the warnings those of a text that no row has, so that no row can be left."""
    transform: str = ""
    """Python source that defines ``transform(rows)``; empty where there is none."""


class Rejected(Exception):
    """A draft that has to be written again."""

    def __init__(self, problem: str, tables: tuple[Table, ...] = ()) -> None:
        super().__init__(problem)
        self.problem = problem
        self.tables = tables


class QueryMender:
    """Reads replies; one for each request."""

    def __init__(
        self,
        schema: DatabaseSchema,
        explain: Explain,
        lookup: Lookup | None = None,
        mechanisms: Mechanisms = ALL,
    ) -> None:
        """``lookup``: without it texts are taken as they are."""
        self._schema = schema
        self._explain = explain
        self._use = mechanisms
        self._lookup = lookup if self._use.stored_texts else None

    def doubts(self, written: WrittenQueries, task: Task) -> tuple[str, ...]:
        """Why a draft that runs looks wrong, one sentence each."""
        rules = self._rules(task)
        unasked = [
            text
            for query in written.queries
            for text in (
                *unasked_texts(query.tree, task.request, self._schema),
                *unasked_bounds(query.tree, task.request, rules, self._schema),
            )
        ]
        said = [f"The query has a condition on '{text}', which was not asked for." for text in unasked]
        said += [s for query in written.queries for s in calculations_with_keys(query.tree, self._schema)]
        return tuple(dict.fromkeys([*said, *written.warnings]))

    def _rules(self, task: Task) -> str:
        """What besides the request a figure in a condition may come from."""
        return " ".join([*definition_lines(task.definitions, self._schema), *_thresholds(task.definitions)])

    def with_stored_values(self, written: WrittenQueries, task: Task) -> WrittenQueries:
        """Its texts as the database writes them: the last step, so that none of them gets into a prompt."""
        if self._lookup is None:
            return written
        queries, repairs, warnings = [], [*written.repairs], [*written.warnings]
        absent: list[str] = []
        for query in written.queries:
            tree = query.tree.copy()
            check = mend_values(tree, self._schema, self._lookup)
            if tree != query.tree and self._explain(to_sql(tree)) is not None:
                queries.append(query)
                continue
            queries.append(replace(query, sql=to_sql(tree), tree=tree))
            repairs += check.repairs
            warnings += check.warnings
            absent += check.absent
        told = " ".join([*repairs, *warnings])
        names = (name for name in task.names if f"'{name}'" not in told)
        warnings += missing_names(names, (query.tree for query in queries), self._schema, self._lookup)
        unique = tuple(dict.fromkeys(repairs)), tuple(dict.fromkeys(warnings))
        return replace(
            written, queries=tuple(queries), repairs=unique[0], warnings=unique[1], absent=tuple(absent)
        )

    def stored_texts(self, written: WrittenQueries) -> tuple[str, ...]:
        """What queries ``with_stored_values`` compare with, as far as it was found among the rows."""
        if self._lookup is None:
            return ()
        told = " ".join(written.warnings)
        compared = [c for query in written.queries for c in text_comparisons(query.tree, self._schema)]
        return tuple(c.text for c in compared if f"no '{c.text}' in " not in told)

    # --- one draft ---------------------------------------------------------------------

    def read(self, reply: str, task: Task) -> WrittenQueries:
        """The queries of a reply, mended. Raises Rejected where PostgreSQL would still refuse them."""
        queries, repairs, warnings = [], [], []
        try:
            trees = parse_queries(sql_code(reply))
        except NotAQuery as error:
            raise Rejected(str(error)) from error
        for tree in trees:
            title = _take_title(tree) or task.plan.plan_name
            sound, mended = self._sound(tree, task)
            ranking = asked_ranking(task.request) if len(trees) == 1 else None
            sound, ranked = self._improved(sound, self._rankings(ranking, task))
            mended += ranked
            doubts = [*repeated_sums(sound, self._schema), *repeated_rows(sound, self._schema)]
            if not doubts:
                show_time = partial(show_the_time, schema=self._schema)
                sound, shown = self._improved(sound, [show_what_ranks, show_time])
                mended += shown
            queries.append(WrittenQuery(title, to_sql(sound), sound))
            repairs += mended
            warnings += doubts
        return WrittenQueries(
            tuple(queries),
            tuple(dict.fromkeys(repairs)),
            tuple(warnings),
            transform=_transform_in(reply, task),
        )

    def _sound(self, tree: exp.Query, task: Task) -> tuple[exp.Query, list[str]]:
        """A query that PostgreSQL accepts, and what was mended in it. Raises Rejected."""
        tree, repairs = self._rejoined(tree, task) if self._use.joins else (tree, [])
        refusal = self._explain(to_sql(tree))
        if refusal is not None:
            mended, done = tree.copy(), []
            if self._use.names:
                names = mend_names(mended, self._schema, formulas_of(task.glossary, self._schema))
                if names.problems:
                    raise Rejected(" ".join(names.problems), tuple(names.tables))
                done += names.repairs
            if self._use.sense:
                done += [*mend_types(mended, self._schema), *complete_grouping(mended)]
            refusal = self._explain(to_sql(mended)) if done else refusal
            if refusal is not None:
                raise Rejected(f"PostgreSQL says: {sentence(refusal)}", self.tables_of(tree))
            tree, repairs = mended, repairs + done
        tree, improved = self._improved(tree, self._improvements(task))
        return tree, repairs + improved

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
        if self._use.sense:
            yield lambda tree: drop_unasked_conditions(tree, task.request, self._rules(task), self._schema)
        yield lambda tree: drop_unused_joins(tree, task.request, self._schema)
        if self._use.sense:
            yield lambda tree: hold_in_force(tree, task.request, self._schema)
            yield lambda tree: mend_change(tree, task.request)
            yield meet_all_values
            yield group_alternatives
            yield free_totals
            yield lambda tree: show_whole(tree, task.request)
            yield lambda tree: mend_patterns(tree, task.request)
            yield lambda tree: count_keys(tree, self._schema)
            yield lambda tree: percent_once(tree, self._schema)
            yield lambda tree: aggregate_as_asked(tree, task.request, self._schema, task.glossary)
            yield lambda tree: shorten_names(tree, self._schema)
            yield lambda tree: name_what_is_shown(tree, task.request, self._schema)
        yield lambda tree: ungroup_single_rows(tree, task.request, self._schema)
        if self._use.sense:  # only now: what tells groups apart stays
            yield lambda tree: leave_out_unasked(tree, task.request, task.glossary, self._schema)
        yield lambda tree: count_rows_once(tree, self._schema)
        if self._use.grain:
            yield lambda tree: take_once(tree, self._schema)
            yield lambda tree: sum_for_each(tree, task.request, self._schema, task.glossary)
            yield lambda tree: sum_before_join(tree, self._schema)
        yield lambda tree: show_what_repeats(tree, self._schema)
        if self._use.sense:
            yield lambda tree: show_ratio(tree, task.request)
        yield lambda tree: give_unit(tree, task.request, self._schema)
        yield lambda tree: make_arithmetic_safe(tree, self._schema)
        yield lambda tree: name_outputs_apart(tree, self._schema)

    def _rankings(self, ranking: Ranking | None, task: Task) -> Iterator[Callable[[exp.Query], list[str]]]:
        """What makes the first rows those that were asked for."""
        yield lambda tree: mend_count(tree, ranking)
        yield lambda tree: mend_direction(tree, ranking, task.request, self._schema)
        yield lambda tree: mend_order(tree, task.request, task.glossary)
        if ranking is not None:
            yield lambda tree: rank_as_asked(tree, task.request, self._schema)
        yield lambda tree: put_unknown_last(tree, self._schema)

    def tables_of(self, tree: exp.Expr) -> tuple[Table, ...]:
        """The catalogue's tables that a query reads."""
        named = (catalogue_table(source, self._schema) for source in tree.find_all(exp.Table))
        return tuple(dict.fromkeys(table for table in named if table is not None))


def _thresholds(definitions: Iterable[Metric]) -> Iterator[str]:
    for metric in definitions:
        yield from (str(threshold) for threshold in metric.thresholds)


def _transform_in(reply: str, task: Task) -> str:
    code = function_block(reply, _TRANSFORM.name) if task.may_transform else ""
    fault = fault_in(code, _TRANSFORM, task.taken) if code else None
    if fault is not None:
        raise Rejected(f"The function transform() cannot be used: {fault.problem}\n{fault.context}".strip())
    return code


def sentence(text: str | None) -> str:
    """A text of bounded length on one line."""
    return " ".join((text or "").split())[:400]


def _take_title(tree: exp.Expr) -> str:
    """The comment above a query, as models write it, as its title; it leaves the query."""
    comments = [text for text in tree.comments or [] if not text.strip().lower().startswith("needs")]
    tree.comments = []
    return " ".join(comments[0].split())[:100] if comments else ""
