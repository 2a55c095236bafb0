# ruff: noqa: E501 - queries and replies stay on one line
"""The generated scripts, run as a user would run them, against a real PostgreSQL.

The model is scripted; its queries go through the whole generator (with the database's
own EXPLAIN), and the figures in result.json are compared with SQL written by hand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from postgres_fixtures import server
from postgres_server import RunningPostgres
from scripted_model import ScriptedModel

from meta_agent.contracts import (
    DatabaseSchema,
    ExecutionPlan,
    ExecutionStep,
    GeneratedScript,
    Scenario,
    SimulationConfig,
    TaskAnalysis,
    UserRequest,
)
from meta_agent.databases import Database, open_database
from meta_agent.databases.embedded import SampleDatabase
from meta_agent.generators.script_generator import DatabaseAccess, ScriptGenerator
from meta_agent.glossary import load_glossary
from meta_agent.utils.database_inspector import prompt_form
from meta_agent.utils.llm_client import LLMClient

__all__ = ["server"]

pytestmark = pytest.mark.database
PROJECT = Path(__file__).parents[2]
P_F = "properties p JOIN financial_metrics f ON f.property_id = p.property_id"


@dataclass
class Asked:
    """A script that ran, and what it wrote."""

    script: GeneratedScript
    exit_code: int
    output: str
    errors: str
    result: dict[str, Any]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.result["tables"][0]["rows"]

    @property
    def columns(self) -> list[str]:
        return self.result["tables"][0]["columns"]

    @property
    def summary(self) -> dict[str, Any]:
        return self.result["summary"]


class Bench:
    """Generates scripts over one database and runs them."""

    def __init__(self, database: Database, url: str, folder: Path) -> None:
        self.schema: DatabaseSchema = database.schema()
        self._access = DatabaseAccess(self.schema, database.explain, prompt_form)
        self._url = url
        self._folder = folder
        self._runs = 0

    def generate(
        self, *replies: str, scenarios: tuple[Scenario, ...] = (), transform: bool = False
    ) -> GeneratedScript:
        analysis = TaskAnalysis(
            primary_goal="Answer", task_type="reporting", requires_web_interface=False, requires_simulation=False,
            data_sources=("properties",), key_entities=(), complexity="COMPLEX" if transform else "SIMPLE",
            estimated_execution_time_seconds=5,
        )  # fmt: skip
        plan = ExecutionPlan(
            plan_name="Report", description="Answer", steps=(ExecutionStep(number=1, description="Do it."),),
            dependencies=("psycopg2-binary", "simplejson"), estimated_lines_of_code=150,
            simulation_config=SimulationConfig(scenarios=scenarios) if scenarios else None,
        )  # fmt: skip
        blocks = [reply if "```" in reply else f"```sql\n{reply}\n```" for reply in replies]
        with ScriptedModel(blocks) as model:
            conversation = LLMClient(model.options(max_tokens=2000)).conversation("You are careful.")
            generator = ScriptGenerator(conversation, load_glossary(PROJECT / "glossary.yaml"), self._access)
            request = UserRequest(
                text="What is a figure of Orlando, 'x', below 1.2 or over 99?", source="argument"
            )
            return generator.generate(
                request, analysis, plan, created=datetime(2026, 1, 1, tzinfo=timezone.utc)
            )

    def run(self, script: GeneratedScript, **environment: str) -> Asked:
        self._runs += 1
        folder = self._folder / f"run{self._runs}"
        folder.mkdir()
        (folder / "script.py").write_text(script.source, encoding="utf-8")
        finished = subprocess.run(
            [sys.executable, "-I", "script.py"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "DATABASE_URL": self._url, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        file = folder / "results" / "result.json"
        result = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal) if file.exists() else {}
        return Asked(script, finished.returncode, finished.stdout, finished.stderr, result)

    def ask(self, *replies: str, scenarios: tuple[Scenario, ...] = (), transform: bool = False) -> Asked:
        asked = self.run(self.generate(*replies, scenarios=scenarios, transform=transform))
        assert asked.exit_code == 0, asked.errors
        return asked


@pytest.fixture(scope="module")
def portfolio(sample_database: SampleDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The sample portfolio, read as its reader role."""
    database = open_database(sample_database.reader_url)
    yield Bench(database, sample_database.reader_url, tmp_path_factory.mktemp("portfolio"))
    database.close()


