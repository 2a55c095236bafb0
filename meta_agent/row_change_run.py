"""Runs that change rows: what is asked, and which login a script gets after it.

Only with ``--allow-writes``, only what a person has seen word for word and agreed to, once. Such a
script is never kept to answer again, never run outside the container, never tried a second time.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from meta_agent.consent import Question, require
from meta_agent.contracts import (
    ExecutionResult,
    GeneratedScript,
    RowChanges,
    UserRequest,
    ValidationResult,
)
from meta_agent.databases import open_database
from meta_agent.databases.url import normalise_url
from meta_agent.errors import ScriptRefused, UsageError
from meta_agent.executors.container_executor import ContainerExecutor
from meta_agent.generators.row_change_writer import RowChangeWriter
from meta_agent.generators.script_generator import row_change_script
from meta_agent.run_steps import (
    PipelineOptions,
    execute_in_sandbox,
    validated,
    write_deployment_package,
)
from meta_agent.runs.journal import RunJournal
from meta_agent.sandbox.door import with_own_authority
from meta_agent.script_failures import failure_of, findings_of
from meta_agent.validators.row_changes import row_change, row_changes

if TYPE_CHECKING:
    from meta_agent.utils.llm_client import Conversation

NOTHING = RowChanges()
MAYBE_CHANGED = (
    "The script was allowed to change rows and did not end well: look at the database before it runs again."
)


def changes_in(script: GeneratedScript, options: PipelineOptions) -> RowChanges:
    """What of a script may be asked about; nothing where writes are not allowed."""
    return row_changes(script.source) if options.allow_writes else NOTHING


def writing_url(options: PipelineOptions) -> str:
    """The login that may write, as the script's driver knows it. Raises UsageError where there is none."""
    if options.writing_url is None:
        raise UsageError(
            "There is no database whose rows could be changed.",
            "Set DATABASE_URL in .env; the sample portfolio can only be read.",
        )
    return with_own_authority(normalise_url(options.writing_url))


def execute_change(
    run: RunJournal,
    options: PipelineOptions,
    script: GeneratedScript,
    validation: ValidationResult,
    changes: RowChanges,
    executor: ContainerExecutor,
) -> ExecutionResult | None:
    """Ask, then run the script with DATABASE_URL; None in a dry run, which asks nothing.

    Raises ScriptRefused where nobody agrees, and what the script's failure means.
    """
    url = writing_url(options)
    if changes.objections:
        raise ScriptRefused(
            f"The script changes rows and could do more than can be shown: {changes.objections[0]}",
            "Write every statement out as a text; values go in as parameters (%s).",
        )
    if not options.dry_run:
        require(run, options.consent, _question(changes))
    write_deployment_package(run, options, script, validation, executor, writes=True)
    if options.dry_run:
        return None
    result = execute_in_sandbox(run, options, executor, script, validation, url)
    if result.status != "ok":
        run.warnings.append(MAYBE_CHANGED)
        raise failure_of(script, result, tries=1)
    return result


def answer_with_change(
    request: UserRequest,
    run: RunJournal,
    options: PipelineOptions,
    conversation: Conversation,
    executor: ContainerExecutor,
) -> bool:
    """Have the model write one statement, and run it if a person agrees; False where it would only read.

    PostgreSQL plans the statement with the login that would run it: the reader may not.
    Raises MetaAgentError where it is not run to a good end.
    """
    if run.schema is None or run.plan is None:
        return False
    with run.stage("generation"), closing(open_database(writing_url(options))) as database:
        writer = RowChangeWriter(conversation, run.schema, database.explain_change, _may_be_asked_about)
        written = writer.write(request.text, options.glossary)
    if written is None:
        return False
    script = row_change_script(request, run.plan, written, created=run.started_at)
    changes = row_changes(script.source)
    validation = validated(run, script, tuple(change.sql for change in changes.statements))
    if not validation.is_valid or not changes.statements:
        raise ScriptRefused(
            f"The validator refuses the script: {findings_of(validation)}", "Ask for one change at a time."
        )
    execute_change(run, options, script, validation, changes, executor)
    return True


def _may_be_asked_about(sql: str) -> bool:
    return row_change(sql, 1) is not None


def _question(changes: RowChanges) -> Question:
    count = len(changes.statements)
    return Question(
        "The script changes rows of your database"
        f" by {'this statement' if count == 1 else f'these {count} statements'}:",
        tuple(change.sql.strip() for change in changes.statements),
        "Run it?",
        tuple(dict.fromkeys(change.warning for change in changes.statements if change.warning)),
    )
