"""The stages in their order, and the bounded loop that mends a script. Start reading here.

check the model, read the schema      (at the same time)
analyze -> plan -> generate -> validate -> package -> execute
                   ^_____________|________________|   findings and tracebacks go back
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from meta_agent.analyzers.task_analyzer import TaskAnalyzer
from meta_agent.answer_checks import answer_doubts
from meta_agent.contracts import (
    ExecutionResult,
    GeneratedScript,
    LlmUsage,
    RunRecord,
    TaskAnalysis,
    UserRequest,
    ValidationResult,
)
from meta_agent.databases.url import normalise_url, parse_url
from meta_agent.errors import (
    DatabaseError,
    NoAnswer,
    SandboxError,
    ScriptRefused,
)
from meta_agent.executors.container_executor import ContainerExecutor, SandboxOptions
from meta_agent.executors.deployment_package import create_run_folder, write_package
from meta_agent.generators.dockerfile_generator import package_files, pin_requirements
from meta_agent.generators.script_generator import DatabaseAccess, ScriptGenerator, given_script
from meta_agent.glossary import Glossary
from meta_agent.interrupts import undisturbed
from meta_agent.llm.background import Background
from meta_agent.mechanisms import ALL, Mechanisms
from meta_agent.planners.execution_planner import ExecutionPlanner, usual_dependencies
from meta_agent.private_failures import private_findings, private_problem
from meta_agent.rendering import render
from meta_agent.runs.journal import Progress, RunJournal
from meta_agent.schema_prompt import SchemaOptions, SchemaPrompt, schema_prompt
from meta_agent.schema_relevance import asked_about
from meta_agent.script_failures import can_be_mended, failure_of, findings_of, last_line, problem_of
from meta_agent.utils.database_inspector import DatabaseInspector, prompt_form
from meta_agent.utils.llm_client import Conversation, LLMClient
from meta_agent.validators.script_validator import ScriptValidator

if TYPE_CHECKING:
    from meta_agent.databases.base import Database

VALIDATION_ROUNDS = 3
EXECUTION_REPAIRS = 2
SCHEMA_SECONDS = 120.0


@dataclass(frozen=True)
class PipelineOptions:
    """Everything a run needs to know from outside."""

    runs_dir: Path
    cache_dir: Path
    sandbox: SandboxOptions
    glossary: Glossary = field(default_factory=Glossary)
    database_url: str | None = None
    host: str = "0.0.0.0"  # noqa: S104 - where a web application listens inside its container
    port: int = 8080
    dry_run: bool = False
    secrets: tuple[str, ...] = ()
    """Texts that must not stand in any log or record."""
    warnings: tuple[str, ...] = ()
    """What the user should know before any run, one sentence each."""
    log_level: str = "INFO"
    schema: SchemaOptions = field(default_factory=SchemaOptions)
    """What of the rows may stand in a prompt."""
    mechanisms: Mechanisms = ALL
    """What an answer rests on besides the model; the evaluation switches some of it off."""

    @property
    def told(self) -> SchemaOptions:
        """What of the rows stands in a prompt, by settings and mechanisms."""
        return replace(self.schema, facts=self.mechanisms.facts)


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
        self._options = options
        self._progress = progress
        self._open_database = open_database

    @property
    def _may_tell(self) -> bool:
        """Whether the model may be told what stands in rows."""
        return self._options.schema.values

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not stand in any log or record."""
        return self._options.secrets

    def run(self, request: UserRequest) -> RunRecord:
        """Answer a request, or record why not; see RunJournal.record."""
        journal = new_journal(request.text, self._options, self._progress)
        before = self._client.usage
        return journal.record(
            lambda: self.answer(request, journal), lambda: spent(self._client.usage, before)
        )

    def answer(self, request: UserRequest, run: RunJournal) -> None:
        """All stages of one run. Raises MetaAgentError where there is no answer."""
        with sandbox(self._options) as executor, ExitStack() as resources:
            resources.callback(lambda: run.warnings.extend(self._client.warnings))
            database = self._prepare(run, resources)
            schema = database.schema if database else None
            about_request = self._conversation("")
            self._prepare_sandbox(executor, usual_dependencies(needs_data=database is not None), database)
            with run.stage("analysis"):
                analyzer = TaskAnalyzer(about_request, schema, self._options.glossary)
                run.analysis = analysis = analyzer.analyze(request)
            self._check_answerable(run, analysis)
            if not self._options.dry_run:
                executor.require_engine()  # told before a script is written that could not run
            with run.stage("planning"):
                planner = ExecutionPlanner(
                    about_request, schema, host=self._options.host, port=self._options.port
                )
                run.plan = plan = planner.plan(request, analysis)
            self._prepare_sandbox(executor, plan.dependencies, database if analysis.data_sources else None)
            shown = self._shown_schema(run, analysis, database)
            generator = ScriptGenerator(
                self._conversation(shown.text if shown else ""),
                self._options.glossary,
                replace(database, describe=shown.describe) if database and shown else database,
                self._options.mechanisms,
            )

            def generate(problem: str | None) -> GeneratedScript:
                return generator.generate(request, analysis, plan, created=run.started_at, problem=problem)

            self._generate_and_execute(run, generate, executor)
            if run.script is not None and run.execution is not None:
                lookup = database.lookup if database else None
                run.warnings.extend(answer_doubts(run.script, run.execution, request.text, lookup))

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
        run.warnings.extend([shown.note] if shown.note else [])
        return shown

    # --- preparation -----------------------------------------------------------------

    def _prepare(self, run: RunJournal, resources: ExitStack) -> DatabaseAccess | None:
        """Check the model and, at the same time, read the schema; a broken model is reported first."""
        reading = Background(lambda: self._read_schema(run, resources))
        self._client.warm_up()
        with run.stage("model"):
            run.model = self._client.check().model
        try:
            return reading.result(SCHEMA_SECONDS)
        except TimeoutError as error:
            raise DatabaseError(
                f"The structure of the database could not be read within {SCHEMA_SECONDS:.0f} s.",
                "Try again when the database is less busy.",
            ) from error

    def _read_schema(self, run: RunJournal, resources: ExitStack) -> DatabaseAccess | None:
        """None where there is no database, or nothing in it: then only what needs no data can be asked."""
        if self._options.database_url is None:
            return None
        with run.stage("schema"):
            database = self._open_database(self._options.database_url)
            resources.callback(database.close)
            run.schema = DatabaseInspector(database, self._options.cache_dir / "schemas").schema()
            rights = database.rights()
        if rights.can_write:
            run.warnings.append(f"{rights.detail} Give the tool a role that may only read.")
        return (
            DatabaseAccess(run.schema, database.explain, prompt_form, database) if run.schema.tables else None
        )

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
                "Grant SELECT on the tables to the role in DATABASE_URL, or name another database there.",
            )
        if analysis.requires_web_interface:
            run.warnings.append("A web page was asked for; this version answers in the terminal.")

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
        """A script that the validator accepts; its findings go back at most VALIDATION_ROUNDS times."""
        for _ in range(VALIDATION_ROUNDS):
            with run.stage("generation"):
                run.script = script = generate(problem)
            with run.stage("validation"):
                run.validation = validation = ScriptValidator().validate(
                    script.source, requirements=script.requirements
                )
            if validation.is_valid:
                return script, validation
            problem = findings_of(validation) if self._may_tell else private_findings(validation)
            self._progress.note(f"The validator refuses the script: {findings_of(validation)}")
        raise ScriptRefused(
            f"The validator refused {VALIDATION_ROUNDS} scripts in a row; the last one:"
            f" {findings_of(validation)}",
            f"Ask in another way; all findings are in {run.run_dir / 'run.json'}.",
        )


