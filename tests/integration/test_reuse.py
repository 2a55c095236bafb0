"""The same question again: the same script, new figures, no model; and when that must not happen."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from command_line import CommandLine
from pipeline_support import (  # noqa: F401
    ANSWERS,
    BASE_IMAGE,
    COMPARED,
    PROJECT,
    READER_PASSWORD,
    REQUEST,
    Runner,
    analysis,
    function,
    nothing_left,
    query,
    rows_of,
)
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from scripted_model import ScriptedModel, unused_url

from meta_agent.contracts import RunRecord
from meta_agent.errors import ExitCode
from meta_agent.glossary import Glossary, load_glossary
from meta_agent.local_store import LocalStore
from meta_agent.mechanisms import Mechanisms
from meta_agent.runs import proven
from meta_agent.runs.proven import FILE_NAME, ProvenQuestions

pytestmark = [pytest.mark.docker, pytest.mark.database, pytest.mark.usefixtures("nothing_left")]

TABLE = (
    "CREATE TABLE properties (name text NOT NULL, noi numeric(14,2))",
    "INSERT INTO properties VALUES ('Old Mill', 98000.10), ('Maple Court', 480250.00)",
    "GRANT USAGE ON SCHEMA public TO reuse_reader",
    "GRANT SELECT ON properties TO reuse_reader",
)
OTHER_SQL = "SELECT name AS title, noi FROM properties ORDER BY noi DESC NULLS LAST"


@pytest.fixture(scope="module")
def reader(server: RunningPostgres) -> RunningPostgres:
    """The server with a role that may only read."""
    server.create_role("reuse_reader", READER_PASSWORD)
    return server


@pytest.fixture
def own(reader: RunningPostgres, tmp_path: Path) -> Iterator[Own]:
    """A pipeline over a database that only this test changes."""
    reader.create_database("reuse", *TABLE)
    yield Own(reader, tmp_path)
    reader.drop_database("reuse")


class Own:
    """Runs requests with the model that a test gives it, or with none."""

    def __init__(self, server: RunningPostgres, folder: Path) -> None:
        self._server = server
        self.folder = folder
        self.runner = Runner(folder, server.url("reuse", "reuse_reader", READER_PASSWORD))
        self.options = self.runner.options
        self.options["proven"] = ProvenQuestions(folder / "cache")

    def change(self, statement: str) -> None:
        self._server.execute("reuse", statement)

    def first(self, *script: Any, request: str = REQUEST, **model: Any) -> RunRecord:
        """A run that asks the model; it must succeed."""
        record = self.runner.run(*(script or ANSWERS), request=request, **self._model(model))
        assert (record.status, record.reused_from) == ("ok", None), record.error
        return record

    def again(self, request: str = REQUEST, **model: Any) -> RunRecord:
        """A run whose model server is down."""
        return self.runner.run(request=request, **self._model({"base_url": unused_url(), **model}))

    def _model(self, model: dict[str, Any]) -> dict[str, Any]:
        return {"known_as": "the server", **model}


def asked_anew(record: RunRecord) -> bool:
    """Whether a run that had no model server wanted one."""
    return record.exit_code == ExitCode.MODEL and record.script is None and record.reused_from is None


def test_the_same_question_needs_no_model_and_gets_new_figures(own: Own) -> None:
    first = own.first()
    own.change("UPDATE properties SET noi = 7 WHERE name = 'Old Mill'")
    again = own.again()
    assert (again.status, again.reused_from) == ("ok", first.run_id), again.error
    assert rows_of(again)[1] == {"name": "Old Mill", "noi": Decimal("7.00")}
    assert again.usage.llm_calls == 0
    assert set(again.timings) == {"schema", "validation", "packaging", "execution"}
    assert (again.model, again.analysis, again.plan) == (first.model, first.analysis, first.plan)
    assert again.script == first.script and again.validation is not None
    assert again.run_dir != first.run_dir and (Path(again.run_dir) / "deploy.sh").exists()
    assert json.loads((Path(again.run_dir) / "run.json").read_text())["reused_from"] == first.run_id
    assert again.warnings == ()


def test_the_third_time_names_the_run_that_wrote_the_script(own: Own) -> None:
    first = own.first()
    assert own.again().reused_from == own.again().reused_from == first.run_id


def test_blanks_and_line_ends_make_no_difference_but_words_do(own: Own) -> None:
    own.first()
    assert own.again(request=f"  {REQUEST.replace(' ', chr(10) + ' ')} ").status == "ok"
    assert asked_anew(own.again(request=REQUEST.lower()))


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE properties ADD COLUMN city text",
        "COMMENT ON COLUMN properties.noi IS 'in thousands'",
        "ALTER TABLE properties ALTER COLUMN noi TYPE numeric(16,2)",
    ],
)
def test_a_changed_structure_is_asked_about_anew(own: Own, statement: str) -> None:
    own.first()
    own.change(statement)
    assert asked_anew(own.again())


def test_another_model_glossary_or_login_is_another_question(own: Own) -> None:
    own.first()
    assert asked_anew(own.again(model="another-7b"))
    assert asked_anew(own.again(known_as="another server"))
    assert asked_anew(own.again(temperature=0.5))
    own.options["glossary"] = Glossary()
    assert asked_anew(own.again())
    own.options["glossary"] = load_glossary(PROJECT / "glossary.yaml")
    url = own.runner.database_url
    own.runner.database_url = own._server.url("reuse")
    assert asked_anew(own.again())
    own.runner.database_url = url
    assert own.again().status == "ok"


def test_other_mechanisms_are_another_question(own: Own) -> None:
    own.first()
    own.options["mechanisms"] = Mechanisms(drafts=1, joins=False)
    assert asked_anew(own.again())


def test_a_key_that_only_the_rows_show_is_part_of_the_structure(own: Own) -> None:
    own.change("CREATE TABLE leases (lease_id integer, rent numeric(14,2))")
    own.change("INSERT INTO leases SELECT n, n FROM generate_series(1, 5) AS n")
    own.change("GRANT SELECT ON leases TO reuse_reader")
    own.first()
    shutil.rmtree(own.folder / "cache" / "schemas")
    assert own.again().status == "ok"
    own.change("INSERT INTO leases VALUES (1, 1)")
    shutil.rmtree(own.folder / "cache" / "schemas")  # where facts of the rows stay for ten minutes
    assert asked_anew(own.again())


def test_another_version_of_the_tool_writes_its_own(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    own.first()
    monkeypatch.setattr(proven, "tool_stamp", lambda: "of tomorrow")
    assert asked_anew(own.again())


def test_a_doubtful_answer_is_not_used_again(own: Own) -> None:
    nothing = "SELECT name, noi FROM properties WHERE noi > 1000000"
    request = "Show properties whose NOI is above 1000000"
    assert own.first(analysis("properties"), query(nothing), request=request).warnings
    assert asked_anew(own.again(request=request))


def test_a_failed_run_is_not_used_again(own: Own) -> None:
    bad = function("def compute():\n    return [{'x': [1][2 + 3]}]")
    own.runner.run(analysis(task_type="calculation"), *[bad] * 3, request="What is 17 * 23?")
    assert asked_anew(own.again(request="What is 17 * 23?"))


def test_a_doubt_that_new_rows_bring_is_told(own: Own) -> None:
    own.first()
    own.change("UPDATE properties SET noi = NULL")
    record = own.again()
    assert record.reused_from and any("noi" in warning for warning in record.warnings)


def test_a_script_that_fails_now_is_written_anew(own: Own) -> None:
    """A view whose rows cannot be computed any more, while its columns are as they were."""
    own.change("CREATE TABLE rates (name text, year integer)")
    own.change("INSERT INTO rates VALUES ('a', 2)")
    own.change("CREATE VIEW shares AS SELECT name, 10 / year AS share FROM rates")
    own.change("GRANT SELECT ON shares TO reuse_reader")
    request, sql = "Show the share of every name in shares", "SELECT name, share FROM shares ORDER BY name"
    first = own.first(analysis("shares"), query(sql), request=request)
    own.change("UPDATE rates SET year = 0")
    other = "SELECT name FROM shares ORDER BY name"
    record = own.runner.run(analysis("shares"), query(other), request=request, known_as="the server")
    assert record.status == "ok", record.error
    assert record.reused_from is None and record.usage.llm_calls > 0
    assert "share" not in rows_of(record)[0]
    assert any(first.run_id in note and "division by zero" in note for note in own.runner.progress.notes)


def test_a_script_that_takes_too_long_now_is_told_as_usual(own: Own) -> None:
    own.first()
    own.runner.time_limit = 1.0
    with psycopg2.connect(own._server.url("reuse")) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE properties IN ACCESS EXCLUSIVE MODE")
        record = own.again()
        connection.rollback()
    connection.close()
    assert (record.status, record.usage.llm_calls) == ("timeout", 0), record.error


def test_a_request_without_a_database(tmp_path: Path) -> None:
    runner = Runner(tmp_path, options={"proven": ProvenQuestions(tmp_path / "cache")})
    code, request = "def compute():\n    return [{'product': 17 * 23}]", "What is 17 * 23?"
    first = runner.run(analysis(task_type="calculation"), function(code), request=request, known_as="s")
    again = runner.run(request=request, known_as="s", base_url=unused_url())
    assert again.reused_from == first.run_id, again.error
    assert rows_of(again) == ({"product": 391},)


def test_a_dry_run_shows_the_script_and_keeps_none(own: Own) -> None:
    own.options["dry_run"] = True
    own.first()
    assert asked_anew(own.again())
    own.options["dry_run"] = False
    first = own.first()
    own.options["dry_run"] = True
    record = own.again()
    assert (record.status, record.reused_from, record.execution) == ("ok", first.run_id, None)


def test_asking_anew_replaces_the_script(own: Own) -> None:
    own.first()
    own.options["proven"] = ProvenQuestions(own.folder / "cache", reads=False)
    second = own.first(analysis("properties"), query(OTHER_SQL))
    own.options["proven"] = ProvenQuestions(own.folder / "cache")
    again = own.again()
    assert again.reused_from == second.run_id
    assert "title" in rows_of(again)[0]


def test_a_database_that_is_away_is_told_at_once(own: Own) -> None:
    own.first()
    own._server.execute("postgres", "ALTER DATABASE reuse ALLOW_CONNECTIONS false")
    record = own.again()
    own._server.execute("postgres", "ALTER DATABASE reuse ALLOW_CONNECTIONS true")
    assert record.exit_code == ExitCode.DATABASE


def test_a_request_with_a_password_in_it_is_kept_without_it(own: Own) -> None:
    own.options["secrets"] = (READER_PASSWORD,)
    request = f"{REQUEST} for {READER_PASSWORD}"
    first = own.first(request=request)
    assert own.again(request=request).reused_from == first.run_id
    kept = (own.folder / "cache" / FILE_NAME).read_bytes()
    assert b"first for ****" in kept and READER_PASSWORD.encode() not in kept


def test_a_damaged_store_is_no_hindrance(own: Own) -> None:
    own.first()
    (own.folder / "cache" / FILE_NAME).write_bytes(b"\x00\xff" * 5000)
    first = own.first()
    assert own.again().reused_from == first.run_id


def test_content_from_elsewhere_is_no_hindrance(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    own.first()
    monkeypatch.setattr(LocalStore, "find", lambda self, key: '{"request": 1}')
    assert asked_anew(own.again())


def test_the_program_says_so_and_can_be_told_otherwise(own: Own, tmp_path: Path) -> None:
    settings = {
        "BASE_IMAGE": BASE_IMAGE,
        "DATABASE_URL": own.runner.database_url or "",
        "META_AGENT_CACHE": str(tmp_path / "cache"),
    }
    with ScriptedModel([*COMPARED, *COMPARED, *COMPARED]) as model:
        settings |= {"LLM_BASE_URL": model.base_url, "LLM_MODEL_NAME": model.model}
        program = CommandLine(tmp_path / "runs", settings)
        first = program.json(REQUEST)
        assert len(model.requests) == 2  # two drafts that agree; the request's words need no analysis
        again = program.run(REQUEST)
        assert again.returncode == 0, again.stderr
        line = f"The script of run {first['run_id']} was used again; --no-cache writes a new one."
        assert again.stderr.count(line) == 1 and "used again" not in again.stdout
        assert program.json(REQUEST)["usage"]["llm_calls"] == 0
        assert len(model.requests) == 2 and len(model.test_messages) == 1
        anew = program.json("--no-cache", REQUEST)
        assert anew["usage"]["llm_calls"] == 3 and len(model.requests) == 4
        off = CommandLine(tmp_path / "runs", settings | {"LLM_CACHE": "off"}).json(REQUEST)
        assert off["usage"]["llm_calls"] == 3
    assert program.records()[1]["reused_from"] == first["run_id"]
