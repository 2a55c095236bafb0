"""Requests from the question to the answer: a scripted model, a real database, real containers."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from command_line import CommandLine
from pipeline_support import (  # noqa: F401
    ANSWERS,
    BASE_IMAGE,
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
from postgres_server import RunningPostgres
from scripted_model import ScriptedModel
from test_sandbox_run import gateway_in

from meta_agent.contracts import UserRequest
from meta_agent.errors import ExitCode
from meta_agent.pipeline import execute_file

pytestmark = [pytest.mark.docker, pytest.mark.database, pytest.mark.usefixtures("nothing_left")]

BROKEN_AT_RUN_TIME = "SELECT name, CAST(name AS integer) AS share FROM properties"
MENDED = "SELECT name, noi AS share FROM properties"
REASON = "invalid input syntax for type integer"


def test_a_question_is_answered(runner: Runner) -> None:
    record = runner.run(*ANSWERS)
    assert (record.status, record.exit_code, record.error) == ("ok", 0, None)
    assert [row["name"] for row in rows_of(record)] == ["Maple Court", "Old Mill", 'Harbour "View"']
    assert rows_of(record)[1]["noi"] == Decimal("98000.10") and rows_of(record)[2]["noi"] is None
    assert '"noi": 98000.10' in (Path(record.run_dir) / "run.json").read_text()
    assert record.usage.llm_calls == 3 and record.usage.prompt_tokens > 0
    assert set(record.timings) == {
        *("model", "schema", "analysis", "planning", "generation", "validation", "packaging", "execution")
    }
    assert record.schema_fingerprint and record.model == "scripted-coder-7b"
    assert record.warnings == ()


def test_the_package_is_complete_and_private(runner: Runner) -> None:
    folder = Path(runner.run(*ANSWERS).run_dir)
    assert {path.name for path in folder.iterdir()} >= {
        *("script.py", "requirements.txt", "Dockerfile", "docker-compose.yml", "deploy.sh", "README.md"),
        *(".env", ".env.example", "results", "logs", "exports", "data", "run.json"),
    }
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    assert os.access(folder / "deploy.sh", os.X_OK)
    written = [file for file in folder.rglob("*") if file.is_file() and file.name != ".env"]
    assert [file.name for file in written if READER_PASSWORD in file.read_text("utf-8", "replace")] == []


def test_the_script_runs_alone_with_its_own_env_file(runner: Runner, tmp_path: Path) -> None:
    """Also for a URL with SQLAlchemy's driver in it, which psycopg2 does not understand."""
    assert runner.database_url is not None
    runner.database_url = runner.database_url.replace("postgresql://", "postgresql+psycopg2://")
    record = runner.run(*ANSWERS)
    assert record.status == "ok"
    name, _, url = (Path(record.run_dir) / ".env").read_text().strip().partition("=")
    assert name == "DATABASE_URL" and url.startswith("postgresql://")
    finished = subprocess.run(
        [sys.executable, "-I", str(Path(record.run_dir) / "script.py")],
        env={"DATABASE_URL": url, "OUTPUT_DIR": str(tmp_path / "out"), "LOG_DIR": str(tmp_path / "log")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    answer = json.loads((tmp_path / "out" / "result.json").read_text())
    assert answer["tables"][0]["rows"][0]["name"] == "Maple Court"


def test_a_database_reached_over_its_unix_socket(
    runner: Runner, portfolio: RunningPostgres, tmp_path: Path
) -> None:
    with gateway_in(tmp_path, portfolio.url()) as folder:
        runner.database_url = portfolio.url(
            "pipeline", "pipeline_reader", READER_PASSWORD, host=folder, port=5432
        )
        record = runner.run(*ANSWERS)
    assert record.status == "ok", record.error
    assert str(tmp_path / "socket") in (Path(record.run_dir) / "docker-compose.yml").read_text()


def test_two_requests_through_one_pipeline(runner: Runner) -> None:
    with ScriptedModel([*ANSWERS, *ANSWERS]) as model:
        pipeline = runner.pipeline(model)
        first, second = (pipeline.run(UserRequest(text=REQUEST, source="prompt")) for _ in range(2))
    assert first.status == second.status == "ok"
    assert first.run_dir != second.run_dir
    assert first.usage.llm_calls == second.usage.llm_calls == 3


def test_a_dry_run_ends_after_validation(runner: Runner) -> None:
    runner.options["dry_run"] = True
    record = runner.run(*ANSWERS)
    assert (record.status, record.execution) == ("ok", None)
    assert record.validation is not None and record.validation.is_valid
    assert (Path(record.run_dir) / "script.py").exists()


def test_a_role_that_may_write_gives_a_warning(runner: Runner, portfolio: RunningPostgres) -> None:
    runner.database_url = portfolio.url("pipeline")
    runner.options["dry_run"] = True
    (warning,) = runner.run(*ANSWERS).warnings
    assert "superuser" in warning and "may only read" in warning


def test_a_request_for_a_web_page_gives_a_web_application(runner: Runner) -> None:
    runner.options["dry_run"] = True
    record = runner.run(*ANSWERS, request="Create a web dashboard of the NOI of every property")
    assert record.script is not None
    assert record.script.template == "web_dashboard"


def test_warnings_known_beforehand_are_in_every_record(runner: Runner) -> None:
    runner.options.update(dry_run=True, warnings=("Everybody can read .env.",))
    assert runner.run(*ANSWERS).warnings == ("Everybody can read .env.",)


def test_without_a_database_a_calculation_works(tmp_path: Path) -> None:
    code = "def compute():\n    return [{'product': 17 * 23}]"
    record = Runner(tmp_path).run(
        analysis(task_type="calculation"), function(code), request="What is 17 * 23?"
    )
    assert record.status == "ok", record.error
    assert rows_of(record) == ({"product": 391},)
    assert "psycopg2" not in (Path(record.run_dir) / "requirements.txt").read_text()


def test_a_failing_script_is_written_again_with_its_own_error(runner: Runner) -> None:
    with ScriptedModel([analysis("properties"), query(BROKEN_AT_RUN_TIME), query(MENDED)]) as model:
        record = runner.pipeline(model).run(UserRequest(text=REQUEST, source="argument"))
        assert REASON in model.requests[-1].last_user
    assert record.status == "ok", record.error
    assert record.error is None and record.warnings == ()
    assert any(REASON in note for note in runner.progress.notes)


def test_execute_runs_a_script_of_the_user(runner: Runner, portfolio: RunningPostgres) -> None:
    source = (
        "import os\n\nimport psycopg2\n\nwith psycopg2.connect(os.environ['DATABASE_URL']) as connection:\n"
        "    cursor = connection.cursor()\n    cursor.execute('SELECT count(*) FROM properties')\n"
        "    print(cursor.fetchone()[0])\n"
    )
    with ScriptedModel() as model:
        options = runner.pipeline(model)._options
    record = execute_file(source, "count.py", options, runner.progress)
    assert (record.status, record.usage.llm_calls) == ("ok", 0), record.error
    assert record.execution is not None and record.execution.output == "3\n"


def test_execute_tells_how_a_script_failed(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    with ScriptedModel() as model:
        options = runner.pipeline(model)._options
    record = execute_file("raise SystemExit('no luck')\n", "bad.py", options, runner.progress)
    assert record.exit_code == ExitCode.SCRIPT_FAILED
    assert record.error is not None and "no luck" in record.error.cause


def test_runs_of_several_processes_at_once_keep_apart(portfolio: RunningPostgres, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import time\n\nprint('one')\n")
    program = CommandLine(tmp_path / "runs", {"BASE_IMAGE": BASE_IMAGE})
    processes = [
        subprocess.Popen(
            program.command("execute", "a.py", "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=program.environment,
            cwd=tmp_path,
        )
        for _ in range(3)
    ]
    answers = [json.loads(process.communicate()[0]) for process in processes]
    assert [answer["status"] for answer in answers] == ["ok"] * 3
    assert len({answer["run_dir"] for answer in answers}) == 3


def test_a_doubtful_answer_says_what_is_doubtful(runner: Runner) -> None:
    sql = "SELECT name, noi FROM properties WHERE name = 'harbour view' AND noi > 0 ORDER BY noi DESC"
    record = runner.run(analysis("properties"), query(sql), request="The top 2 by NOI of harbour view")
    assert record.status == "ok" and not rows_of(record)
    assert record.script is not None
    assert "'harbour view' is written 'Harbour \"View\"' in properties.name" in record.script.repairs
    assert "the first 2 rows are taken, as asked" in record.script.repairs
    assert record.warnings == (
        "No row fits name = 'Harbour \"View\"'; without that condition there are 2.",
        "No row fits noi > 0; without that condition there is 1.",
    )
    assert "only rows where name = 'Harbour \"View\"' AND noi > 0" in record.script.assumptions


@pytest.mark.parametrize("place", ["maple court", "mapple court"])
def test_a_word_that_stands_in_a_row_is_no_unknown_word(runner: Runner, place: str) -> None:
    sql = f"SELECT name, year_built FROM properties WHERE name = '{place}'"
    record = runner.run(analysis("properties"), query(sql), request=f"The phone and year built of {place}")
    said = [*record.warnings, record.error.cause if record.error else ""]
    assert [text for text in said if "Nothing in the database is called 'phone'" in text], said
