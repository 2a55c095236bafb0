"""Has the model write the query of a report: several drafts, of which the answer that two agree on is taken.

What a small model writes with confidence is wrong too often to be shown on its word. Drafts asked
for in different ways seldom make the same mistake, so two that return the same rows are
believed; where none agree, the answer says so. Only what no draft could do goes back to the
model, with the reason and the tables concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from sqlglot import exp

from meta_agent.comparison.tables import is_found_in, shared_columns
from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.errors import AnswerCut, NoAnswer
from meta_agent.generators.definitions import definition_lines
from meta_agent.generators.idioms import idioms_for
from meta_agent.generators.query_mender import (
    Explain,
    QueryMender,
    Rejected,
    Task,
    WrittenQueries,
    sentence,
)
from meta_agent.mechanisms import ALL, Mechanisms
from meta_agent.rendering import render
from meta_agent.unrecorded import unrecorded_words, years_without_rows

if TYPE_CHECKING:
    from meta_agent.databases.base import Lookup, Rows
    from meta_agent.utils.llm_client import Conversation

_REPAIRS = 2
_QUERY_TOKENS = 600
_TRANSFORM_TOKENS = 1200
_ROWS_COMPARED = 2_000
_END_OF_BLOCK = ("```\n", "```\r\n")
_HOW_TO_MEND_DOUBTS = (
    "Leave out tables and conditions that are not needed; aggregate others in a subquery before the join."
)
NO_AGREEMENT = (
    "No second draft of the query confirmed this answer: check its conditions, or ask in other words."
)


@dataclass(frozen=True)
class _Style:
    """A way to ask for a draft."""

    temperature: float | None = None
    columns_first: bool = False
    """Whether the columns needed are to be named before the query."""


_STYLES = (_Style(), _Style(columns_first=True), _Style(temperature=0.8))


@dataclass(frozen=True)
class _Draft:
    """Queries that PostgreSQL accepts, and what they return."""

    written: WrittenQueries
    conversation: Conversation
    doubts: tuple[str, ...]
    """Why it looks wrong, without a word of what is stored."""
    tables: tuple[Rows, ...]
    """Empty where they could not be read soon."""

    def agrees_with(self, other: _Draft) -> bool:
        """Whether both show the same rows: all of one's columns, or most of them with a figure computed."""
        if not any(table.rows for table in self.tables):
            return False  # two drafts may well find nothing for different reasons
        return len(self.tables) == len(other.tables) and all(
            is_found_in(ours.rows, theirs.rows)
            or is_found_in(theirs.rows, ours.rows)
            or _say_the_same(ours, theirs)
            for ours, theirs in zip(self._shown(), other._shown(), strict=True)
        )

    def _shown(self) -> list[_Shown]:
        return [
            _Shown(rows, query.tree) for rows, query in zip(self.tables, self.written.queries, strict=True)
        ]


class _Shown(NamedTuple):
    """A table of a draft and the query it comes from."""

    rows: Rows
    tree: exp.Query

    def computed(self) -> set[int]:
        """Numbers of the columns that are not stored as they are."""
        return {
            number
            for number, projection in enumerate(self.tree.selects)
            if not isinstance(projection.unalias(), exp.Column)
        }


def _say_the_same(one: _Shown, other: _Shown) -> bool:
    """Whether two tables share most of their columns, a computed figure among them.

    Small models like to show a column more; what was asked for stands in both. Of stored columns
    alone it cannot be told which of them was asked for.
    """
    shared = set(shared_columns(one.rows, other.rows))
    fewest = min(len(one.rows.columns), len(other.rows.columns))
    return 2 * len(shared) >= fewest and len(shared) >= 2 and bool(shared & one.computed())