def execute_file(source: str, name: str, options: PipelineOptions, progress: Progress) -> RunRecord:
    """Validate a given script and run it in the same sandbox, without a model."""
    journal = new_journal(f"execute {name}", options, progress)
    return journal.record(lambda: execute_given(source, name, options, journal), LlmUsage)


def execute_given(source: str, name: str, options: PipelineOptions, run: RunJournal) -> None:
    """All stages of a given script's run. Raises MetaAgentError where it was not run to a good end."""
    run.script = script = given_script(source)
    with run.stage("validation"):
        run.validation = validation = ScriptValidator().validate(source)
    if not validation.is_valid:
        raise ScriptRefused(
            f"The validator refuses {name}: {findings_of(validation, with_lines=True)}",
            "Correct what it names, then run it again.",
        )
    if script.needs_database and options.database_url is None:
        raise DatabaseError(
            f"{name} reads DATABASE_URL, which is not set.", "Set DATABASE_URL in .env, or use --demo."
        )
    with sandbox(options) as executor:
        write_deployment_package(run, options, script, validation, executor)
        if options.dry_run:
            return
        result = execute_in_sandbox(run, options, executor, script, validation)
    if result.status != "ok":
        raise failure_of(script, result, tries=1)


# --- steps that both ways share ---------------------------------------------------------


