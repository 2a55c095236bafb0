# ruff: noqa: E501 - examples stay on one line
from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from scripted_model import ScriptedModel

from meta_agent.contracts import Column, DatabaseSchema, ExecutionPlan, Table, TaskAnalysis, UserRequest
from meta_agent.errors import ModelError, NoAnswer
from meta_agent.planners.execution_planner import ExecutionPlanner
from meta_agent.utils.llm_client import LLMClient

COLUMNS = {"property_id": "integer", "noi": "numeric(14,2)", "interest_rate": "numeric", "net_operating_value": "money",
           "city": "text", "annual_debt_service": "double precision"}  # fmt: skip
SCHEMA = DatabaseSchema(
    database="d",
    default_schema="public",
    fingerprint="f",
    tables=(
        Table(
            schema_name="public",
            name="figures",
            columns=tuple(Column(name=name, type=kind) for name, kind in COLUMNS.items()),
        ),
    ),
)


def analysis(
    *, simulation: bool = False, web: bool = False, tables: tuple[str, ...] = ("figures",),
    complexity: Literal["SIMPLE", "MEDIUM", "COMPLEX"] = "SIMPLE",
) -> TaskAnalysis:  # fmt: skip
    return TaskAnalysis(
        primary_goal="Show the figures",
        task_type="reporting",
        requires_web_interface=web,
        requires_simulation=simulation,
        data_sources=tables,
        key_entities=(),
        complexity=complexity,
        estimated_execution_time_seconds=5,
    )


def draft(*scenarios: tuple[str, float], **changes: Any) -> str:
    listed = [{"name": "s", "quantity": quantity, "change_percent": change} for quantity, change in scenarios]
    fields: dict[str, Any] = {"plan_name": "Plan", "steps": ["One.", "Two."]}
    return json.dumps(fields | ({"scenarios": listed} if scenarios else {}) | changes)


def make(
    made: TaskAnalysis,
    *replies: str,
    request: str = "Show the figures",
    schema: DatabaseSchema | None = SCHEMA,
) -> tuple[ExecutionPlan, ScriptedModel]:
    with ScriptedModel(replies) as model:
        planner = ExecutionPlanner(
            LLMClient(model.options()).conversation("You are careful."), schema, host="0.0.0.0", port=8080
        )
        return planner.plan(UserRequest(text=request, source="argument"), made), model


def what_if(request: str, *scenarios: tuple[str, float]) -> list[tuple[str, float]]:
    plan, _ = make(analysis(simulation=True), draft(*scenarios), request=request)
    assert plan.simulation_config is not None
    return [(s.quantity, s.change_percent) for s in plan.simulation_config.scenarios]


def test_a_plain_report_needs_no_model() -> None:
    plan, model = make(analysis())
    assert model.requests == []
    assert [step.number for step in plan.steps] == [1, 2, 3]
    assert plan.dependencies == ("psycopg2-binary", "simplejson")
    assert plan.simulation_config is plan.web_server_config is None


def test_work_without_data_needs_no_driver() -> None:
    assert make(analysis(tables=()))[0].dependencies == ("simplejson",)


def test_a_web_page_has_an_address() -> None:
    web = make(analysis(web=True))[0].web_server_config
    assert web is not None
    assert (web.host, web.port) == ("0.0.0.0", 8080)


def test_complex_work_is_planned_by_the_model() -> None:
    plan, model = make(analysis(complexity="COMPLEX"), draft())
    assert [step.description for step in plan.steps] == ["One.", "Two."]
    assert len(model.requests) == 1


def test_two_invalid_drafts_are_corrected_by_the_third() -> None:
    plan, _ = make(analysis(complexity="COMPLEX"), "{", draft(steps=[]), draft())
    assert plan.plan_name == "Plan"


def test_three_invalid_drafts_are_an_error() -> None:
    with pytest.raises(ModelError, match="PlanDraft in 3 tries"):
        make(analysis(complexity="COMPLEX"), "{", "[]", draft(steps=[]))


def test_the_model_is_told_the_quantities_that_may_change() -> None:
    _, model = make(analysis(simulation=True), draft(("noi", -10)), request="What if NOI fell by 10 %?")
    asked = model.requests[0].last_user
    assert "noi, interest_rate, net_operating_value, annual_debt_service" in asked
    assert "property_id" not in asked


@pytest.mark.parametrize(
    ("request_text", "claimed", "scenarios"),
    [
        ("What if NOI fell by 10 %?", [("noi", 10)], [("noi", -10)]),
        ("What if NOI fell by 10 %?", [("noi", -10), ("noi", -10)], [("noi", -10)]),
        ("What if NOI fell by 10 %?", [("interest_rate", -10)], [("noi", -10)]),
        ("What if NOI fell by 10 %?", [("noi", -0.1)], [("noi", -10)]),
        ("What if NOI moves ±10 %?", [("noi", 10)], [("noi", -10), ("noi", 10)]),
        ("What if NOI changes by 10 %?", [("noi", 10)], [("noi", -10), ("noi", 10)]),
        ("If NOI were 10 % lower?", [("noi", 10)], [("noi", -10)]),
        ("NOI down 5%, interest rates up 10%, what if?", [("noi", 5), ("interest_rate", -10)],
         [("noi", -5), ("interest_rate", 10)]),
        ("NOI down 10%, interest rate up 10%, what if?", [("noi", 10), ("interest_rate", 10)],
         [("noi", -10), ("interest_rate", 10)]),
        ("What if NOI fell by 5, 10 and 15 percent?", [("noi", -5)], [("noi", -5), ("noi", -10), ("noi", -15)]),
        ("What if debt payments rose 3 %?", [("annual_debt_service", 3)], [("annual_debt_service", 3)]),
        ("Below 85% occupancy: what if NOI fell by 10%?", [("occupancy", 85), ("noi", -10)], [("noi", -10)]),
        ("What if the [odd] thing fell by 1 %?", [("the [odd]\n thing", 1)], [("the odd thing", -1)]),
    ],
)  # fmt: skip
def test_sizes_and_signs_come_from_the_request(
    request_text: str, claimed: list[tuple[str, float]], scenarios: list[tuple[str, float]]
) -> None:
    assert what_if(request_text, *claimed) == scenarios


def test_each_scenario_says_what_it_is() -> None:
    plan, _ = make(analysis(simulation=True), draft(("noi", 1)), request="What if NOI fell by 2.5 %?")
    assert plan.simulation_config is not None
    assert plan.simulation_config.scenarios[0].name == "noi -2.5 %"


def test_a_change_in_points_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match="not by how many percent"):
        make(
            analysis(simulation=True),
            draft(("interest_rate", 2)),
            request="What if rates rise 2 percentage points?",
        )
