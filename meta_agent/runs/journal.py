"""What is known of a run while it goes on, and how it becomes a RunRecord.

Whatever happens to the work of a run, its record is written: finished, failed,
refused, or interrupted from the keyboard; that of a killed one by the next run.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from loguru import logger

from meta_agent.contracts import (
    Agreement,
    DatabaseSchema,
    ErrorReport,
    ExecutionPlan,
    ExecutionResult,
    GeneratedScript,
    LlmUsage,
    RunRecord,
    RunStatus,
    TaskAnalysis,
    ValidationResult,
)
from meta_agent.errors import (
    ExitCode,
    MetaAgentError,
    NoAnswer,
    ScriptRefused,
    TimeLimit,
    UsageError,
    exit_code_for,
)
from meta_agent.interrupts import undisturbed
from meta_agent.runs.log import log_run
from meta_agent.runs.provenance import Origin, prompts_sha256, provenance_of
from meta_agent.runs.secrets import mask_all
from meta_agent.runs.store import save_record
from meta_agent.runs.unfinished import give_up, unfinished

KILLED = ErrorReport(
    title="Interrupted",
    cause="The program was killed before the run had finished.",
    remedy="What it had started is removed by the next run; ask again when you like.",
)


class Progress(Protocol):
    """Is told what happens during a run; shows it, or does nothing. May be called from two threads."""

    def stage_started(self, name: str) -> None:
        """A stage began."""

    def stage_finished(self, name: str, seconds: float) -> None:
        """A stage has ended, well or not."""

    def note(self, message: str) -> None:
        """Something the user may want to know while waiting."""


@dataclass
class RunJournal:
    """Collects the parts of a run's record as the stages produce them."""

    request: str
    run_dir: Path
    started_at: datetime
    progress: Progress
    secrets: list[str] = field(default_factory=list)
    """Texts that must not stand in the record or the log; more may become known on the way."""
    log_level: str = "INFO"
    timings: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    """About the run as a whole; those of the script and its execution are added at the end."""
    notices: list[str] = field(default_factory=list)
    """What is told like a warning and is no reason to doubt the answer."""
    model: str | None = None
    origin: Origin = field(default_factory=Origin)
    schema: DatabaseSchema | None = None
    reused_from: str | None = None
    """The run whose script is used again."""
    repeats: str | None = None
    """The run whose saved script is run again, because the user says so."""
    question: str | None = None
    """The saved question that is run, and with which values."""
    parameters: dict[str, str] = field(default_factory=dict)
    analysis: TaskAnalysis | None = None
    plan: ExecutionPlan | None = None
    script: GeneratedScript | None = None
    validation: ValidationResult | None = None
    agreements: list[Agreement] = field(default_factory=list)
    """What a person agreed to in this run."""
    execution: ExecutionResult | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a stage; a stage that comes again adds up."""
        self.progress.stage_started(name)
        begin = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - begin
            self.timings[name] = round(self.timings.get(name, 0.0) + seconds, 3)
            logger.info("{} took {:.3f} s", name, seconds)
            self.progress.stage_finished(name, seconds)

    def came_from(self, model: str | None, weights_sha256: str | None) -> None:
        """Note the model that is asked, or was when the script was written, by this version of the tool."""
        self.model = model
        self.origin = Origin(weights_sha256, prompts_sha256() if model is not None else None)

    def start_over(self) -> None:
        """Forget what a script led to that did not work; schema, times and warnings stay."""
        self.model = self.reused_from = None
        self.origin = Origin()
        self.analysis = self.plan = None
        self.script = self.validation = self.execution = None

    def record(self, work: Callable[[], None], usage: Callable[[], LlmUsage]) -> RunRecord:
        """Do the work of the run and save its record, whatever comes of it.

        Whatever goes wrong in a run, an interrupt or an internal error included, is told by the
        record; the log has an internal error's traceback. Raises UsageError where nothing can be written.
        """
        with ExitStack() as resources:
            note = self._begun(resources)
            logger.info("request: {}", self.request)
            try:
                work()
            except (MetaAgentError, KeyboardInterrupt) as error:
                logger.info("ended early: {!r}", error)
                return self._save(error, usage(), note)
            except Exception as error:  # noqa: BLE001 - recorded with its traceback, shown as internal
                logger.opt(exception=error).error("internal error")
                return self._save(error, usage(), note)
            return self._save(None, usage(), note)

    def _begun(self, resources: ExitStack) -> Path:
        """Open the log, and note what the record is if the process is killed; the note's file.

        Raises UsageError where the disk takes neither: then nothing is left of the folder.
        """
        killed = self._record(KeyboardInterrupt(), LlmUsage()).model_copy(update={"error": KILLED})
        try:
            resources.enter_context(log_run(self.run_dir, self.secrets, self.log_level))
            return resources.enter_context(unfinished(self._masked(killed)))
        except UsageError:
            shutil.rmtree(self.run_dir, ignore_errors=True)
            raise

    def _save(self, error: BaseException | None, usage: LlmUsage, note: Path) -> RunRecord:
        with undisturbed():
            record = self._masked(self._record(error, usage))
            try:
                save_record(record)
            except UsageError as failure:
                give_up(note)  # on a disk that is full, its place is enough to say how the run ended
                save_record(_shortest(record, failure))
                raise
        return record

    def _record(self, error: BaseException | None, usage: LlmUsage) -> RunRecord:
        return RunRecord(
            run_id=self.run_dir.name,
            run_dir=str(self.run_dir),
            started_at=self.started_at,
            finished_at=datetime.now(timezone.utc).astimezone(),
            status=_status_of(error),
            exit_code=ExitCode.OK if error is None else exit_code_for(error),
            request=self.request,
            model=self.model,
            schema_fingerprint=self.schema.fingerprint if self.schema else None,
            reused_from=self.reused_from,
            repeats=self.repeats,
            question=self.question,
            parameters=dict(self.parameters),
            analysis=self.analysis,
            plan=self.plan,
            script=self.script,
            validation=self.validation,
            agreements=tuple(self.agreements),
            execution=self.execution,
            provenance=provenance_of(self.run_dir, self.origin, self.execution),
            usage=usage,
            timings=dict(self.timings),
            warnings=tuple(dict.fromkeys((*self.warnings, *self.notices, *self._last_warnings()))),
            notices=tuple(dict.fromkeys(self.notices)),
            error=None if error is None else report_of(error),
        )

    def _last_warnings(self) -> Iterator[str]:
        """Of the last script and its execution only: a try that was mended is no news."""
        if self.script is not None:
            yield from self.script.warnings
        if self.execution is not None:
            yield from self.execution.warnings
            yield from self.execution.result.warnings if self.execution.result else ()

    def _masked(self, record: RunRecord) -> RunRecord:
        masked = mask_all(record.model_dump(), self.secrets)
        return RunRecord.model_validate({**masked, "run_dir": record.run_dir, "run_id": record.run_id})


def report_of(error: BaseException) -> ErrorReport:
    """An error in the words the user sees."""
    if isinstance(error, MetaAgentError):
        return ErrorReport(title=error.title, cause=error.cause, remedy=error.remedy)
    if isinstance(error, KeyboardInterrupt):
        return ErrorReport(
            title="Interrupted",
            cause="The run was stopped before it had finished.",
            remedy="What it had started was removed; ask again when you like.",
        )
    return ErrorReport(
        title=MetaAgentError.title,
        cause=f"The tool itself failed with {type(error).__name__}.",
        remedy="Run it again with --debug and report what it prints.",
    )


def _shortest(record: RunRecord, error: UsageError) -> RunRecord:
    """A record that says little more than how the run ended."""
    said = ("analysis", "plan", "script", "validation", "execution")
    ended = {"status": _status_of(error), "exit_code": error.exit_code, "error": report_of(error)}
    return record.model_copy(update={**dict.fromkeys(said), "warnings": (), "notices": (), **ended})


def _status_of(error: BaseException | None) -> RunStatus:
    named: tuple[tuple[type[BaseException], RunStatus], ...] = (
        (ScriptRefused, "refused"),
        (NoAnswer, "no_answer"),
        (TimeLimit, "timeout"),
        (KeyboardInterrupt, "interrupted"),
    )
    if error is None:
        return "ok"
    return next((status for kind, status in named if isinstance(error, kind)), "failed")
