"""Scripts that change rows, and scripts the validator doubts: what is asked, and what is run after it.

The program itself in a real terminal, with a real engine and a real PostgreSQL.
"""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest
from command_line import CommandLine
from pipeline_support import (  # noqa: F401
    BASE_IMAGE,
    COMPARED,
    REQUEST,
    analysis,
    function,
    portfolio,
    query,
    reader_url,
)
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from scripted_model import ScriptedModel, ScriptEntry

pytestmark = [pytest.mark.docker, pytest.mark.database]

WRITER_PASSWORD = "wr1ter's p@ss/word"
ASKS = "Run it? [y/N] "
UPDATE = "UPDATE properties SET year_built = 1912 WHERE property_id = 1"
SCRIPT = """
import os

import psycopg2

connection = psycopg2.connect(os.environ["DATABASE_URL"])
with connection, connection.cursor() as cursor:
    cursor.execute({sql!r})
    print("changed", cursor.rowcount)
connection.close()
"""
DOUBTED = """
import os

print(sorted(os.environ))
print("doubted and run")
"""
REQUESTED = "Set the year_built of the property Old Mill to 1912"


@pytest.fixture
def books(portfolio: RunningPostgres) -> RunningPostgres:
    """The small portfolio as it was, and a role that may change it."""
    if not portfolio.fetch("postgres", "SELECT 1 FROM pg_roles WHERE rolname = 'writer'"):
        portfolio.create_role("writer", WRITER_PASSWORD)
    portfolio.execute(
        "pipeline",
        "GRANT SELECT, UPDATE, DELETE ON properties TO writer",
        "UPDATE properties SET year_built = 1911 WHERE property_id = 1",
    )
    return portfolio


@pytest.fixture
def program(tmp_path: Path, books: RunningPostgres) -> CommandLine:
    settings = {
        "BASE_IMAGE": BASE_IMAGE,
        "DATABASE_URL": books.url("pipeline", "writer", WRITER_PASSWORD),
        "DATABASE_READER_URL": reader_url(books),
        "META_AGENT_CACHE": str(tmp_path / "cache"),
        "TERM": "xterm-256color",
    }
    return CommandLine(tmp_path / "runs", settings)


def year_of(books: RunningPostgres) -> object:
    return books.fetch("pipeline", "SELECT year_built FROM properties WHERE property_id = 1")[0][0]


def script_file(program: CommandLine, source: str) -> str:
    file = program.runs_dir.parent / "given.py"
    file.write_text(source)
    return str(file)


def given(program: CommandLine, sql: str = UPDATE) -> str:
    return script_file(program, SCRIPT.format(sql=sql))


@contextmanager
def terminal(program: CommandLine, *arguments: str) -> Iterator[pexpect.spawn[Any]]:
    command, *rest = program.command(*arguments)
    child = pexpect.spawn(
        command,
        rest,
        env=program.environment,
        cwd=str(program.runs_dir.parent),
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 120),
    )
    try:
        yield child
    finally:
        child.close(force=True)


def ended(child: pexpect.spawn[Any]) -> int | None:
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


def files_with(folder: Path, text: str) -> list[str]:
    return [p.name for p in folder.rglob("*") if p.is_file() and text in p.read_text("utf-8", "replace")]


# --- execute --------------------------------------------------------------------------------


def test_a_yes_at_the_terminal_lets_the_statement_run(program: CommandLine, books: RunningPostgres) -> None:
    with terminal(program, "execute", given(program), "--allow-writes") as child:
        child.expect_exact(UPDATE)
        child.expect_exact(ASKS)
        assert year_of(books) == 1911
        child.send("y\r")
        child.expect_exact("changed 1")
        assert ended(child) == 0
    assert year_of(books) == 1912
    (record,) = program.records()
    (agreement,) = record["agreements"]
    assert agreement["given_by"] == "terminal" and agreement["shown"] == [UPDATE]


