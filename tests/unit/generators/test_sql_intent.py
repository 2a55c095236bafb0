# ruff: noqa: E501 - queries stay on one line
"""What nobody can have meant is mended; what somebody may have meant is left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sample_schema import PORTFOLIO
from sqlglot import exp

from meta_agent.generators.sql_grouping import complete_grouping
from meta_agent.generators.sql_intent import (
    calculations_with_keys,
    count_keys,
    free_totals,
    group_alternatives,
    meet_all_values,
    mend_patterns,
    show_ratio,
    show_whole,
)
from meta_agent.generators.sql_parsing import parse_queries
from meta_agent.generators.sql_types import mend_types


def mended(sql: str, mend: Callable[[exp.Expr], list[str]]) -> str:
    """The query after ``mend``; checks that a change is told and that nothing is told without one."""
    tree = parse_queries(sql)[0]
    before = tree.sql(dialect="postgres")
    repairs = mend(tree)
    after = tree.sql(dialect="postgres")
    assert bool(repairs) == (after != before)
    return after


def unchanged(sql: str) -> str:
    return parse_queries(sql)[0].sql(dialect="postgres")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT EXTRACT(YEAR FROM p.year_built) AS y, COUNT(*) FROM properties p GROUP BY EXTRACT(YEAR FROM p.year_built)",
            "SELECT p.year_built AS y, COUNT(*) FROM properties AS p GROUP BY p.year_built",
        ),
        (
            "SELECT city FROM properties WHERE YEAR(year_built) = 1990",
            "SELECT city FROM properties WHERE year_built = 1990",
        ),
        (
            "SELECT EXTRACT(DAY FROM maturity_date - origination_date) FROM loans",
            "SELECT (maturity_date - origination_date) AS days FROM loans",
        ),
        (
            "SELECT city FROM properties WHERE state IN (1, 2)",
            "SELECT city FROM properties WHERE state IN ('1', '2')",
        ),
        ("SELECT city FROM properties WHERE state = 12", "SELECT city FROM properties WHERE state = '12'"),
    ],
)
def test_values_are_used_as_what_they_are_stored(sql: str, expected: str) -> None:
    assert mended(sql, lambda tree: mend_types(tree, PORTFOLIO)) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT EXTRACT(YEAR FROM month) FROM monthly_income",
        "SELECT EXTRACT(MONTH FROM year_built) FROM properties",
        "SELECT EXTRACT(DAY FROM maturity_date) FROM loans",
        "SELECT city FROM properties WHERE state > 12",
        "SELECT city FROM properties WHERE square_feet = 12",
        "SELECT EXTRACT(YEAR FROM x.y) FROM (SELECT NOW() AS y) AS x",
    ],
)
def test_values_of_the_right_type_are_left_alone(sql: str) -> None:
    assert mended(sql, lambda tree: mend_types(tree, PORTFOLIO)) == unchanged(sql)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT city, COUNT(*) FROM properties", "SELECT city, COUNT(*) FROM properties GROUP BY city"),
        (
            "SELECT city, state, COUNT(*) FROM properties GROUP BY city",
            "SELECT city, state, COUNT(*) FROM properties GROUP BY city, state",
        ),
        (
            "SELECT UPPER(city) AS c, COUNT(*) FROM properties GROUP BY state",
            "SELECT UPPER(city) AS c, COUNT(*) FROM properties GROUP BY state, UPPER(city)",
        ),
        (
            "SELECT city FROM properties WHERE COUNT(*) > 2 AND state = 'FL' GROUP BY city",
            "SELECT city FROM properties WHERE state = 'FL' GROUP BY city HAVING COUNT(*) > 2",
        ),
    ],
)
def test_what_stands_beside_a_total_is_grouped_by(sql: str, expected: str) -> None:
    assert mended(sql, complete_grouping) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT city, COUNT(*) FROM properties GROUP BY city",
        "SELECT city AS c, COUNT(*) FROM properties GROUP BY c",
        "SELECT city AS c, COUNT(*) FROM properties GROUP BY 1",
        "SELECT COUNT(*) FROM properties",
        "SELECT city, COUNT(*) OVER () FROM properties",
        "SELECT city, (SELECT COUNT(*) FROM loans) FROM properties",
        "SELECT UPPER(city), COUNT(*) FROM properties GROUP BY city",
        "SELECT city FROM properties WHERE square_feet > (SELECT AVG(square_feet) FROM properties)",
    ],
)
def test_groups_that_are_complete_are_left_alone(sql: str) -> None:
    assert mended(sql, complete_grouping) == unchanged(sql)


def test_keys_are_counted_not_added_up() -> None:
    sql = "SELECT SUM(p.property_id), SUM(l.property_id), SUM(l.current_balance) FROM properties p JOIN loans l ON l.property_id = p.property_id"
    assert mended(sql, lambda tree: count_keys(tree, PORTFOLIO)).startswith(
        "SELECT COUNT(DISTINCT p.property_id), COUNT(DISTINCT l.property_id), SUM(l.current_balance) FROM"
    )


@pytest.mark.parametrize(
    ("request_text", "sql", "ratio"),
    [
        (
            "What is the ratio of loans to leases?",
            "SELECT (SELECT 1), COUNT(*) AS loans FROM loans",
            None,
        ),
        (
            "the ratio of noi to debt by city",
            "SELECT city, SUM(noi) AS noi, SUM(annual_debt_service) AS debt FROM f GROUP BY city",
            "CAST(SUM(noi) AS DECIMAL) / SUM(annual_debt_service)",
        ),
        (
            "the ratio of noi to debt",
            "SELECT SUM(annual_debt_service) AS debt, SUM(noi) AS noi FROM f",
            "CAST(SUM(noi) AS DECIMAL) / SUM(annual_debt_service)",
        ),
        ("noi and debt by city", "SELECT SUM(noi) AS noi, SUM(debt) AS debt FROM f", None),
        ("the ratio of noi to debt", "SELECT SUM(noi), SUM(debt), SUM(noi) / SUM(debt) FROM f", None),
        ("the ratio of noi to debt", "SELECT SUM(noi), SUM(debt), COUNT(*) FROM f", None),
    ],
)
def test_a_ratio_asked_for_is_divided(request_text: str, sql: str, ratio: str | None) -> None:
    after = mended(sql, lambda tree: show_ratio(tree, request_text))
    assert (f", {ratio} AS ratio FROM" in after) if ratio else after == unchanged(sql)


def test_the_condition_of_one_total_is_not_one_of_the_others() -> None:
    sql = "SELECT SUM(CASE WHEN a > 4 THEN 1 ELSE 0 END) AS high, COUNT(*) AS n FROM t WHERE a > 4 AND b = 1"
    assert mended(sql, free_totals).endswith("FROM t WHERE b = 1")
    for other in (
        "SELECT SUM(CASE WHEN a > 4 THEN 1 ELSE 0 END) AS high FROM t WHERE a > 4",
        "SELECT SUM(CASE WHEN a > 4 THEN 1 ELSE 0 END) AS high, COUNT(*) AS n FROM t WHERE a > 5",
        "SELECT COUNT(*) AS n, SUM(a) AS total FROM t WHERE a > 4",
    ):
        assert mended(other, free_totals) == unchanged(other)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("a LIKE 'x%' OR a LIKE '%y' AND b = 1", "(a LIKE 'x%' OR a LIKE '%y') AND b = 1"),
        ("a = 1 OR b = 2 AND c = 3", None),
        ("(a = 1 OR a = 2) AND b = 3", None),
        ("a = 1 OR (a = 2 AND b = 3)", None),
        ("a = 1 OR a = 2 AND a <> 3", None),
        ("a = 1 OR a = 2", None),
    ],
)
def test_alternatives_of_one_column_belong_together(condition: str, expected: str | None) -> None:
    sql = f"SELECT n FROM t WHERE {condition}"
    assert mended(sql, group_alternatives) == (
        f"SELECT n FROM t WHERE {expected}" if expected else unchanged(sql)
    )


@pytest.mark.parametrize(
    ("request_text", "pattern", "expected"),
    [
        ("names that start with 'Or'", "%or%", "or%"),
        ("cities ending in the letter 'a'", "%a%", "%a"),
        ("names starting with A and ending with z", "%z%", "%z"),
        ("names that contain or", "%or%", "%or%"),
        ("names that start with Mar", "%or%", "%or%"),
    ],
)
def test_a_pattern_begins_and_ends_as_asked(request_text: str, pattern: str, expected: str) -> None:
    sql = f"SELECT n FROM t WHERE n ILIKE '{pattern}'"
    assert mended(sql, lambda tree: mend_patterns(tree, request_text)).endswith(f"'{expected}'")


def test_two_values_at_once_are_two_rows_of_a_group() -> None:
    sql = "SELECT DISTINCT p.city FROM properties p JOIN loans l ON p.property_id = l.property_id WHERE l.lender = 'A' AND l.lender = 'B' AND p.state = 'FL'"
    assert mended(sql, meet_all_values) == (
        "SELECT p.city FROM properties AS p JOIN loans AS l ON p.property_id = l.property_id"
        " WHERE l.lender IN ('A', 'B') AND p.state = 'FL' GROUP BY p.city HAVING COUNT(DISTINCT l.lender) = 2"
    )
    for other in ("l.lender = 'A' OR l.lender = 'B'", "l.lender = 'A' AND l.loan_type = 'B'"):
        sql = f"SELECT DISTINCT l.city FROM loans l WHERE {other}"
        assert mended(sql, meet_all_values) == unchanged(sql)


# --- totals of everything ---------------------------------------------------------------------


def test_a_total_that_nothing_tells_apart_is_one_of_all_rows() -> None:
    sql = "SELECT SUM(l.current_balance) FROM loans l WHERE l.lender <> 'A' GROUP BY l.loan_id ORDER BY l.loan_id"
    after = mended(sql, lambda tree: show_whole(tree, "What is the total balance of the loans?"))
    assert after == "SELECT SUM(l.current_balance) FROM loans AS l WHERE l.lender <> 'A'"


@pytest.mark.parametrize(
    ("request_text", "sql"),
    [
        ("What is the balance per lender?", "SELECT SUM(b) FROM loans GROUP BY bank"),
        ("How many loans does each bank have?", "SELECT COUNT(*) FROM loans GROUP BY bank"),
        ("The monthly totals of the rent", "SELECT SUM(rent) FROM t GROUP BY DATE_TRUNC('month', paid)"),
        ("The balance across banks", "SELECT SUM(b) FROM loans GROUP BY lender"),
        ("How many loans do the lenders have?", "SELECT COUNT(*) FROM loans GROUP BY lender"),
        ("The largest number of loans on one property", "SELECT COUNT(*) FROM loans GROUP BY property_id ORDER BY COUNT(*) DESC LIMIT 1"),
        ("What is the balance?", "SELECT bank, SUM(b) FROM loans GROUP BY bank"),
        ("What is the balance?", "SELECT SUM(b) FROM loans GROUP BY bank HAVING COUNT(*) > 1"),
        ("What is the balance?", "SELECT DISTINCT SUM(b) FROM loans GROUP BY bank"),
        ("What is the balance?", "SELECT SUM(b), SUM(SUM(b)) OVER () FROM loans GROUP BY bank"),
        ("What is the balance?", "SELECT SUM(b) FROM loans GROUP BY ROLLUP (bank)"),
        ("What is the balance?", "SELECT SUM(b) FROM loans"),
    ],
)  # fmt: skip
def test_groups_that_may_be_meant_stay_apart(request_text: str, sql: str) -> None:
    assert mended(sql, lambda tree: show_whole(tree, request_text)) == unchanged(sql)


# --- figures beside sums -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("SUM(b) / v", "SUM(b) / SUM(v)"),
        ("100.0 * SUM(b) / NULLIF(v, 0)", "100.0 * SUM(b) / NULLIF(SUM(v), 0)"),
        ("ROUND((v - SUM(b)) / v, 2)", "ROUND((SUM(v) - SUM(b)) / SUM(v), 2)"),
        ("SUM(b) / (2 * v)", "SUM(b) / (2 * SUM(v))"),
    ],
)
def test_what_a_sum_is_compared_with_is_summed_up_like_it(figure: str, expected: str) -> None:
    assert mended(f"SELECT {figure} AS f FROM t", complete_grouping) == f"SELECT {expected} AS f FROM t"


@pytest.mark.parametrize(
    ("sql", "grouped"),
    [
        ("SELECT SUM(b) * rate AS f FROM t", "rate"),
        ("SELECT SUM(b) / (v * rate) AS f FROM t", "v, rate"),
        ("SELECT CASE WHEN kind = 'x' THEN SUM(b) END AS f FROM t", "kind"),
        ("SELECT city, SUM(b) / v AS f FROM t", "city, v"),
        ("SELECT AVG(b) / v AS f FROM t", "v"),
    ],
)
def test_what_no_sum_makes_sense_of_is_grouped_by(sql: str, grouped: str) -> None:
    assert mended(sql, complete_grouping) == f"{sql} GROUP BY {grouped}"


def test_a_column_beside_an_aggregate_that_is_grouped_by_already_is_not_again() -> None:
    for sql in (
        "SELECT SUM(b) / v AS f FROM t GROUP BY v",
        "SELECT SUM(b) / (SELECT MAX(x) FROM s) AS f FROM t",
        "SELECT city, SUM(b) OVER (PARTITION BY city) / v AS f FROM t",
    ):
        assert mended(sql, complete_grouping) == unchanged(sql)


def test_a_key_is_no_figure_to_calculate_with() -> None:
    tree = parse_queries(
        "SELECT p.city, 100 * p.property_id / p.square_feet, p.square_feet * 2 FROM properties p"
    )[0]
    assert calculations_with_keys(tree, PORTFOLIO) == (
        "The query calculates with property_id, which is a key and no figure.",
    )
