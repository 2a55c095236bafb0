"""The prompts of a request without a database, and how a preview is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted_model import unused_url

from meta_agent.contracts import UserRequest
from meta_agent.display.prompts import preview_as_json, preview_as_text
from meta_agent.executors.container_executor import SandboxOptions
from meta_agent.llm.options import ModelOptions
from meta_agent.llm.recorder import NotAsked, Recorder
from meta_agent.pipeline import PipelineOptions
from meta_agent.prompt_preview import Prompt, PromptPreview, PromptPreviewer

MODEL = ModelOptions(base_url=unused_url(), model="none", api_key="none")


@pytest.fixture
def previewer(tmp_path: Path) -> PromptPreviewer:
    return PromptPreviewer(PipelineOptions(tmp_path, tmp_path, SandboxOptions()), MODEL, None)


def request(text: str) -> UserRequest:
    return UserRequest(text=text, source="argument")


def test_arithmetic_asks_for_a_function(previewer: PromptPreviewer) -> None:
    preview = previewer.of_request(request("What is 17 times 23?"))
    assert [prompt.stage for prompt in preview.prompts] == ["analysis", "function"]
    assert all("What is 17 times 23?" in prompt.user for prompt in preview.prompts)
    assert all("careful data analyst" in prompt.system for prompt in preview.prompts)


def test_a_what_if_asks_for_a_plan(previewer: PromptPreviewer) -> None:
    preview = previewer.of_request(request("What if 500 of rent fell by 10 %?"))
    assert [prompt.stage for prompt in preview.prompts] == ["analysis", "plan", "function"]


def test_without_a_database_there_is_no_schema(previewer: PromptPreviewer) -> None:
    assert previewer.schema() == PromptPreview(database_schema=None)
    assert preview_as_text(previewer.schema()) == ""


def test_a_preview_as_text_and_as_json() -> None:
    prompt = Prompt(stage="query", system="one\n", user="two")
    preview = PromptPreview(database_schema=None, prompts=(prompt,), warnings=("w",))
    assert preview_as_text(preview) == "=== query: system ===\none\n\n=== query: user ===\ntwo\n"
    assert preview_as_text(PromptPreview(database_schema="CREATE")) == "CREATE\n"
    assert preview_as_json(preview) == {
        "schema": None,
        "prompts": [{"stage": "query", "system": "one\n", "user": "two"}],
        "warnings": ["w"],
    }


def test_a_recorder_gives_the_answers_it_has_and_then_none() -> None:
    recorder = Recorder(MODEL, ["first"])
    conversation = recorder.conversation("system")
    assert conversation.ask_text("a", cut_ok=True) == "first"
    with pytest.raises(NotAsked):
        conversation.ask_text("b")
    assert [turn.text for turn in recorder.asked[1]] == ["system", "a", "first", "b"]
