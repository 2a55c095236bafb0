# ruff: noqa: E501 - queries stay on one line
"""Which groupings are left out, and what of their aggregates stays."""

from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO

from meta_agent.generators.single_row_groups import ungroup_single_rows
from meta_agent.generators.sql_parsing import parse_queries, to_sql


def ungrouped(sql: str, request: str = "Show the size of each") -> str:
    tree = parse_queries(sql)[0]
    repairs = ungroup_single_rows(tree, request, PORTFOLIO)
    assert bool(repairs) is (to_sql(tree) != to_sql(parse_queries(sql)[0]))
    return " ".join(to_sql(tree).split())


def test_a_figure_that_is_shown_anyway_is_shown_once() -> None:
    sql = "SELECT property_name, square_feet, SUM(square_feet) AS total, COUNT(*) AS number FROM properties GROUP BY property_id, property_name, square_feet"
    assert ungrouped(sql) == "SELECT property_name, square_feet FROM properties"


def test_an_aggregate_of_one_row_is_its_value() -> None:
    sql = "SELECT property_name, AVG(square_feet) AS size FROM properties GROUP BY property_id HAVING AVG(square_feet) > 5 ORDER BY AVG(square_feet)"
    assert ungrouped(sql) == (
        "SELECT property_name, square_feet AS size FROM properties WHERE square_feet > 5 ORDER BY square_feet"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT city, SUM(square_feet) AS total FROM properties GROUP BY city",
        "SELECT property_name, SUM(l.annual_rent) AS rent FROM properties p JOIN leases l ON l.property_id = p.property_id GROUP BY p.property_id",
        "SELECT property_name, SUM(square_feet) FILTER (WHERE city = 'x') AS size FROM properties GROUP BY property_id",
        "SELECT property_name, COUNT(city) AS number, SUM(square_feet) AS size FROM properties GROUP BY property_id",
        "SELECT property_name, SUM(square_feet) AS size FROM properties GROUP BY property_id HAVING COUNT(*) > 1",
        "SELECT COUNT(*) AS number FROM properties GROUP BY property_id",
        "SELECT square_feet, SUM(square_feet) AS size FROM properties GROUP BY property_id, square_feet ORDER BY size",
    ],
)  # fmt: skip
def test_groups_of_several_rows_and_other_aggregates_stay(sql: str) -> None:
    ungrouped(sql)
    tree = parse_queries(sql)[0]
    assert ungroup_single_rows(tree, "Show the size of each", PORTFOLIO) == []


def test_a_count_that_was_asked_for_stays() -> None:
    sql = "SELECT property_name, COUNT(*) AS number FROM properties GROUP BY property_id"
    tree = parse_queries(sql)[0]
    assert ungroup_single_rows(tree, "How many are there of each?", PORTFOLIO) == []
