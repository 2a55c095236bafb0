"""Reads a run's database while other things are made ready."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from meta_agent.errors import DatabaseError
from meta_agent.generators.script_generator import DatabaseAccess
from meta_agent.llm.background import Background
from meta_agent.run_steps import PipelineOptions
from meta_agent.runs.journal import RunJournal
from meta_agent.secret_masking import spare_names
from meta_agent.utils.database_inspector import DatabaseInspector, prompt_form
from meta_agent.validators.sql_statements import only_reads

if TYPE_CHECKING:
    from meta_agent.databases.base import Database

SCHEMA_SECONDS = 120.0


def read_database(
    run: RunJournal,
    options: PipelineOptions,
    open_database: Callable[[str], Database],
    resources: ExitStack,
) -> DatabaseAccess | None:
    """The database, its structure noted in the journal; it is closed with ``resources``.

    None where there is no database, or nothing in it: then only what needs no data can be asked.
    """
    if options.database_url is None:
        return None
    with run.stage("schema"):
        database = open_database(options.database_url)
        resources.callback(database.close)
        run.schema = DatabaseInspector(database, options.cache_dir / "schemas", run.secrets).schema()
        spare_names(run)
        rights = database.rights()
    if rights.can_write:
        run.warnings.append(f"{rights.detail} {options.read_only_remedy}")
    if not run.schema.tables:
        return None
    return DatabaseAccess(run.schema, database.explain, prompt_form, database, may_read=only_reads)


def once_read(reading: Background[DatabaseAccess | None]) -> DatabaseAccess | None:
    """The database once its schema was read. Raises DatabaseError."""
    try:
        return reading.result(SCHEMA_SECONDS)
    except TimeoutError as error:
        raise DatabaseError(
            f"The structure of the database could not be read within {SCHEMA_SECONDS:.0f} s.",
            "Try again when the database is less busy.",
        ) from error
