"""The model client with the real Qwen2.5-Coder."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel

from meta_agent.errors import ModelError
from meta_agent.llm.options import ModelOptions
from meta_agent.utils.llm_client import LLMClient

pytestmark = pytest.mark.model

MODEL = "qwen2.5-coder-1.5b-instruct"
SCHEMA = """You answer questions about this PostgreSQL database.
CREATE TABLE properties (property_id integer PRIMARY KEY, name text, city text, kind text, noi numeric);
CREATE TABLE loans (loan_id integer PRIMARY KEY, property_id integer REFERENCES properties, balance numeric);
CREATE TABLE leases (lease_id integer PRIMARY KEY, property_id integer REFERENCES properties, rent numeric);
"""


class Asked(BaseModel):
    """What a question asks for."""

    city: str
    measure: Literal["noi", "rent", "balance"]
    tables: tuple[str, ...]


@pytest.fixture
def client(model_base_url: str) -> LLMClient:
    # A check beside other users of the same two cores may take longer than a user would wait.
    return LLMClient(ModelOptions(model_base_url, MODEL, "none", max_tokens=300, check_timeout=60.0))


def test_the_check_finds_the_model_as_loaded(client: LLMClient) -> None:
    status = client.check()
    assert MODEL in status.model.lower()
    assert status.server == "llama.cpp"
    assert not status.context_is_assumed
    assert status.context_length >= 4096
    assert status.tokens_per_second is not None
    assert client.usage.llm_calls == 1
    assert client.usage.prompt_tokens > 5


def test_json_then_text_with_the_prefix_taken_from_the_cache(client: LLMClient) -> None:
    conversation = client.conversation(SCHEMA)
    guessed = conversation.estimate()
    asked = conversation.ask_json(
        "Which city and which measure does this ask for: the net operating income of the properties in Oslo?",
        Asked,
        max_tokens=120,
    )
    first = client.usage
    answer = conversation.ask_text(
        "Write the SQL query for it in one ```sql block and nothing else.", max_tokens=120
    )
    second_cached = client.usage.cached_prompt_tokens - first.cached_prompt_tokens
    assert (asked.city, asked.measure) == ("Oslo", "noi")
    assert "SELECT" in answer.upper()
    assert "properties" in answer
    assert guessed >= 90
    assert first.prompt_tokens <= conversation.estimate()
    # All of the first turn but its last tokens is served from the cache.
    assert second_cached >= first.prompt_tokens - 5
    assert client.usage.llm_calls == 2


def test_the_same_question_gets_the_same_answer(client: LLMClient) -> None:
    answers = {
        client.conversation(SCHEMA).ask_text(
            "Name the table that holds rents, one word.", max_tokens=10, cut_ok=True
        )
        for _ in range(2)
    }
    assert len(answers) == 1


def test_an_answer_is_cut_at_its_limit(client: LLMClient) -> None:
    conversation = client.conversation("You count.")
    with pytest.raises(ModelError, match="cut at 8 tokens"):
        conversation.ask_text("Count from 1 to 100.", max_tokens=8)
    assert client.usage.completion_tokens == 8


def test_another_model_is_refused(model_base_url: str) -> None:
    options = ModelOptions(model_base_url, "qwen2.5-coder-7b-instruct-mlx", "none", check_timeout=60.0)
    with pytest.raises(ModelError) as caught:
        LLMClient(options).check()
    assert "qwen2.5-coder-7b-instruct-mlx" in caught.value.cause
    assert MODEL in caught.value.cause