@pytest.mark.parametrize("answer", ["\r", "n\r", "\x04", "maybe\r"])
def test_anything_but_a_yes_is_a_no(program: CommandLine, books: RunningPostgres, answer: str) -> None:
    with terminal(program, "execute", given(program), "--allow-writes") as child:
        child.expect_exact(ASKS)
        child.send(answer)
        child.expect_exact("You did not agree")
        assert ended(child) == 5
    assert year_of(books) == 1911
    (record,) = program.records()
    assert (record["status"], record["agreements"], record["execution"]) == ("refused", [], None)


def test_ctrl_c_at_the_question_ends_the_run(program: CommandLine, books: RunningPostgres) -> None:
    with terminal(program, "execute", given(program), "--allow-writes") as child:
        child.expect_exact(ASKS)
        child.sendintr()
        assert ended(child) == 130
    assert year_of(books) == 1911 and program.records()[0]["status"] == "interrupted"


def test_yes_beforehand_is_recorded_as_such(program: CommandLine, books: RunningPostgres) -> None:
    answer = program.json("execute", given(program), "--allow-writes", "--yes")
    assert (answer["status"], year_of(books)) == ("ok", 1912)
    assert [a["given_by"] for a in program.records()[0]["agreements"]] == ["--yes"]


def test_without_a_terminal_nobody_agrees_and_what_is_piped_is_no_answer(
    program: CommandLine, books: RunningPostgres
) -> None:
    finished = program.run("execute", given(program), "--allow-writes", stdin=b"y\ny\n")
    assert finished.returncode == 5 and "--yes" in finished.stderr and UPDATE in finished.stderr
    assert year_of(books) == 1911


def test_no_input_asks_nobody_at_a_terminal_either(program: CommandLine, books: RunningPostgres) -> None:
    with terminal(program, "execute", given(program), "--allow-writes", "--no-input") as child:
        assert ended(child) == 5
        assert ASKS not in (child.before or "")
    assert year_of(books) == 1911


@pytest.mark.parametrize("agreed", [(), ("--yes",)])
def test_without_the_flag_a_writing_script_is_refused(
    program: CommandLine, books: RunningPostgres, agreed: tuple[str, ...]
) -> None:
    answer = program.json("execute", given(program), *agreed)
    assert (answer["status"], answer["exit_code"], year_of(books)) == ("refused", 5, 1911)


@pytest.mark.parametrize(
    "sql", ["DROP TABLE properties", f"{UPDATE}; DELETE FROM properties", "SELECT lo_creat(-1)"]
)
def test_what_is_no_change_of_rows_is_never_asked_about(program: CommandLine, sql: str) -> None:
    answer = program.json("execute", given(program, sql), "--allow-writes", "--yes")
    assert (answer["status"], answer["exit_code"]) == ("refused", 5)
    assert program.records()[0]["agreements"] == []


def test_sql_that_is_not_written_out_is_never_asked_about(program: CommandLine) -> None:
    source = SCRIPT.format(sql=UPDATE) + "\nconnection.cursor().execute(open('data/more.sql').read())\n"
    answer = program.json("execute", script_file(program, source), "--allow-writes", "--yes")
    assert answer["exit_code"] == 5 and "more than can be shown" in answer["error"]["cause"]
    assert "Line 12" in answer["error"]["cause"]


def test_a_change_of_every_row_is_warned_of(program: CommandLine, books: RunningPostgres) -> None:
    with terminal(program, "execute", given(program, "DELETE FROM properties"), "--allow-writes") as child:
        child.expect_exact("DELETE FROM properties")
        child.expect_exact("every row of properties")
        child.expect_exact(ASKS)
        child.send("n\r")
        assert ended(child) == 5
    assert year_of(books) == 1911


def test_a_statement_cannot_steer_the_terminal(program: CommandLine) -> None:
    with terminal(
        program, "execute", given(program, f"{UPDATE} -- \x1b[2J\x1b[H"), "--allow-writes"
    ) as child:
        child.expect_exact("\\x1b[2J")
        child.expect_exact(ASKS)
        child.send("n\r")
        assert ended(child) == 5


def test_what_was_typed_before_the_question_is_no_answer(
    program: CommandLine, books: RunningPostgres
) -> None:
    with terminal(program, "execute", given(program), "--allow-writes") as child:
        child.send("y\ry\r")
        child.expect_exact(ASKS)
        child.send("\r")
        assert ended(child) == 5
    assert year_of(books) == 1911


