"""What every way of running a script does: its options, journal, package and container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from loguru import logger

from meta_agent.answer_checks import answer_doubts
from meta_agent.consent import Consent, NobodyToAsk, Question, require
from meta_agent.contracts import ExecutionResult, GeneratedScript, LlmUsage, ValidationResult
from meta_agent.databases.url import READER_SETTING, URL_SETTING, normalise_url, parse_url
from meta_agent.errors import SandboxError, ScriptRefused
from meta_agent.executors.container_executor import ContainerExecutor, SandboxOptions
from meta_agent.executors.deployment_package import create_run_folder, write_package
from meta_agent.generators.dockerfile_generator import package_files
from meta_agent.generators.script_generator import DatabaseAccess
from meta_agent.glossary import Glossary
from meta_agent.interrupts import undisturbed
from meta_agent.mechanisms import ALL, Mechanisms
from meta_agent.runs.journal import Progress, RunJournal
from meta_agent.runs.proven import ProvenQuestions
from meta_agent.runs.unfinished import settle
from meta_agent.sandbox.door import certificate_files, with_own_authority
from meta_agent.schema_prompt import SchemaOptions
from meta_agent.secret_masking import masked_execution, verdict_on_secrets
from meta_agent.validators.rules import ACCEPTED_SCORE, may_be_asked_about
from meta_agent.validators.script_validator import ScriptValidator

CREATE_READER = "python script_executor.py doctor --create-reader"
NO_WEB_PAGE = "A web page was asked for; there is one only over data of the database."


@dataclass(frozen=True)
class PipelineOptions:
    """Everything a run needs to know from outside."""

    runs_dir: Path
    cache_dir: Path
    sandbox: SandboxOptions
    glossary: Glossary = field(default_factory=Glossary)
    database_url: str | None = None
    """What everything reads through: the reader's URL where there is one."""
    database_setting: str = URL_SETTING
    """The setting that it stands in."""
    writing_url: str | None = None
    """DATABASE_URL itself, for statements that a person agreed to; None where nothing can be changed."""
    allow_writes: bool = False
    """Whether statements that change rows may be asked about; else they are refused."""
    consent: Consent = field(default_factory=NobodyToAsk)
    """Asks the user."""
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
    proven: ProvenQuestions | None = None
    """Where scripts that answered well are kept and found again; None writes every script anew."""

    @property
    def read_only_remedy(self) -> str:
        """What to do where the role of ``database_url`` can write."""
        if self.database_setting == READER_SETTING:
            return f"Let {READER_SETTING} name a role that may only read: {CREATE_READER}"
        return f"Give the tool a role that may only read: {CREATE_READER}"

    @property
    def told(self) -> SchemaOptions:
        """What of the rows stands in a prompt, by settings and mechanisms."""
        return replace(self.schema, facts=self.mechanisms.facts)


def new_journal(request: str, options: PipelineOptions, progress: Progress) -> RunJournal:
    """A journal in a new run folder; runs that were killed get their record.

    Raises UsageError where the folder cannot be made.
    """
    settle(options.runs_dir)
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


def origin_of(run: RunJournal) -> tuple[tuple[str, str], ...]:
    """Where a run's script comes from, as its reports tell it."""
    known = (
        ("Run", run.run_dir.name),
        ("Model", run.model),
        ("Database structure", run.schema.fingerprint if run.schema else None),
    )
    return tuple((name, value) for name, value in known if value)


@contextmanager
def sandbox(options: PipelineOptions, run: RunJournal) -> Iterator[ContainerExecutor]:
    """The run's executor. Its containers are gone afterwards: no interrupt cuts that short."""
    executor = ContainerExecutor(options.sandbox, log_output, run.run_dir.name)
    try:
        yield executor
    finally:
        with undisturbed():
            executor.close()


def validated(run: RunJournal, script: GeneratedScript, permitted: tuple[str, ...] = ()) -> ValidationResult:
    """The validator's verdict on a script, which becomes the run's.

    ``permitted``: its statements that change rows, where a person is asked about them.
    """
    with run.stage("validation"):
        run.script = script
        verdict = ScriptValidator().validate(
            script.source, requirements=script.requirements, permitted=permitted
        )
        run.validation = verdict = verdict_on_secrets(verdict, script.source, run.secrets)
    return verdict


def require_accepted(
    run: RunJournal, options: PipelineOptions, validation: ValidationResult, refusal: ScriptRefused
) -> None:
    """Go on with a script that the validator accepts, or a person does where they may. Raises ``refusal``."""
    if validation.is_valid:
        return
    if options.dry_run or not may_be_asked_about(validation.security_score, validation.issues):
        raise refusal
    findings = tuple(
        f"Line {issue.line}: {issue.message}" if issue.line else issue.message for issue in validation.issues
    )
    score = f"{validation.security_score:.2f} where {ACCEPTED_SCORE} are needed"
    require(
        run,
        options.consent,
        Question(f"The validator does not accept the script by itself ({score}).", findings, "Run it?"),
        refusal,
    )


def write_deployment_package(
    run: RunJournal,
    options: PipelineOptions,
    script: GeneratedScript,
    validation: ValidationResult,
    executor: ContainerExecutor,
    *,
    writes: bool = False,
) -> None:
    """Write everything into the run's folder that it takes to run the script again without us.

    ``writes``: the script changes rows; then the login is left out, so that nothing runs it again unasked.
    """
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
            certificate_files=certificate_files(url) if url else (),
        )
        write_package(run.run_dir, files, package_env(None if writes else url, options, executor))


def package_env(url: str | None, options: PipelineOptions, executor: ContainerExecutor) -> dict[str, str]:
    """What holds on this machine only, and so stands in .env: login, runtime, and a base image made here."""
    env = {} if url is None else {"DATABASE_URL": url}
    if options.sandbox.runtime is not None:
        env["SANDBOX_RUNTIME"] = options.sandbox.runtime
    with suppress(SandboxError):  # where Docker is away the package is still good; running it will tell
        if not options.dry_run and (base := executor.base_image()) != options.sandbox.base_image:
            env["BASE_IMAGE"] = base
    return env


def prepare_for(script: GeneratedScript, options: PipelineOptions, executor: ContainerExecutor) -> None:
    """Make a place ready for this script, or for another one in its stead."""
    if not options.dry_run:
        executor.prepare(script.requirements, script_url(options) if script.needs_database else None)


def script_url(options: PipelineOptions) -> str | None:
    """The database as the script's driver and the gateway know it."""
    return with_own_authority(normalise_url(options.database_url)) if options.database_url else None


def execute_in_sandbox(
    run: RunJournal,
    options: PipelineOptions,
    executor: ContainerExecutor,
    script: GeneratedScript,
    validation: ValidationResult,
    database_url: str | None = None,
) -> ExecutionResult:
    """Run the packaged script in its container; ``database_url`` where it is not the usual one."""
    url = database_url or script_url(options)
    with run.stage("execution"):
        result = executor.execute(run.run_dir, script, validation, url)
        run.execution = result = masked_execution(result, run.run_dir, run.secrets)
    return result


def doubts_about(run: RunJournal, database: DatabaseAccess | None) -> tuple[str, ...]:
    """What the user should know about the answer of a finished run, one sentence each."""
    if run.script is None or run.execution is None:
        return ()
    return answer_doubts(run.script, run.execution, run.request, database.lookup if database else None)


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
