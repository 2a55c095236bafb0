"""Which conditions of a query nothing in the request leads to."""

from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.sql_parsing import parse_queries
from meta_agent.generators.unasked_filters import unasked_bounds, unasked_texts

FROM = "SELECT property_name FROM properties"


@pytest.mark.parametrize(
    ("condition", "request_text"),
    [
        ("square_feet > 50000", "properties over 50,000 square feet"),
        ("square_feet > 50000", "properties over 50k sq ft"),
        ("square_feet > 2500000", "more than 2.5 million"),
        ("occupancy_rate < 85", "occupancy below 85 %"),
        ("occupancy_rate < 0.85", "occupancy below 85 %"),
        ("occupancy_rate > 50", "more than half full"),
        ("square_feet > 0", "those with any area"),
        ("square_feet BETWEEN 3 AND 10", "between three and 10"),
        ("built >= '2024-01-01'", "built since 2024"),
        ("built >= DATE '2025-10-01'", "built in the last quarter"),
        ("EXTRACT(MONTH FROM built) = 12", "built in December"),
        ("built > CURRENT_DATE - INTERVAL '90 days'", "built recently"),
    ],
)
def test_what_the_request_leads_to_is_no_doubt(condition: str, request_text: str) -> None:
    tree = parse_queries(f"{FROM} WHERE {condition}")[0]
    assert unasked_bounds(tree, request_text, "", PORTFOLIO) == ()


@pytest.mark.parametrize(
    ("condition", "unasked"),
    [
        ("square_feet > 50000", ("50000",)),
        ("built = '2024-12-01'", ("2024-12-01",)),
        ("built BETWEEN DATE '2024-01-01' AND DATE '2024-12-31'", ("2024-01-01", "2024-12-31")),
        ("square_feet IN (10, 20)", ("10", "20")),
        ("square_feet > -7 AND 7 > square_feet", ("7",)),
    ],
)
def test_a_bound_out_of_nowhere_is_a_doubt(condition: str, unasked: tuple[str, ...]) -> None:
    tree = parse_queries(f"{FROM} WHERE {condition}")[0]
    assert sorted(unasked_bounds(tree, "Show all properties in Tampa", "", PORTFOLIO)) == sorted(unasked)


def test_a_bound_of_a_definition_is_no_doubt() -> None:
    tree = parse_queries(f"{FROM} WHERE dscr < 1.25")[0]
    assert unasked_bounds(tree, "Which ones are at risk?", "Strong: at least 1.25", PORTFOLIO) == ()


def test_figures_outside_conditions_are_the_query_s_own_business() -> None:
    tree = parse_queries("SELECT square_feet * 100 / 7 FROM properties ORDER BY 1 LIMIT 9")[0]
    assert unasked_bounds(tree, "Show all", "", PORTFOLIO) == ()


def test_where_a_recursive_query_stops_counting_is_its_own_business() -> None:
    sql = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 4) SELECT n FROM t"
    assert unasked_bounds(parse_queries(sql)[0], "Show all", "", PORTFOLIO) == ()


def test_a_text_out_of_nowhere_is_a_doubt() -> None:
    tree = parse_queries(f"{FROM} WHERE city = 'Your City'")[0]
    assert unasked_texts(tree, "Show all properties in Tampa", PORTFOLIO) == ("Your City",)
    assert unasked_texts(parse_queries(f"{FROM} WHERE city = 'Tampa'")[0], "in tampa", PORTFOLIO) == ()


def _with_comment(comment: str) -> DatabaseSchema:
    first = PORTFOLIO.tables[0].model_copy(update={"comment": comment})
    return PORTFOLIO.model_copy(update={"tables": (first, *PORTFOLIO.tables[1:])})


@pytest.mark.parametrize(
    ("comment", "text", "request_text", "is_doubt"),
    [
        ("states such as FL, NY", "FL", "all in Florida", False),
        ("states such as FL, NY", "fl", "all in Florida", False),
        ("states such as FL, NY.", "NY", "all in New York", False),
        ("country codes: USA", "USA", "all in the United States of America", False),
        ("one of: A, B", "A", "the active ones", False),
        ("states such as CA, FL", "CA", "properties by city", True),
        ("states such as TX", "FL", "all in Florida", True),
        ("one of: Active, Closed", "Active", "all loans", True),
        ("one of: Active, Closed", "Active", "all active loans", False),
        ("one of: Office, Retail", "Office", "all properties", True),
    ],
)
def test_a_text_of_the_catalogue_is_a_doubt_unless_it_is_a_code_for_a_word(
    comment: str, text: str, request_text: str, is_doubt: bool
) -> None:
    tree = parse_queries(f"{FROM} WHERE state = '{text}'")[0]
    assert unasked_texts(tree, request_text, _with_comment(comment)) == ((text,) if is_doubt else ())


def test_texts_outside_conditions_and_dates_are_no_doubt() -> None:
    sql = "SELECT CASE WHEN city = 'Quux' THEN 'a' END FROM properties WHERE built > '2024-01-01'"
    assert unasked_texts(parse_queries(sql)[0], "Show all", PORTFOLIO) == ()