def test_the_login_that_may_write_is_in_no_file_of_any_run(program: CommandLine) -> None:
    quoted = "wr1ter"
    for arguments in (("--allow-writes", "--yes"), ()):
        sql = UPDATE if arguments else "SELECT 1"
        assert program.json("execute", given(program, sql), *arguments)["status"] == "ok"
    folders = sorted(program.runs_dir.iterdir())
    assert [files_with(folder, quoted) for folder in folders] == [[], []]
    assert "pipeline_reader" not in (folders[0] / ".env").read_text()
    assert "pipeline_reader" in (folders[1] / ".env").read_text()


def test_a_script_that_only_reads_keeps_the_reader(program: CommandLine) -> None:
    source = given(program, "SELECT 1")
    answer = program.json("execute", source, "--allow-writes")
    assert answer["status"] == "ok" and program.records()[0]["agreements"] == []
    whoami = SCRIPT.format(sql="SELECT current_user").replace("cursor.rowcount", "cursor.fetchone()")
    program.json("execute", script_file(program, whoami), "--allow-writes")
    assert "pipeline_reader" in program.records()[-1]["execution"]["output"]


def test_a_change_that_failed_is_not_tried_again(program: CommandLine) -> None:
    sql = "UPDATE properties SET year_built = 1 / (property_id - 1)"
    finished = program.run("execute", given(program, sql), "--allow-writes", "--yes")
    assert finished.returncode == 7 and "look at the database" in finished.stderr
    (record,) = program.records()
    assert finished.stderr.count("Running the script") == 1 and record["status"] == "failed"


def test_the_sample_portfolio_takes_no_changes(program: CommandLine) -> None:
    program.settings["DATABASE_URL"] = ""
    answer = program.json("execute", given(program), "--allow-writes", "--yes")
    assert answer["exit_code"] == 2 and "no database whose rows" in answer["error"]["cause"]


# --- ask ------------------------------------------------------------------------------------


@contextmanager
def model(program: CommandLine, *replies: ScriptEntry) -> Iterator[ScriptedModel]:
    with ScriptedModel(replies) as running:
        program.settings.update(LLM_BASE_URL=running.base_url, LLM_MODEL_NAME=running.model)
        yield running


def test_the_model_may_write_one_statement(program: CommandLine, books: RunningPostgres) -> None:
    wrong = "UPDATE property SET yearbuilt = 1912 WHERE name = 'Old Mill'"
    with (
        model(program, analysis("properties"), query(wrong)),
        terminal(program, REQUESTED, "--allow-writes") as child,
    ):
        child.expect_exact("UPDATE properties")
        child.expect_exact("SET year_built = 1912")
        child.expect_exact(ASKS)
        child.send("yes\r")
        child.expect_exact("rows_changed")
        assert ended(child) == 0
    assert year_of(books) == 1912
    (record,) = program.records()
    assert record["agreements"][0]["given_by"] == "terminal"
    assert record["script"]["template"] == "row_change" and len(record["script"]["repairs"]) == 2
    assert record["execution"]["result"]["tables"][0]["rows"] == [{"rows_changed": 1}]
    assert "wr1ter" not in json.dumps(record)


def test_a_script_that_answered_before_is_not_used_where_a_change_may_be_meant(
    program: CommandLine, books: RunningPostgres
) -> None:
    with model(program, *COMPARED, query(UPDATE)):
        for flags in ((), (), ("--allow-writes", "--yes")):
            assert program.json(REQUEST, *flags)["status"] == "ok"
    assert [record["reused_from"] is None for record in program.records()] == [True, False, True]
    assert year_of(books) == 1912


def test_what_changed_rows_is_not_kept_to_be_run_again(program: CommandLine, books: RunningPostgres) -> None:
    """Asked again without the flag, the request does not even find that script."""
    statement = query("UPDATE properties SET year_built = year_built + 1 WHERE name = 'Old Mill'")
    with model(program, analysis("properties"), statement, query(), query()):
        assert program.json(REQUESTED, "--allow-writes", "--yes")["status"] == "ok"
        finished = program.run(REQUESTED)
    assert "does not work any more" not in finished.stderr
    assert [record["reused_from"] for record in program.records()] == [None, None]
    assert year_of(books) == 1912


