"""Everything a model server can do wrong in the middle of a run."""

from __future__ import annotations

import pytest
from scripted_model import (
    Answers,
    Drops,
    Endless,
    Fails,
    FailsInStream,
    Garbage,
    ScriptedModel,
    SlowHeaders,
    Stalls,
    WebPage,
    cut,
    unused_url,
)

from meta_agent.errors import ModelError, ModelTimeout
from meta_agent.llm.options import ModelOptions
from meta_agent.utils.llm_client import LLMClient


def ask(server: ScriptedModel, **changes: object) -> str:
    return LLMClient(server.options(**changes)).conversation("s").ask_text("hello")


def failure(server: ScriptedModel, **changes: object) -> ModelError:
    with pytest.raises(ModelError) as caught:
        ask(server, **changes)
    return caught.value


@pytest.mark.parametrize(
    "trouble",
    [
        [Fails(500), Fails(500)],
        [Fails(503, page="<html>Bad gateway</html>")],
        [Fails(429, retry_after="0")],
        [Drops()],
        [Drops("SEL")],
        [Answers("SEL", finish_reason=None)],
        [FailsInStream("slot lost", 500)],
        [Garbage()],
        [WebPage()],
    ],
)
def test_trouble_that_passes_is_overcome(trouble: list[Fails]) -> None:
    with ScriptedModel([*trouble, "fine"]) as server:
        assert ask(server) == "fine"
    assert len(server.requests) == len(trouble) + 1


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (Fails(500, "out of\nmemory\x1b[31m."), r"status 500: out of memory\?\[31m\."),
        (Fails(502, page="<html>Bad gateway</html>"), r"status 502\.$"),
        (Fails(429, "busy"), "status 429: busy"),
        (Drops(), "failed or was dropped"),
        (Drops("SEL"), "failed or was dropped"),
        (Answers("SEL", finish_reason=None), "in the middle of its answer"),
        (FailsInStream("slot lost", 500), "error in its answer: slot lost"),
        (Garbage(), "no chat stream"),
        (Garbage(("[]",)), "no chat stream"),
        (WebPage(), "no chat stream"),
    ],
)
def test_trouble_that_stays_is_an_error_after_four_tries(trouble: Fails, cause: str) -> None:
    with ScriptedModel([trouble] * 4) as server:
        error = failure(server)
    assert len(server.requests) == 4
    with pytest.raises(ModelError, match=cause):
        raise error


@pytest.mark.parametrize(
    ("trouble", "cause", "remedy"),
    [
        (Fails(401), "refused the API key", "LLM_API_KEY"),
        (Fails(404, "no such model"), "status 404: no such model", "LLM_MODEL_NAME"),
        (Fails(400, "exceeds the available context size"), "available context size", "context length"),
        (FailsInStream("exceeds the context", 400), "exceeds the context", "log"),
        (Fails(429, retry_after="3600"), "status 429", "idle"),
        (Answers("fine", model="some-other-model"), "some-other-model answered", "LLM_MODEL_NAME"),
        (Answers(""), "empty answer", "chat template"),
        (cut("SELECT"), "cut at 500 tokens", "LLM_MAX_TOKENS"),
        (Endless(), "cut at 500 tokens", "LLM_MAX_TOKENS"),
    ],
)
def test_what_trying_again_does_not_help_is_an_error_at_once(
    trouble: Fails | Answers, cause: str, remedy: str
) -> None:
    with ScriptedModel([trouble]) as server:
        error = failure(server)
    assert cause in error.cause
    assert remedy in error.remedy
    assert not isinstance(error, ModelTimeout)


@pytest.mark.parametrize("behaviour", [SlowHeaders(), Stalls(), Stalls(keep_alive=True)])
def test_a_server_that_never_begins_to_answer(behaviour: Stalls) -> None:
    with ScriptedModel([behaviour]) as server:
        error = failure(server, idle_timeout=0.2)
    assert isinstance(error, ModelTimeout)
    assert "about 0 tokens" in error.cause


@pytest.mark.parametrize("keep_alive", [False, True])
def test_a_stream_that_stalls(keep_alive: bool) -> None:
    with ScriptedModel([Stalls("SEL", keep_alive)]) as server:
        error = failure(server, idle_timeout=0.2)
    assert isinstance(error, ModelTimeout)
    assert "sent nothing" in error.cause


def test_a_call_that_takes_too_long_as_a_whole() -> None:
    with ScriptedModel([Endless()]) as server:
        error = failure(server, max_tokens=10_000_000, context_length=20_000_000, call_timeout=0.5)
    assert isinstance(error, ModelTimeout)
    assert "time limit" in error.cause


def test_a_cut_answer_may_be_asked_for() -> None:
    with ScriptedModel([cut("SELECT 1;\nand so on")]) as server:
        conversation = LLMClient(server.options()).conversation("s")
        assert conversation.ask_text("hello", cut_ok=True) == "SELECT 1;\nand so on"


def test_a_server_that_has_gone() -> None:
    options = ModelOptions(unused_url(), "coder", "key", retry_wait=0.01)
    with pytest.raises(ModelError, match="failed or was dropped"):
        LLMClient(options).conversation("s").ask_text("hello")


@pytest.mark.parametrize("trouble", [Fails(400), cut("SEL"), Answers(""), Stalls("SEL")])
def test_the_conversation_stays_usable_after_a_failure(trouble: Fails) -> None:
    with ScriptedModel(["one", trouble, "two"]) as server:
        conversation = LLMClient(server.options(idle_timeout=0.3)).conversation("s")
        conversation.ask_text("first")
        with pytest.raises(ModelError):
            conversation.ask_text("second")
        assert conversation.ask_text("third") == "two"
    assert [m["content"] for m in server.requests[-1].messages] == ["s", "first", "one", "third"]


def test_answers_that_cost_tokens_are_counted_even_if_they_cannot_be_used() -> None:
    with ScriptedModel([cut("SELECT " * 10)]) as server:
        client = LLMClient(server.options())
        with pytest.raises(ModelError):
            client.conversation("s").ask_text("hello")
    assert client.usage.llm_calls == 1
    assert client.usage.completion_tokens > 0


def test_a_script_that_runs_out_fails_its_test() -> None:
    server = ScriptedModel(["one"])
    with pytest.raises(AssertionError, match="1 chat calls came after the end"), server:
        conversation = LLMClient(server.options()).conversation("s")
        conversation.ask_text("first")
        with pytest.raises(ModelError, match="ran out"):
            conversation.ask_text("second")


def test_a_script_that_is_not_used_up_fails_its_test() -> None:
    with pytest.raises(AssertionError, match="1 entries"), ScriptedModel(["one"]):
        pass
