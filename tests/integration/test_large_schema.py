"""A database of 400 tables, all the way to a query: what is shown, what is said of it, what is mended."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

from pathlib import Path

import pytest
from pipeline_support import READER_PASSWORD, Runner, analysis, portfolio, query  # noqa: F401
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from scripted_model import ScriptedModel

from meta_agent.contracts import UserRequest
from meta_agent.mechanisms import Mechanisms

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
    assert [w for w in record.warnings if "tables" in w] == [
        f"Shown to the model: {number} of 400 tables; name the table or column you mean if it was missed."
    ]
    log = (Path(record.run_dir) / "logs" / "run.log").read_text()
    assert "left out of the prompt, the nearest first: zebra_" in log


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