ODD = """
    CREATE TABLE odd (
        id integer PRIMARY KEY, type text, "order" integer, "Net Total" numeric, big numeric, ratio double precision,
        yes boolean, day date, moment timestamptz, span interval, tags text[], doc jsonb, raw bytea,
        zero integer NOT NULL, note text);
    INSERT INTO odd VALUES
        (1, 'a', 7, 10.50, 12345678901234567890.123456789, 'NaN', true, '2025-02-28', '2025-02-28 12:30:00+00',
         '1 day 02:00', '{x,"y z"}', '{"k": [1, null]}', '\\x00ff', 0, E'it''s 100% "quoted" \\\\ back\\nline'),
        (2, 'b', 3, NULL, 'NaN', 'Infinity', false, NULL, NULL, NULL, NULL, NULL, NULL, 2, NULL),
        (3, NULL, NULL, 4.25, -0.000000001, 0.1, NULL, 'infinity', NULL, NULL, '{}', '"text"', NULL, 0, '');
    CREATE TABLE parent (id integer PRIMARY KEY, name text NOT NULL, amount numeric NOT NULL);
    CREATE TABLE child (id integer PRIMARY KEY, parent_id integer NOT NULL REFERENCES parent, cost numeric NOT NULL);
    INSERT INTO parent VALUES (1, 'one', 100), (2, 'two', 50), (3, 'none', 7);
    INSERT INTO child VALUES (1, 1, 1), (2, 1, 2), (3, 2, 4);
    CREATE TABLE many AS SELECT n AS id, n * 1.5 AS amount FROM generate_series(1, 10001) n;
"""


