"""A list begins at the end that the request names, whatever figure it is ordered by."""

from __future__ import annotations

import pytest
from script_examples import GLOSSARY

from meta_agent.generators.sql_order import mend_order
from meta_agent.generators.sql_parsing import parse_queries


def mended(sql: str, request: str) -> str:
    tree = parse_queries(sql)[0]
    before = tree.sql(dialect="postgres")
    repairs = mend_order(tree, request, GLOSSARY)
    after = tree.sql(dialect="postgres")
    assert bool(repairs) == (before != after)
    return after


@pytest.mark.parametrize(
    ("request_text", "key", "expected"),
    [
        ("DSCR of each property, lowest first", "dscr DESC", "dscr"),
        ("DSCR of each property, lowest DSCR first", "dscr DESC", "dscr"),
        ("DSCR of each property, highest at the top", "dscr", "dscr DESC NULLS LAST"),
        ("DSCR of each property, from the highest to the lowest", "dscr", "dscr DESC NULLS LAST"),
        ("DSCR of each property, descending", "dscr", "dscr DESC NULLS LAST"),
        ("DSCR of each property, the worst first", "dscr DESC", "dscr"),
        ("DSCR of each property, best first", "dscr", "dscr DESC NULLS LAST"),
        ("LTV, riskiest first", "ltv", "ltv DESC NULLS LAST"),
        ("LTV, safest on top", "ltv DESC", "ltv"),
        ("NOI per debt, highest first", "noi / debt", "noi / debt DESC NULLS LAST"),
        ("Total rent, highest first", "SUM(rent)", "SUM(rent) DESC NULLS LAST"),
        ("DSCR, lowest first", "dscr DESC, city", "dscr ASC, city"),
    ],
)
def test_the_order_is_turned_round(request_text: str, key: str, expected: str) -> None:
    assert mended(f"SELECT city, dscr FROM t ORDER BY {key}", request_text).startswith(
        f"SELECT city, dscr FROM t ORDER BY {expected}"
    )


@pytest.mark.parametrize(
    ("request_text", "key"),
    [
        ("DSCR, lowest first", "dscr"),
        ("DSCR of each property", "dscr DESC"),
        ("DSCR, lowest first, then the highest first", "dscr DESC"),
        ("Cap rates, best first", "cap_rate"),  # open which end is the better one
        ("Rent and city, highest first", "city"),
        ("The rent of each month, highest first", "DATE_TRUNC('month', paid)"),
        ("The rent of each name, highest first", "UPPER(name)"),
        ("DSCR by city, worst first", "city DESC"),
        ("Worst first", "happiness DESC"),
        ("DSCR of those with the highest first mortgage", "dscr"),
        ("DSCR of those with the lowest first-year rent", "dscr DESC"),
    ],
)
def test_any_other_order_is_left_alone(request_text: str, key: str) -> None:
    sql = f"SELECT city, dscr FROM t ORDER BY {key}"
    assert mended(sql, request_text) == parse_queries(sql)[0].sql(dialect="postgres")


def test_a_position_is_what_stands_there() -> None:
    sql = "SELECT city, SUM(rent) FROM t GROUP BY city ORDER BY"
    assert mended(f"{sql} 2", "Rent by city, highest first") == f"{sql} 2 DESC NULLS LAST"
    assert mended(f"{sql} 1", "Rent by city, highest first") == f"{sql} 1"
    assert mended(f"{sql} 9", "Rent by city, highest first") == f"{sql} 9"


def test_the_rows_that_were_chosen_stay_the_chosen_ones() -> None:
    sql = "SELECT city, dscr FROM t ORDER BY dscr LIMIT 5"
    assert mended(sql, "the 5 properties with the lowest DSCR, best first") == sql
    assert mended(sql, "the five highest, highest first").startswith(
        "SELECT city, dscr FROM t ORDER BY dscr DESC"
    )


def test_a_query_without_an_order_or_with_branches_is_left_alone() -> None:
    for sql in ("SELECT dscr FROM t", "SELECT dscr FROM t UNION SELECT dscr FROM s ORDER BY dscr DESC"):
        assert mended(sql, "DSCR, lowest first") == sql
