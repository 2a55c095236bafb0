"""The stages in their order, and the bounded loop that mends a script. Start reading here.

check the model, read the schema      (at the same time)
analyze -> plan -> generate -> validate -> package -> execute
                   ^_____________|________________|   findings and tracebacks go back
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from meta_agent.analyzers.task_analyzer import TaskAnalyzer
from meta_agent.contracts import (
    ExecutionResult,
    GeneratedScript,
    LlmUsage,
    RunRecord,
    TaskAnalysis,
    UserRequest,
    ValidationResult,
)
from meta_agent.errors import DatabaseError, MetaAgentError, NoAnswer, ScriptFailed, ScriptRefused, TimeLimit
from meta_agent.executors.container_executor import ContainerExecutor, SandboxOptions
from meta_agent.executors.deployment_package import create_run_folder, write_package
from meta_agent.generators.dockerfile_generator import package_files, pin_requirements
from meta_agent.generators.script_generator import DatabaseAccess, ScriptGenerator, given_script
from meta_agent.glossary import Glossary
from meta_agent.planners.execution_planner import ExecutionPlanner
from meta_agent.rendering import render
from meta_agent.runs.journal import Progress, RunJournal
from meta_agent.utils.database_inspector import DatabaseInspector, prompt_form
from meta_agent.utils.llm_client import LLMClient
from meta_agent.validators.script_validator import ScriptValidator

if TYPE_CHECKING:
    from meta_agent.databases.base import Database

VALIDATION_ROUNDS = 3
EXECUTION_REPAIRS = 2
_TRACEBACK_CHARACTERS = 1500


@dataclass(frozen=True)
class PipelineOptions:
    """Everything a run needs to know from outside."""

    runs_dir: Path
    cache_dir: Path
    glossary: Glossary
    sandbox: SandboxOptions
    database_url: str | None = None
    host: str = "0.0.0.0"  # noqa: S104 - where a web application listens inside its container
    port: int = 8080
    dry_run: bool = False
    secrets: tuple[str, ...] = ()
    """Texts that must not stand in any log or record."""
    log_level: str = "INFO"


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

    def run(self, request: UserRequest) -> RunRecord:
        """Answer a request, or record why not; see RunJournal.record."""
        journal = new_journal(request.text, self._options, self._progress)
        before = self._client.usage
        return journal.record(
            lambda: self._answer(request, journal), lambda: _spent(self._client.usage, before)
        )

    def _answer(self, request: UserRequest, run: RunJournal) -> None:
        with ExitStack() as resources:
            executor = resources.enter_context(ContainerExecutor(self._options.sandbox, log_output))
            database = self._prepare(run, resources)
            conversation = self._client.conversation(
                render("prompts/system.md.j2", schema=prompt_form(database.schema) if database else "")
            )
            with run.stage("analysis"):
                run.analysis = analysis = TaskAnalyzer(conversation, run.schema).analyze(request)
            self._check_answerable(run, analysis)
            with run.stage("planning"):
                planner = ExecutionPlanner(
                    conversation.fork(), run.schema, host=self._options.host, port=self._options.port
                )
                run.plan = plan = planner.plan(request, analysis)
            if not self._options.dry_run:
                executor.prepare(
                    plan.dependencies, self._options.database_url if analysis.data_sources else None
                )
            generator = ScriptGenerator(conversation, self._options.glossary, database)

            def generate(problem: str | None) -> GeneratedScript:
                return generator.generate(request, analysis, plan, created=run.started_at, problem=problem)

            self._generate_and_execute(run, generate, executor)
            run.warnings.extend(self._client.warnings)

    # --- preparation -----------------------------------------------------------------

    def _prepare(self, run: RunJournal, resources: ExitStack) -> DatabaseAccess | None:
        """Check the model and, at the same time, read the schema; a broken model is reported first."""
        self._client.warm_up()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="schema") as pool:
            reading = pool.submit(self._read_schema, run, resources)
            with run.stage("model"):
                run.model = self._client.check().model
            return reading.result()

    def _read_schema(self, run: RunJournal, resources: ExitStack) -> DatabaseAccess | None:
        if self._options.database_url is None:
            return None
        with run.stage("schema"):
            database = self._open_database(self._options.database_url)
            resources.callback(database.close)
            run.schema = DatabaseInspector(database, self._options.cache_dir / "schemas").schema()
            rights = database.rights()
            if rights.can_write:
                run.warnings.append(
                    f"The database role may write: {rights.detail} A read-only role is safer."
                )
            return DatabaseAccess(run.schema, database.explain, prompt_form)

    def _check_answerable(self, run: RunJournal, analysis: TaskAnalysis) -> None:
        if run.schema is None and analysis.data_sources:
            raise DatabaseError(
                f"The request needs data ({', '.join(analysis.data_sources)}) and no database is configured.",
                "Set DATABASE_URL in .env, or try the sample portfolio with --demo.",
            )
        if run.schema is not None and not run.schema.tables:
            raise NoAnswer(
                f"The database {run.schema.database} has no table that your role may read.",
                "Grant SELECT on the tables to the role in DATABASE_URL.",
            )
        if analysis.requires_web_interface:
            run.warnings.append("A web page was asked for; this version answers in the terminal.")

    # --- the repair loop ---------------------------------------------------------------

    def _generate_and_execute(
        self, run: RunJournal, generate: Callable[[str | None], GeneratedScript], executor: ContainerExecutor
    ) -> None:
        problem: str | None = None
        for _ in range(1 + EXECUTION_REPAIRS):
            script, validation = self._accepted_script(run, generate, problem)
            write_deployment_package(run, self._options, script, validation)
            if self._options.dry_run:
                return
            result = execute_in_sandbox(run, self._options, executor, script, validation)
            if result.status == "ok" and result.result is not None:
                return
            problem = problem_of(result)
            self._progress.note(f"The script failed and is written again: {problem.splitlines()[-1][:200]}")
        raise failure_of(result, tries=1 + EXECUTION_REPAIRS)

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
            problem = findings_of(validation)
            self._progress.note(f"The validator refuses the script: {problem}")
        raise ScriptRefused(
            f"The validator refused {VALIDATION_ROUNDS} scripts in a row; the last one: {problem}",
            f"Read the findings in {run.run_dir / 'run.json'}, or ask in another way.",
        )


def execute_file(source: str, name: str, options: PipelineOptions, progress: Progress) -> RunRecord:
    """Validate a given script and run it in the same sandbox, without a model."""
    journal = new_journal(f"execute {name}", options, progress)

    def work() -> None:
        journal.script = script = given_script(source)
        with journal.stage("validation"):
            journal.validation = validation = ScriptValidator().validate(source)
        if not validation.is_valid:
            raise ScriptRefused(
                f"The validator refuses {name}: {findings_of(validation)}",
                "Correct what it names, then run it again.",
            )
        if script.needs_database and options.database_url is None:
            raise DatabaseError(
                f"{name} reads DATABASE_URL, which is not set.", "Set DATABASE_URL in .env, or use --demo."
            )
        write_deployment_package(journal, options, script, validation)
        if options.dry_run:
            return
        with ContainerExecutor(options.sandbox, log_output) as executor:
            result = execute_in_sandbox(journal, options, executor, script, validation)
        if result.status != "ok":
            raise failure_of(result, tries=1)

    return journal.record(work, LlmUsage)


# --- steps that both ways share ---------------------------------------------------------


def new_journal(request: str, options: PipelineOptions, progress: Progress) -> RunJournal:
    """A journal in a new run folder. Raises UsageError where the folder cannot be made."""
    started = datetime.now(timezone.utc).astimezone()
    return RunJournal(
        request,
        create_run_folder(options.runs_dir, started),
        started,
        progress,
        options.secrets,
        options.log_level,
    )


def write_deployment_package(
    run: RunJournal, options: PipelineOptions, script: GeneratedScript, validation: ValidationResult
) -> None:
    """Write everything into the run's folder that it takes to run the script again without us."""
    with run.stage("packaging"):
        files = package_files(
            script,
            validation,
            name=run.run_dir.name,
            request=run.request,
            created=run.started_at,
            base_image=options.sandbox.base_image,
        )
        url = options.database_url if script.needs_database else None
        write_package(run.run_dir, files, {"DATABASE_URL": url or ""})


