"""A change between two periods goes forward, and is measured by the earlier one."""

from __future__ import annotations

import pytest

from meta_agent.generators.sql_change import mend_change
from meta_agent.generators.sql_parsing import parse_queries

ASKED = "How did income change from 2024 to 2025, in percent?"
A = "SUM(CASE WHEN EXTRACT(YEAR FROM d) = 2024 THEN x ELSE 0 END)"
B = "SUM(CASE WHEN EXTRACT(YEAR FROM d) = 2025 THEN x ELSE 0 END)"


def mended(figure: str, request: str = ASKED) -> str | None:
    """The figure after mending; None where it stays. A change is told, and nothing without one."""
    tree = parse_queries(f"SELECT {figure} AS f FROM t")[0]
    before = tree.sql(dialect="postgres")
    repairs = mend_change(tree, request)
    after = tree.sql(dialect="postgres")
    assert bool(repairs) == (after != before)
    return after.removeprefix("SELECT ").removesuffix(" AS f FROM t") if repairs else None


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (f"({A} - {B}) * 100 / NULLIF({B}, 0)", f"({B} - {A}) * 100 / NULLIF({A}, 0)"),
        (f"({A} - {B}) / {A}", f"({B} - {A}) / {A}"),
        (f"100.0 * ({B} - {A}) / {B}", f"100.0 * ({B} - {A}) / {A}"),
        (
            "(a.total_2024 - b.total_2025) / b.total_2025",
            "(b.total_2025 - a.total_2024) / a.total_2024",
        ),
        ("(y2024.x - y2025.x) / y2025.x", "(y2025.x - y2024.x) / y2024.x"),
        ("(total_2024 - total_2025) / total_2025 * 100", "(total_2025 - total_2024) / total_2024 * 100"),
        (
            "(LAG(x) OVER (ORDER BY d) - x) / LAG(x) OVER (ORDER BY d)",
            "(x - LAG(x) OVER (ORDER BY d)) / LAG(x) OVER (ORDER BY d)",
        ),
        ("(x - LAG(x) OVER (ORDER BY d)) / x", "(x - LAG(x) OVER (ORDER BY d)) / LAG(x) OVER (ORDER BY d)"),
    ],
)
def test_a_change_that_goes_backward_is_turned(figure: str, expected: str) -> None:
    assert mended(figure) == expected


@pytest.mark.parametrize(
    "figure",
    [
        f"({B} - {A}) * 100 / NULLIF({A}, 0)",
        "(x - LAG(x) OVER (ORDER BY d)) * 100.0 / LAG(x) OVER (ORDER BY d)",
        "(revenue - costs) / revenue",
        f"({A} - {A}) / {A}",
        f"{A} / {B}",
        "(x_2024 - y_2025) / y_2025",
        "(a.x - b.x) / b.x",
    ],
)
def test_what_goes_forward_or_is_no_change_stays(figure: str) -> None:
    assert mended(figure) is None


@pytest.mark.parametrize(
    "request_text",
    [
        "By how much did income drop from 2024 to 2025?",
        "Income of 2024 and 2025",
        "The decline and growth of income",
    ],
)
def test_only_a_change_that_was_asked_for_is_turned(request_text: str) -> None:
    assert mended(f"({A} - {B}) / {B}", request_text) is None
