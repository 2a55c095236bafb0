# ruff: noqa: E501 - queries stay on one line
"""What is in force on a day has begun and has not ended, or has no end."""

from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO, database, table

from meta_agent.generators.sql_in_force import hold_in_force
from meta_agent.generators.sql_parsing import parse_queries

SUM = "SELECT SUM(l.annual_rent) AS rent FROM leases AS l"
MEANT = "l.start_date <= CAST('2025-12-31' AS DATE) AND (l.end_date IS NULL OR l.end_date >= CAST('2025-12-31' AS DATE))"


def mended(sql: str, request: str, schema=PORTFOLIO) -> str | None:  # type: ignore[no-untyped-def]
    """The query after mending, None where it stays; a change is told, and nothing without one."""
    tree = parse_queries(sql)[0]
    before = tree.sql(dialect="postgres")
    repairs = hold_in_force(tree, request, schema)
    after = tree.sql(dialect="postgres")
    assert bool(repairs) == (after != before)
    return after if repairs else None


@pytest.mark.parametrize(
    "request_text",
    [
        "Rent of the leases running at the end of 2025",
        "Rent of leases active on 2025-12-31",
        "Rent of all leases in force as of December 31, 2025",
        "Rent of all leases in effect on the 31st of December 2025".replace("the 31st", "31st"),
        "leases current at end of dec 2025",
    ],
)
@pytest.mark.parametrize(
    "condition",
    [
        "",
        " WHERE l.end_date IS NULL",
        " WHERE l.end_date = '2025-12-31'",
        " WHERE l.end_date >= '2025-12-31'",
    ],
)
def test_the_interval_takes_the_place_of_half_conditions(request_text: str, condition: str) -> None:
    assert mended(SUM + condition, request_text) == f"{SUM} WHERE {MEANT}"


def test_other_conditions_stay() -> None:
    sql = f"{SUM} WHERE l.annual_rent > 5 AND l.end_date IS NULL"
    assert mended(sql, "Rent of leases running on 2025-12-31") == f"{SUM} WHERE l.annual_rent > 5 AND {MEANT}"


def test_an_end_that_is_always_known_is_not_compared_with_null() -> None:
    schema = database(table("policies", "id:integer valid_from:date valid_to:timestamp", key=("id",)))
    after = mended("SELECT COUNT(*) FROM policies", "How many policies are valid on 2024-02-10?", schema)
    assert after == (
        "SELECT COUNT(*) FROM policies WHERE policies.valid_from <= CAST('2024-02-10' AS DATE)"
        " AND policies.valid_to >= CAST('2024-02-10' AS DATE)"
    )


@pytest.mark.parametrize(
    ("sql", "request_text"),
    [
        (f"{SUM} WHERE {MEANT}", "Rent of leases running at the end of 2025"),
        (SUM, "Rent of all leases"),
        (SUM, "Rent of leases that end on 2025-12-31"),
        (SUM, "Rent of leases running on 2025-02-31"),
        (SUM, "Rent of leases active on 2024-12-31 and of those active on 2025-12-31"),
        ("SELECT SUM(noi) FROM financial_metrics", "NOI of properties active on 2025-12-31"),
    ],
)
def test_what_is_right_or_not_meant_so_stays(sql: str, request_text: str) -> None:
    assert mended(sql, request_text) is None
