"""Requests whose own words say it all are analysed without the model; no others."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_model import ScriptedModel
from test_task_analyzer import GLOSSARY, SCHEMA, answer

from meta_agent.analyzers.plain_requests import is_plain, plain_analysis, without_bounds
from meta_agent.analyzers.task_analyzer import TaskAnalyzer
from meta_agent.contracts import DatabaseSchema, TaskAnalysis, UserRequest
from meta_agent.utils.llm_client import LLMClient


def analyze(
    request: str, *replies: str, schema: DatabaseSchema | None = SCHEMA, asks_always: bool = False
) -> TaskAnalysis:
    """The scripted model checks that exactly these replies are asked for."""
    with ScriptedModel(replies) as model:
        conversation = LLMClient(model.options()).conversation("You are careful.")
        analyzer = TaskAnalyzer(conversation, schema, GLOSSARY, asks_always=asks_always)
        return analyzer.analyze(UserRequest(text=request, source="argument"))


@pytest.mark.parametrize(
    ("request_text", "tables"),
    [
        ("Total balance of the loans by lender", ("loans",)),
        ("How many properties are there in each city?", ("properties",)),
        ("Show properties and loans", ("properties", "loans")),
        ("Which have the lowest DSCR?", ("financial_metrics",)),
        ("How many loans are above 5 %?", ("loans",)),
        ("Which property has a NOI over 1000?", ("properties", "financial_metrics")),
        ("Show each property with a NOI between 100 and 200", ("properties", "financial_metrics")),
        ("What if NOI fell by 10 %? Show the DSCR", ("financial_metrics",)),
    ],
)
def test_a_request_that_names_its_data_needs_no_model(request_text: str, tables: tuple[str, ...]) -> None:
    found = analyze(request_text)
    assert set(tables) <= set(found.data_sources)
    assert set(found.data_sources) <= {"properties", "financial_metrics", "loans"}


@pytest.mark.parametrize(
    "request_text",
    [
        "Why do loans exist?",
        "How do loans work, and which are best?",
        "What is the purpose of loans?",
        "Explain the properties of gold, one by one",
        "List the first ten primes",
        "Hello",
        # the figures to compute from are given
        "Calculate the payment of a loan of 300000 at 6 %",
        "Compute the DSCR for NOI 100 and debt service 80",
        "What is the total for a loan of 500000?",
    ],
)
def test_of_any_other_the_model_says_what_is_wanted(request_text: str) -> None:
    claimed = answer(primary_goal="As the model says", data_sources=[])
    assert analyze(request_text, claimed).primary_goal == "As the model says"


def test_the_model_is_asked_where_it_always_is_or_no_database_is_there() -> None:
    request = "How many loans are there?"
    claimed = answer(primary_goal="As the model says")
    assert analyze(request, claimed, asks_always=True).primary_goal == "As the model says"
    assert analyze(request, claimed, schema=None).primary_goal == "As the model says"


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("please list all loans.", {"primary_goal": "All loans", "task_type": "reporting"}),
        ("Hello there! How many loans?", {"primary_goal": "How many loans", "task_type": "calculation"}),
        ("the loans of Bank of Florida and of Acme", {"key_entities": ("Bank of Florida", "Acme")}),
        ("Show the loans", {"complexity": "SIMPLE", "estimated_execution_time_seconds": 5}),
        ("Show the loans " + "of all kinds " * 6, {"complexity": "MEDIUM"}),
        ("?", {"primary_goal": "Answer the request"}),
    ],
)  # fmt: skip
def test_what_the_words_say(request_text: str, expected: dict[str, Any]) -> None:
    found = plain_analysis(request_text, ("loans",), web=False, simulation=True)
    assert {name: getattr(found, name) for name in expected} == expected
    assert (found.requires_web_interface, found.requires_simulation) == (False, True)
    assert found.data_sources == ("loans",)


def test_a_long_goal_ends_at_a_word() -> None:
    goal = plain_analysis("Show " + "loans " * 40, ("loans",), web=False, simulation=False).primary_goal
    assert goal.endswith("loans…")
    assert len(goal) <= 91


def test_boxes_are_ticked_by_the_words_too() -> None:
    assert analyze("Show a dashboard of the loans").requires_web_interface
    assert analyze("What if the rate of all loans rose by 1 %?").requires_simulation


@pytest.mark.parametrize(
    ("request_text", "rest"),
    [
        ("older than 56", "older  "),
        ("rates over $5,000.50 or below 3", "rates   or  "),
        ("between 10 and 20 units", "  units"),
        ("a loan of 300000 at 6 %", "a loan of 300000 at 6 %"),
        ("at least 5 loans", "at   loans"),
        ("n >= 7", "n >  "),
    ],
)
def test_figures_that_rows_are_compared_with_are_none_to_compute_from(request_text: str, rest: str) -> None:
    assert without_bounds(request_text).split() == rest.split()


def test_a_database_without_tables_has_nothing_plain() -> None:
    assert not is_plain("How many are there?", (), GLOSSARY)


@pytest.mark.parametrize(
    ("request_text", "names"),
    [
        ("Which properties are in Tampa?", ("Tampa",)),
        ("Average NOI of Sunset Plaza by month", ("Sunset Plaza",)),
        ("What is the DSCR of Sunset Plaza?", ("Sunset Plaza",)),
        ("List Bank of America loans", ("Bank of America",)),
        ("Show Total Rent By City", ()),
        ("Total Rent of the Properties per City", ()),
        ("total rent by city", ()),
    ],
)
def test_names_are_what_is_asked_about_without_the_words_that_ask(
    request_text: str, names: tuple[str, ...]
) -> None:
    found = plain_analysis(request_text, ("loans",), web=False, simulation=False)
    assert found.key_entities == names
