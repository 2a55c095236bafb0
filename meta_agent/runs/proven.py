"""Questions that were answered well, with their scripts: asked again, they need no model.

A question is the same where its words are, and everything else that the script came from:
database, model, glossary, mechanisms and this tool. Whether the structure of the database is
still the same, only the database can tell; so it is compared by whoever finds a script here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from loguru import logger
from pydantic import ValidationError

from meta_agent.contracts import Contract, DatabaseSchema, ExecutionPlan, GeneratedScript, TaskAnalysis
from meta_agent.glossary import Glossary
from meta_agent.local_store import LocalStore, key_of
from meta_agent.mechanisms import ALL, Mechanisms

FILE_NAME = "proven-questions.sqlite"
MOST_BYTES = 20 * 2**20
"""About a thousand scripts."""
_PACKAGE = Path(__file__).resolve().parents[1]


class ProvenScript(Contract):
    """A script that answered a request without a doubt, and what the record of a run tells beside it."""

    request: str
    run_id: str
    """The run that wrote the script."""
    model: str | None
    structure: str | None
    """``structure_of`` the schema the script was written for; None where there was no database."""
    analysis: TaskAnalysis
    plan: ExecutionPlan
    script: GeneratedScript


@dataclass(frozen=True)
class Circumstances:
    """What a script comes from beside the request and the structure of the database."""

    database: str
    """Server, database and login as the URL has them, without a password; empty without a database."""
    model: str
    """Which model on which server, and how it is asked."""
    glossary: Glossary
    mechanisms: Mechanisms = ALL

    def key(self, request: str) -> str:
        """What the request is stored under; blanks and line ends make no difference."""
        words = " ".join(request.split())
        glossary, mechanisms = _glossary_text(self.glossary), repr(self.mechanisms)
        return key_of(words, self.database, self.model, glossary, mechanisms, tool_stamp())


class ProvenQuestions:
    """The proven scripts of one cache folder. Like the store below it, it never raises."""

    def __init__(self, folder: Path, *, reads: bool = True) -> None:
        """``reads`` False: nothing is found, but new scripts take the place of old ones."""
        self._store = LocalStore(folder / FILE_NAME, MOST_BYTES)
        self._reads = reads

    def find(self, key: str) -> ProvenScript | None:
        """The script that is stored under a key of ``Circumstances``."""
        content = self._store.find(key) if self._reads else None
        if content is None:
            return None
        try:
            return ProvenScript.model_validate_json(content)
        except ValidationError as error:
            logger.debug("a stored script cannot be read: {} errors", error.error_count())
            return None

    def keep(self, key: str, proven: ProvenScript) -> None:
        """Store a script in the place of an earlier one."""
        self._store.keep(key, proven.model_dump_json())

    def forget(self, key: str) -> None:
        """Take away a script that does not work any more."""
        self._store.forget(key)


def structure_of(schema: DatabaseSchema) -> str:
    """Changes with the catalogue, and with the keys that the rows alone show: scripts join on those, too."""
    inferred = [
        f"{table.schema_name} {table.name} {key}"
        for table in schema.tables
        for key in (*table.inferred_unique, *filter(lambda key: key.inferred, table.foreign_keys))
    ]
    return key_of(schema.fingerprint, *sorted(inferred))


@cache
def tool_stamp() -> str:
    """Changes with every change of this tool's own files, which a version number does not."""
    return key_of(*sorted(_stamps(str(_PACKAGE))))


def _stamps(folder: str) -> Iterator[str]:
    """Path, size and time of every file: reading them all would take longer than it is worth."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _stamps(entry.path)
            else:
                state = entry.stat()
                yield f"{entry.path} {state.st_size} {state.st_mtime_ns}"


def _glossary_text(glossary: Glossary) -> str:
    """Its whole content, in an order of its own: that of a set differs from process to process."""
    metrics = [metric.model_dump(mode="json") for metric in glossary.metrics]
    return json.dumps([metrics, sorted(glossary.additive_words)])