@pytest.fixture(scope="module")
def odd(server: RunningPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Tables with everything that may be strange."""
    server.create_database("odd", ODD)
    database = open_database(server.url("odd"))
    yield Bench(database, server.url("odd"), tmp_path_factory.mktemp("odd"))
    database.close()


@pytest.fixture
def by_hand(sample_database: SampleDatabase) -> Iterator[Any]:
    """Runs SQL written by hand on the sample portfolio."""
    connection = psycopg2.connect(sample_database.reader_url)
    try:
        with connection.cursor() as cursor:

            def fetch(sql: str) -> list[tuple[Any, ...]]:
                cursor.execute(sql)
                return cursor.fetchall()

            yield fetch
    finally:
        connection.close()


# --- the portfolio's figures -----------------------------------------------------------------

DSCR = f"""SELECT p.property_name, f.noi, f.annual_debt_service, ROUND(f.noi / f.annual_debt_service, 2) AS DSCR
FROM {P_F} ORDER BY DSCR DESC"""


def test_dscr_with_ratings_totals_and_the_ratio_of_sums(portfolio: Bench, by_hand: Any) -> None:
    asked = portfolio.ask(DSCR)
    expected = by_hand(
        f"SELECT p.property_name, round(noi / annual_debt_service, 2) FROM {P_F} ORDER BY 2 DESC"
    )
    assert sorted((row["property_name"], row["dscr"]) for row in asked.rows) == sorted(expected)
    assert [row["dscr"] for row in asked.rows] == [value for _, value in expected]
    for row in asked.rows:
        wanted = "Strong" if row["dscr"] >= Decimal("1.25") else "Acceptable" if row["dscr"] >= 1 else "Risky"
        assert row["dscr_rating"] == wanted
    [(noi, service, overall)] = by_hand(
        "SELECT sum(noi), sum(annual_debt_service), round(sum(noi) / sum(annual_debt_service), 4)"
        " FROM financial_metrics"
    )
    assert asked.summary["Total noi"] == noi
    assert asked.summary["Total annual_debt_service"] == service
    assert asked.summary["Overall dscr"] == overall
    assert sum(asked.summary[f"dscr {label}"] for label in ("Strong", "Acceptable", "Risky")) == len(
        asked.rows
    )
    assert "=== Calculation Results ===" in asked.output


def test_a_what_if_beside_the_base_case(portfolio: Bench, by_hand: Any) -> None:
    fall = Scenario(name="noi -10 %", quantity="noi", change_percent=-10.0)
    rise = Scenario(name="annual_debt_service +5 %", quantity="annual debt service", change_percent=5.0)
    asked = portfolio.ask(DSCR, scenarios=(fall, rise))
    expected = by_hand(
        "SELECT p.property_name, round(noi / annual_debt_service, 2), round(noi * 0.9 / annual_debt_service, 2),"
        f" round(noi / (annual_debt_service * 1.05), 2) FROM {P_F}"
    )
    got = [
        (row["property_name"], row["dscr"], row["dscr [noi -10 %]"], row["dscr [annual_debt_service +5 %]"])
        for row in asked.rows
    ]
    assert sorted(got) == sorted(expected)
    assert "dscr_rating [noi -10 %]" in asked.columns
    [(base, fallen)] = by_hand(
        "SELECT round(sum(noi) / sum(annual_debt_service), 4), round(sum(noi) * 0.9 / sum(annual_debt_service), 4)"
        " FROM financial_metrics"
    )
    assert asked.summary["Overall dscr"] == base
    assert asked.summary["Overall dscr [noi -10 %]"] == fallen


def test_a_what_if_that_counts_what_falls_below_a_bound(portfolio: Bench, by_hand: Any) -> None:
    fall = Scenario(name="noi -30 %", quantity="noi", change_percent=-30.0)
    asked = portfolio.ask(
        "SELECT COUNT(*) AS risky FROM financial_metrics WHERE noi / annual_debt_service < 1.2",
        scenarios=(fall,),
    )
    [(before, after)] = by_hand(
        "SELECT count(*) FILTER (WHERE noi / annual_debt_service < 1.2),"
        " count(*) FILTER (WHERE noi * 0.7 / annual_debt_service < 1.2) FROM financial_metrics"
    )
    assert asked.rows == [{"risky": before, "risky [noi -30 %]": after}]
    assert before < after


def test_rows_that_only_one_case_has_are_shown_with_gaps(portfolio: Bench) -> None:
    fall = Scenario(name="noi -30 %", quantity="noi", change_percent=-30.0)
    asked = portfolio.ask(
        f"SELECT p.property_name, f.noi / f.annual_debt_service AS dscr FROM {P_F}"
        " WHERE f.noi / f.annual_debt_service < 1.2",
        scenarios=(fall,),
    )
    gaps = [row for row in asked.rows if row["dscr"] is None]
    assert gaps
    assert all(row["dscr [noi -30 %]"] < Decimal("1.2") for row in gaps)


def test_a_join_of_many_rows_totals_only_what_it_does_not_repeat(portfolio: Bench, by_hand: Any) -> None:
    asked = portfolio.ask(
        "SELECT p.property_name, p.square_feet, l.annual_rent"
        " FROM properties p JOIN leases l ON l.property_id = p.property_id"
    )
    assert asked.summary["Total annual_rent"] == by_hand("SELECT sum(annual_rent) FROM leases")[0][0]
    assert "Total square_feet" not in asked.summary


def test_a_sum_that_a_join_would_repeat_counts_every_row_once(portfolio: Bench, by_hand: Any) -> None:
    asked = portfolio.ask(
        "SELECT p.city, SUM(p.square_feet) AS feet, COUNT(l.lease_id) AS leases"
        " FROM properties p JOIN leases l ON l.property_id = p.property_id GROUP BY p.city"
    )
    expected = by_hand(
        "SELECT city, sum(square_feet), sum((SELECT count(*) FROM leases l WHERE l.property_id = p.property_id))"
        " FROM properties p WHERE property_id IN (SELECT property_id FROM leases) GROUP BY city"
    )
    assert sorted((row["city"], row["feet"], row["leases"]) for row in asked.rows) == sorted(expected)
    assert asked.script.repairs and asked.script.warnings == ()


def test_a_sum_over_repeated_rows_that_cannot_be_mended_is_warned_about(portfolio: Bench) -> None:
    repeated = (
        "SELECT p.city, SUM(p.square_feet) AS feet, MAX(l.end_date) AS last_end"
        " FROM properties p JOIN leases l ON l.property_id = p.property_id GROUP BY p.city"
    )
    script = portfolio.generate(repeated, repeated)
    assert script.warnings == (
        "SUM(p.square_feet) counts a row of properties once for each of its rows in leases.",
    )


def test_a_missing_one_to_one_join_is_made_and_loses_no_row(portfolio: Bench, by_hand: Any) -> None:
    asked = portfolio.ask("SELECT property_name, annual_debt_service FROM properties")
    assert "joined financial_metrics" in asked.script.repairs[0]
    assert len(asked.rows) == by_hand("SELECT count(*) FROM properties")[0][0]
    assert (
        asked.summary["Total annual_debt_service"]
        == by_hand("SELECT sum(annual_debt_service) FROM financial_metrics")[0][0]
    )


def test_whole_numbers_give_decimals(portfolio: Bench, by_hand: Any) -> None:
    asked = portfolio.ask(
        "SELECT 100 * COUNT(*) FILTER (WHERE suite IS NULL) / COUNT(*) AS share,"
        " MAX(end_date - start_date) / 365 AS years FROM leases"
    )
    [(share, years)] = by_hand(
        "SELECT round(100.0 * count(*) FILTER (WHERE suite IS NULL) / count(*), 6),"
        " round(max(end_date - start_date) / 365.0, 6) FROM leases"
    )
    assert round(asked.rows[0]["share"], 6) == share
    assert round(asked.rows[0]["years"], 6) == years


def test_a_function_may_finish_what_sql_began(portfolio: Bench) -> None:
    transform = """def transform(rows):
    running = 0
    result = []
    for row in rows:
        running += row["annual_rent"]
        result.append({**row, "so_far": running})
    return result"""
    query = "```sql\nSELECT tenant_name, annual_rent FROM leases ORDER BY lease_id\n```\n"
    asked = portfolio.ask(f"{query}```python\n{transform}\n```", transform=True)
    assert asked.rows[-1]["so_far"] == asked.summary["Total annual_rent"]
    assert asked.columns == ["tenant_name", "annual_rent", "so_far"]
    shortened = transform.replace("return result", "return result[:3]")
    asked = portfolio.ask(f"{query}```python\n{shortened}\n```", transform=True)
    assert len(asked.rows) == 3
    assert "Total annual_rent" not in asked.summary


def test_wrong_names_come_back_right_without_a_second_call(portfolio: Bench) -> None:
    script = portfolio.generate(
        "SELECT p.propertyname, p.noi / p.annual_debt_service AS dscr FROM property p WHERE dscr > 1"
    )
    asked = portfolio.run(script)
    assert asked.exit_code == 0, asked.errors
    assert asked.rows


# --- values of every kind ----------------------------------------------------------------------


def test_every_type_comes_through_exactly(odd: Bench) -> None:
    asked = odd.ask("SELECT * FROM odd ORDER BY id")
    first, second, third = asked.rows
    assert first["big"] == Decimal("12345678901234567890.123456789")
    assert first["Net Total"] == Decimal("10.50")
    assert first["ratio"] is None
    assert (first["yes"], second["yes"], third["yes"]) == (True, False, None)
    assert (first["day"], first["moment"][:19]) == ("2025-02-28", "2025-02-28T12:30:00")
    assert first["tags"] == ["x", "y z"]
    assert first["doc"] == {"k": [1, None]}
    assert first["raw"] == "00ff"
    assert first["note"] == 'it\'s 100% "quoted" \\ back\nline'
    assert (second["big"], second["ratio"]) == (None, None)
    assert (third["type"], third["day"]) == (None, "9999-12-31")


def test_quoted_names_percent_signs_and_backslashes_in_the_query(odd: Bench) -> None:
    sql = (
        """SELECT type, "order", "Net Total" AS net_total, 'it''s 50% \\ "x" {y} """
        + '"""'
        + """' AS note
    FROM odd WHERE type LIKE '%a%' OR note LIKE '%\\\\%' ORDER BY "order" """
    )
    asked = odd.ask(sql)
    assert asked.rows[0]["note"] == 'it\'s 50% \\ "x" {y} """'
    assert asked.rows[0]["type"] == "a"


