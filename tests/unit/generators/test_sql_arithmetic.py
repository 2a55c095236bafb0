# ruff: noqa: E501 - queries and replies stay on one line
from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO

from meta_agent.generators.sql_arithmetic import make_arithmetic_safe
from meta_agent.generators.sql_output import name_outputs_apart, show_what_ranks
from meta_agent.generators.sql_parsing import parse_queries


def safe(sql: str) -> tuple[str, list[str]]:
    tree = parse_queries(sql)[0]
    repairs = make_arithmetic_safe(tree, PORTFOLIO)
    return tree.sql(dialect="postgres"), repairs


def named(sql: str) -> tuple[str, list[str]]:
    tree = parse_queries(sql)[0]
    repairs = name_outputs_apart(tree, PORTFOLIO)
    return tree.sql(dialect="postgres"), repairs


@pytest.mark.parametrize(
    "expression",
    [
        "noi / 12",
        "noi / 12.0",
        "noi / NULLIF(annual_debt_service, 0)",
        "noi / NULLIF(annual_debt_service, 0.0) * 100",
        "(noi / (12))",
        "noi * 2 + 1",
        "noi / -4",
    ],
)
def test_what_cannot_go_wrong_stays(expression: str) -> None:
    sql = f"SELECT {expression} AS x FROM financial_metrics"
    assert safe(sql) == (parse_queries(sql)[0].sql(dialect="postgres"), [])


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("noi / annual_debt_service", "noi / NULLIF(annual_debt_service, 0)"),
        ("noi / (gross_revenue - noi)", "noi / NULLIF(gross_revenue - noi, 0)"),
        ("ROUND(100.0 * noi / gross_revenue, 2)", "ROUND(100.0 * noi / NULLIF(gross_revenue, 0), 2)"),
        ("SUM(noi) / SUM(gross_revenue)", "SUM(noi) / NULLIF(SUM(gross_revenue), 0)"),
        ("noi % metric_id", "noi % NULLIF(metric_id, 0)"),
        ("noi / 0", "noi / NULLIF(0, 0)"),
    ],
)
def test_a_divisor_that_may_be_zero_gives_no_value(expression: str, wanted: str) -> None:
    sql, repairs = safe(f"SELECT {expression} AS x FROM financial_metrics")
    assert sql == f"SELECT {wanted} AS x FROM financial_metrics"
    assert repairs == ["a division by zero gives no value instead of an error"]


@pytest.mark.parametrize(
    "expression",
    [
        "COUNT(*) / COUNT(suite)",
        "100 * COUNT(*) FILTER (WHERE suite IS NULL) / COUNT(*)",
        "SUM(CASE WHEN suite IS NULL THEN 1 ELSE 0 END) / COUNT(*)",
        "SUM(leased_square_feet) / COUNT(*)",
        "COALESCE(MAX(leased_square_feet), 0) / 7",
        "MAX(end_date - start_date) / 365",
        "MIN(l.leased_square_feet + 1) / 2",
        "SUM(leased_square_feet)::bigint / 3",
    ],
)
def test_whole_numbers_are_divided_with_decimals(expression: str) -> None:
    sql, repairs = safe(f"SELECT {expression} AS x FROM leases l")
    assert "CAST(" in sql
    assert "AS DECIMAL) /" in sql
    assert "whole numbers are divided with decimals" in repairs


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT annual_rent / 12 AS x FROM leases",
        "SELECT AVG(leased_square_feet) / 2 AS x FROM leases",
        "SELECT (year_built / 10) * 10 AS decade FROM properties",
        "SELECT 10 * (year_built / 10) AS decade FROM properties",
        "SELECT leased_square_feet::numeric / 2 AS x FROM leases",
        "SELECT 1.0 * leased_square_feet / 2 AS x FROM leases",
    ],
)
def test_other_divisions_keep_their_type(sql: str) -> None:
    assert safe(sql)[1] == []


def test_integers_are_known_through_subqueries() -> None:
    sql, _ = safe(
        "WITH n AS (SELECT city, COUNT(*) AS many FROM properties GROUP BY city) SELECT n.many / 2 AS half FROM n"
    )
    assert "CAST(n.many AS DECIMAL) / 2" in sql