class QueryWriter:
    """Asks for drafts until two agree, and for corrections where no draft runs."""

    def __init__(
        self,
        conversation: Conversation,
        schema: DatabaseSchema,
        explain: Explain,
        describe: Callable[[DatabaseSchema], str],
        lookup: Lookup | None = None,
        mechanisms: Mechanisms = ALL,
        may_read: Callable[[str], bool] = lambda _sql: True,
    ) -> None:
        """``lookup`` reads the rows of drafts: without it the first draft that runs is taken.

        ``may_read``: whether a query is harmless enough to be run outside the sandbox.
        """
        self._may_read = may_read
        self._conversation = conversation
        self._lookup = lookup
        self._schema = schema
        self._describe = describe
        self._use = mechanisms
        self._failed: Conversation | None = None
        """With the first draft that did not run: a correction refers to it, further drafts do not."""
        self._mender = QueryMender(schema, explain, lookup, mechanisms)

    def write(self, task: Task, problem: str | None = None) -> WrittenQueries:
        """The queries that answer a request.

        ``problem``: what was wrong with the query written before, if there was one.
        Raises ModelError, DatabaseError, and NoAnswer where no try gave a sound query.
        """
        if problem:
            return self._corrected(task, Rejected(problem), [])
        drafts: list[_Draft] = []
        replies: list[str] = []
        self._failed = None
        first_problem: Rejected | None = None
        for style in self._styles(task):
            try:
                drafts.append(self._draft(task, style, replies))
            except Rejected as rejected:
                first_problem = first_problem or rejected
            if _are_settled(drafts):
                break
        if not drafts:
            self._conversation = self._failed or self._conversation
            return self._corrected(task, first_problem or Rejected(""), replies[:1])
        group = _elected(drafts)
        self._conversation = group[0].conversation
        return self._final(group, task)

    @property
    def conversation(self) -> Conversation:
        """With the draft that was taken: what a correction has to go on from."""
        return self._conversation

    # --- drafts ----------------------------------------------------------------------------

    def _styles(self, task: Task) -> Sequence[_Style]:
        """One way of asking where drafts cannot be compared by their rows."""
        compares = self._lookup is not None and not task.may_transform
        return _STYLES[: self._use.drafts] if compares else _STYLES[:1]

    def _draft(self, task: Task, style: _Style, replies: list[str]) -> _Draft:
        """A draft; the model's reply is added to ``replies``. Raises Rejected where it does not run."""
        conversation = self._conversation.fork()
        try:
            replies.append(self._reply(conversation, self._prompt(task, style), task, style.temperature))
            written = self._mender.read(replies[-1], task)
        except Rejected:
            self._failed = self._failed or conversation
            raise
        doubts = self._mender.doubts(written, task)
        written = self._mender.with_stored_values(replace(written, warnings=doubts), task)
        return _Draft(written, conversation, doubts, self._rows_of(written))

    def _rows_of(self, written: WrittenQueries) -> tuple[Rows, ...]:
        if self._lookup is None or self._use.drafts < 2:
            return ()
        if not all(self._may_read(query.sql) for query in written.queries):
            return ()
        read = [self._lookup.rows(query.sql, _ROWS_COMPARED) for query in written.queries]
        known = tuple(rows for rows in read if rows is not None)
        return known if len(known) == len(read) else ()

    def _final(self, group: Sequence[_Draft], task: Task) -> WrittenQueries:
        """What the drafts come to; a doubtful one that stands alone is asked about once."""
        written = group[0].written
        if group[0].doubts and len(group) == 1 and not written.absent:
            written = self._without_doubts(group[0], task)
        if written.absent:
            raise NoAnswer(written.absent[0], "Ask for what is stored, or name the column that you mean.")
        compared = len(self._styles(task)) > 1
        warnings = [*written.warnings, *([NO_AGREEMENT] if compared and len(group) == 1 else ())]
        warnings += self._unrecorded(group, task, is_sure=not warnings)
        return replace(written, warnings=tuple(warnings))

    def _unrecorded(self, group: Sequence[_Draft], task: Task, *, is_sure: bool) -> list[str]:
        """What the request speaks of and the database does not. Raises NoAnswer where that is not all."""
        if not self._use.unrecorded:
            return []
        tables = [table for query in group[0].written.queries for table in self._mender.tables_of(query.tree)]
        missing_year = years_without_rows(task.request, tables)
        if missing_year and not any(table.rows for table in group[0].tables):
            raise NoAnswer(missing_year, "Ask for a year that is there.")
        stored = self._mender.stored_texts(group[0].written)
        words = unrecorded_words(task.request, self._schema, task.glossary, stored)
        if not words:
            return []
        listed = " or ".join(f"'{word}'" for word in words)
        said = f"Nothing in the database is called {listed}; the answer may not be about it."
        if not is_sure:
            raise NoAnswer(
                f"Nothing in the database is called {listed}, and no query for it could be confirmed.",
                "Name the table or column you mean, or define the word in glossary.yaml.",
            )
        return [said]

    # --- corrections -----------------------------------------------------------------------

    def _corrected(self, task: Task, rejected: Rejected, replies: list[str]) -> WrittenQueries:
        """What the model writes when it is told what is wrong with its ``replies``. Raises NoAnswer."""
        for _ in range(_REPAIRS):
            try:
                prompt = self._repair_prompt(rejected.problem, rejected.tables)
                replies.append(self._reply(self._conversation, prompt, task))
                written = self._mender.read(replies[-1], task)
                written = replace(written, warnings=self._mender.doubts(written, task))
                return self._mender.with_stored_values(written, task)
            except Rejected as again:
                rejected = again
                if replies and replies[-1] in replies[:-1]:
                    break  # told what is wrong, the model says the same again
        raise NoAnswer(
            "No query that your database accepts could be written; the last problem:"
            f" {sentence(rejected.problem)}",
            "Name the tables or columns you mean, or ask in smaller steps.",
        )

    def _without_doubts(self, doubted: _Draft, task: Task) -> WrittenQueries:
        """Ask once whether a query that looks wrong is meant; the one with fewer doubts."""
        problem = f"{' '.join(doubted.doubts)} {_HOW_TO_MEND_DOUBTS}"
        try:
            reply = self._reply(self._conversation, self._repair_prompt(problem), task)
            written = self._mender.read(reply, task)
        except Rejected:
            return doubted.written
        written = replace(written, warnings=self._mender.doubts(written, task))
        written = self._mender.with_stored_values(written, task)
        return written if len(written.warnings) <= len(doubted.written.warnings) else doubted.written

    # --- prompts ---------------------------------------------------------------------------

    def _reply(
        self, conversation: Conversation, prompt: str, task: Task, temperature: float | None = None
    ) -> str:
        """The model's answer. One that was cut may parse without its last conditions: it is not used."""
        limit = _TRANSFORM_TOKENS if task.may_transform else _QUERY_TOKENS
        stop = () if task.may_transform else _END_OF_BLOCK
        try:
            return conversation.ask_text(prompt, max_tokens=limit, stop=stop, temperature=temperature)
        except AnswerCut as error:
            raise Rejected("The answer was too long and was cut. Write a shorter query.") from error

    def _prompt(self, task: Task, style: _Style) -> str:
        prompt = render(
            "prompts/write_query.md.j2",
            request=task.request,
            definitions=definition_lines(task.definitions, self._schema, task.request),
            simulation=task.plan.simulation_config is not None,
            idioms=idioms_for(task.request) if self._use.idioms else (),
            columns_first=style.columns_first,
        )
        return prompt + (render("prompts/transform_hint.md.j2") if task.may_transform else "")

    def _repair_prompt(self, problem: str, tables: tuple[Table, ...] = ()) -> str:
        described = self._describe(self._schema.model_copy(update={"tables": tables})) if tables else ""
        return render("prompts/repair_query.md.j2", problem=problem, tables=described)


def _are_settled(drafts: Sequence[_Draft]) -> bool:
    """Whether two drafts agree and neither has anything doubtful."""
    return any(len(group) > 1 and not any(d.written.warnings for d in group) for group in _groups(drafts))


def _groups(drafts: Sequence[_Draft]) -> list[list[_Draft]]:
    """Drafts that agree, together; in each group the ones with the fewest doubts first."""
    groups: list[list[_Draft]] = []
    for draft in drafts:
        group = next((group for group in groups if draft.agrees_with(group[0])), None)
        if group is None:
            groups.append([draft])
        else:
            group.append(draft)
    return [sorted(group, key=lambda draft: len(draft.written.warnings)) for group in groups]


def _elected(drafts: Sequence[_Draft]) -> list[_Draft]:
    """The largest group that nothing speaks against, of several the first.

    Drafts whose conditions no row can meet come last. A doubt about one draft is one about all that
    agree with it: two drafts may well make the same needless join.
    """
    return min(
        _groups(drafts),
        key=lambda group: (
            bool(group[0].written.absent),
            any(draft.written.warnings for draft in group),
            -len(group),
        ),
    )
