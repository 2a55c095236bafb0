"""A database to read for every question: dumps go into a throw-away server, each once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from meta_agent.contracts import DatabaseSchema
from meta_agent.databases import open_database
from meta_agent.databases.base import Rows
from meta_agent.databases.embedded import DATABASE as SAMPLE_NAME
from meta_agent.databases.embedded import ensure_sample_database
from meta_agent.databases.rows import QueryFailure, read_rows
from meta_agent.databases.throwaway import ThrowAwayServer, throw_away_server
from meta_agent.errors import UsageError
from meta_agent.evaluation.dataset import Dataset

MAX_ROWS = 10_000
"""As many as a generated script reads."""
QUERY_SECONDS = 30.0


@dataclass(frozen=True)
class EvaluatedDatabase:
    """A database that questions are about, as a role that may only SELECT sees it."""

    url: str = field(repr=False)
    schema: DatabaseSchema

    @property
    def only_schema(self) -> str | None:
        """The schema of all tables where they are not in the default one: a user would name it."""
        names = {table.schema_name for table in self.schema.tables}
        return next(iter(names)) if len(names) == 1 and self.schema.default_schema not in names else None

    def read(self, sql: str, schema: str | None = None) -> Rows | QueryFailure:
        """The rows of a query, within the row and time limit."""
        return read_rows(self.url, sql, max_rows=MAX_ROWS, seconds=QUERY_SECONDS, schema=schema)


class Databases:
    """The databases of all datasets of one evaluation, each loaded when it is first asked for."""

    def __init__(self, cache: Path, resources: ExitStack) -> None:
        self._cache = cache
        self._resources = resources
        self._server: ThrowAwayServer | None = None
        self._loaded: dict[tuple[Path, str], EvaluatedDatabase] = {}

    def of(self, dataset: Dataset, name: str) -> EvaluatedDatabase:
        """The database ``name`` of a dataset. Raises DatabaseError, and UsageError where it has no dump."""
        key = (dataset.folder, name)
        if key not in self._loaded:
            self._loaded[key] = _opened(self._url(dataset, name))
        return self._loaded[key]

    def _url(self, dataset: Dataset, name: str) -> str:
        dump = dataset.dump_of(name)
        if dump.is_file():
            if self._server is None:
                self._server = self._resources.enter_context(throw_away_server(self._cache))
            return self._server.load(name, dump.read_text(encoding="utf-8"))
        if name == SAMPLE_NAME:
            return ensure_sample_database(self._cache).reader_url
        raise UsageError(f"There is no dump {dump}.", "Put the database's dump beside questions.jsonl.")


@contextmanager
def databases(cache: Path) -> Iterator[Databases]:
    """Databases whose server is gone when the block ends."""
    with ExitStack() as resources:
        yield Databases(cache, resources)


def _opened(url: str) -> EvaluatedDatabase:
    database = open_database(url)
    try:
        return EvaluatedDatabase(url, database.schema())
    finally:
        database.close()
