"""Every question to every system: ask, judge, keep a line.

Question by question, so that an evaluation that is stopped has asked all systems about the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meta_agent.databases.rows import QueryFailure
from meta_agent.errors import ModelError, UsageError
from meta_agent.evaluation.databases import Databases, EvaluatedDatabase
from meta_agent.evaluation.dataset import Dataset, Question
from meta_agent.evaluation.gold_order import order_columns
from meta_agent.evaluation.judge import Expected, is_right
from meta_agent.evaluation.results import Outcome, ResultFile, ResultLine
from meta_agent.evaluation.systems.base import Answer, System


@dataclass(frozen=True)
class Work:
    """The questions of one dataset that are asked."""

    dataset: Dataset
    questions: tuple[Question, ...]


def run(
    works: Sequence[Work],
    systems: Sequence[System],
    databases: Databases,
    file: ResultFile,
    model: str,
    on_line: Callable[[ResultLine], None],
) -> None:
    """Ask what is not in ``file`` yet. Raises DatabaseError, UsageError, KeyboardInterrupt."""
    for work in works:
        for question in sorted(work.questions, key=lambda q: q.db):
            database = databases.of(work.dataset, question.db)
            for system in systems:
                if not file.has(work.dataset.name, question.id, system.name):
                    line = _ask(work.dataset, question, database, system, model)
                    file.add(line)
                    on_line(line)


def expected_rows(question: Question, database: EvaluatedDatabase) -> tuple[Expected, ...]:
    """What the gold queries return today. Raises UsageError where one of them does not run."""
    found = []
    for sql in question.gold_sql:
        rows = database.read(sql)
        if isinstance(rows, QueryFailure):
            raise UsageError(
                f"A gold query of {question.id} does not run: {rows.message}.",
                "Correct it in questions.jsonl.",
            )
        found.append(Expected(rows, order_columns(sql)))
    return tuple(found)


def _ask(
    dataset: Dataset, question: Question, database: EvaluatedDatabase, system: System, model: str
) -> ResultLine:
    began = time.monotonic()
    try:
        answer = system.answer(question.asked, database)
    except ModelError as error:
        answer = Answer("failed", error=error.cause)
    seconds = time.monotonic() - began
    return ResultLine(
        dataset=dataset.name,
        question=question.id,
        category=question.category,
        answerable=question.answerable,
        system=system.name,
        model=model,
        outcome=outcome_of(question, answer, expected_rows(question, database)),
        is_confident=answer.is_confident,
        sql=answer.sql,
        seconds=round(seconds, 3),
        usage=answer.usage,
        error=answer.error,
    )


def outcome_of(question: Question, answer: Answer, expected: Sequence[Expected]) -> Outcome:
    """Right and wrong are for answers; to answer what the database cannot tell is wrong."""
    if answer.status != "answered":
        return answer.status
    if not question.answerable:
        return "wrong"
    return "right" if is_right(expected, answer.tables, ordered=question.ordered) else "wrong"
