# ruff: noqa: E501 - queries stay on one line
"""A condition on a table that serves nothing else goes where nobody asked for it."""

from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO

from meta_agent.generators.sql_parsing import parse_queries
from meta_agent.generators.unasked_joins import drop_unasked_conditions

JOINED = "SELECT p.property_name, p.square_feet FROM properties AS p JOIN loans AS l ON l.property_id = p.property_id"


def mended(sql: str, request: str, definitions: str = "") -> str | None:
    tree = parse_queries(sql)[0]
    before = tree.sql(dialect="postgres")
    repairs = drop_unasked_conditions(tree, request, definitions, PORTFOLIO)
    after = tree.sql(dialect="postgres")
    assert bool(repairs) == (after != before)
    return after if repairs else None


@pytest.mark.parametrize(
    ("condition", "rest"),
    [
        ("l.loan_type = 'Fixed'", ""),
        ("l.loan_type IN ('Fixed', 'Floating')", ""),
        ("p.city = 'Tampa' AND l.loan_type = 'Fixed'", " WHERE p.city = 'Tampa'"),
        (
            "l.maturity_date > '2030-01-01' AND l.loan_type = 'Fixed' AND p.square_feet > 5",
            " WHERE p.square_feet > 5",
        ),
        ("l.current_balance > 777", ""),
    ],
)
def test_a_condition_nobody_asked_for_goes(condition: str, rest: str) -> None:
    assert (
        mended(f"{JOINED} WHERE {condition}", "How big are the buildings in Tampa above five?")
        == JOINED + rest
    )


@pytest.mark.parametrize(
    ("condition", "request_text"),
    [
        ("l.loan_type = 'Fixed'", "How big are the buildings with fixed rates?"),
        ("l.loan_type = 'Fixed'", "How big are the buildings with loans?"),
        ("l.lender = 'A' AND l.loan_type = 'Fixed'", "Buildings of lender B"),
        ("l.maturity_date > '2030-01-01'", "Which buildings are due next year?"),
        ("l.current_balance > 777", "Buildings above 777"),
        ("l.current_balance > p.square_feet", "How big are the buildings?"),
        ("l.lender IS NULL", "How big are the buildings?"),
        ("(l.loan_type = 'Fixed' OR p.city = 'Tampa')", "How big are the buildings?"),
        ("l.loan_id IN (SELECT 9)", "How big are the buildings?"),
    ],
)
def test_a_condition_that_may_be_meant_stays(condition: str, request_text: str) -> None:
    assert mended(f"{JOINED} WHERE {condition}", request_text) is None


def test_a_table_that_is_shown_keeps_its_condition() -> None:
    sql = f"{JOINED.replace('p.square_feet', 'l.lender')} WHERE l.loan_type = 'Fixed'"
    assert mended(sql, "How big are the buildings?") is None


def test_a_figure_may_come_from_a_definition() -> None:
    assert mended(f"{JOINED} WHERE l.current_balance > 777", "How big are they?", "risky above 777") is None
