"""Requests asked of the real model, over the real sample portfolio, run in real containers.

Every answer is held against SQL written by hand, run as the owner: figures, not appearances.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from meta_agent.databases.embedded import SampleDatabase

pytestmark = [pytest.mark.model, pytest.mark.docker, pytest.mark.database]

PROJECT_DIR = Path(__file__).resolve().parent.parent.parent
EXAMPLE_1 = (PROJECT_DIR / "tools" / "demo_request.txt").read_text(encoding="utf-8")
PRINTED_DSCR = {
    "Orlando Fashion Square": "1.94",
    "1893 Rouse Lake Rd": "1.66",
    "Orlando Vineland Premium Outlets": "1.21",
    "Columbia Heights Shopping Mall": "1.50",
    "West Oaks Mall": "1.82",
    "Riverside Galleria": "0.89",
    "Lakeside Plaza": "1.18",
    "Sunset Commons": "1.21",
    "Valley View Center": "1.28",
    "Harbor Town Mall": "1.08",
}


@dataclass(frozen=True)
class Question:
    """A request, and the query whose every column must be found in the answer."""

    request: str
    sql: str
    ordered: bool = False


QUESTIONS = (
    Question(
        "Which five properties have the highest NOI?",
        """SELECT property_name, noi FROM properties JOIN financial_metrics USING (property_id)
           ORDER BY noi DESC LIMIT 5""",
        ordered=True,
    ),
    Question(
        "Average occupancy rate by property type",
        """SELECT property_type, AVG(occupancy_rate) FROM properties
           JOIN financial_metrics USING (property_id) GROUP BY property_type""",
    ),
    Question(
        "Which properties have an occupancy below 85 %?",
        """SELECT property_name FROM properties JOIN financial_metrics USING (property_id)
           WHERE occupancy_rate < 85""",
    ),
    Question(
        "How many leases end in 2026?",
        "SELECT COUNT(*) FROM leases WHERE end_date BETWEEN '2026-01-01' AND '2026-12-31'",
    ),
    Question(
        "What is the total outstanding loan balance by lender?",
        "SELECT lender, SUM(current_balance) FROM loans GROUP BY lender",
    ),
    Question(
        "Show the total monthly rental income by year for West Oaks Mall",
        """SELECT date_part('year', month), SUM(rental_income) FROM monthly_income
           JOIN properties USING (property_id) WHERE property_name = 'West Oaks Mall' GROUP BY 1""",
    ),
    Question(
        "List loans with an interest rate above 6 percent with the property name",
        """SELECT property_name, interest_rate FROM loans JOIN properties USING (property_id)
           WHERE interest_rate > 6""",
    ),
)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.request[:40])
def test_the_answer_has_the_figures_of_the_database(
    question: Question,
    sample_database: SampleDatabase,
    model_base_url: str,
    machine_environment: dict[str, str],
) -> None:
    answer = ask(question.request, machine_environment)
    assert answer["status"] == "ok", answer["error"]
    assert answer["timings"]["analysis"] < 1, "the words say it all, and the model was asked what is wanted"
    expected = query(sample_database.owner_url, question.sql)
    rows = [[comparable(value) for value in row.values()] for row in answer["tables"][0]["rows"]]
    assert len(rows) == len(expected)
    columns = list(zip(*rows, strict=True))
    for wanted in zip(*expected, strict=True):
        found = [
            c for c in columns if (list(c) == list(wanted)) or (not question.ordered and same(c, wanted))
        ]
        assert found, f"no column of the answer holds {wanted}; the answer is {rows}"


def test_example_1_of_the_documentation(
    sample_database: SampleDatabase, model_base_url: str, machine_environment: dict[str, str]
) -> None:
    answer = ask(EXAMPLE_1, machine_environment)
    assert answer["status"] == "ok", answer["error"]
    (table,) = answer["tables"]
    printed = [name for name in table["columns"] if printed_figures(table["rows"], name) == PRINTED_DSCR]
    assert len(printed) == 1, f"no column holds the printed figures: {table['rows']}"
    (dscr,) = printed
    words = {row["property_name"]: row[f"{dscr}_rating"] for row in table["rows"]}
    assert words == {n: rating(Decimal(figure)) for n, figure in PRINTED_DSCR.items()}
    assert invented(table, {dscr, f"{dscr}_rating"}, sample_database.owner_url) == []
    [(noi, service)] = query(
        sample_database.owner_url, "SELECT SUM(noi), SUM(annual_debt_service) FROM financial_metrics"
    )
    assert comparable(answer["summary"][f"Overall {dscr}"]) == comparable(noi / service)
    assert {noi, service} <= {comparable(value) for value in answer["summary"].values()}
    assert answer["usage"]["llm_calls"] <= 4  # the check of the model, two drafts, a correction at most
    assert answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"] <= 4000
    package = Path(answer["run_dir"])
    assert {
        "script.py",
        "requirements.txt",
        "Dockerfile",
        "docker-compose.yml",
        "deploy.sh",
        ".env",
        "README.md",
    } <= {entry.name for entry in package.iterdir()}


def test_a_what_if_stands_beside_the_base_case(
    sample_database: SampleDatabase, model_base_url: str, machine_environment: dict[str, str]
) -> None:
    answer = ask("What would the DSCR of each property be if NOI fell by 10 %?", machine_environment)
    assert answer["status"] == "ok", answer["error"]
    expected = query(
        sample_database.owner_url,
        """SELECT property_name, noi / annual_debt_service, 0.9 * noi / annual_debt_service
           FROM properties JOIN financial_metrics USING (property_id)""",
    )
    rows = [[comparable(value) for value in row.values()] for row in answer["tables"][0]["rows"]]
    assert len(rows) == len(expected)
    columns = list(zip(*rows, strict=True))
    for wanted in zip(*expected, strict=True):
        assert any(same(column, wanted) for column in columns), f"{wanted} is not in {rows}"


def test_the_script_runs_again_without_the_model(
    sample_database: SampleDatabase, model_base_url: str, machine_environment: dict[str, str], tmp_path: Path
) -> None:
    answer = ask("What is the total outstanding loan balance by lender?", machine_environment)
    script = Path(answer["run_dir"]) / "script.py"
    alone = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={"DATABASE_URL": sample_database.reader_url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert alone.returncode == 0, alone.stderr
    result = json.loads((tmp_path / "results" / "result.json").read_text(encoding="utf-8"))
    assert result["tables"][0]["rows"] == answer["tables"][0]["rows"]
    assert "=== Calculation Results ===" in alone.stdout


def ask(request: str, environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "script_executor.py", "--demo", "--json", request],
        cwd=PROJECT_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout.count("\n{") == 0, "more than one JSON object"
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == answer["exit_code"], done.stderr
    return answer


def query(url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(comparable(value) for value in row) for row in cursor.fetchall()]
    finally:
        connection.close()


def comparable(value: Any) -> Any:
    """Figures to two decimals, anything else as it is."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal):
        return round(Decimal(str(value)), 2)
    return value.isoformat()


def printed_figures(rows: list[dict[str, Any]], column: str) -> dict[str, str]:
    """The column's figures by property, as the documentation prints them."""
    return {
        row["property_name"]: f"{row[column]:.2f}" for row in rows if isinstance(row[column], int | float)
    }


def invented(table: dict[str, Any], computed: set[str], url: str) -> list[str]:
    """Columns beside the computed ones that hold what no column of the two tables holds."""
    stored = query(url, "SELECT p.*, f.* FROM properties p JOIN financial_metrics f USING (property_id)")
    known = list(zip(*stored, strict=True))
    shown = {name: [comparable(row[name]) for row in table["rows"]] for name in table["columns"]}
    return [
        name
        for name, values in shown.items()
        if name not in computed and not any(same(values, column) for column in known)
    ]


def same(column: Iterable[Any], wanted: Iterable[Any]) -> bool:
    return sorted(map(str, column)) == sorted(map(str, wanted))


def rating(figure: Decimal) -> str:
    if figure >= Decimal("1.25"):
        return "Strong"
    return "Acceptable" if figure >= 1 else "Risky"