def new_journal(request: str, options: PipelineOptions, progress: Progress) -> RunJournal:
    """A journal in a new run folder. Raises UsageError where the folder cannot be made."""
    started = datetime.now(timezone.utc).astimezone()
    return RunJournal(
        request,
        create_run_folder(options.runs_dir, started),
        started,
        progress,
        list(options.secrets),
        options.log_level,
        warnings=list(options.warnings),
    )


@contextmanager
def sandbox(options: PipelineOptions) -> Iterator[ContainerExecutor]:
    """An executor whose containers are gone afterwards: no interrupt cuts that short."""
    executor = ContainerExecutor(options.sandbox, log_output)
    try:
        yield executor
    finally:
        with undisturbed():
            executor.close()


def write_deployment_package(
    run: RunJournal,
    options: PipelineOptions,
    script: GeneratedScript,
    validation: ValidationResult,
    executor: ContainerExecutor,
) -> None:
    """Write everything into the run's folder that it takes to run the script again without us."""
    with run.stage("packaging"):
        url = script_url(options) if script.needs_database else None
        endpoint = parse_url(url).endpoint if url else None
        files = package_files(
            script,
            validation,
            name=run.run_dir.name,
            request=run.request,
            created=run.started_at,
            base_image=options.sandbox.base_image,
            socket_folder=endpoint.host if endpoint and endpoint.is_socket else None,
        )
        write_package(run.run_dir, files, package_env(url, options, executor))


def package_env(url: str | None, options: PipelineOptions, executor: ContainerExecutor) -> dict[str, str]:
    """What holds on this machine only, and so stands in .env: the login, and a base image made here."""
    env = {} if url is None else {"DATABASE_URL": url}
    with suppress(SandboxError):  # where Docker is away the package is still good; running it will tell
        if not options.dry_run and (base := executor.base_image()) != options.sandbox.base_image:
            env["BASE_IMAGE"] = base
    return env


def script_url(options: PipelineOptions) -> str | None:
    """The database as the script's driver knows it."""
    return normalise_url(options.database_url) if options.database_url else None


def execute_in_sandbox(
    run: RunJournal,
    options: PipelineOptions,
    executor: ContainerExecutor,
    script: GeneratedScript,
    validation: ValidationResult,
) -> ExecutionResult:
    """Run the packaged script in its container."""
    with run.stage("execution"):
        run.execution = result = executor.execute(run.run_dir, script, validation, script_url(options))
    return result


def log_output(text: str) -> None:
    """Keep what the script prints in the run's log."""
    logger.debug("script: {}", text.rstrip("\n"))


def spent(after: LlmUsage, before: LlmUsage) -> LlmUsage:
    """What one run has used of a client that may serve several."""
    return LlmUsage(
        llm_calls=after.llm_calls - before.llm_calls,
        prompt_tokens=after.prompt_tokens - before.prompt_tokens,
        cached_prompt_tokens=after.cached_prompt_tokens - before.cached_prompt_tokens,
        completion_tokens=after.completion_tokens - before.completion_tokens,
    )