def test_a_zero_divisor_gives_no_value_and_does_not_come_first(odd: Bench) -> None:
    asked = odd.ask('SELECT id, "order" / zero AS share FROM odd ORDER BY share DESC LIMIT 2')
    assert [row["share"] for row in asked.rows] == [Decimal("1.5"), None]


def test_an_empty_result_is_an_answer(odd: Bench) -> None:
    asked = odd.ask("SELECT id, type FROM odd WHERE id > 99")
    assert (asked.rows, asked.columns, asked.summary) == ([], ["id", "type"], {})
    assert "(no rows)" in asked.output


def test_values_that_are_no_numbers_do_not_spoil_a_total_silently(odd: Bench) -> None:
    asked = odd.ask('SELECT id, "Net Total" AS net_total, big AS total FROM odd')
    assert asked.summary["Total net_total"] == Decimal("14.75")
    assert "Total total" not in asked.summary


def test_more_rows_than_a_script_reads_are_said_to_be_more(odd: Bench) -> None:
    asked = odd.ask("SELECT id, amount FROM many ORDER BY id")
    assert len(asked.rows) == 10_000
    assert asked.result["warnings"] == ["Only the first 10,000 rows are shown; totals cover these only."]
    assert asked.summary["Total amount"] == Decimal("75007500.0")


