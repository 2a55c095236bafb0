"""Each shipped template, run by the program in the real sandbox on the real sample portfolio.

What it answers is held against SQL written by hand in another way.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from command_line import CommandLine
from psycopg2.extras import RealDictCursor
from scripted_model import unused_url

from meta_agent.databases.embedded import SampleDatabase
from meta_agent.questions.library import SHIPPED
from meta_agent.questions.question_file import read_question

pytestmark = [pytest.mark.docker, pytest.mark.database]

IN_FORCE = "lease.start_date <= DATE '{day}' AND COALESCE(lease.end_date, DATE 'infinity') >= DATE '{day}'"
RENT_ROLL = f"""
    SELECT property_name, tenant_name, suite, leased_square_feet, annual_rent,
           ROUND(annual_rent / leased_square_feet, 2) AS rent_per_square_foot, start_date, end_date
    FROM properties NATURAL JOIN leases AS lease WHERE {IN_FORCE}
    ORDER BY property_name, COALESCE(suite, ''), tenant_name"""
EXPIRIES = """
    SELECT (SELECT property_name FROM properties WHERE property_id = lease.property_id) AS property_name,
           tenant_name, suite, end_date, leased_square_feet, annual_rent
    FROM leases AS lease WHERE end_date BETWEEN '{year}-01-01' AND '{year}-12-31'
    ORDER BY end_date, 1, suite"""
TREND = """
    SELECT month, SUM(rental_income) + SUM(COALESCE(other_income, 0)) AS total_income,
           SUM(operating_expenses) AS operating_expenses, SUM(noi) AS noi,
           SUM(noi) - (SELECT SUM(noi) FROM monthly_income AS before
                       WHERE before.month = now.month - INTERVAL '1 month') AS change_from_month_before
    FROM monthly_income AS now
    WHERE month >= '{year}-01-01' AND month < DATE '{year}-01-01' + INTERVAL '1 year'
    GROUP BY month ORDER BY month"""
OCCUPANCY = f"""
    SELECT property_name, square_feet, area AS leased_square_feet, square_feet - area AS vacant_square_feet,
           ROUND(area * 100.0 / square_feet, 2) AS occupancy
    FROM (SELECT properties.*, (SELECT COALESCE(SUM(leased_square_feet), 0) FROM leases AS lease
                                WHERE lease.property_id = properties.property_id AND {IN_FORCE}) AS area
          FROM properties) AS let ORDER BY 5, 1"""
COVERAGE = """
    SELECT property_name, noi, annual_debt_service, ROUND(noi / annual_debt_service, 2) AS dscr,
           CASE WHEN ROUND(noi / annual_debt_service, 2) >= 1.25 THEN 'Strong'
                WHEN ROUND(noi / annual_debt_service, 2) >= 1 THEN 'Acceptable'
                ELSE 'Risky' END AS dscr_rating
    FROM financial_metrics NATURAL JOIN properties ORDER BY 4, 1"""
COMPARED = """
    WITH by_year AS (SELECT property_name, date_part('year', month)::int AS year, SUM(noi) AS noi
                     FROM monthly_income NATURAL JOIN properties GROUP BY 1, 2)
    SELECT a.property_name, a.noi, b.noi AS prior_year_noi, a.noi - b.noi AS noi_difference,
           ROUND((a.noi / b.noi - 1) * 100, 2) AS percent
    FROM by_year AS a JOIN by_year AS b ON b.property_name = a.property_name AND b.year = a.year - 1
    WHERE a.year = {year} ORDER BY 4, 1"""
CASES = [
    ("dscr-review", COVERAGE, {}, 10),
    ("rent-roll", RENT_ROLL, {"date": "2025-12-31"}, 43),
    ("rent-roll", RENT_ROLL, {"date": "2019-06-30"}, 20),
    ("lease-expiries", EXPIRIES, {"year": "2026"}, 8),
    ("lease-expiries", EXPIRIES, {"year": "2028"}, 7),
    ("noi-trend", TREND, {"year": "2025"}, 12),
    ("noi-trend", TREND, {"year": "2024"}, 12),
    ("occupancy", OCCUPANCY, {"date": "2025-12-31"}, 10),
    ("occupancy", OCCUPANCY, {"date": "2023-01-01"}, 10),
    ("actual-against-prior-year", COMPARED, {"year": "2025"}, 10),
]
TOTALS = {
    "dscr-review": {"Overall dscr": ("noi", "annual_debt_service", 1)},
    "rent-roll": {"Overall rent_per_square_foot": ("annual_rent", "leased_square_feet", 1)},
    "occupancy": {"Overall occupancy": ("leased_square_feet", "square_feet", 100)},
    "actual-against-prior-year": {"Overall percent": ("noi_difference", "prior_year_noi", 100)},
}


@pytest.fixture
def program(tmp_path: Path, machine_environment: dict[str, str]) -> CommandLine:
    """The program with the sample portfolio and without any model."""
    settings = {"DATABASE_URL": "sample", "LLM_BASE_URL": unused_url()}
    return CommandLine(tmp_path / "runs", {**machine_environment, **settings})


def by_hand(sample: SampleDatabase, sql: str, values: dict[str, str]) -> list[dict[str, Any]]:
    connection = psycopg2.connect(sample.reader_url, cursor_factory=RealDictCursor)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.format(year=values.get("year"), day=values.get("date")))
            return [dict(row) for row in cursor.fetchall()]
    finally:
        connection.close()


def as_told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}


@pytest.mark.parametrize(("name", "sql", "values", "count"), CASES)
def test_the_answer_is_that_of_hand_written_sql(
    program: CommandLine,
    sample_database: SampleDatabase,
    name: str,
    sql: str,
    values: dict[str, str],
    count: int,
) -> None:
    given = [word for pair in values.items() for word in ("--param", "=".join(pair))]
    finished = program.run("--json", "run", name, *given)
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout, parse_float=Decimal)
    expected = by_hand(sample_database, sql, values)
    assert len(expected) == count
    (table,) = told["tables"]
    assert table["rows"] == [as_told(row) for row in expected]
    assert table["columns"] == list(expected[0])
    assert (told["warnings"], told["usage"]["llm_calls"], told["changes"]) == ([], 0, None)
    assert not any("{" in text for text in (told["request"], table["title"]))
    for value in values.values():
        assert value in told["request"] and value in table["title"]
    summary = told["summary"]
    for total in (label for label in summary if label.startswith("Total ")):
        assert summary[total] == sum(row[total.removeprefix("Total ")] or 0 for row in expected)
    for label, (above, below, factor) in TOTALS.get(name, {}).items():
        sums = [Decimal(sum(row[column] for row in expected)) for column in (above, below)]
        assert summary[label] == round(factor * sums[0] / sums[1], 4)
    (record,) = program.records()
    assert (record["question"], record["model"]) == (name, None)
    assert record["provenance"]["rows"] == [count] and record["provenance"]["prompts_sha256"] is None


def test_every_shipped_template_is_among_these() -> None:
    assert {name for name, *_ in CASES} == {file.stem for file in SHIPPED.glob("*.yaml")}


@pytest.mark.parametrize("name", sorted({name for name, *_ in CASES}))
def test_the_values_it_comes_with_are_those_of_the_sample(name: str) -> None:
    shown = {value for case, _, values, _ in CASES if case == name for value in values.items()}
    assert {(p.name, p.value) for p in read_question(SHIPPED / f"{name}.yaml").parameters} <= shown


def test_a_year_without_rows_is_an_empty_answer(program: CommandLine) -> None:
    told = program.json("run", "lease-expiries", "--param", "year=1999")
    assert (told["status"], told["tables"][0]["rows"]) == ("ok", [])
    assert any("1999" in warning for warning in told["warnings"])
