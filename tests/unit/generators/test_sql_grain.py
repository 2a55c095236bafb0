# ruff: noqa: E501 - queries stay on one line
"""Every figure counts each of its rows once."""

from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO

from meta_agent.generators.sql_grain import sum_before_join, sum_for_each, take_once
from meta_agent.generators.sql_parsing import parse_queries
from meta_agent.glossary import Glossary

GLOSSARY = Glossary(additive_words=frozenset({"noi", "balance", "rent"}))
BY_PROPERTY = (
    " FROM properties p JOIN financial_metrics f ON f.property_id = p.property_id"
    " JOIN loans l ON l.property_id = p.property_id"
)


def test_what_a_group_has_once_is_taken_once() -> None:
    sql = f"SELECT p.property_name, SUM(f.noi) / SUM(l.current_balance) AS y{BY_PROPERTY} GROUP BY p.property_name"
    tree = parse_queries(sql)[0]
    assert take_once(tree, PORTFOLIO) == ["f.noi is taken once in each group, not once for each joined row"]
    assert "MAX(f.noi) / SUM(l.current_balance)" in tree.sql(dialect="postgres")


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT p.city, SUM(f.noi){BY_PROPERTY} GROUP BY p.city",
        f"SELECT p.property_name, SUM(l.current_balance){BY_PROPERTY} GROUP BY p.property_name",
        "SELECT p.property_name, SUM(f.noi) FROM properties p JOIN financial_metrics f ON f.property_id = p.property_id GROUP BY p.property_name",
        f"SELECT SUM(f.noi){BY_PROPERTY}",
    ],
)
def test_other_sums_are_left_to_others(sql: str) -> None:
    tree = parse_queries(sql)[0]
    before = tree.sql()
    assert (take_once(tree, PORTFOLIO), tree.sql()) == ([], before)


def test_a_table_is_summed_up_before_its_join_repeats_other_rows() -> None:
    sql = f"SELECT p.city, SUM(f.noi) AS noi, SUM(l.current_balance) AS debt{BY_PROPERTY} GROUP BY p.city"
    tree = parse_queries(sql)[0]
    assert len(sum_before_join(tree, PORTFOLIO)) == 1
    assert tree.sql(dialect="postgres") == (
        "SELECT p.city, SUM(f.noi) AS noi, SUM(l.total_1) AS debt FROM properties AS p"
        " JOIN financial_metrics AS f ON f.property_id = p.property_id"
        " JOIN (SELECT l.property_id, SUM(l.current_balance) AS total_1 FROM loans AS l GROUP BY l.property_id) AS l"
        " ON l.property_id = p.property_id GROUP BY p.city"
    )


@pytest.mark.parametrize(
    "sql",
    [
        # nothing is repeated
        "SELECT p.city, SUM(f.noi) FROM properties p JOIN financial_metrics f ON f.property_id = p.property_id GROUP BY p.city",
        # the table is used besides its sums
        f"SELECT p.city, l.lender, SUM(f.noi), SUM(l.current_balance){BY_PROPERTY} GROUP BY p.city, l.lender",
        f"SELECT p.city, SUM(f.noi), SUM(l.current_balance){BY_PROPERTY} WHERE l.interest_rate > 5 GROUP BY p.city",
        # what COUNT(*) counts is the joined rows
        f"SELECT p.city, SUM(f.noi), SUM(l.current_balance), COUNT(*){BY_PROPERTY} GROUP BY p.city",
        # an average of the many cannot be put together from sums
        f"SELECT p.city, SUM(f.noi), AVG(l.current_balance){BY_PROPERTY} GROUP BY p.city",
        # two tables repeat each other's rows
        f"SELECT SUM(f.noi), SUM(l.current_balance), SUM(e.annual_rent){BY_PROPERTY} JOIN leases e ON e.property_id = p.property_id",
    ],
)
def test_what_cannot_be_summed_up_before_is_left_alone(sql: str) -> None:
    tree = parse_queries(sql)[0]
    before = tree.sql()
    assert (sum_before_join(tree, PORTFOLIO), tree.sql()) == ([], before)


EACH = f"SELECT p.property_name, 100 * f.noi / l.current_balance AS debt_yield{BY_PROPERTY}"


def test_a_figure_for_each_thing_is_one_row_each() -> None:
    tree = parse_queries(EACH)[0]
    assert len(sum_for_each(tree, "debt yield for each property in percent", PORTFOLIO, GLOSSARY)) == 1
    assert tree.sql(dialect="postgres").startswith(
        "SELECT p.property_name, 100 * f.noi / SUM(l.current_balance) AS debt_yield FROM"
    )
    assert tree.sql(dialect="postgres").endswith("GROUP BY p.property_name, f.noi")


@pytest.mark.parametrize(
    ("request_text", "sql"),
    [
        ("debt yield of the loans of each property", EACH),
        ("debt yield", EACH),
        ("debt yield by lender", EACH),
        ("interest rate per property", f"SELECT p.property_name, l.interest_rate{BY_PROPERTY}"),
        (
            "debt per property above 5",
            f"SELECT p.property_name, l.current_balance{BY_PROPERTY} WHERE l.current_balance > 5",
        ),
    ],
)
def test_lists_that_may_be_meant_stay_lists(request_text: str, sql: str) -> None:
    tree = parse_queries(sql)[0]
    before = tree.sql()
    assert (sum_for_each(tree, request_text, PORTFOLIO, GLOSSARY), tree.sql()) == ([], before)


FIRST_MANY = "FROM loans l JOIN properties p ON l.property_id = p.property_id JOIN financial_metrics f ON f.property_id = p.property_id"


def test_a_table_that_stands_first_is_summed_up_as_well() -> None:
    tree = parse_queries(f"SELECT p.city, SUM(f.noi), SUM(l.current_balance) {FIRST_MANY} GROUP BY p.city")[0]
    assert len(sum_before_join(tree, PORTFOLIO)) == 1
    assert tree.sql(dialect="postgres") == (
        "SELECT p.city, SUM(f.noi), SUM(l.total_1) FROM properties AS p"
        " JOIN (SELECT l.property_id, SUM(l.current_balance) AS total_1 FROM loans AS l GROUP BY l.property_id) AS l"
        " ON l.property_id = p.property_id JOIN financial_metrics AS f ON f.property_id = p.property_id GROUP BY p.city"
    )


@pytest.mark.parametrize(
    "sql",
    [
        # it is used besides its sums
        f"SELECT l.lender, SUM(f.noi), SUM(l.current_balance) {FIRST_MANY} GROUP BY l.lender",
        f"SELECT SUM(f.noi), COUNT(*) {FIRST_MANY}",
        f"SELECT SUM(f.noi), AVG(l.interest_rate) {FIRST_MANY}",
        # no row of it may be lost, or all may be
        f"SELECT SUM(f.noi), SUM(l.current_balance) {FIRST_MANY.replace('JOIN properties', 'LEFT JOIN properties')}",
        f"SELECT SUM(f.noi), SUM(l.current_balance) {FIRST_MANY.replace('ON l.property_id = p.property_id', 'USING (property_id)')}",
    ],
)
def test_a_first_table_that_cannot_be_summed_up_keeps_its_place(sql: str) -> None:
    tree = parse_queries(sql)[0]
    before = tree.sql()
    assert (sum_before_join(tree, PORTFOLIO), tree.sql()) == ([], before)
