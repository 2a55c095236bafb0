"""Progress, consoles and the JSON object."""

from __future__ import annotations

import io
import json
from decimal import Decimal

import display_examples as examples
import pytest

from meta_agent.consent import Question
from meta_agent.contracts import ResultTable, ScriptResult
from meta_agent.display.console import write_text
from meta_agent.display.json_output import error_as_json, record_as_json
from meta_agent.display.progress import ConsoleProgress
from meta_agent.display.reporter import Reporter
from meta_agent.doctor import Check
from meta_agent.errors import ExitCode, UsageError
from meta_agent.prompt_preview import Prompt, PromptPreview
from meta_agent.runs.json_text import to_json

KEYS = [
    *("status", "exit_code", "run_id", "run_dir", "request", "analysis", "plan", "validation", "tables"),
    *("summary", "files", "usage", "timings", "warnings", "error"),
]


def test_off_a_terminal_every_stage_leaves_one_line_at_once() -> None:
    console = examples.pipe()
    progress = ConsoleProgress(console)
    progress.stage_started("start")
    progress.stage_started("model")
    progress.stage_started("schema")
    progress.stage_finished("model", 1.2)
    progress.note("again \x1b")
    assert examples.text_of(console) == "Starting…\nChecking the model…\nReading the schema…\n· again \\x1b\n"


def test_off_a_terminal_a_download_leaves_a_line_every_tenth() -> None:
    console = examples.pipe()
    progress = ConsoleProgress(console)
    for share in (0.0, 0.01, 0.05, 0.11, 0.12, 1.0):
        progress.preparing("Fetching [the] model", share)
    assert examples.text_of(console).count("Fetching [the] model") == 3


def test_on_a_terminal_finished_stages_stay_with_their_time() -> None:
    console = examples.terminal()
    progress = ConsoleProgress(console)
    progress.stage_started("model")
    progress.stage_finished("model", 1.24)
    progress.stage_started("planning")
    progress.stage_finished("planning", 0.001)
    progress.close()
    assert "✓ Checking the model  1.2 s" in examples.text_of(console)
    assert "✓ Planning" not in examples.text_of(console)


def test_a_stage_that_was_given_up_says_nothing_later() -> None:
    console = examples.terminal()
    progress = ConsoleProgress(console)
    progress.stage_started("schema")
    progress.close()
    before = examples.text_of(console)
    progress.stage_finished("schema", 5.0)
    assert examples.text_of(console) == before


def test_quiet_progress_says_nothing() -> None:
    for console in (examples.pipe(), examples.terminal()):
        progress = ConsoleProgress(console, quiet=True)
        progress.stage_started("model")
        progress.note("x")
        progress.preparing("y", 0.5)
        progress.stage_finished("model", 3.0)
        progress.close()
        assert examples.text_of(console) == ""


def test_the_json_object_has_its_keys_in_every_case() -> None:
    record = record_as_json(examples.record())
    error = error_as_json(examples.ERROR, ExitCode.USAGE, "x")
    assert list(record) == KEYS == list(error)
    assert list(record["usage"]) == list(error["usage"])


def test_json_numbers_keep_the_precision_of_the_database() -> None:
    rows = ({"noi": Decimal("1234567890123456.10"), "none": float("nan"), "text": "half \ud83d"},)
    result = ScriptResult(tables=(ResultTable(title="t", columns=("noi",), rows=rows),))
    text = to_json(record_as_json(examples.record(execution=examples.execution(result=result))))
    assert '"noi": 1234567890123456.10' in text
    assert '"none": null' in text
    assert json.loads(text)["tables"][0]["rows"][0]["text"] == "half ?"


def test_exactly_one_object_even_if_showing_it_failed(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter("json")
    reporter.show_run(examples.record(), examples.glossary(), "run")
    reporter.show_failure(KeyboardInterrupt(), ExitCode.INTERRUPTED, "x")
    output = capsys.readouterr()
    assert json.loads(output.out)["status"] == "ok"
    assert "Interrupted" in output.err


def test_warnings_are_shown_even_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter(quiet=True).show_run(examples.record(), examples.glossary(), "run")
    output = capsys.readouterr()
    assert output.err.startswith("! The role") and "Took" not in output.err
    assert "Harbour View" in output.out


def test_a_traceback_is_shown_only_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise KeyError("inner")
    except KeyError as error:
        Reporter().show_failure(error, ExitCode.INTERNAL, "x")
        assert "Traceback" not in capsys.readouterr().err
        Reporter(debug=True).show_failure(error, ExitCode.INTERNAL, "x")
        assert "Traceback" in capsys.readouterr().err
    Reporter(debug=True).show_failure(UsageError("No.", "Yes."), ExitCode.USAGE, "x")
    assert "Traceback" not in capsys.readouterr().err


def test_passwords_are_masked_in_all_that_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    secrets: list[str] = []
    reporter = Reporter("json", debug=True)
    reporter.hide(secrets)
    secrets.append("c@nary/7")  # one that becomes known later
    reporter.progress.note("it failed with c%40nary%2F7")
    reporter.progress.preparing("Fetching c@nary/7", 0.5)
    reporter.show_checks([Check("Database", "broken", "c@nary/7 was refused", "Change c@nary/7.")])
    question = Question("Run it?", ("UPDATE t SET a = 'c@nary/7'",), "Go on?", ("It has c@nary/7 in it.",))
    assert reporter.consent(yes=True, no_input=True).ask(question) == "--yes"
    prompt = Prompt(stage="query", system="c@nary/7", user="c@nary/7")
    reporter.show_prompts(
        PromptPreview(database_schema="c@nary/7", prompts=(prompt,), warnings=("c@nary/7",))
    )
    reporter = Reporter("json", debug=True)
    reporter.hide(secrets)
    try:
        raise RuntimeError("dsn c@nary/7") from ValueError("c@nary/7")
    except RuntimeError as error:
        reporter.show_failure(error, ExitCode.INTERNAL, "what is c@nary/7")
    reporter.show_failure(UsageError("c@nary/7 is wrong.", "Not c@nary/7."), ExitCode.USAGE, "r")
    shown = "".join(capsys.readouterr())
    assert "c@nary/7" not in shown and "c%40nary" not in shown
    assert shown.count("****") >= 16 and "Traceback" in shown


def test_a_reader_that_went_away_is_no_error() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    write_text("x", Gone())
