from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scripted_model import ScriptedModel

from meta_agent.analyzers.task_analyzer import TaskAnalyzer
from meta_agent.contracts import Column, DatabaseSchema, Table, TaskAnalysis, UserRequest
from meta_agent.errors import ModelError, NoAnswer
from meta_agent.glossary import load_glossary
from meta_agent.utils.llm_client import LLMClient

GLOSSARY = load_glossary(Path(__file__).parents[3] / "glossary.yaml")


def table(name: str, *columns: str, schema: str = "public") -> Table:
    return Table(schema_name=schema, name=name, columns=tuple(Column(name=c, type="text") for c in columns))


SCHEMA = DatabaseSchema(
    database="d",
    default_schema="public",
    fingerprint="f",
    tables=(
        table("properties", "property_id", "city"),
        table("financial_metrics", "property_id", "noi", "annual_debt_service"),
        table("loans", "loan_id", "lender"),
        table("Sales Order", "Id"),
        table("readings", "meter", schema="fin"),
    ),
)


def answer(**changes: Any) -> str:
    fields: dict[str, Any] = {
        "primary_goal": "Answer",
        "task_type": "reporting",
        "requires_web_interface": True,
        "requires_simulation": True,
        "data_sources": ["properties"],
        "key_entities": [],
        "complexity": "SIMPLE",
        "estimated_execution_time_seconds": 5,
    }
    return json.dumps(fields | changes)


def analyze(*replies: str, request: str = "List all", schema: DatabaseSchema | None = SCHEMA) -> TaskAnalysis:
    with ScriptedModel(replies) as model:
        conversation = LLMClient(model.options()).conversation("You are careful.")
        return TaskAnalyzer(conversation, schema, GLOSSARY).analyze(
            UserRequest(text=request, source="argument")
        )


def test_two_invalid_answers_are_corrected_by_the_third() -> None:
    assert analyze("{", answer(complexity="HUGE"), answer()).data_sources == ("properties",)


def test_three_invalid_answers_are_an_error() -> None:
    with pytest.raises(ModelError, match="AnalysisDraft in 3 tries"):
        analyze("{", "[]", answer(task_type="magic"))


def test_the_goal_reads_as_a_heading() -> None:
    assert analyze(answer(primary_goal="to list the  leases.")).primary_goal == "List the leases"
    assert analyze(answer(primary_goal="Totals by city")).primary_goal == "Totals by city"


@pytest.mark.parametrize(
    ("claimed", "known"),
    [
        (["properties"], ("properties",)),
        (["PROPERTIES", "properties"], ("properties",)),
        (['"properties"', "`loans`"], ("properties", "loans")),
        (["public.properties"], ("properties",)),
        (['"public"."loans"', "estate.public.loans"], ("loans",)),
        (["property", "loan table", "the_moon"], ("properties", "loans")),
        (["sales_order"], ("Sales Order",)),
        (["fin.readings"], ("readings",)),
    ],
)
def test_tables_are_known_however_they_are_written(claimed: list[str], known: tuple[str, ...]) -> None:
    assert analyze(answer(data_sources=claimed)).data_sources == known


@pytest.mark.parametrize(
    ("request_text", "known"),
    [
        ("How many loans are there?", ("loans",)),
        ("What is the DSCR?", ("financial_metrics",)),
        ("Show the financial metrics", ("financial_metrics",)),
        ("Compute the payment of a loan of 300000 at 6 %", ()),
        ("DSCR for NOI 100 and debt service 80", ()),
        ("The first ten primes", ()),
        ("The first 15 Fibonacci numbers", ()),
        ("Top 3 lenders since 2023", ("loans",)),
        ("What if NOI fell by 10 %?", ("financial_metrics",)),
        ("What would 200 miles be in km?", ()),
    ],
)
def test_a_request_for_stored_data_needs_the_database_whatever_the_model_says(
    request_text: str, known: tuple[str, ...]
) -> None:
    assert analyze(answer(data_sources=[]), request=request_text).data_sources == known


def test_data_that_the_database_does_not_hold_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match="needs spaceships"):
        analyze(answer(data_sources=["spaceships"]), request="How many spaceships?")


def test_without_a_database_the_wanted_data_is_still_named() -> None:
    claimed = answer(data_sources=["tenants", "none", ""])
    assert analyze(claimed, schema=None).data_sources == ("tenants",)


@pytest.mark.parametrize(
    ("request_text", "web", "simulation"),
    [
        ("List all", False, False),
        ("Make a dashboard of DSCR", True, False),
        ("A web page with the loans", True, False),
        ("What if NOI fell by 10 %?", False, True),
        ("Which have an occupancy below 85 %?", False, False),
    ],
)
def test_boxes_are_ticked_by_the_requests_own_words(request_text: str, web: bool, simulation: bool) -> None:
    found = analyze(answer(), request=request_text)
    assert (found.requires_web_interface, found.requires_simulation) == (web, simulation)


def test_entities_are_those_that_the_request_names() -> None:
    claimed = answer(key_entities=["Orlando", "orlando", "Miami", "", "Orlando"])
    assert analyze(claimed, request="All in Orlando").key_entities == ("Orlando", "orlando")


def test_a_name_out_of_the_request_is_no_kind_of_record() -> None:
    said = answer(data_sources=["Harbor Town Mall"])
    with ScriptedModel([said]) as model:
        conversation = LLMClient(model.options()).conversation("You are careful.")
        request = UserRequest(text="In which city is Harbor Town Mall?", source="argument")
        found = TaskAnalyzer(conversation, SCHEMA, GLOSSARY).analyze(request)
    assert found.data_sources == ("properties",)


def test_only_names_are_looked_for_among_the_rows() -> None:
    with ScriptedModel([answer(data_sources=["Harbor Town Mall"])]) as model:
        conversation = LLMClient(model.options()).conversation("You are careful.")
        request = UserRequest(text="Who runs Harbor Town Mall?", source="argument")
        found = TaskAnalyzer(conversation, SCHEMA, GLOSSARY).analyze(request)
    assert found.data_sources == tuple(table.name for table in SCHEMA.tables)
