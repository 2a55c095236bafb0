"""The health check, against every server that is not the one we want."""

from __future__ import annotations

import pytest
from scripted_model import Answers, Fails, ScriptedModel, SlowHeaders, Stalls, WebPage, unused_url

from meta_agent.errors import ModelError, ModelTimeout
from meta_agent.llm.options import ModelOptions
from meta_agent.utils.llm_client import LLMClient


def failure(server: ScriptedModel, **changes: object) -> ModelError:
    with pytest.raises(ModelError) as caught:
        LLMClient(server.options(**changes)).check()
    return caught.value


def test_llama_cpp_tells_its_context() -> None:
    with ScriptedModel(context_length=8192) as server:
        client = LLMClient(server.options(context_length=32768))
        status = client.check()
    assert (status.server, status.model, status.context_length) == ("llama.cpp", server.model, 8192)
    assert not status.context_is_assumed
    assert status.tokens_per_second is not None
    assert client.usage.llm_calls == len(server.test_messages) == 1
    assert client.usage.prompt_tokens > 0
    assert client.usage.completion_tokens > 0
    assert client.warnings == ()


def test_lm_studio_tells_what_is_loaded_and_how() -> None:
    with ScriptedModel(kind="LM Studio", context_length=12288) as server:
        status = LLMClient(server.options()).check()
    assert (status.server, status.context_length) == ("LM Studio", 12288)


def test_elsewhere_the_context_of_the_settings_is_assumed_and_said() -> None:
    with ScriptedModel(kind="plain") as server:
        client = LLMClient(server.options(context_length=9000))
        status = client.check()
    assert (status.server, status.context_length, status.context_is_assumed) == (
        "OpenAI-compatible",
        9000,
        True,
    )
    assert "9000" in client.warnings[0]


def test_the_servers_spelling_of_the_name_is_used() -> None:
    with ScriptedModel(["fine"], model="/models/coder-7b-q4_k_m.gguf") as server:
        client = LLMClient(server.options(model="Coder-7B"))
        client.check()
        client.conversation("system").ask_text("hello")
    assert client.model == server.requests[0].body["model"] == "/models/coder-7b-q4_k_m.gguf"


def test_a_server_that_is_down() -> None:
    url = unused_url()
    with pytest.raises(ModelError) as caught:
        LLMClient(ModelOptions(url, "coder", "key")).check()
    assert url in caught.value.cause
    assert "refused" in caught.value.cause
    assert "LM Studio" in caught.value.remedy
    assert "LLM_BASE_URL" in caught.value.remedy
    assert "--demo" in caught.value.remedy


@pytest.mark.parametrize("url", ["localhost:1234/v1", "ftp://localhost/v1", ""])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ModelError, match="not the URL of a model server"):
        LLMClient(ModelOptions(url, "coder", "key")).check()


def test_another_model_names_what_is_served() -> None:
    with ScriptedModel() as server:
        error = failure(server, model="gpt-oss-120b")
    assert "gpt-oss-120b" in error.cause
    assert server.model in error.cause
    assert server.test_messages == []


def test_a_model_that_lm_studio_has_on_disk_but_not_loaded() -> None:
    with ScriptedModel(kind="LM Studio", loaded="llama-3.2-1b") as server:
        error = failure(server)
    assert f"{server.model} is not loaded" in error.cause
    assert "llama-3.2-1b" in error.cause
    assert "embedding" not in error.cause


def test_lm_studio_with_nothing_loaded() -> None:
    with ScriptedModel(kind="LM Studio", loaded="") as server:
        assert "no model is loaded" in failure(server).cause


def test_a_loaded_context_that_is_too_small() -> None:
    with ScriptedModel(kind="LM Studio", context_length=4096) as server:
        error = failure(server, max_tokens=4000)
    assert "4096" in error.cause
    assert "context" in error.remedy


@pytest.mark.parametrize("page", ["<html>router</html>", '{"hello": "world"}', '{"data": "none"}', "[]", ""])
def test_something_that_is_no_model_server(page: str) -> None:
    with ScriptedModel(home_page=page) as server:
        assert "not an OpenAI-compatible server" in failure(server).cause


def test_a_model_that_is_still_loading_is_waited_for() -> None:
    with ScriptedModel(loading=2) as server:
        assert LLMClient(server.options()).check().model == server.model
    assert server.other_requests[:3] == ["GET /v1/models"] * 3


def test_a_model_that_never_finishes_loading() -> None:
    with ScriptedModel(loading=10_000) as server:
        assert isinstance(failure(server, check_timeout=0.6), ModelTimeout)


@pytest.mark.parametrize("behaviour", [SlowHeaders(), Stalls("One"), Stalls("One", keep_alive=True)])
def test_a_test_message_that_is_not_answered_in_time(behaviour: SlowHeaders | Stalls) -> None:
    with ScriptedModel(test_reply=behaviour) as server:
        error = failure(server, check_timeout=0.5)
    assert isinstance(error, ModelTimeout)
    assert "did not answer within" in error.cause


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (Answers(""), "with nothing"),
        (WebPage(), "no chat stream"),
        (Answers("One, two", model="other-model"), "other-model answered"),
        (Fails(500, "out of memory"), "status 500): out of memory"),
        (Fails(502, page="<html>Bad gateway</html>"), "(status 502)"),
    ],
)
def test_a_test_message_that_is_answered_badly(behaviour: Answers | WebPage | Fails, cause: str) -> None:
    with ScriptedModel(test_reply=behaviour) as server:
        error = failure(server)
    assert cause in error.cause
    assert "html" not in error.cause


def test_the_environments_proxy_is_not_used_for_a_local_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "OPENAI_PROXY"):
        monkeypatch.setenv(name, unused_url())
    with ScriptedModel(["fine"]) as server:
        client = LLMClient(server.options())
        client.check()
        assert client.conversation("system").ask_text("hello") == "fine"


def test_a_server_of_ours_is_started_when_it_is_needed_and_once() -> None:
    started: list[str] = []
    with ScriptedModel(["fine"]) as server:

        def start() -> str:
            started.append(server.base_url)
            return server.base_url

        client = LLMClient(server.options(base_url="embedded", known_as="ours"), start_server=start)
        assert started == []
        client.warm_up()
        assert client.check().base_url == server.base_url
        assert client.conversation("s").ask_text("hello") == "fine"
        client.check()
    assert started == [server.base_url]
    assert client.options.server_identity == "ours"
