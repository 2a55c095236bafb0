# ruff: noqa: E501 - queries stay on one line
"""Which joins are left out of a query, and which are asked for."""

from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO, database, table

from meta_agent.generators.sql_parsing import parse_queries, to_sql
from meta_agent.generators.unused_joins import drop_unused_joins

WITH_LEASES = "FROM properties p JOIN leases l ON l.property_id = p.property_id"


@pytest.mark.parametrize(
    ("sql", "request_text", "dropped"),
    [
        (f"SELECT p.city {WITH_LEASES}", "All cities", True),
        (f"SELECT p.city {WITH_LEASES}", "Cities with leases", False),
        (f"SELECT SUM(p.square_feet) {WITH_LEASES}", "How big is the portfolio?", True),
        (f"SELECT p.city, COUNT(*) {WITH_LEASES} GROUP BY p.city", "How many are in each city?", True),
        (f"SELECT p.city, COUNT(*) {WITH_LEASES} GROUP BY p.city", "How many tenants are in each city?", False),
        (f"SELECT p.city, COUNT(*) {WITH_LEASES} GROUP BY p.city", "Number of properties by city", True),
        (f"SELECT p.city, l.annual_rent {WITH_LEASES}", "All cities", False),
        (f"SELECT DISTINCT p.city {WITH_LEASES}", "All cities", False),
        ("WITH few AS (SELECT property_id FROM properties LIMIT 3) SELECT p.city FROM properties p JOIN few f ON f.property_id = p.property_id", "All cities", False),
        ("WITH loans AS (SELECT property_id FROM properties LIMIT 3) SELECT p.city FROM properties p JOIN loans f ON f.property_id = p.property_id", "All cities", False),
        (f"SELECT p.city, l.property_id {WITH_LEASES} WHERE l.property_id > 3", "All cities", True),
        (f"SELECT p.city, l.lease_id {WITH_LEASES} WHERE l.property_id > 3", "All cities", False),
        (f"SELECT p.city, l.property_id {WITH_LEASES.replace('JOIN', 'LEFT JOIN')}", "All cities", False),
    ],
)  # fmt: skip
def test_a_join_is_left_out_where_nothing_speaks_of_its_table(
    sql: str, request_text: str, dropped: bool
) -> None:
    tree = parse_queries(sql)[0]
    repairs = drop_unused_joins(tree, request_text, PORTFOLIO)
    assert bool(repairs) is dropped
    assert ("JOIN" not in tree.sql()) is dropped


def test_a_column_of_a_table_that_is_left_out_is_its_equal() -> None:
    sql = "SELECT l.place, COUNT(*) FROM properties AS p JOIN spots AS l ON l.place = p.city WHERE l.place = 'Tampa' GROUP BY l.place"
    schema = database(*PORTFOLIO.tables, table("spots", "place:text street:text property_id:integer"))
    tree = parse_queries(sql)[0]
    assert drop_unused_joins(tree, "How many properties are in each city?", schema) != []
    assert " ".join(to_sql(tree).split()) == (
        "SELECT p.city AS \"place\", COUNT(*) FROM properties AS p WHERE p.city = 'Tampa' GROUP BY p.city"
    )


def test_the_first_table_is_left_out_like_any_other() -> None:
    sql = (
        "SELECT t.tenant_name, p.city FROM monthly_income AS m JOIN leases AS t ON m.property_id = t.property_id"
        " JOIN properties AS p ON m.property_id = p.property_id WHERE m.property_id > 2"
    )
    tree = parse_queries(sql)[0]
    repairs = drop_unused_joins(tree, "Tenants with their city", PORTFOLIO)
    assert repairs == ["left out the table monthly_income, which the answer does not use"]
    assert " ".join(to_sql(tree).split()) == (
        "SELECT t.tenant_name, p.city FROM leases AS t"
        " JOIN properties AS p ON t.property_id = p.property_id WHERE t.property_id > 2"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT t.tenant_name, m.noi FROM monthly_income AS m JOIN leases AS t ON m.property_id = t.property_id",
        "SELECT t.tenant_name FROM monthly_income AS m LEFT JOIN leases AS t ON m.property_id = t.property_id",
        "SELECT t.tenant_name FROM monthly_income AS m, leases AS t WHERE m.property_id = t.property_id",
        "SELECT t.tenant_name, l.lender FROM monthly_income AS m JOIN leases AS t ON m.property_id = t.property_id LEFT JOIN loans AS l ON l.property_id = m.income_id",
    ],
)  # fmt: skip
def test_a_first_table_that_is_used_stays(sql: str) -> None:
    tree = parse_queries(sql)[0]
    drop_unused_joins(tree, "Tenants", PORTFOLIO)
    assert "monthly_income" in to_sql(tree)
