"""The record of a run is written whatever happens, whole, and without secrets."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from loguru import logger

from meta_agent.contracts import ExecutionResult, LlmUsage, ResultTable, RunRecord, ScriptResult
from meta_agent.errors import (
    DatabaseError,
    ExitCode,
    ModelTimeout,
    NoAnswer,
    SandboxError,
    ScriptFailed,
    ScriptRefused,
    TimeLimit,
    UsageError,
)
from meta_agent.interrupts import interruptible
from meta_agent.runs.journal import RunJournal
from meta_agent.runs.log import start_logging

CANARY = "c@nary/7"


class SilentProgress:
    """Does nothing, as Progress may."""

    def stage_started(self, name: str) -> None: ...

    def stage_finished(self, name: str, seconds: float) -> None: ...

    def note(self, message: str) -> None: ...


@pytest.fixture
def journal(tmp_path: Path) -> RunJournal:
    return RunJournal(
        f"What about {CANARY}?",
        tmp_path,
        datetime(2026, 3, 1, tzinfo=timezone.utc),
        SilentProgress(),
        (CANARY,),
    )


def saved(journal: RunJournal) -> dict[str, object]:
    text = (journal.run_dir / "run.json").read_text(encoding="utf-8")
    content: dict[str, object] = json.loads(text, parse_float=Decimal)
    return content


def raising(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UsageError("c", "r"), "failed", ExitCode.USAGE),
        (ModelTimeout("c", "r"), "failed", ExitCode.MODEL),
        (DatabaseError("c", "r"), "failed", ExitCode.DATABASE),
        (ScriptRefused("c", "r"), "refused", ExitCode.REFUSED),
        (SandboxError("c", "r"), "failed", ExitCode.SANDBOX),
        (ScriptFailed("c", "r"), "failed", ExitCode.SCRIPT_FAILED),
        (NoAnswer("c", "r"), "no_answer", ExitCode.NO_ANSWER),
        (TimeLimit("c", "r"), "timeout", ExitCode.TIMEOUT),
        (KeyboardInterrupt(), "interrupted", ExitCode.INTERRUPTED),
    ],
)
def test_expected_failures_are_told_by_the_record(
    journal: RunJournal, error: BaseException, status: str, code: int
) -> None:
    record = journal.record(raising(error), LlmUsage)
    assert (record.status, record.exit_code) == (status, code)
    assert record.error is not None and record.error.cause and record.error.remedy
    assert saved(journal)["status"] == status


def test_an_internal_error_is_told_by_the_record_and_traced_in_the_log(journal: RunJournal) -> None:
    record = journal.record(raising(KeyError(CANARY)), LlmUsage)
    assert record.run_id == journal.run_dir.name and record.error is not None
    assert "KeyError" in record.error.cause and "--debug" in record.error.remedy
    assert (saved(journal)["status"], saved(journal)["exit_code"]) == ("failed", 1)
    log = (journal.run_dir / "logs" / "run.log").read_text()
    assert "Traceback" in log and "KeyError" in log and CANARY not in log


def test_a_good_run_keeps_usage_times_and_warnings_once(journal: RunJournal) -> None:
    def work() -> None:
        for _ in range(2):
            with journal.stage("generation"):
                journal.warnings.append("twice")

    record = journal.record(work, lambda: LlmUsage(llm_calls=2, prompt_tokens=10))
    assert record.status == "ok" and record.error is None
    assert record.usage.prompt_tokens == 10
    assert list(record.timings) == ["generation"]
    assert record.warnings == ("twice",)


def test_only_the_last_execution_warns(journal: RunJournal) -> None:
    def work() -> None:
        for number in (1, 2):
            journal.execution = ExecutionResult(
                status="ok",
                exit_code=0,
                result=ScriptResult(warnings=(f"result {number}",)),
                output="",
                error_output="",
                seconds=0.1,
                warnings=(f"run {number}",),
            )

    assert journal.record(work, LlmUsage).warnings == ("run 2", "result 2")


def test_numbers_keep_the_precision_of_the_database(journal: RunJournal) -> None:
    row = {"noi": Decimal("1234567890123456.10"), "nothing": float("nan"), "date": "2026-03-01"}

    def work() -> None:
        table = ResultTable(title="t", columns=tuple(row), rows=(row,))
        journal.execution = ExecutionResult(
            status="ok",
            exit_code=0,
            result=ScriptResult(tables=(table,)),
            output="",
            error_output="",
            seconds=0.1,
        )

    journal.record(work, LlmUsage)
    text = (journal.run_dir / "run.json").read_text()
    assert '"noi": 1234567890123456.10' in text and '"nothing": null' in text


def test_secrets_are_in_no_file_and_not_in_the_record(journal: RunJournal) -> None:
    def work() -> None:
        logger.info("connecting with {}", CANARY)
        journal.warnings.append(f"postgresql://u:{CANARY}@h failed")
        raise DatabaseError(f"{CANARY} was refused.", "Correct c%40nary%2F7.")

    record = journal.record(work, LlmUsage)
    files = "".join(f.read_text() for f in journal.run_dir.rglob("*") if f.is_file())
    for text in (files, repr(record)):
        assert CANARY not in text and "c%40nary%2F7" not in text
    assert record.request == "What about ****?"


def test_the_record_can_be_read_back(journal: RunJournal) -> None:
    record = journal.record(raising(NoAnswer("c", "r")), LlmUsage)
    assert RunRecord.model_validate_json((journal.run_dir / "run.json").read_bytes()) == record


def test_half_a_record_is_never_seen(journal: RunJournal) -> None:
    journal.record(lambda: None, LlmUsage)
    before = (journal.run_dir / "run.json").stat().st_ino
    journal.record(raising(NoAnswer("c", "r")), LlmUsage)
    assert (journal.run_dir / "run.json").stat().st_ino != before
    assert not list(journal.run_dir.glob("*.part"))


def test_an_interrupt_while_the_record_is_written_waits(journal: RunJournal) -> None:
    def usage() -> LlmUsage:
        return LlmUsage()

    class LateProgress(SilentProgress):
        def stage_finished(self, name: str, seconds: float) -> None:
            signal.raise_signal(signal.SIGTERM)

    journal.progress = LateProgress()

    def work() -> None:
        with journal.stage("execution"):
            pass

    with interruptible():
        record = journal.record(work, usage)
    assert record.status == "interrupted" and saved(journal)["exit_code"] == 130


def test_a_folder_that_is_gone_is_a_usage_error(journal: RunJournal, tmp_path: Path) -> None:
    journal.run_dir = tmp_path / "gone"
    with pytest.raises(UsageError, match="Nothing can be written"):
        journal.record(lambda: None, LlmUsage)


def test_a_folder_that_goes_in_the_middle_is_a_usage_error(journal: RunJournal, tmp_path: Path) -> None:
    journal.run_dir = tmp_path / "leaving"
    journal.run_dir.mkdir()
    with pytest.raises(UsageError, match="The record of this run cannot be written"):
        journal.record(lambda: shutil.rmtree(journal.run_dir), LlmUsage)


def test_debug_lines_on_stderr_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("INFO", (CANARY,), to_stderr=True)
    try:
        logger.debug("with {}", CANARY)
        try:
            raise ValueError(CANARY)
        except ValueError as error:
            logger.opt(exception=error).error("failed")
    finally:
        start_logging("INFO", (), to_stderr=False)
    shown = capsys.readouterr().err
    assert "with ****" in shown and "ValueError" in shown and CANARY not in shown
    logger.error("nobody hears this")
    assert capsys.readouterr().err == ""
