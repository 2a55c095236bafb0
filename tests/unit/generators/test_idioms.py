"""Hints on PostgreSQL are given where a request needs them, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from meta_agent import prompts
from meta_agent.generators.idioms import MOST, idioms_for

ENTRIES = yaml.safe_load((Path(prompts.__file__).parent / "idioms.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["when"][:20])
def test_every_entry_is_a_pattern_over_lower_case_and_one_sentence(entry: dict[str, str]) -> None:
    assert set(entry) == {"when", "say"}
    re.compile(entry["when"])
    plain = re.sub(r"\\.", "", entry["when"])
    assert plain == plain.lower()
    assert entry["say"].endswith(".")
    assert "\n" not in entry["say"]


@pytest.mark.parametrize(
    ("request_text", "word"),
    [
        ("Median rent", "PERCENTILE_CONT"),
        ("A running total of the rent", "OVER (ORDER BY date)"),
        ("NOI month over month", "LAG("),
        ("Change on the previous quarter", "LAG("),
        ("Rent growth", "LAG("),
        ("NOI YoY", "LAG("),
        ("Each city's share of the balance", "SUM(SUM(column)) OVER ()"),
        ("The ratio of NOI to debt", "NULLIF(denominator, 0)"),
        ("Properties without any loans", "NOT EXISTS"),
        ("Properties that have never had a loan", "NOT EXISTS"),
        ("Properties that don't pay or haven't paid", "NOT EXISTS"),
        ("The latest lease of each property", "DISTINCT ON"),
        ("For each property the most recent lease", "DISTINCT ON"),
        ("Occupancy at the latest snapshot", "SELECT MAX(date)"),
        ("Rents above the average", "SELECT AVG(column)"),
        ("Rent per calendar month", "DATE_TRUNC('month'"),
        ("Quarterly rent", "DATE_TRUNC('quarter'"),
        ("Rent in 2024", "EXTRACT(YEAR"),
        ("Rent by year", "EXTRACT(YEAR"),
    ],
)
def test_a_request_gets_the_hint_it_needs(request_text: str, word: str) -> None:
    assert any(word in hint for hint in idioms_for(request_text))


@pytest.mark.parametrize(
    "request_text",
    [
        "Which leases are still running?",
        "Tenants on month to month leases",
        "The current balance per lender",
        "The first name of each tenant",
        "Properties over 2000 square feet",
        "Loans above $2000 or 1999.50",
        "Year built of the properties",
        "Average rent by city",
        "Operating expenses and ratio_code",
        "A list of all properties",
        "",
    ],
)
def test_a_request_that_only_sounds_alike_gets_no_hint(request_text: str) -> None:
    assert idioms_for(request_text) == ()


def test_no_more_hints_than_can_be_heeded_are_given() -> None:
    request = (
        "Median, running total and ratio month over month, share of the rent per month in 2024 without any"
    )
    assert len(idioms_for(request)) == MOST
