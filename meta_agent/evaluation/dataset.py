"""Questions with checked answers: read from a folder, sampled, and a fifth of them kept aside.

A folder holds ``questions.jsonl`` and a dump ``<db>.sql`` for each database; the project's own
set asks the sample portfolio and needs no dump.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError, model_validator

from meta_agent.contracts import Contract
from meta_agent.errors import UsageError

PORTFOLIO = Path(__file__).with_name("portfolio")
"""The project's own questions over the sample portfolio."""
HELD_OUT_ONE_IN = 5


class Question(Contract):
    """One request and the queries whose results count as its answer."""

    id: str
    db: str
    question: str
    instructions: str = ""
    """Definitions that a user would have in a glossary; may be empty."""
    category: str
    ordered: bool
    """Whether the question fixes the order of the rows."""
    answerable: bool
    gold_sql: tuple[str, ...]
    """Accepted queries; empty where the database cannot answer."""
    held_out: bool | None = None
    """Whether the question is kept aside until the end; None leaves it to the hash of the id."""

    @model_validator(mode="after")
    def _has_gold_where_answerable(self) -> Question:
        if self.answerable != bool(self.gold_sql):
            raise ValueError("an answerable question has gold_sql, an unanswerable one has none")
        return self

    @property
    def is_held_out(self) -> bool:
        """Whether the question is looked at only at the end."""
        return _hash(self.id) % HELD_OUT_ONE_IN == 0 if self.held_out is None else self.held_out

    @property
    def asked(self) -> str:
        """What every system under test is asked, word for word."""
        return f"{self.question}\n\nDefinitions: {self.instructions}" if self.instructions else self.question


@dataclass(frozen=True)
class Dataset:
    """The questions of one folder, in the file's order."""

    name: str
    folder: Path
    questions: tuple[Question, ...]

    def dump_of(self, db: str) -> Path:
        """Where the dump of a database lies, if there is one."""
        return self.folder / f"{db}.sql"


@dataclass(frozen=True)
class Selection:
    """Which questions of a dataset are asked."""

    held_out: bool = False
    """Only the questions kept aside, in place of only the others."""
    limit: int | None = None
    sample: int | None = None
    """So many, chosen by the hash of their ids: the same ones every time."""
    ids: frozenset[str] = frozenset()
    """Only these; empty means all."""

    def of(self, questions: Iterable[Question]) -> tuple[Question, ...]:
        """The chosen questions, in the order given."""
        chosen = [
            q for q in questions if q.is_held_out == self.held_out and (not self.ids or q.id in self.ids)
        ]
        if self.sample is not None:
            kept = {q.id for q in sorted(chosen, key=lambda q: _hash(f"sample {q.id}"))[: self.sample]}
            chosen = [q for q in chosen if q.id in kept]
        return tuple(chosen[: self.limit])


def load_dataset(folder: Path) -> Dataset:
    """The dataset of a folder.

    Raises UsageError where the folder has no questions, or one is not of the form of ``Question``.
    """
    path = folder / "questions.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The questions {path} cannot be read.", "Name a folder that holds a questions.jsonl in UTF-8."
        ) from error
    questions = tuple(_question(path, number, line) for number, line in enumerate(lines, 1) if line.strip())
    if len({question.id for question in questions}) < len(questions) or not questions:
        raise UsageError(
            f"The file {path} has no questions, or two with the same id.", "Give every question an id."
        )
    return Dataset(folder.resolve().name, folder, questions)


def _question(path: Path, number: int, line: str) -> Question:
    try:
        return Question.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"Line {number} of {path} is no question: {place or 'it'}: {first['msg']}.",
            "docs/evaluation.md shows the form of a question.",
        ) from error


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