@pytest.mark.parametrize(
    ("sql", "last"),
    [
        ("SELECT noi / annual_debt_service AS d FROM financial_metrics ORDER BY d DESC LIMIT 5", True),
        ("SELECT noi / annual_debt_service AS d FROM financial_metrics ORDER BY 1 DESC LIMIT 5", True),
        ("SELECT suite FROM leases ORDER BY end_date DESC LIMIT 5", True),
        ("SELECT p.city, l.annual_rent FROM properties p LEFT JOIN leases l ON l.property_id = p.property_id"
         " ORDER BY l.annual_rent DESC LIMIT 5", True),
        ("SELECT noi FROM financial_metrics ORDER BY noi DESC LIMIT 5", False),
        ("SELECT suite FROM leases ORDER BY end_date DESC", False),
        ("SELECT suite FROM leases ORDER BY end_date LIMIT 5", False),
        ("SELECT suite FROM leases ORDER BY COALESCE(end_date, CURRENT_DATE) DESC LIMIT 5", False),
        ("SELECT suite FROM leases ORDER BY end_date DESC NULLS LAST LIMIT 5", False),
    ],
)  # fmt: skip
def test_the_first_rows_of_a_cut_off_order_have_a_value(sql: str, last: bool) -> None:
    _, repairs = safe(sql)
    assert ("rows without a value come last, so that the first rows have one" in repairs) is last


# --- names of result columns ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "names"),
    [
        ("noi AS a, noi AS b", ["a", "b"]),
        ("COUNT(*)", ["count"]),
        ("COUNT(*), SUM(noi), AVG(f.noi)", ["count", "sum_noi", "avg_noi"]),
        ("ROUND(noi / annual_debt_service, 2)", ["noi_per_annual_debt_service"]),
        ("CASE WHEN noi > 1 THEN 2 END", ["noi"]),
        ("1, 2", ["value", "value_2"]),
        ("noi::int", ["noi"]),
        ("f.noi AS x, f.cap_rate AS x", ["x", "f_x"]),
        ('noi AS "a b", cap_rate AS "a b"', ["a b", "f_a b"]),
    ],
)
def test_every_result_column_has_a_name_of_its_own(shown: str, names: list[str]) -> None:
    tree = parse_queries(f"SELECT {shown} FROM financial_metrics f")[0]
    name_outputs_apart(tree, PORTFOLIO)
    got = tree.named_selects
    assert len(set(got)) == len(got)
    assert got == [name if name in got else got[place] for place, name in enumerate(names)]


def test_what_stands_twice_is_shown_once() -> None:
    sql, repairs = named("SELECT noi, noi FROM financial_metrics")
    assert sql == "SELECT noi FROM financial_metrics"
    assert repairs == ["a column that stood twice is shown once"]


def test_stars_are_spelled_out_and_their_columns_told_apart() -> None:
    sql, _ = named("SELECT p.*, l.* FROM properties p JOIN loans l ON l.property_id = p.property_id")
    assert "p.property_id," in sql
    assert "l.property_id AS l_property_id" in sql


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM generate_series(1, 3)",
        "SELECT * FROM properties JOIN loans USING (property_id)",
        "SELECT x.* FROM (VALUES (1)) AS x",
    ],
)
def test_a_star_that_cannot_be_known_stays(sql: str) -> None:
    assert "*" in named(sql)[0]


def test_the_branches_of_a_union_keep_their_number_of_columns() -> None:
    sql, _ = named("SELECT noi, noi FROM financial_metrics UNION ALL SELECT noi, 1 FROM monthly_income")
    assert sql.startswith("SELECT noi, noi AS noi_2 FROM financial_metrics UNION ALL SELECT noi, 1 FROM")


def test_distinct_keeps_what_it_is_distinct_by() -> None:
    assert named("SELECT DISTINCT noi, noi FROM financial_metrics")[0].startswith(
        "SELECT DISTINCT noi, noi AS"
    )


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT city FROM properties ORDER BY square_feet DESC LIMIT 5", ["city", "square_feet"]),
        (
            "SELECT city FROM properties GROUP BY city ORDER BY SUM(square_feet) LIMIT 5",
            ["city", "sum_square_feet"],
        ),
        (
            "SELECT city AS square_feet FROM properties ORDER BY properties.square_feet LIMIT 5",
            ["square_feet"],
        ),
        ("SELECT city, square_feet AS feet FROM properties ORDER BY square_feet LIMIT 5", ["city", "feet"]),
        ("SELECT city, square_feet AS feet FROM properties ORDER BY feet LIMIT 5", ["city", "feet"]),
        ("SELECT city FROM properties ORDER BY 1 LIMIT 5", ["city"]),
        ("SELECT city FROM properties ORDER BY square_feet", ["city"]),
        ("SELECT DISTINCT city FROM properties ORDER BY city LIMIT 5", ["city"]),
        ("SELECT * FROM properties ORDER BY square_feet LIMIT 5", ["*"]),
    ],
)
def test_what_the_first_rows_are_chosen_by_is_shown(sql: str, columns: list[str]) -> None:
    tree = parse_queries(sql)[0]
    repairs = show_what_ranks(tree)
    assert tree.named_selects == columns
    assert bool(repairs) is (len(columns) > len(parse_queries(sql)[0].named_selects))
