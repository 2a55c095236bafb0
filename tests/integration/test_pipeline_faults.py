"""What can go wrong in the middle of the pipeline; faults as a user meets them are in ``faults``."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_support import (  # noqa: F401
    ANSWERS,
    PORTFOLIO,
    READER_PASSWORD,
    REQUEST,
    Runner,
    analysis,
    function,
    nothing_left,
    portfolio,
    query,
    reader_url,
    rows_of,
    runner,
)
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres, free_port
from scripted_model import (
    ChatCall,
    Drops,
    Fails,
    ScriptedModel,
    ScriptEntry,
    cut,
    unused_url,
)

from meta_agent.contracts import RunRecord, UserRequest
from meta_agent.errors import ExitCode
from meta_agent.pipeline import EXECUTION_REPAIRS

pytestmark = [pytest.mark.docker, pytest.mark.database, pytest.mark.usefixtures("nothing_left")]

NO_DATA = analysis(task_type="calculation")
ARITHMETIC = "What is 17 * 23?"


def assert_failed(record: RunRecord, code: ExitCode, *words: str) -> None:
    """The right code, a sentence of cause that has these words, a sentence of remedy, and no secret."""
    assert record.exit_code == code, record.error
    assert record.error is not None and record.status != "ok"
    cause, remedy = record.error.cause, record.error.remedy
    for word in words:
        assert word in cause
    assert cause.rstrip(".)") and remedy.endswith((".", "."))
    assert "\n" not in cause + remedy
    for secret in (READER_PASSWORD, "scripted-key"):
        assert secret not in cause + remedy


# --- the model ---------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [Fails(500), Fails(503), Drops('{"primary')], ids=["500", "503", "drop"])
def test_a_model_that_fails_once_is_asked_again(runner: Runner, trouble: ScriptEntry) -> None:
    runner.options["dry_run"] = True
    assert runner.run(trouble, *ANSWERS).status == "ok"


def test_json_that_is_cut_or_wrong_is_asked_for_again(runner: Runner) -> None:
    runner.options["dry_run"] = True
    wrong = analysis("properties", complexity="HUGE")
    assert runner.run(cut('{"primary_goal": "Sh'), wrong, *ANSWERS).status == "ok"


def test_an_analysis_that_stays_wrong(runner: Runner) -> None:
    assert_failed(runner.run("{}", "no", "[]"), ExitCode.MODEL)


def test_two_code_blocks(runner: Runner) -> None:
    two = f"First:\n{query('SELECT name FROM properties')}\nor better:\n{query()}"
    record = runner.run(analysis("properties"), two)
    assert record.status == "ok", record.error
    assert rows_of(record)


# --- the database ------------------------------------------------------------------


def test_wrong_password(runner: Runner, portfolio: RunningPostgres) -> None:
    runner.database_url = portfolio.url("pipeline", "pipeline_reader", "wrong-secret-7")
    record = runner.run()
    assert_failed(record, ExitCode.DATABASE)
    files = "".join(f.read_text() for f in Path(record.run_dir).rglob("*") if f.is_file())
    assert "wrong-secret-7" not in files


def test_model_and_database_down_the_model_is_named(runner: Runner) -> None:
    runner.database_url = f"postgresql://ada@127.0.0.1:{free_port()}/estate"
    assert_failed(runner.run(base_url=unused_url()), ExitCode.MODEL)


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:secret-7@h/d", "postgresql://u:sec@ret-7@h/d"])
def test_a_url_that_is_none(runner: Runner, url: str) -> None:
    runner.database_url = url
    record = runner.run()
    assert_failed(record, ExitCode.DATABASE)
    assert record.error is not None and "ret-7" not in repr(record.error)


def test_an_empty_database_does_not_matter_to_arithmetic(runner: Runner, portfolio: RunningPostgres) -> None:
    portfolio.create_database("nothing", "SELECT 1")
    runner.database_url = reader_url(portfolio, "nothing")
    record = runner.run(NO_DATA, function("def compute():\n    return 17 * 23"), request=ARITHMETIC)
    assert record.status == "ok", record.error


def test_the_database_goes_away_before_the_script_runs(runner: Runner, portfolio: RunningPostgres) -> None:
    portfolio.create_database("fleeting", *PORTFOLIO)
    runner.database_url = reader_url(portfolio, "fleeting")

    def close_and_answer(_call: ChatCall) -> str:
        """EXPLAIN comes after the answer, so it is here that the database goes."""
        portfolio.execute("postgres", *closed_off("fleeting"))
        return query()

    try:
        record = runner.run(analysis("properties"), close_and_answer)
    finally:
        portfolio.drop_database("fleeting")
    assert_failed(record, ExitCode.DATABASE)


# --- the script --------------------------------------------------------------------


def test_a_script_that_is_refused_once_is_written_again(tmp_path: Path) -> None:
    bad = function("def compute():\n    return [{'x': eval('1 + 1')}]")
    good = function("def compute():\n    return [{'x': 1 + 1}]")
    with ScriptedModel([NO_DATA, bad, good]) as model:
        record = Runner(tmp_path).pipeline(model).run(asked(ARITHMETIC))
        assert "eval" in model.requests[-1].last_user
    assert record.status == "ok", record.error
    assert rows_of(record) == ({"x": 2},)


def test_a_script_that_always_fails(tmp_path: Path) -> None:
    bad = function("def compute():\n    return [{'x': [1][2 + 3]}]")
    record = Runner(tmp_path).run(NO_DATA, *[bad] * (1 + EXECUTION_REPAIRS), request=ARITHMETIC)
    assert_failed(record, ExitCode.SCRIPT_FAILED, f"failed {1 + EXECUTION_REPAIRS} times", "IndexError")
    assert record.execution is not None and "IndexError" in record.execution.error_output


def test_an_image_that_cannot_be_had(runner: Runner) -> None:
    """Where a base image was made on this machine it takes the place, and the run says so."""
    record = run_in(runner, base_image="nobody.invalid/no-such-image:1")
    assert record.exit_code in (ExitCode.SANDBOX, ExitCode.OK)
    if record.exit_code == ExitCode.OK:
        assert any("no-such-image" in warning for warning in record.warnings)
        assert "\nBASE_IMAGE=" in (Path(record.run_dir) / ".env").read_text()


def asked(text: str = REQUEST) -> UserRequest:
    return UserRequest(text=text, source="argument")


def run_in(runner: Runner, **sandbox: str) -> RunRecord:
    """The usual request, in another sandbox."""
    with ScriptedModel(ANSWERS) as model:
        pipeline = runner.pipeline(model)
        options = pipeline._options
        pipeline._options = replace(options, sandbox=replace(options.sandbox, **sandbox))
        record = pipeline.run(asked())
        if record.script is None:
            model._script.clear()  # what was not asked for
        return record


def closed_off(database: str) -> tuple[str, ...]:
    return (
        f"ALTER DATABASE {database} ALLOW_CONNECTIONS false",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'",
    )
