"""From the model's words to a checked object."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict

from meta_agent.llm.answers import LONGEST_ECHO, Unusable, correction, echo, read_answer
from meta_agent.llm.stream import Reply


class City(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    people: int


def reply(text: str, finish_reason: str = "stop") -> Reply:
    return Reply(text=text, finish_reason=finish_reason)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Oslo", "people": 3}',
        'Here it is:\n```json\n{"name": "Oslo", "people": 3}\n```\nAnything else?',
    ],
)
def test_an_object_is_found(text: str) -> None:
    assert read_answer(reply(text), City) == City(name="Oslo", people=3)


@pytest.mark.parametrize(
    ("text", "finish_reason", "problem"),
    [
        ('{"name": "Oslo", "peo', "length", "cut off"),
        ('{"name": "Oslo", "people": 3}', "length", "cut off"),
        (" \n", "stop", "empty"),
        ('{"name": "Oslo", "peo', "stop", "Invalid JSON"),
        ("no object here", "stop", "Invalid JSON"),
        ('{"name": "Oslo", "people": "many"}', "stop", "people: Input should be a valid integer"),
        ('{"name": "Oslo", "people": 3, "mayor": "x"}', "stop", "mayor: Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_said(text: str, finish_reason: str, problem: str) -> None:
    answer = read_answer(reply(text, finish_reason), City)
    assert isinstance(answer, Unusable)
    assert problem in answer.problem


def test_the_correction_carries_the_problem() -> None:
    text = correction(Unusable("people: Input should be a valid integer."))
    assert "people: Input should be a valid integer." in text
    assert "JSON" in text


def test_a_bad_answer_is_echoed_bounded_and_never_empty() -> None:
    assert echo("x" * 10_000) == "x" * LONGEST_ECHO
    assert echo("  ") == "{}"
