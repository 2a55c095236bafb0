"""The stages in their order, and the bounded loop that mends a script. Start reading here.

answered before?   then the same script is executed again, and the model left alone
check the model, read the schema      (at the same time)
analyze -> plan -> generate -> validate -> package -> execute
                   ^_____________|________________|   findings and tracebacks go back
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from meta_agent.analyzers.task_analyzer import TaskAnalyzer, asks_for_web_page
from meta_agent.asked_files import files_asked_for, without_files
from meta_agent.contracts import (
    GeneratedScript,
    LlmUsage,
    RunRecord,
    TaskAnalysis,
    UserRequest,
    ValidationResult,
)
from meta_agent.errors import DatabaseError, NoAnswer, ScriptFailed, ScriptRefused
from meta_agent.executors.container_executor import ContainerExecutor
from meta_agent.generators.dockerfile_generator import pin_requirements
from meta_agent.generators.script_generator import DatabaseAccess, ScriptGenerator, given_script
from meta_agent.llm.background import Background
from meta_agent.planners.execution_planner import ExecutionPlanner, usual_dependencies
from meta_agent.private_failures import private_findings, private_problem
from meta_agent.rendering import render
from meta_agent.reuse import Reuse
from meta_agent.row_change_run import answer_with_change, changes_in, execute_change
from meta_agent.run_steps import (
    NO_WEB_PAGE,
    PipelineOptions,
    doubts_about,
    execute_in_sandbox,
    new_journal,
    origin_of,
    prepare_for,
    require_accepted,
    sandbox,
    script_url,
    spent,
    validated,
    write_deployment_package,
)
from meta_agent.runs.journal import Progress, RunJournal
from meta_agent.schema_prompt import SchemaPrompt, schema_prompt
from meta_agent.schema_reading import once_read, read_database
from meta_agent.schema_relevance import asked_about
from meta_agent.script_failures import can_be_mended, failure_of, findings_of, last_line, problem_of
from meta_agent.secret_masking import masked_request
from meta_agent.utils.llm_client import Conversation, LLMClient

if TYPE_CHECKING:
    from meta_agent.databases.base import Database

__all__ = ["Pipeline", "PipelineOptions", "execute_file", "execute_given"]

VALIDATION_ROUNDS = 3
EXECUTION_REPAIRS = 2


class Pipeline:
    """Answers requests, one after the other."""

    def __init__(
        self,
        client: LLMClient,
        options: PipelineOptions,
        progress: Progress,
        open_database: Callable[[str], Database],
    ) -> None:
        self._client = client
        self._client.hide(options.secrets)
        self._options = options
        self._progress = progress
        self._open_database = open_database
        self._reuse = Reuse(options, client.options)

    @property
    def _may_tell(self) -> bool:
        """Whether the model may be told what stands in rows."""
        return self._options.schema.values

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not stand in any log or record."""
        return self._options.secrets

    def warm_up(self) -> None:
        """Get the model ready while there is no request yet. Raises ModelError."""
        self._client.warm_up()  # after our own imports, which it would slow down

    def run(self, request: UserRequest) -> RunRecord:
        """Answer a request, or record why not; see RunJournal.record."""
        journal = new_journal(request.text, self._options, self._progress)
        before = self._client.usage
        return journal.record(
            lambda: self.answer(request, journal), lambda: spent(self._client.usage, before)
        )

    def answer(self, request: UserRequest, run: RunJournal) -> None:
        """All stages of one run. Raises MetaAgentError where there is no answer."""
        request = masked_request(request, run)
        with sandbox(self._options, run) as executor, ExitStack() as resources:
            resources.callback(lambda: run.warnings.extend(self._client.warnings))
            reading = Background(lambda: self._read_schema(run, resources))
            if self._answered_again(run, reading, executor):
                return
            self._check_model(run)
            database = once_read(reading)
            with self._client.forgetting(NoAnswer, ScriptRefused, ScriptFailed):
                self._answer_with_model(request, run, database, executor)
            doubts = doubts_about(run, database)
            run.warnings.extend(doubts)
            self._reuse.remember(run, doubts)

    def _answered_again(
        self, run: RunJournal, reading: Background[DatabaseAccess | None], executor: ContainerExecutor
    ) -> bool:
        """Whether the script of an earlier run has answered; without one, nothing is waited for."""
        proven = None if self._options.allow_writes else self._reuse.candidate(run.request)
        if proven is None:
            return False
        self._reuse.prepare(proven, executor)
        return self._reuse.answer(proven, run, once_read(reading), executor)

    def _answer_with_model(
        self,
        request: UserRequest,
        run: RunJournal,
        database: DatabaseAccess | None,
        executor: ContainerExecutor,
    ) -> None:
        schema = database.schema if database else None
        about_request = self._conversation("")
        files = files_asked_for(request.text, schema, has_page=asks_for_web_page(request.text))
        question = without_files(request, files)
        usual = usual_dependencies(
            files, needs_data=database is not None, web=asks_for_web_page(request.text)
        )
        self._prepare_sandbox(executor, usual, database)
        with run.stage("analysis"):
            analyzer = TaskAnalyzer(
                about_request,
                schema,
                self._options.glossary,
                asks_always=not self._options.mechanisms.short_analysis,
            )
            run.analysis = analysis = analyzer.analyze(question)
        self._check_answerable(run, analysis)
        if not self._options.dry_run:
            executor.require_engine()  # told before a script is written that could not run
        with run.stage("planning"):
            planner = ExecutionPlanner(
                about_request, schema, host=self._options.host, port=self._options.port
            )
            run.plan = plan = planner.plan(question, analysis, files)
        self._prepare_sandbox(executor, plan.dependencies, database if analysis.data_sources else None)
        shown = self._shown_schema(run, analysis, database)
        if self._options.allow_writes and shown is not None:
            conversation = self._conversation(shown.text)
            if answer_with_change(request, run, self._options, conversation, executor):
                return
        generator = ScriptGenerator(
            self._conversation(shown.text if shown else ""),
            self._options.glossary,
            replace(database, describe=shown.describe) if database and shown else database,
            self._options.mechanisms,
            origin=origin_of(run),
        )

        def generate(problem: str | None) -> GeneratedScript:
            return generator.generate(request, analysis, plan, created=run.started_at, problem=problem)

        self._generate_and_execute(run, generate, executor)

    def _conversation(self, schema: str) -> Conversation:
        return self._client.conversation(render("prompts/system.md.j2", schema=schema))

    def _shown_schema(
        self, run: RunJournal, analysis: TaskAnalysis, database: DatabaseAccess | None
    ) -> SchemaPrompt | None:
        """What the model is shown of the database; None where the request needs none."""
        if database is None or not analysis.data_sources:
            return None
        asked = asked_about(run.request, analysis, self._options.glossary)
        told, room = self._options.told, self._client.context_length
        shown = schema_prompt(database.schema, asked, told, room, database.lookup)
        run.notices.extend([shown.note] if shown.note else [])
        return shown

    # --- preparation -----------------------------------------------------------------

    def _check_model(self, run: RunJournal) -> None:
        """While the schema is read; a broken model is reported first."""
        with run.stage("model"):
            self._client.warm_up()
            run.came_from(self._client.check().model, self._client.options.weights_sha256)

    def _read_schema(self, run: RunJournal, resources: ExitStack) -> DatabaseAccess | None:
        database = read_database(run, self._options, self._open_database, resources)
        self._client.hide(run.secrets)
        return database

    def _check_answerable(self, run: RunJournal, analysis: TaskAnalysis) -> None:
        wanted = ", ".join(analysis.data_sources)
        if wanted and run.schema is None:
            raise DatabaseError(
                f"The request needs data ({wanted}) and no database is configured.",
                "Set DATABASE_URL in .env, or try the sample portfolio with --demo.",
            )
        if wanted and run.schema is not None and not run.schema.tables:
            raise NoAnswer(
                f"The database {run.schema.database} has no table that your role may read.",
                f"Grant SELECT on the tables to the role in {self._options.database_setting},"
                " or name another database there.",
            )
        if analysis.requires_web_interface and not wanted:
            run.warnings.append(NO_WEB_PAGE)

    def _prepare_sandbox(
        self, executor: ContainerExecutor, packages: Iterable[str], database: DatabaseAccess | None
    ) -> None:
        """Make image and workspace ready while the model works: once as usual, again if the plan differs."""
        if not self._options.dry_run:
            url = script_url(self._options) if database else None
            executor.prepare(pin_requirements(packages).requirements, url)

    # --- the repair loop ---------------------------------------------------------------

    def _generate_and_execute(
        self, run: RunJournal, generate: Callable[[str | None], GeneratedScript], executor: ContainerExecutor
    ) -> None:
        problem: str | None = None
        for _ in range(1 + EXECUTION_REPAIRS):
            if run.script is not None:
                prepare_for(run.script, self._options, executor)  # a container is used once
            script, validation = self._accepted_script(run, generate, problem)
            write_deployment_package(run, self._options, script, validation, executor)
            if self._options.dry_run:
                return
            result = execute_in_sandbox(run, self._options, executor, script, validation)
            if result.status == "ok" and result.result is not None:
                return
            if not can_be_mended(script, result):
                raise failure_of(script, result, tries=1)
            problem = problem_of(result) if self._may_tell else private_problem(script, result)
            self._progress.note(f"The script failed and is written again: {last_line(problem_of(result))}")
        raise failure_of(script, result, tries=1 + EXECUTION_REPAIRS)

    def _accepted_script(
        self, run: RunJournal, generate: Callable[[str | None], GeneratedScript], problem: str | None
    ) -> tuple[GeneratedScript, ValidationResult]:
        """A script that the validator accepts; its findings go back at most VALIDATION_ROUNDS times.

        Of the last one a person may be asked.
        """
        for _ in range(VALIDATION_ROUNDS):
            with run.stage("generation"):
                run.script = script = generate(problem)
            validation = validated(run, script)
            if validation.is_valid:
                return script, validation
            problem = findings_of(validation) if self._may_tell else private_findings(validation)
            self._progress.note(f"The validator refuses the script: {findings_of(validation)}")
        refusal = ScriptRefused(
            f"The validator refused {VALIDATION_ROUNDS} scripts in a row; the last one:"
            f" {findings_of(validation)}",
            f"Ask in another way; all findings are in {run.run_dir / 'run.json'}.",
        )
        require_accepted(run, self._options, validation, refusal)
        return script, validation


