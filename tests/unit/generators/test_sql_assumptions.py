# ruff: noqa: E501 - queries stay on one line
from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO
from script_examples import generate, plan, sql_block

from meta_agent.contracts import Scenario
from meta_agent.generators.script_generator import MOST_ASSUMPTIONS
from meta_agent.generators.sql_assumptions import assumptions_of
from meta_agent.generators.sql_parsing import parse_queries


@pytest.mark.parametrize(
    ("sql", "lines"),
    [
        ("SELECT city FROM properties", ()),
        ("SELECT city FROM properties p WHERE p.city = 'Tampa'", ("only rows where city = 'Tampa'",)),
        (
            "SELECT p.city FROM properties p JOIN leases l ON l.property_id = p.property_id WHERE l.annual_rent > 10",
            ("only rows where leases.annual_rent > 10", "properties without a match in leases are left out"),
        ),
        (
            "SELECT p.city FROM leases l JOIN properties p USING (property_id)",
            ("properties without a match in leases are left out",),
        ),
        (
            "SELECT p.city FROM properties p LEFT JOIN leases l ON l.property_id = p.property_id",
            ("properties without a match in leases are kept",),
        ),
        (
            "SELECT p.city FROM leases l RIGHT JOIN properties p ON l.property_id = p.property_id",
            ("properties without a match in leases are kept",),
        ),
        (
            "SELECT 1 FROM leases FULL JOIN loans ON leases.property_id = loans.property_id",
            ("leases and loans without a match are kept",),
        ),
        (
            "SELECT 1 FROM leases JOIN loans ON leases.property_id = loans.property_id",
            ("leases and loans without a match in the other are left out",),
        ),
        (
            "SELECT 1 FROM leases, loans",
            ("leases and loans are combined as the filter says, or every row with every row",),
        ),
        (
            "SELECT lender, SUM(current_balance) AS b, AVG(interest_rate) AS r FROM loans GROUP BY lender HAVING COUNT(*) > 1 ORDER BY b DESC LIMIT 5",
            ("only groups where COUNT(*) > 1", "at most 5 rows, by b from the highest down", "sums and averages leave out rows without a value"),
        ),
        ("SELECT noi FROM financial_metrics LIMIT 1", ("at most 1 row, in no particular order",)),
        ("SELECT DISTINCT city FROM properties", ("equal rows are shown once",)),
        (
            "SELECT COALESCE(other_income, 0) / NULLIF(noi, 0) AS x FROM monthly_income",
            ("a missing other_income counts as 0", "a division by zero gives no value"),
        ),
        (
            "WITH big AS (SELECT property_id FROM loans WHERE current_balance > 1) SELECT city FROM properties JOIN big ON big.property_id = properties.property_id",
            ("only rows where current_balance > 1", "properties and big without a match in the other are left out"),
        ),
    ],
)  # fmt: skip
def test_lines_of_a_query(sql: str, lines: tuple[str, ...]) -> None:
    assert assumptions_of(parse_queries(sql)[0], PORTFOLIO) == lines


def test_a_long_condition_is_cut() -> None:
    names = ", ".join(f"'city number {n}'" for n in range(50))
    (line,) = assumptions_of(parse_queries(f"SELECT 1 FROM properties WHERE city IN ({names})")[0], PORTFOLIO)
    assert len(line) < 190 and line.endswith("…")


def test_never_more_than_can_be_read() -> None:
    query = (
        "SELECT DISTINCT p.city, SUM(l.annual_rent) / NULLIF(COUNT(*), 0) AS noi, COALESCE(f.noi, 0) AS x FROM properties p"
        " JOIN leases l ON l.property_id = p.property_id JOIN loans o ON o.property_id = p.property_id"
        " LEFT JOIN financial_metrics f ON f.property_id = p.property_id WHERE p.state = 'FL'"
        " GROUP BY p.city, f.noi HAVING COUNT(*) > 1 ORDER BY noi DESC LIMIT 5"
    )
    script, _ = generate(
        [sql_block(query)] * 2, "FL: NOI, DSCR, LTV, debt yield, occupancy and cap rate by city"
    )
    assert len(script.assumptions) == MOST_ASSUMPTIONS
    assert script.assumptions[-1].endswith("more: see the query in the script")


def test_a_what_if_comes_first() -> None:
    fall = Scenario(name="noi -10 %", quantity="noi", change_percent=-10.0)
    script, _ = generate(
        [sql_block("SELECT metric_id, noi FROM financial_metrics WHERE noi > 1")], "NOI falls 10 %", made_plan=plan(fall)
    )  # fmt: skip
    assert script.assumptions[0] == "what-if: noi changed by -10 %"
    assert script.assumptions[-1] == "only rows where noi > 1"
