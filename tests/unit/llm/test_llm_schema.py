"""The JSON schema as servers get it."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from meta_agent.contracts import ExecutionPlan, TaskAnalysis
from meta_agent.llm.schema import plain_schema, response_format


class Inner(BaseModel):
    name: str = Field(description="never sent", max_length=10)
    share: float | None = None


class Outer(BaseModel):
    kind: Literal["a", "b"]
    only: Literal["x"] = "x"
    inner: Inner
    many: tuple[Inner, ...] = Field(max_length=3)
    amounts: dict[str, int] = Field(default_factory=dict)
    count: int = Field(ge=1, le=5, default=1)


class Node(BaseModel):
    children: list[Node]


def keywords(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(keywords, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found = set(node)
    for key, value in node.items():
        if key == "properties":
            found |= set().union(*map(keywords, value.values()))
        elif key not in ("enum", "required"):
            found |= keywords(value)
    return found


def test_references_are_inlined_and_every_property_is_required() -> None:
    inner = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "share": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        },
        "required": ["name", "share"],
        "additionalProperties": False,
    }
    assert plain_schema(Outer) == {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["a", "b"]},
            "only": {"type": "string", "enum": ["x"]},
            "inner": inner,
            "many": {"type": "array", "maxItems": 3, "items": inner},
            "amounts": {"type": "object", "additionalProperties": {"type": "integer"}},
            "count": {"type": "integer"},
        },
        "required": ["kind", "only", "inner", "many", "amounts", "count"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("contract", [TaskAnalysis, ExecutionPlan, Outer])
def test_only_keywords_that_every_server_knows(contract: type[BaseModel]) -> None:
    known = {"type", "enum", "anyOf", "items", "minItems", "maxItems", "properties", "required"}
    assert keywords(plain_schema(contract)) <= known | {"additionalProperties"}


def test_the_response_format_is_the_one_lm_studio_takes() -> None:
    wanted = response_format(Inner)
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["name"] == "Inner"
    assert json.loads(json.dumps(wanted)) == wanted


def test_a_model_that_contains_itself_is_refused() -> None:
    with pytest.raises(TypeError, match="Node contains itself"):
        plain_schema(Node)
