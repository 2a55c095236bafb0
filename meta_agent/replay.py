"""Runs a script that is there already: that of an earlier run again, or that of a saved question.

No model is asked. The script is validated and executed like any other, in a run folder and with a
record of its own; what stands in the database now decides the figures.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from meta_agent.contracts import GeneratedScript, RunRecord
from meta_agent.errors import DatabaseError, ScriptRefused, UsageError
from meta_agent.llm.background import Background
from meta_agent.run_steps import (
    PipelineOptions,
    doubts_about,
    execute_in_sandbox,
    require_accepted,
    sandbox,
    script_url,
    validated,
    write_deployment_package,
)
from meta_agent.runs.journal import RunJournal
from meta_agent.runs.provenance import SCRIPT_NAME, Origin, text_sha256
from meta_agent.schema_reading import once_read, read_database
from meta_agent.script_failures import failure_of, findings_of

if TYPE_CHECKING:
    from datetime import datetime

    from meta_agent.databases.base import Database
    from meta_agent.generators.script_generator import DatabaseAccess

CHANGED_STRUCTURE = "The structure of the database is not the one that the script was written for."


class ReadyScript(Protocol):
    """A script that needs no model; its text may depend on the database."""

    @property
    def needs_database(self) -> bool:
        """Whether it reads DATABASE_URL."""

    @property
    def requirements(self) -> tuple[str, ...]:
        """What it imports, pinned."""

    def script(self, database: DatabaseAccess | None, created: datetime) -> GeneratedScript:
        """The script. Raises MetaAgentError where it cannot be made."""


class RecordedScript:
    """The script of an earlier run, as it was recorded."""

    def __init__(self, record: RunRecord) -> None:
        """Raises UsageError where the run has no script, or another one by now."""
        if record.script is None:
            raise UsageError(
                f"The run {record.run_id} wrote no script.", "`history --status ok` lists runs that did."
            )
        self.record = record
        self._script = record.script.model_copy(update={"source": recorded_source(record)})

    @property
    def needs_database(self) -> bool:
        """Whether it reads DATABASE_URL."""
        return self._script.needs_database

    @property
    def requirements(self) -> tuple[str, ...]:
        """What it imports, pinned."""
        return self._script.requirements

    def script(self, database: DatabaseAccess | None, created: datetime) -> GeneratedScript:  # noqa: ARG002
        """The same script as then."""
        return self._script


def recorded_source(record: RunRecord) -> str:
    """The script in a run's folder. Raises UsageError where it is not the one that was recorded."""
    file = Path(record.run_dir) / SCRIPT_NAME
    try:
        source = file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The script of the run {record.run_id} cannot be read.", f"Restore {file}."
        ) from error
    script = record.script.source if record.script else ""
    wanted = record.provenance.script_sha256 if record.provenance else text_sha256(script)
    if text_sha256(source) != wanted:
        raise UsageError(
            f"The script of the run {record.run_id} was changed since it was recorded.",
            f"Restore it, or run it as your own: python script_executor.py execute {file}",
        )
    return source


def continue_record(run: RunJournal, earlier: RunRecord) -> None:
    """Note in a journal what the script of an earlier run came from."""
    run.repeats = earlier.run_id
    run.question, run.parameters = earlier.question, dict(earlier.parameters)
    run.analysis, run.plan, run.model = earlier.analysis, earlier.plan, earlier.model
    known = earlier.provenance
    run.origin = Origin(known.model_sha256, known.prompts_sha256) if known else Origin()


def replay(
    ready: ReadyScript,
    options: PipelineOptions,
    run: RunJournal,
    open_database: Callable[[str], Database],
    structure: str | None = None,
) -> None:
    """All stages of such a run. Raises MetaAgentError where the script was not run to a good end.

    ``structure``: fingerprint of the database that the script was written for, where it is known.
    """
    if ready.needs_database and options.database_url is None:
        raise DatabaseError(
            "The script reads a database, and none is configured.",
            "Set DATABASE_URL in .env, or try the sample portfolio with --demo.",
        )
    with sandbox(options, run) as executor, ExitStack() as resources:
        executor.prepare(ready.requirements, script_url(options) if ready.needs_database else None)
        database = None
        if ready.needs_database:
            database = once_read(Background(lambda: read_database(run, options, open_database, resources)))
        if run.schema is not None and structure not in (None, run.schema.fingerprint):
            run.notices.append(CHANGED_STRUCTURE)
        script = ready.script(database, run.started_at)
        validation = validated(run, script)
        refusal = ScriptRefused(
            f"The validator refuses the script: {findings_of(validation, with_lines=True)}",
            "It is not run; ask anew for a script that can be.",
        )
        require_accepted(run, options, validation, refusal)
        write_deployment_package(run, options, script, validation, executor)
        result = execute_in_sandbox(run, options, executor, script, validation)
        if result.status != "ok" or (result.result is None and script.template != "given"):
            raise failure_of(script, result, tries=1)
        run.warnings.extend(doubts_about(run, database))