def test_a_child_is_joined_for_its_own_sums_only(odd: Bench) -> None:
    asked = odd.ask("SELECT name, SUM(cost) AS cost FROM parent GROUP BY name ORDER BY name")
    assert asked.rows == [
        {"name": "none", "cost": None},
        {"name": "one", "cost": 3},
        {"name": "two", "cost": 4},
    ]
    asked = odd.ask(
        "SELECT SUM(amount) AS amount, SUM(cost) AS cost FROM parent",
        "SELECT (SELECT SUM(amount) FROM parent) AS amount, (SELECT SUM(cost) FROM child) AS cost",
    )
    assert asked.rows == [{"amount": 157, "cost": 7}]


def test_columns_of_one_name_are_told_apart(odd: Bench) -> None:
    asked = odd.ask("SELECT p.*, c.* FROM parent p JOIN child c ON c.parent_id = p.id ORDER BY c.id")
    assert asked.columns == ["id", "name", "amount", "c_id", "parent_id", "cost"]
    assert [row["c_id"] for row in asked.rows] == [1, 2, 3]


SOUND = [
    "SELECT x.n, p.name FROM generate_series(1, 3) AS x(n) LEFT JOIN parent p ON p.id = x.n",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 4) SELECT n FROM t",
    "SELECT p.name, c.most FROM parent p CROSS JOIN LATERAL"
    " (SELECT MAX(cost) AS most FROM child WHERE child.parent_id = p.id) c",
    "SELECT name FROM parent WHERE EXISTS (SELECT 1 FROM child WHERE parent_id = parent.id)",
    "SELECT v.a, v.b FROM (VALUES (1, 'x'), (2, 'y')) AS v(a, b)",
    "SELECT name, RANK() OVER (ORDER BY amount DESC) AS place FROM parent",
    "SELECT a.name, b.name AS other FROM parent a JOIN parent b ON a.id < b.id",
    "SELECT name FROM parent UNION SELECT type FROM odd ORDER BY 1",
    "SELECT DISTINCT ON (parent_id) parent_id, cost FROM child ORDER BY parent_id, cost DESC",
    "SELECT unnest(tags) AS tag FROM odd",
    "SELECT doc->>'k' AS k, tags[1] AS first_tag FROM odd",
    "SELECT to_char(day, 'YYYY-MM') AS month, COUNT(*) AS n FROM odd GROUP BY 1",
]


@pytest.mark.parametrize("sql", SOUND)
def test_a_sound_query_gives_what_it_gives_by_hand(odd: Bench, server: RunningPostgres, sql: str) -> None:
    asked = odd.ask(sql)
    assert asked.script.repairs == ()
    expected = server.fetch("odd", sql)
    assert sorted(map(_shown, (row.values() for row in asked.rows))) == sorted(map(_shown, expected))


def _shown(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(str, values))


# --- what can go wrong ---------------------------------------------------------------------------


def test_failures_are_one_clear_message(odd: Bench) -> None:
    script = odd.generate("SELECT id, 1 / (id - 1) AS x FROM odd")
    without = odd.run(script, DATABASE_URL="")
    assert (without.exit_code, without.result) == (2, {})
    assert "DATABASE_URL is not set" in without.errors
    away = odd.run(script, DATABASE_URL="postgresql://u:geheim@127.0.0.1:9/x")
    assert away.exit_code == 2
    assert "cannot be reached" in away.errors
    nonsense = odd.run(script, DATABASE_URL="postgresql//u:geheim@x")
    assert nonsense.exit_code == 2
    assert "geheim" not in away.errors + nonsense.errors
    assert "Traceback" not in without.errors + away.errors + nonsense.errors


def test_a_query_that_fails_when_it_runs_says_so(odd: Bench) -> None:
    asked = odd.run(odd.generate("SELECT note::integer AS x FROM odd"))
    assert asked.exit_code == 1
    assert "The query failed: invalid input syntax for type integer" in asked.errors
    assert "Traceback" not in asked.errors


def test_rows_of_a_what_if_that_cannot_be_told_apart_are_an_error(odd: Bench) -> None:
    rise = Scenario(name="cost +10 %", quantity="cost", change_percent=10.0)
    asked = odd.run(odd.generate("SELECT parent_id, cost FROM child", scenarios=(rise,)))
    assert asked.exit_code == 1
    assert "needs a column that tells the rows apart" in asked.errors


def test_unhashable_keys_of_a_what_if_are_compared(odd: Bench) -> None:
    rise = Scenario(name="net total +10 %", quantity="net total", change_percent=10.0)
    asked = odd.ask('SELECT tags, doc, "Net Total" AS net FROM odd', scenarios=(rise,))
    assert [row["net [net total +10 %]"] for row in asked.rows if row["net"] == Decimal("10.50")] == [
        Decimal("11.55")
    ]
