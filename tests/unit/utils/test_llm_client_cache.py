"""Answers that are given again without asking: when, when not, and what is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from pydantic import BaseModel
from scripted_model import Answers, ScriptedModel, cut

from meta_agent.errors import ModelError
from meta_agent.llm.answer_store import FILE_NAME, AnswerStore
from meta_agent.llm.chat import ChatModel
from meta_agent.llm.stream import Reply
from meta_agent.local_store import LocalStore
from meta_agent.utils.llm_client import LLMClient


class City(BaseModel):
    name: str


OSLO = json.dumps({"name": "Oslo"})


def client(server: ScriptedModel, folder: Path, *, reads: bool = True, **options: Any) -> LLMClient:
    return LLMClient(server.options(**options), answers=AnswerStore(folder, reads=reads))


def ask(asked: LLMClient, question: str = "one?", **how: Any) -> str:
    return asked.conversation("the schema").ask_text(question, **how)


def test_the_same_question_is_asked_once(tmp_path: Path) -> None:
    said: list[str] = []
    sink = logger.add(lambda entry: said.append(str(entry)), level="DEBUG")
    heard: list[str] = []
    with ScriptedModel(["SELECT 1"]) as server:
        assert ask(client(server, tmp_path)) == "SELECT 1"
        again = LLMClient(server.options(), heard.append, AnswerStore(tmp_path))
        assert ask(again) == "SELECT 1"
    logger.remove(sink)
    assert len(server.requests) == 1
    assert again.usage.llm_calls == again.usage.prompt_tokens == 0
    assert heard == ["SELECT 1"]
    assert sum("from the cache" in line for line in said) == 1


def test_a_kept_answer_does_not_need_langchain(tmp_path: Path) -> None:
    with ScriptedModel(["SELECT 1"]) as server:
        ask(client(server, tmp_path))
        again = client(server, tmp_path)
        ask(again)
    assert again._chat._model is None


def test_a_conversation_goes_on_as_if_it_had_been_asked(tmp_path: Path) -> None:
    """The tokens are those of the first time, so that limits and later prompts are the same, too."""
    estimates = []
    with ScriptedModel([OSLO, "fine"]) as server:
        for _ in range(2):
            conversation = client(server, tmp_path).conversation("schema " * 50)
            assert conversation.ask_json("which?", City).name == "Oslo"
            assert conversation.ask_text("sure?") == "fine"
            estimates.append(conversation.estimate("next"))
    assert estimates[0] == estimates[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "scripted-coder-7B"},
        {"seed": 1},
        {"known_as": "another server"},
        {"max_tokens": 400},
    ],
    ids=str,
)
def test_another_setting_is_another_question(tmp_path: Path, changes: dict[str, Any]) -> None:
    with ScriptedModel(["first", "second"]) as server:
        assert ask(client(server, tmp_path)) == "first"
        assert ask(client(server, tmp_path, **changes)) == "second"


@pytest.mark.parametrize(
    "how", [{"stop": ["x"]}, {"max_tokens": 60}, {"question": "two?"}, {"temperature": 0.8}], ids=str
)
def test_another_call_is_another_question(tmp_path: Path, how: dict[str, Any]) -> None:
    with ScriptedModel(["first", "second"]) as server:
        assert ask(client(server, tmp_path)) == "first"
        assert ask(client(server, tmp_path), **how) == "second"


def test_a_json_answer_is_another_question_than_words(tmp_path: Path) -> None:
    with ScriptedModel([OSLO, OSLO]) as server:
        asked = client(server, tmp_path)
        asked.conversation("s").ask_json("which?", City)
        assert asked.conversation("s").ask_text("which?") == OSLO
    assert asked.usage.llm_calls == 2


def test_the_name_in_the_key_is_the_one_of_the_server(tmp_path: Path) -> None:
    with ScriptedModel(["first"], model="Coder-7B") as server:
        for spelling in ("coder-7b", "Coder-7B"):
            asked = client(server, tmp_path, model=spelling)
            asked.check()
            assert ask(asked) == "first"


def test_above_temperature_zero_nothing_is_kept(tmp_path: Path) -> None:
    with ScriptedModel(["first", "second"]) as server:
        for answer in ("first", "second"):
            assert ask(client(server, tmp_path, temperature=0.3)) == answer
    assert not (tmp_path / FILE_NAME).exists()


def test_a_call_with_a_temperature_of_its_own_is_kept_under_it(tmp_path: Path) -> None:
    """Its seed is the same every time, so it is as good as any."""
    with ScriptedModel(["likeliest", "warm", "warmer"]) as server:
        for _ in range(2):
            assert ask(client(server, tmp_path)) == "likeliest"
            assert ask(client(server, tmp_path), temperature=0.8) == "warm"
            assert ask(client(server, tmp_path), temperature=0.9) == "warmer"
            assert ask(client(server, tmp_path), temperature=0.0) == "likeliest"


def test_an_answer_that_was_cut_is_not_kept(tmp_path: Path) -> None:
    with ScriptedModel([cut("first"), "second"]) as server:
        assert ask(client(server, tmp_path), cut_ok=True) == "first"
        assert ask(client(server, tmp_path)) == "second"


def test_an_empty_answer_is_not_kept(tmp_path: Path) -> None:
    with ScriptedModel(["", "second"]) as server:
        with pytest.raises(ModelError):
            ask(client(server, tmp_path))
        assert ask(client(server, tmp_path)) == "second"


def test_the_answer_of_another_model_is_not_kept(tmp_path: Path) -> None:
    with ScriptedModel([Answers("first", model="other-3b"), "second"]) as server:
        with pytest.raises(ModelError, match=r"other-3b answered"):
            ask(client(server, tmp_path))
        assert ask(client(server, tmp_path)) == "second"


def test_an_answer_that_could_not_be_used_is_not_kept(tmp_path: Path) -> None:
    with ScriptedModel(["{}", OSLO, OSLO]) as server:
        client(server, tmp_path).conversation("s").ask_json("which?", City)
        assert client(server, tmp_path).conversation("s").ask_json("which?", City).name == "Oslo"
    assert server.requests[2].messages == server.requests[0].messages


def test_asking_anew_replaces_what_is_kept(tmp_path: Path) -> None:
    with ScriptedModel(["first", "second"]) as server:
        assert ask(client(server, tmp_path)) == "first"
        assert ask(client(server, tmp_path, reads=False)) == "second"
        assert ask(client(server, tmp_path)) == "second"


@pytest.mark.parametrize("content", ["", "[]", "null", '{"text": "x"}', "{"])
def test_content_that_is_no_answer_is_asked_anew(tmp_path: Path, content: str) -> None:
    answers = AnswerStore(tmp_path)
    answers.update("p", "s", Reply("text", "stop"))
    assert answers.lookup("p", "s") is not None
    store = answers._store
    assert isinstance(store, LocalStore)
    from meta_agent.local_store import key_of

    store.keep(key_of("p", "s"), content)
    assert answers.lookup("p", "s") is None


def test_a_chain_of_langchains_own_uses_it_too(tmp_path: Path) -> None:
    with ScriptedModel(["first", "second"]) as server:
        texts = [
            ChatModel(server.options(), AnswerStore(tmp_path)).ready().invoke("hello").content
            for _ in range(2)
        ]
        warm = ChatModel(server.options(temperature=0.5), AnswerStore(tmp_path)).ready().invoke("hello")
    assert texts == ["first", "first"]
    assert warm.content == "second"


def test_an_answer_with_a_password_in_it_is_not_kept(tmp_path: Path) -> None:
    answers = AnswerStore(tmp_path, secrets=("hunter-2222",))
    answers.update("p", "s", Reply("the password is hunter-2222", "stop"))
    assert answers.lookup("p", "s") is None


def test_clear_forgets(tmp_path: Path) -> None:
    from meta_agent.llm.langchain_cache import LangChainCache

    answers = AnswerStore(tmp_path)
    answers.update("p", "s", Reply("text", "stop"))
    assert LangChainCache(answers).lookup("p", "s") is not None
    LangChainCache(answers).clear()
    assert answers.lookup("p", "s") is None