def test_a_statement_that_postgresql_refuses_goes_back_to_the_model(
    program: CommandLine, books: RunningPostgres
) -> None:
    bad = query("UPDATE properties SET year_built = 'soon' WHERE property_id = 1")
    with model(
        program, analysis("properties"), bad, query("DROP TABLE properties"), query(UPDATE)
    ) as running:
        answer = program.json(REQUESTED, "--allow-writes", "--yes")
        assert "invalid input syntax" in running.requests[-2].last_user
        assert "Only an INSERT, UPDATE or DELETE" in running.requests[-1].last_user
    assert answer["status"] == "ok" and year_of(books) == 1912


def test_a_request_that_only_reads_is_answered_as_usual(program: CommandLine, books: RunningPostgres) -> None:
    with model(program, *COMPARED, query()):
        answer = program.json(REQUEST, "--allow-writes", "--yes")
    assert answer["status"] == "ok" and len(answer["tables"][0]["rows"]) == 3
    assert program.records()[0]["agreements"] == []


def test_a_dry_run_asks_nobody_and_changes_nothing(program: CommandLine, books: RunningPostgres) -> None:
    with model(program, analysis("properties"), query(UPDATE)):
        answer = program.json(REQUESTED, "--allow-writes", "--dry-run")
    assert answer["status"] == "ok" and year_of(books) == 1911
    assert program.records()[0]["agreements"] == []


def test_without_the_flag_a_request_changes_nothing(program: CommandLine, books: RunningPostgres) -> None:
    with model(program, analysis("properties"), *[query(UPDATE)] * 3):
        answer = program.json(REQUESTED, "--yes")
    assert answer["exit_code"] in (5, 8) and year_of(books) == 1911


# --- a score of 0.5 to 0.7 ------------------------------------------------------------------


def test_a_doubted_script_runs_if_a_person_agrees(program: CommandLine) -> None:
    with terminal(program, "execute", script_file(program, DOUBTED)) as child:
        child.expect_exact("does not accept the script by itself")
        child.expect_exact("Line 4")
        child.expect_exact(ASKS)
        child.send("y\r")
        child.expect_exact("doubted and run")
        assert ended(child) == 0
    (record,) = program.records()
    assert 0.5 <= record["validation"]["security_score"] < 0.7
    assert record["agreements"][0]["given_by"] == "terminal"


@pytest.mark.parametrize(("agreed", "code"), [((), 5), (("--no-input",), 5), (("--yes",), 0)])
def test_without_a_terminal_only_yes_lets_a_doubted_script_run(
    program: CommandLine, agreed: tuple[str, ...], code: int
) -> None:
    finished = program.run("execute", script_file(program, DOUBTED), *agreed, stdin=b"y\n")
    assert finished.returncode == code
    assert ("--yes agrees beforehand" in finished.stderr) is (code == 5)


@pytest.mark.parametrize(("agreed", "code"), [((), 5), (("--yes",), 0)])
def test_a_doubted_script_of_the_model_goes_back_to_it_before_anybody_is_asked(
    program: CommandLine, agreed: tuple[str, ...], code: int
) -> None:
    looks = function(
        "import os\n\n\ndef compute():\n    return [{'product': 17 * 23 + 0 * len(sorted(os.environ))}]"
    )
    with model(program, analysis(task_type="calculation"), looks, looks, looks):
        answer = program.json("What is 17 * 23?", *agreed)
    (record,) = program.records()
    assert (answer["exit_code"], len(record["agreements"])) == (code, len(agreed))
    assert answer["validation"]["security_score"] == 0.5
    assert agreed or "refused 3 scripts in a row" in answer["error"]["cause"]


def test_a_script_with_a_block_is_not_asked_about(program: CommandLine) -> None:
    source = "import subprocess\n\nsubprocess.run(['id'])\n"
    with terminal(program, "execute", script_file(program, source)) as child:
        assert ended(child) == 5
        assert ASKS not in (child.before or "")
    assert program.json("execute", script_file(program, source), "--yes")["exit_code"] == 5
