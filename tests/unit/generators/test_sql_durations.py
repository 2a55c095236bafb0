"""Durations in the unit that was asked for."""

from __future__ import annotations

import pytest
from sample_schema import database, table

from meta_agent.generators.sql_durations import give_unit
from meta_agent.generators.sql_parsing import parse_queries, to_sql

VISITS = database(table("visits", "visit_id:integer began:timestamptz ended:timestamptz day:date due:date"))


@pytest.mark.parametrize(
    ("sql", "request_text", "mended"),
    [
        (
            "SELECT AVG(ended - began) AS stay FROM visits",
            "average stay in seconds",
            "SELECT EXTRACT(EPOCH FROM AVG(ended - began)) AS stay FROM visits",
        ),
        (
            "SELECT v.ended - v.began FROM visits AS v",
            "stays in hours",
            "SELECT EXTRACT(EPOCH FROM v.ended - v.began) / 3600 AS hours FROM visits AS v",
        ),
        (
            "SELECT MAX(ended) - MIN(began) AS span FROM visits",
            "how many minutes from first to last",
            "SELECT EXTRACT(EPOCH FROM MAX(ended) - MIN(began)) / 60 AS span FROM visits",
        ),
    ],
)
def test_an_interval_becomes_a_number(sql: str, request_text: str, mended: str) -> None:
    tree = parse_queries(sql)[0]
    assert len(give_unit(tree, request_text, VISITS)) == 1
    assert " ".join(to_sql(tree).split()) == mended


@pytest.mark.parametrize(
    ("sql", "request_text"),
    [
        ("SELECT ended - began AS stay FROM visits", "how long is each stay?"),
        ("SELECT ended - began AS stay FROM visits", "in hours or in days"),
        ("SELECT due - day AS stay FROM visits", "days in number, in days"),
        ("SELECT EXTRACT(EPOCH FROM ended - began) AS stay FROM visits", "in seconds"),
        ("SELECT visit_id - visit_id AS nothing FROM visits", "in seconds"),
        ("SELECT elsewhere - began AS stay FROM visits", "in seconds"),
    ],
)
def test_what_is_no_interval_or_has_no_one_unit_stays(sql: str, request_text: str) -> None:
    tree = parse_queries(sql)[0]
    assert give_unit(tree, request_text, VISITS) == []
    assert tree == parse_queries(sql)[0]