def execute_in_sandbox(
    run: RunJournal,
    options: PipelineOptions,
    executor: ContainerExecutor,
    script: GeneratedScript,
    validation: ValidationResult,
) -> ExecutionResult:
    """Run the packaged script in its container."""
    run.warnings.extend(script.warnings)
    with run.stage("execution"):
        url = options.database_url if script.needs_database else None
        run.execution = result = executor.execute(run.run_dir, script, validation, url)
    run.warnings.extend(result.warnings)
    if result.result is not None:
        run.warnings.extend(result.result.warnings)
    return result


def findings_of(validation: ValidationResult) -> str:
    """The findings that keep a script from being accepted, as sentences."""
    serious = [issue for issue in validation.issues if issue.severity != "LOW"] or validation.issues
    return " ".join(issue.message for issue in serious[:5])


def problem_of(result: ExecutionResult) -> str:
    """What went wrong in the container, in words the model can act on."""
    if result.status == "timeout":
        return "It was still running at its time limit."
    if result.status == "out_of_memory":
        return "It needed more memory than it may have."
    if result.status == "ok":
        return "It wrote no result that could be read."
    tail = result.error_output.strip()[-_TRACEBACK_CHARACTERS:]
    return f"The script ended with exit status {result.exit_code}:\n{tail}"


def failure_of(result: ExecutionResult, *, tries: int) -> MetaAgentError:
    """The error that a script's last failure is for the user."""
    if result.status == "timeout":
        return TimeLimit(
            f"The script was stopped after {result.seconds:.0f} s.", "Ask for less, or raise SCRIPT_TIMEOUT."
        )
    last_line = [line for line in problem_of(result).splitlines() if line.strip()][-1]
    times = "" if tries == 1 else f" {tries} times"
    return ScriptFailed(
        f"The script failed{times}; the last message: {last_line[:300]}",
        "Read logs/ in the run's folder, or ask in another way.",
    )


def log_output(text: str) -> None:
    """Keep what the script prints in the run's log."""
    logger.debug("script: {}", text.rstrip("\n"))


def _spent(after: LlmUsage, before: LlmUsage) -> LlmUsage:
    return LlmUsage(
        llm_calls=after.llm_calls - before.llm_calls,
        prompt_tokens=after.prompt_tokens - before.prompt_tokens,
        cached_prompt_tokens=after.cached_prompt_tokens - before.cached_prompt_tokens,
        completion_tokens=after.completion_tokens - before.completion_tokens,
    )
