"""Conversations that go well: what is sent, what is kept, what is counted."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel
from scripted_model import Answers, ChatCall, ScriptedModel, cut, unused_url

from meta_agent.errors import ModelError
from meta_agent.llm.tokens import estimate_tokens
from meta_agent.utils.llm_client import LLMClient


class City(BaseModel):
    name: str
    people: int


OSLO = json.dumps({"name": "Oslo", "people": 3})


def test_a_text_answer_and_what_was_sent() -> None:
    heard: list[str] = []
    with ScriptedModel(["SELECT 1;"]) as server:
        client = LLMClient(server.options(seed=7, temperature=0.3), on_token=heard.append)
        assert client.conversation("the schema").ask_text("one?", max_tokens=50, stop=["```"]) == "SELECT 1;"
    sent = server.requests[0].body
    assert sent["messages"] == [
        {"role": "system", "content": "the schema"},
        {"role": "user", "content": "one?"},
    ]
    assert (sent["model"], sent["max_tokens"], sent["stop"]) == (server.model, 50, ["```"])
    assert (sent["seed"], sent["temperature"], sent["stream"]) == (7, 0.3, True)
    assert "response_format" not in sent
    assert "".join(heard) == "SELECT 1;"


def test_a_hidden_text_is_sent_in_no_turn_and_in_no_spelling() -> None:
    with ScriptedModel(["It is c@nary/7.", "Yes."]) as server:
        client = LLMClient(server.options())
        conversation = client.conversation("login: c%40nary%2F7")
        client.hide(["c@nary/7"])
        conversation.ask_text("Is it c@nary/7?")
        conversation.fork().ask_text("Sure?")
    sent = [message["content"] for message in server.requests[1].messages]
    assert sent == ["login: ****", "Is it ****?", "It is ****.", "Sure?"]


def test_a_json_answer_is_checked_and_its_schema_was_sent() -> None:
    with ScriptedModel([OSLO]) as server:
        answer = LLMClient(server.options()).conversation("s").ask_json("which?", City)
    assert answer == City(name="Oslo", people=3)
    wanted = server.requests[0].body["response_format"]
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["schema"]["required"] == ["name", "people"]
    assert server.requests[0].wanted_type == "City"
    assert server.requests[0].body["max_tokens"] == 500


def test_a_conversation_only_grows_so_that_the_prefix_cache_pays() -> None:
    with ScriptedModel([OSLO, "fine", "more"]) as server:
        client = LLMClient(server.options())
        conversation = client.conversation("schema " * 50)
        conversation.ask_json("which?", City)
        first = client.usage
        conversation.ask_text("sure?")
        conversation.ask_text("more?")
    for earlier, later in zip(server.requests, server.requests[1:], strict=False):
        assert later.messages[: len(earlier.messages)] == earlier.messages
    assert first.cached_prompt_tokens == 0
    assert client.usage.cached_prompt_tokens > first.prompt_tokens
    assert client.usage.llm_calls == 3


def test_a_fork_shares_the_past_and_not_the_future() -> None:
    with ScriptedModel(["one", "left", "right"]) as server:
        trunk = LLMClient(server.options()).conversation("s")
        trunk.ask_text("first")
        branch = trunk.fork()
        trunk.ask_text("to the left")
        branch.ask_text("to the right")
    assert [turn.text for turn in trunk.turns] == ["s", "first", "one", "to the left", "left"]
    assert [turn.text for turn in branch.turns] == ["s", "first", "one", "to the right", "right"]


def test_the_estimate_uses_what_the_server_reported() -> None:
    with ScriptedModel(["x" * 400]) as server:
        conversation = LLMClient(server.options()).conversation("word " * 100)
        guessed = conversation.estimate("next")
        conversation.ask_text("first")
        reported = server.requests[0]
    assert guessed > estimate_tokens("word " * 100)
    # The scripted server counts a token for every four characters: 101 + 126 + 2.
    assert len(reported.messages) == 2
    assert conversation.estimate() == 101 + 126 + 2
    assert conversation.estimate("next") > conversation.estimate()


def test_a_prompt_that_does_not_fit_is_not_sent() -> None:
    with ScriptedModel(context_length=3000) as server:
        client = LLMClient(server.options(max_tokens=900))
        client.check()
        conversation = client.conversation("1 " * 2000)
        assert conversation.room("hello") < 900
        with pytest.raises(ModelError) as caught:
            conversation.ask_text("hello")
    assert "3000 tokens" in caught.value.cause
    assert "up to 900" in caught.value.cause
    assert "longer context" in caught.value.remedy


def test_the_error_of_a_bad_json_answer_goes_back_and_leaves_no_trace() -> None:
    bad = json.dumps({"name": "Oslo", "people": "many"})
    with ScriptedModel([bad, cut('{"name": "Os'), OSLO, "fine"]) as server:
        conversation = LLMClient(server.options()).conversation("s")
        assert conversation.ask_json("which?", City).people == 3
        conversation.ask_text("sure?")
    second, third, last = server.requests[1:]
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "user"]
    assert second.messages[2]["content"] == bad
    assert "people: Input should be a valid integer" in second.last_user
    assert "cut off" in third.last_user
    assert [m["content"] for m in last.messages] == ["s", "which?", OSLO, "sure?"]


def test_json_answers_that_stay_bad_are_an_error_after_the_last_try() -> None:
    with ScriptedModel(["no", "no", "no", OSLO]) as server:
        conversation = LLMClient(server.options()).conversation("s")
        with pytest.raises(ModelError, match=r"no usable City in 3 tries: .*Invalid JSON"):
            conversation.ask_json("which?", City)
        assert len(conversation.turns) == 1
        assert conversation.ask_json("which?", City).name == "Oslo"


def test_the_script_may_look_at_the_request() -> None:
    def reply(call: ChatCall) -> str:
        return OSLO if call.wanted_type == "City" else f"heard {call.last_user}"

    with ScriptedModel([reply, reply]) as server:
        conversation = LLMClient(server.options()).conversation("s")
        assert conversation.ask_json("which?", City).name == "Oslo"
        assert conversation.ask_text("hello") == "heard hello"


def test_a_server_that_reports_no_usage_is_estimated_and_said() -> None:
    with ScriptedModel([Answers("a b c d e f g h", usage=False)]) as server:
        client = LLMClient(server.options())
        client.conversation("s").ask_text("hello")
    assert client.usage.llm_calls == 1
    assert client.usage.prompt_tokens > 0
    assert client.usage.completion_tokens > 0
    assert any("estimates" in warning for warning in client.warnings)


def test_the_key_goes_to_the_server_and_no_tracing_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain_core.tracers.langchain import wait_for_all_tracers
    from langsmith.utils import get_env_var

    with ScriptedModel() as elsewhere, ScriptedModel(["fine"]) as server:
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        monkeypatch.setenv("LANGCHAIN_TRACING_V2", "true")
        monkeypatch.setenv("LANGSMITH_API_KEY", "lsv2_x")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", elsewhere.root_url)
        monkeypatch.setenv("LANGSMITH_GATEWAY", "true")
        monkeypatch.setenv("OPENAI_BASE_URL", unused_url())
        monkeypatch.setenv("OPENAI_API_KEY", "not-for-this-server")
        get_env_var.cache_clear()
        LLMClient(server.options()).conversation("s").ask_text("hello")
        wait_for_all_tracers()
        get_env_var.cache_clear()
    assert elsewhere.other_requests == []
    assert server.requests[0].headers["authorization"] == "Bearer scripted-key"


def test_a_variable_that_langchain_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGCHAIN_TRACING", "true")
    with ScriptedModel() as server, pytest.raises(ModelError) as caught:
        LLMClient(server.options()).conversation("s").ask_text("hello")
    assert "LANGCHAIN_TRACING" in caught.value.remedy


def test_preloading_may_be_asked_for_twice_and_is_used() -> None:
    with ScriptedModel(["fine"]) as server:
        client = LLMClient(server.options())
        client.warm_up()
        client.warm_up()
        assert client.conversation("s").ask_text("hello") == "fine"
