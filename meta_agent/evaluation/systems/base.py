"""What every system under test is given and gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from meta_agent.contracts import LlmUsage
from meta_agent.databases.base import Rows
from meta_agent.databases.rows import QueryFailure
from meta_agent.evaluation.databases import EvaluatedDatabase


@dataclass(frozen=True)
class Answer:
    """How a system dealt with one question."""

    status: Literal["answered", "abstained", "failed"]
    tables: tuple[Rows, ...] = ()
    sql: tuple[str, ...] = ()
    error: str = ""
    """Why there is no answer; empty where there is one."""
    is_confident: bool = True
    """False where the system itself says that its answer may be wrong."""
    usage: LlmUsage = field(default_factory=LlmUsage)


class System(Protocol):
    """Something that answers questions about a database; the same question gives the same answer."""

    @property
    def name(self) -> str:
        """As in reports and for ``--system``."""

    def answer(self, asked: str, database: EvaluatedDatabase) -> Answer:
        """The answer to a request. Raises ModelError where the model server is away."""


def run_queries(
    database: EvaluatedDatabase, queries: Sequence[str], usage: LlmUsage, schema: str | None = None
) -> Answer:
    """The answer that queries give; one that does not run makes it a failed one."""
    tables = []
    for sql in queries:
        rows = database.read(sql, schema)
        if isinstance(rows, QueryFailure):
            return Answer("failed", sql=tuple(queries), error=rows.message, usage=usage)
        tables.append(rows)
    return Answer("answered", tuple(tables), tuple(queries), usage=usage)
