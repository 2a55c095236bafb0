"""A run again, without any model: the program itself, a real PostgreSQL, the real sandbox."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
from command_line import CommandLine
from pipeline_support import (
    BASE_IMAGE,
    COMPARED,
    PROJECT,
    READER_PASSWORD,
    REQUEST,
    analysis,
    function,
    query,
)
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from scripted_model import ScriptedModel, unused_url

from meta_agent.questions.question_file import read_question
from meta_agent.replay import CHANGED_STRUCTURE

pytestmark = [pytest.mark.docker, pytest.mark.database]

TABLE = (
    "CREATE TABLE properties (name text NOT NULL, city text NOT NULL, noi numeric(14,2))",
    "INSERT INTO properties VALUES ('Old Mill', 'Tampa', 98000.10), ('Maple Court', 'Miami', 480250.00),"
    " ('Harbour', 'Miami', NULL)",
    "GRANT USAGE ON SCHEMA public TO replay_reader",
    "GRANT SELECT ON properties TO replay_reader",
)
IN_MIAMI = "Show the NOI of the properties in Miami"
SQL_IN_MIAMI = "SELECT name, noi FROM properties WHERE city = 'Miami' ORDER BY name"


@pytest.fixture(scope="module")
def reader(server: RunningPostgres) -> RunningPostgres:
    """The server with a role that may only read."""
    server.create_role("replay_reader", READER_PASSWORD)
    return server


@pytest.fixture
def own(reader: RunningPostgres, tmp_path: Path) -> Iterator[Own]:
    """The program over a database that only this test changes."""
    reader.create_database("replay", *TABLE)
    yield Own(reader, tmp_path)
    reader.drop_database("replay")


class Own:
    """The program with a model for the first question, and with none for everything after it."""

    def __init__(self, server: RunningPostgres, folder: Path) -> None:
        self._server = server
        self.folder = folder
        settings = {
            "BASE_IMAGE": BASE_IMAGE,
            "DATABASE_URL": server.url("replay", "replay_reader", READER_PASSWORD),
            "META_AGENT_CACHE": str(folder / "cache"),
            "QUESTIONS_DIR": str(folder / "questions"),
            "LLM_BASE_URL": unused_url(),
        }
        self.program = CommandLine(folder / "runs", settings)

    def ask(self, *script: str, request: str = REQUEST) -> dict[str, Any]:
        with ScriptedModel(script or COMPARED) as model:
            told = {"LLM_BASE_URL": model.base_url, "LLM_MODEL_NAME": model.model}
            asking = replace(self.program, settings=self.program.settings | told)
            answer = asking.json(request)
        assert answer["status"] == "ok", answer["error"]
        return answer

    def ask_for_miami(self) -> dict[str, Any]:
        return self.ask(*[query(SQL_IN_MIAMI)] * 2, request=IN_MIAMI)

    def change(self, *statements: str) -> None:
        for statement in statements:
            self._server.execute("replay", statement)

    def folder_of(self, answer: dict[str, Any]) -> Path:
        return self.folder / "runs" / str(answer["run_id"])


def test_the_script_runs_again_and_tells_what_changed(own: Own) -> None:
    first = own.ask()
    same = own.program.json("rerun", "last")
    assert (same["exit_code"], same["changes"]["changed"]) == (0, False)
    assert same["changes"]["since"] == first["run_id"] != same["run_id"]
    assert same["tables"] == first["tables"] and same["usage"]["llm_calls"] == 0
    own.change(
        "UPDATE properties SET noi = 98000.11 WHERE name = 'Old Mill'",
        "DELETE FROM properties WHERE name = 'Maple Court'",
        "INSERT INTO properties VALUES ('New Quay', 'Tampa', 5)",
    )
    other = own.program.json("rerun", first["run_id"])
    assert (other["status"], other["exit_code"]) == ("ok", 9)
    (table,) = other["changes"]["tables"]
    assert (table["keys"], table["unchanged"]) == (["name"], 1)
    assert [row["name"] for row in table["added"]] == ["New Quay"]
    assert [row["name"] for row in table["removed"]] == ["Maple Court"]
    (changed,) = table["changed"]
    assert changed == {
        "key": {"name": "Old Mill"},
        "cells": [{"column": "noi", "before": 98000.10, "after": 98000.11}],
    }
    again = own.program.run("rerun", first["run_id"])
    assert (again.returncode, again.stdout.splitlines()[-1]) == (
        0,
        f"Nothing changed since {other['run_id']}.",
    )


def test_the_new_run_has_a_record_and_package_of_its_own(own: Own) -> None:
    first = own.ask()
    again = own.program.json("rerun", "last")
    before, after = own.program.records()
    assert (after["repeats"], after["model"], after["request"]) == (first["run_id"], before["model"], REQUEST)
    assert after["analysis"] == before["analysis"] and after["plan"] == before["plan"]
    told, earlier = after["provenance"], before["provenance"]
    assert told["script_sha256"] == earlier["script_sha256"]
    assert told["prompts_sha256"] == earlier["prompts_sha256"] is not None
    assert set(told["files"]) == {"results/result.json"} and told["rows"] == [3]
    client = docker.from_env()
    try:
        assert client.images.get(told["image"]).id == told["image"]
    finally:
        client.close()
    folder = own.folder_of(again)
    assert (folder / "script.py").read_bytes() == (own.folder_of(first) / "script.py").read_bytes()
    assert (folder / "deploy.sh").exists()
    assert own.program.run("verify", "last").returncode == 0
    (folder / "results" / "result.json").write_text("{}")
    finished = own.program.run("verify", "last")
    assert (finished.returncode, finished.stdout) == (9, "✗ results/result.json was changed\n")


def test_a_changed_structure_is_told(own: Own) -> None:
    own.ask()
    own.change("ALTER TABLE properties ADD COLUMN state text")
    again = own.program.json("rerun", "last")
    assert (again["exit_code"], again["warnings"]) == (0, [CHANGED_STRUCTURE])


def test_a_script_that_fails_now_ends_with_its_code(own: Own) -> None:
    own.ask()
    own.change("ALTER TABLE properties RENAME COLUMN noi TO income")
    again = own.program.json("rerun", "last")
    assert (again["status"], again["exit_code"], again["changes"]) == ("failed", 7, None)
    assert "noi" in again["error"]["cause"]


def test_a_recorded_script_is_validated_like_any_other(own: Own) -> None:
    first = own.ask()
    folder = own.folder_of(first)
    bad = "import os\n\nos.system('ls')\n"
    (folder / "script.py").write_text(bad)
    record = json.loads((folder / "run.json").read_text())
    record["script"]["source"], record["provenance"] = bad, None
    (folder / "run.json").write_text(json.dumps(record))
    again = own.program.json("rerun", "last")
    assert (again["status"], again["exit_code"]) == ("refused", 5)
    assert "os.system" in again["error"]["cause"]


def test_a_script_that_changes_rows_is_not_run_again(own: Own) -> None:
    """Somebody agreed to it once; that is no reason to do it a second time."""
    first = own.ask()
    folder = own.folder_of(first)
    source = (PROJECT / "tests" / "golden" / "scripts" / "row_change.py").read_text(encoding="utf-8")
    (folder / "script.py").write_text(source, encoding="utf-8")
    record = json.loads((folder / "run.json").read_text())
    record["script"] |= {"source": source, "template": "row_change"}
    record["provenance"] = None
    (folder / "run.json").write_text(json.dumps(record))
    told = own.program.json("rerun", "last")
    assert (told["status"], told["exit_code"]) == ("refused", 5), told["error"]
    assert own.program.run("save", first["run_id"], "--name", "moving").returncode == 2


def test_a_script_without_a_database_and_one_of_ones_own(own: Own) -> None:
    code = function("def compute():\n    return [{'product': 17 * 23}]")
    own.ask(analysis(task_type="calculation"), code, request="What is 17 * 23?")
    again = own.program.json("rerun", "last")
    assert (again["exit_code"], again["tables"][0]["rows"]) == (0, [{"product": 391}])
    assert own.program.run("save", "last", "--name", "product").returncode == 0
    assert own.program.json("run", "product")["tables"][0]["rows"] == [{"product": 391}]
    (own.folder / "mine.py").write_text("print('hello')\n")
    own.program.run("execute", str(own.folder / "mine.py"))
    finished = own.program.run("rerun", "last")
    assert (finished.returncode, finished.stdout) == (0, "hello\n")


def test_two_at_once(own: Own) -> None:
    first = own.ask()
    running = [
        subprocess.Popen(
            own.program.command("--json", "rerun", first["run_id"]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=own.program.environment,
            cwd=own.folder,
        )
        for _ in range(2)
    ]
    said = [process.communicate() for process in running]
    told = [json.loads(out) for out, _ in said]
    assert [answer["exit_code"] for answer in told] == [0, 0], said
    assert len({answer["run_id"] for answer in told}) == 2
    assert own.program.json("history")["total"] == 3


# --- saved questions --------------------------------------------------------------------


def test_a_saved_question_answers_with_other_values(own: Own) -> None:
    first = own.ask_for_miami()
    saved = own.program.json("save", "last", "--name", "noi-by-city")
    assert [(p["name"], p["value"]) for p in saved["parameters"]] == [("city", "Miami")]
    file = Path(saved["file"])
    text = file.read_text(encoding="utf-8")
    assert READER_PASSWORD not in text and str(own.folder) not in text
    assert read_question(file).request == "Show the NOI of the properties in {city}"
    same = own.program.json("run", "noi-by-city")
    assert same["tables"][0]["rows"] == first["tables"][0]["rows"]
    tampa = own.program.json("run", "noi-by-city", "--param", "city=Tampa")
    assert [row["name"] for row in tampa["tables"][0]["rows"]] == ["Old Mill"]
    assert (tampa["request"], tampa["changes"]) == ("Show the NOI of the properties in Tampa", None)
    record = own.program.records()[-1]
    assert (record["question"], record["parameters"]) == ("noi-by-city", {"city": "Tampa"})
    assert "city = Tampa" in record["script"]["assumptions"]


def test_a_question_tells_what_changed_since_these_values_were_asked_for(own: Own) -> None:
    own.ask_for_miami()
    own.program.run("save", "last", "--name", "noi-by-city")
    own.program.run("run", "noi-by-city")
    own.program.run("run", "noi-by-city", "--param", "city=Tampa")
    own.change("UPDATE properties SET noi = 1 WHERE name = 'Harbour'")
    finished = own.program.run("run", "noi-by-city")
    assert finished.returncode == 0
    assert "~ Harbour: noi <null> → 1.00" in finished.stdout


def test_a_value_cannot_become_sql(own: Own) -> None:
    own.ask_for_miami()
    own.program.run("save", "last", "--name", "noi-by-city")
    for value in ("' OR '1'='1", "x'; DROP TABLE properties; --", "\\", "%", "{city}", ":city"):
        told = own.program.json("run", "noi-by-city", "--param", f"city={value}")
        assert (told["status"], told["tables"][0]["rows"]) == ("ok", []), told["error"]
    assert own.program.json("run", "noi-by-city")["tables"][0]["rows"]


def test_a_template_for_other_tables_is_told_in_a_sentence(own: Own) -> None:
    told = own.program.json("run", "dscr-review")
    assert (told["status"], told["exit_code"]) == ("no_answer", 8)
    assert "does not fit this database" in told["error"]["cause"]
    assert "financial_metrics" in told["error"]["cause"] or "property_id" in told["error"]["cause"]


def test_a_database_that_is_away_is_told_with_a_record(own: Own) -> None:
    own.ask()
    settings = own.program.settings | {"DATABASE_URL": ""}
    told = replace(own.program, settings=settings).json("rerun", "last")
    assert (told["status"], told["exit_code"]) == ("failed", 4)
    assert "none is configured" in told["error"]["cause"]
