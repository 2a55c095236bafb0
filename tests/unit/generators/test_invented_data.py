# ruff: noqa: E501 - programs stay on one line
"""What counts as computed, and what as made up."""

from __future__ import annotations

import pytest

from meta_agent.generators.invented_data import invention_in

SAMPLE_TABLE = """
def compute():
    # Sample data
    data = {"country": ["US", "CA", "UK", "AU"], "customers": [10, 50, 20, 30]}
    return [dict(zip(data, row)) for row in zip(*data.values())]
"""
SAMPLE_ROWS = """
def compute():
    rows = [{"name": "A", "rent": 10}, {"name": "B", "rent": 20}, {"name": "C", "rent": 30}, {"name": "D", "rent": 40}]
    return sorted(rows, key=lambda row: row["rent"])[:2]
"""
REMEMBERED_FIGURE = """
def compute():
    return [{"population": 83000000}]
"""
REMEMBERED = """
def compute():
    return [{"capital": "Paris"}]
"""


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (SAMPLE_TABLE, "invent no data"),
        (SAMPLE_ROWS, "invent no data"),
        (REMEMBERED, "computes nothing"),
        (REMEMBERED_FIGURE, "computes nothing"),
    ],
)
def test_made_up_answers_are_found(code: str, reason: str) -> None:
    assert reason in (invention_in(code, "What is it?") or "")


@pytest.mark.parametrize(
    ("code", "request_text"),
    [
        ("def compute():\n    return [{'km': 5 * 1.609344}]", "5 miles in km"),
        ("def compute():\n    return [{'text': 'Hello, World!'}]", "Print hello world"),
        ("def compute():\n    return [{'mean': sum([3, 5, 8, 13]) / 4}]", "The mean of 3, 5, 8 and 13"),
        ("def compute():\n    return [{'sum': sum([1000, 2500.5, 3, 4, 5])}]", "Sum of 1,000; 2,500.5; 3; 4 and 5"),
        (
            "def compute():\n    a, b, rows = 0, 1, []\n    for n in range(12):\n        rows.append({'n': n, 'f': a})\n"
            "        a, b = b, a + b\n    return rows",
            "12 Fibonacci numbers",
        ),
    ],
)  # fmt: skip
def test_computed_answers_stand(code: str, request_text: str) -> None:
    assert invention_in(code, request_text) is None