def execute_file(source: str, name: str, options: PipelineOptions, progress: Progress) -> RunRecord:
    """Validate a given script and run it in the same sandbox, without a model."""
    journal = new_journal(f"execute {name}", options, progress)
    return journal.record(lambda: execute_given(source, name, options, journal), LlmUsage)


def execute_given(source: str, name: str, options: PipelineOptions, run: RunJournal) -> None:
    """All stages of a given script's run. Raises MetaAgentError where it was not run to a good end."""
    script = given_script(source)
    changes = changes_in(script, options)
    validation = validated(run, script, tuple(change.sql for change in changes.statements))
    refusal = ScriptRefused(
        f"The validator refuses {name}: {findings_of(validation, with_lines=True)}",
        "Correct what it names, then run it again.",
    )
    require_accepted(run, options, validation, refusal)
    if script.needs_database and options.database_url is None:
        raise DatabaseError(
            f"{name} reads DATABASE_URL, which is not set.", "Set DATABASE_URL in .env, or use --demo."
        )
    with sandbox(options, run) as executor:
        if changes.statements:
            execute_change(run, options, script, validation, changes, executor)
            return
        prepare_for(script, options, executor)
        write_deployment_package(run, options, script, validation, executor)
        if options.dry_run:
            return
        result = execute_in_sandbox(run, options, executor, script, validation)
    if result.status != "ok":
        raise failure_of(script, result, tries=1)
