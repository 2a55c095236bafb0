# ruff: noqa: E501 - queries and replies stay on one line
from __future__ import annotations

import pytest
from sample_schema import AWKWARD, PORTFOLIO

from meta_agent.contracts import Scenario
from meta_agent.generators.applied_change import take_out_change
from meta_agent.generators.sql_parsing import parse_queries
from meta_agent.generators.sql_scenarios import apply_scenario, changed_outputs, column_meant

FALL = Scenario(name="noi -10 %", quantity="noi", change_percent=-10.0)
DSCR = "SELECT p.property_name, f.noi / f.annual_debt_service AS dscr FROM properties p JOIN financial_metrics f USING (property_id)"


@pytest.mark.parametrize(
    ("quantity", "column"),
    [
        ("noi", "noi"),
        ("NOI", "noi"),
        ("f.noi", "noi"),
        ("annual debt service", "annual_debt_service"),
        ("debt service", "annual_debt_service"),
        ("property values", "property_value"),
        ("value of the property", "property_value"),
        ("happiness", None),
        ("rate", None),
    ],
)
def test_the_quantity_is_found_among_the_columns(quantity: str, column: str | None) -> None:
    assert column_meant(quantity, parse_queries(DSCR)[0], PORTFOLIO) == column


def test_the_change_is_made_in_the_table_so_that_everything_follows() -> None:
    changed = apply_scenario(parse_queries(DSCR)[0], FALL, "noi", PORTFOLIO).sql(dialect="postgres")
    assert "noi * 0.9 AS noi" in changed
    assert "FROM financial_metrics) AS f USING (property_id)" in changed


def test_every_table_that_has_the_quantity_is_changed_in_subqueries_too() -> None:
    tree = parse_queries(
        "WITH y AS (SELECT property_id, SUM(noi) AS s FROM monthly_income GROUP BY property_id)"
        " SELECT f.noi, y.s FROM financial_metrics f JOIN y ON y.property_id = f.property_id"
    )[0]
    assert apply_scenario(tree, FALL, "noi", PORTFOLIO).sql(dialect="postgres").count("noi * 0.9") == 2
    assert tree.sql(dialect="postgres").count("0.9") == 0


def test_quoted_names_stay_quoted() -> None:
    tree = parse_queries('SELECT "Net_Total", "order" FROM "Sales Order"')[0]
    sql = apply_scenario(tree, FALL, "Net_Total", AWKWARD).sql(dialect="postgres")
    assert '"Net_Total" * 0.9 AS "Net_Total"' in sql
    assert ') AS "Sales Order"' in sql
    assert '"order"' in sql


@pytest.mark.parametrize(
    ("sql", "changed"),
    [
        (DSCR, ["dscr"]),
        ("SELECT noi, cap_rate FROM financial_metrics", ["noi"]),
        ("SELECT COUNT(*) AS n FROM financial_metrics WHERE noi / annual_debt_service < 1.2", ["n"]),
        ("SELECT COUNT(*) AS n FROM financial_metrics", []),
        ("WITH a AS (SELECT noi * 2 AS x FROM financial_metrics), b AS (SELECT x + 1 AS y FROM a),"
         " c AS (SELECT y * 3 AS z FROM b) SELECT z, 1 AS one FROM c", ["z"]),
        ("SELECT gross_revenue AS a, 1 AS b FROM financial_metrics UNION ALL SELECT noi, 2 FROM monthly_income", ["a"]),
        ("SELECT property_id, RANK() OVER (ORDER BY noi DESC) AS place FROM financial_metrics", ["place"]),
    ],
)  # fmt: skip
def test_the_outputs_that_change_are_known(sql: str, changed: list[str]) -> None:
    assert changed_outputs(parse_queries(sql)[0], "noi") == changed


@pytest.mark.parametrize("factor", ["0.9", "(1 - 0.10)", "(1 - 10 / 100.0)"])
def test_a_change_that_stands_in_the_query_is_taken_out(factor: str) -> None:
    tree = parse_queries(f"SELECT noi * {factor} / annual_debt_service AS dscr FROM financial_metrics")[0]
    assert take_out_change(tree, (FALL,))
    assert tree.sql(dialect="postgres") == "SELECT noi / annual_debt_service AS dscr FROM financial_metrics"
