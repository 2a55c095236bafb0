"""The product itself: ``Pipeline.run``, with its container or up to the finished script.

Without the container the queries of the script are read by ourselves, with the script's row
limit: the same answer for a report, sooner. What a script does beyond its queries is not seen then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from meta_agent.contracts import ResultTable, RunRecord, UserRequest
from meta_agent.databases import Database, open_database
from meta_agent.databases.base import Rows
from meta_agent.evaluation.databases import EvaluatedDatabase
from meta_agent.evaluation.systems.base import Answer, run_queries
from meta_agent.pipeline import Pipeline, PipelineOptions
from meta_agent.utils.llm_client import LLMClient


class SilentProgress:
    """Hears what a run does and keeps quiet."""

    def stage_started(self, name: str) -> None:
        """Nothing is shown."""

    def stage_finished(self, name: str, seconds: float) -> None:
        """Nothing is shown."""

    def note(self, message: str) -> None:
        """Nothing is shown."""


class ProductPipeline:
    """The pipeline with given options, under a name that tells which."""

    def __init__(
        self,
        name: str,
        client: LLMClient,
        options: PipelineOptions,
        opener: Callable[[str], Database] = open_database,
    ) -> None:
        """With ``options.dry_run`` no container is used."""
        self._name = name
        self._client = client
        self._options = options
        self._opener = opener

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    def answer(self, asked: str, database: EvaluatedDatabase) -> Answer:
        """One whole run. Raises KeyboardInterrupt where the run was stopped by one."""
        options = replace(self._options, database_url=database.url)
        pipeline = Pipeline(self._client, options, SilentProgress(), self._opener)
        record = pipeline.run(UserRequest(text=asked, source="argument"))
        if record.status == "interrupted":
            raise KeyboardInterrupt
        if record.error is not None:
            return Answer(
                "abstained" if record.status == "no_answer" else "failed",
                sql=_queries(record),
                error=record.error.cause,
                usage=record.usage,
            )
        if self._options.dry_run:
            answer = run_queries(database, _queries(record), record.usage)
            return replace(answer, is_confident=not record.is_doubted)
        result = record.execution.result if record.execution else None
        tables = tuple(map(_rows, result.tables)) if result else ()
        return Answer(
            "answered",
            tables,
            _queries(record),
            usage=record.usage,
            is_confident=not record.is_doubted,
        )


def _queries(record: RunRecord) -> tuple[str, ...]:
    return tuple(query.sql for query in record.script.queries) if record.script else ()


def _rows(table: ResultTable) -> Rows:
    return Rows(table.columns, tuple(tuple(row.get(name) for name in table.columns) for row in table.rows))
