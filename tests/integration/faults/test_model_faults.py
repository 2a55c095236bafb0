"""The model server is away, is another one, fails, or answers what is no answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fault_support import Fault, Place, another_model, given, model_says
from pipeline_support import REQUEST, analysis, function, query
from scripted_model import Answers, Drops, Endless, Fails, SlowHeaders, Stalls, WebPage, cut, unused_url

from meta_agent.errors import ExitCode
from meta_agent.pipeline import VALIDATION_ROUNDS

pytestmark = [pytest.mark.docker, pytest.mark.database]

TRIES = 4
"""Of one call, where trying again may help."""
DRAFTS, REPAIRS = 2, 2
"""Of a query; told what is wrong, a model that says the same again is not asked a second time."""
REFUSED = function("def compute():\n    return [{'x': eval('1 + 1')}]")
NO_DATA = analysis(task_type="calculation")
REQUESTED = (REQUEST,)
ARITHMETIC = ("What is 17 * 23?",)
IMPATIENT = {"LLM_IDLE_TIMEOUT": "1"}
MODEL, NO_ANSWER = ExitCode.MODEL, ExitCode.NO_ANSWER

FAULTS = [
    Fault("down", MODEL, "No model server is reachable at", "Start", given(LLM_BASE_URL=unused_url())),
    Fault(
        "unknown host",
        MODEL,
        "the host is unknown",
        "LLM_BASE_URL",
        given(LLM_BASE_URL="http://no-such-host.invalid:1234/v1"),
    ),
    Fault(
        "no model server",
        MODEL,
        "is not an OpenAI-compatible server",
        "Set LLM_BASE_URL",
        another_model(home_page="<html>Welcome to the router</html>"),
    ),
    Fault(
        "another model is loaded",
        MODEL,
        "is not loaded at",
        "Load it in the model server, or set LLM_MODEL_NAME",
        another_model(kind="LM Studio", loaded="other-model-3b"),
    ),
    Fault("not served", MODEL, "is not served", "LLM_MODEL_NAME", given(LLM_MODEL_NAME="gpt-9")),
    Fault("a short context", MODEL, "context of 4096", "LLM_MAX_TOKENS", another_model(context_length=4096)),
    Fault("wrong key", MODEL, "refused the API key", "Set LLM_API_KEY", model_says(Fails(401))),
    *(
        Fault(f"always {status}", MODEL, f"status {status}", "log", model_says(*[Fails(status)] * TRIES))
        for status in (500, 503, 429)
    ),
    Fault("always a page", MODEL, "no chat stream", "LLM_BASE_URL", model_says(*[WebPage()] * TRIES)),
    Fault("always dropped", MODEL, "was dropped", "still running", model_says(*[Drops("SEL")] * TRIES)),
    Fault("empty", MODEL, "empty answer", "chat template", model_says(Answers(""))),
    Fault(
        "always cut",
        NO_ANSWER,
        "The answer was too long and was cut",
        "smaller steps",
        model_says(*[cut("```sql\nSELECT name")] * (DRAFTS + REPAIRS)),
    ),
    Fault(
        "endless",
        NO_ANSWER,
        "The answer was too long and was cut",
        "smaller steps",
        model_says(*[Endless()] * (DRAFTS + REPAIRS)),
    ),
    Fault("never begins", MODEL, "sent nothing for", "stuck", model_says(SlowHeaders(), **IMPATIENT)),
    Fault("stalls", MODEL, "sent nothing for 1 s", "stuck", model_says(Stalls("SEL"), **IMPATIENT)),
    Fault("no query", NO_ANSWER, "no SQL in", "smaller steps", model_says(*["I cannot."] * (DRAFTS + 1))),
    Fault(
        "always refused code",
        ExitCode.REFUSED,
        f"refused {VALIDATION_ROUNDS} scripts in a row",
        "Ask in another way",
        model_says(NO_DATA, *[REFUSED] * VALIDATION_ROUNDS),
        ARITHMETIC,
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_and_the_next_run_works(fault: Fault, meet: Callable[[Fault], None]) -> None:
    meet(fault)


def test_trouble_that_passes_is_no_fault(place: Place) -> None:
    """Every call fails twice, each in its own way."""
    troubles = [Fails(500), Fails(503), Fails(429), Drops("SEL")]
    for run, arguments in enumerate([(), ("--no-cache",)]):
        first, second = troubles[2 * run :][:2]
        place.model.say(first, first, query(), second, second, query())
        told = place.run(*REQUESTED, *arguments)
        assert told.code == 0, told.err
        assert told.answer["tables"] and told.answer["usage"]["llm_calls"] == 3
