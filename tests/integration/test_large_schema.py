"""A database of 400 tables, all the way to a query: what is shown, what is said of it, what is mended."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

from pathlib import Path

import pytest
from pipeline_support import READER_PASSWORD, Runner, analysis, portfolio, query, rows_of  # noqa: F401
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from scripted_model import ScriptedModel, unused_url

from meta_agent.contracts import UserRequest
from meta_agent.mechanisms import Mechanisms
from meta_agent.runs.proven import ProvenQuestions

pytestmark = [pytest.mark.database]

TABLES = (
    """DO $$ BEGIN FOR n IN 1..398 LOOP
           EXECUTE format('CREATE TABLE zebra_%s (zebra_id integer PRIMARY KEY, stripes text, herd text)', n);
       END LOOP; END $$""",
    "CREATE TABLE cities (city_id integer PRIMARY KEY, name text)",
    """CREATE TABLE libraries (library_id integer PRIMARY KEY, city_id integer REFERENCES cities,
           name text, books integer)""",
    "INSERT INTO cities VALUES (1, 'Ulm')",
    "INSERT INTO libraries VALUES (1, 1, 'Old', 17)",
    "GRANT USAGE ON SCHEMA public TO pipeline_reader",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO pipeline_reader",
)
REQUEST = "How many books does each library have, by city?"


@pytest.fixture(scope="module")
def large(portfolio: RunningPostgres) -> str:
    portfolio.create_database("large", *TABLES)
    return portfolio.url("large", "pipeline_reader", READER_PASSWORD)


@pytest.fixture
def runner(large: str, tmp_path: Path) -> Runner:
    return Runner(tmp_path, large, options={"dry_run": True, "mechanisms": Mechanisms(drafts=1)})


def test_the_tables_that_matter_are_shown_and_the_user_is_told(runner: Runner) -> None:
    sql = "SELECT name, books FROM libraries"
    with ScriptedModel([analysis("libraries"), query(sql)]) as model:
        record = runner.pipeline(model).run(UserRequest(text=REQUEST, source="argument"))
    shown = model.requests[-1].system
    assert record.status == "ok"
    assert "CREATE TABLE libraries (" in shown and "CREATE TABLE cities (" in shown
    number = shown.count("CREATE TABLE")
    assert number < 150
    note = f"Shown to the model: {number} of 400 tables; name the table or column you mean if it was missed."
    assert record.notices == (note,) and note in record.warnings
    assert not record.is_doubted
    log = (Path(record.run_dir) / "logs" / "run.log").read_text()
    assert "left out of the prompt, the nearest first: zebra_" in log


@pytest.mark.docker
def test_an_answer_from_some_of_the_tables_is_kept_like_any_other(runner: Runner) -> None:
    runner.options |= {"dry_run": False, "proven": ProvenQuestions(runner.folder / "cache")}
    script = (analysis("libraries"), query("SELECT name, books FROM libraries"))
    first = runner.run(*script, request=REQUEST, known_as="the server")
    assert first.notices and not first.is_doubted, first.warnings
    again = runner.run(request=REQUEST, known_as="the server", base_url=unused_url())
    assert (again.status, again.reused_from) == ("ok", first.run_id), again.error
    assert rows_of(again) == ({"name": "Old", "books": 17},)


def test_names_of_tables_that_were_not_shown_are_mended(runner: Runner) -> None:
    sql = "SELECT z.stripe FROM zebra_398 AS z"
    with ScriptedModel([analysis("libraries"), query(sql)]) as model:
        record = runner.pipeline(model).run(UserRequest(text=REQUEST, source="argument"))
    assert "zebra_398" not in model.requests[-1].system
    assert record.script is not None
    assert "z.stripes" in record.script.queries[0].sql


def test_a_correction_describes_a_table_that_was_not_shown(runner: Runner) -> None:
    bad, good = "SELECT z.happiness FROM zebra_398 AS z", "SELECT name, books FROM libraries"
    with ScriptedModel([analysis("libraries"), query(bad), query(good)]) as model:
        record = runner.pipeline(model).run(UserRequest(text=REQUEST, source="argument"))
    assert record.status == "ok"
    assert "CREATE TABLE zebra_398 (" in model.requests[-1].last_user
