# ruff: noqa: E501 - queries stay on one line
"""What is mended of a draft, and that each mechanism can be switched off by itself."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from sample_schema import PORTFOLIO
from script_examples import GLOSSARY, FakeExplain, plan, sql_block
from stored_texts import StoredTexts

from meta_agent.generators.query_mender import QueryMender, Rejected, Task, WrittenQueries
from meta_agent.mechanisms import ALL, Mechanisms

TEXTS = StoredTexts({("properties", "city"): ("Tampa",)})


def read(
    sql: str,
    request: str = "Which properties?",
    *,
    use: Mechanisms = ALL,
    refused: dict[str, str] | None = None,
) -> WrittenQueries:
    task = Task(request, plan(), glossary=GLOSSARY)
    mender = QueryMender(PORTFOLIO, FakeExplain(refused or {}), TEXTS, use)
    return mender.with_stored_values(mender.read(sql_block(sql), task), task)


BY_CITY = (
    "SELECT p.city, SUM(f.noi) AS noi, SUM(l.current_balance) AS debt FROM properties p"
    " JOIN financial_metrics f ON f.property_id = p.property_id"
    " JOIN loans l ON l.property_id = p.property_id GROUP BY p.city"
)
SWITCHED = [
    ("sense", "SELECT SUM(property_id) AS n FROM loans", "How many properties?", "COUNT(DISTINCT", {}),
    ("sense", "SELECT lender, interest_rate FROM loans", "average interest rate by lender", "AVG(", {}),
    ("sense", "SELECT lender FROM loans WHERE SUM(current_balance) > 1 GROUP BY lender", "Which lenders?", "HAVING", {"WHERE": "aggregate functions are not allowed in WHERE"}),
    ("grain", BY_CITY, "NOI and debt of the loans by city", "total_1", {}),
    ("joins", "SELECT l.lender FROM loans l JOIN properties p ON p.loan_id = l.loan_id WHERE p.city = 'Tampa'", "Lenders of properties in Tampa", "p.property_id", {"p.loan_id": "column p.loan_id does not exist"}),
    ("names", "SELECT proprty_name FROM properties", "Which properties?", "property_name", {"proprty_name": "column does not exist"}),
    ("stored_texts", "SELECT property_name FROM properties WHERE city = 'tampa'", "Which properties in tampa?", "'Tampa'", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "sql", "request_text", "mark", "refused"), SWITCHED)
def test_a_mechanism_does_its_work_and_can_be_switched_off(
    name: str, sql: str, request_text: str, mark: str, refused: dict[str, str]
) -> None:
    others = {field.name: False for field in fields(Mechanisms) if field.name != "drafts"}
    alone = replace(ALL, **{**others, name: True})
    without = replace(ALL, **{name: False})
    if not (name == "sense" and refused):  # a refused draft has its names looked at first
        assert mark in read(sql, request_text, use=alone, refused=refused).queries[0].sql
    assert mark in read(sql, request_text, refused=refused).queries[0].sql
    if refused:
        with pytest.raises(Rejected):
            read(sql, request_text, use=replace(without, **{"names": False, name: False}), refused=refused)
    else:
        assert mark not in read(sql, request_text, use=without).queries[0].sql


@pytest.mark.parametrize(
    ("sql", "request_text"),
    [
        ("SELECT property_name FROM properties WHERE city = 'Tampa'", "Which properties are in Tampa?"),
        ("SELECT lender, SUM(current_balance) AS debt FROM loans GROUP BY lender", "Debt by lender"),
        (
            "SELECT property_id, COUNT(*) AS n FROM loans GROUP BY property_id ORDER BY n DESC LIMIT 1",
            "Which property id has the most loans?",
        ),
        (
            "SELECT COUNT(*) AS most FROM loans GROUP BY property_id ORDER BY most DESC LIMIT 1",
            "What is the largest number of loans on one property?",
        ),
        (
            "SELECT lender, interest_rate FROM loans WHERE interest_rate > (SELECT AVG(interest_rate) FROM loans)",
            "Lenders and interest rates of loans above the average rate",
        ),
        (
            "SELECT lender, current_balance FROM loans ORDER BY current_balance DESC LIMIT 5",
            "The five largest loans by current balance, with the lender",
        ),
        (
            "SELECT 100.0 * COUNT(CASE WHEN occupancy_rate > 90 THEN 1 END) / COUNT(*) AS share FROM financial_metrics",
            "What percentage of properties has an occupancy above 90?",
        ),
    ],
)
def test_a_right_query_says_the_same_after_all_of_them(sql: str, request_text: str) -> None:
    written = read(sql, request_text)
    plain = " ".join(written.queries[0].sql.split())
    for written_out, meant in (
        (" NULLS LAST", ""),
        ("( ", "("),
        (" )", ")"),
        ("NULLIF(COUNT(*), 0)", "COUNT(*)"),
    ):
        plain = plain.replace(written_out, meant)
    assert plain == sql
    assert written.warnings == ()


def test_a_step_that_postgresql_refuses_leaves_the_query_as_it_was() -> None:
    sql = "SELECT lender, interest_rate FROM loans"
    written = read(sql, "average interest rate by lender", refused={"AVG(": "no such function"})
    assert " ".join(written.queries[0].sql.split()) == sql
    assert not any("average" in repair for repair in written.repairs)


def test_a_metric_of_the_glossary_that_is_written_as_a_column_is_computed() -> None:
    written = read("SELECT dscr FROM financial_metrics", "DSCR?", refused={"\n  dscr": "no such column"})
    assert "financial_metrics.noi" in written.queries[0].sql
    assert any(repair.startswith("dscr is computed") for repair in written.repairs)
