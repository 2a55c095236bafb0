"""The strict check before any work: server, model, loaded context, a test message.

Listing models is not enough: a server may answer with another model, or with a context
of 4096 where 32768 was assumed. It fails within seconds and falls back on nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from meta_agent.errors import ModelError
from meta_agent.llm.background import Background
from meta_agent.llm.names import same_model
from meta_agent.llm.options import ModelOptions
from meta_agent.llm.rest import Answer, RestClient, too_slow
from meta_agent.llm.server import LoadedModel, ServerKind, find_loaded, not_compatible, until_loaded
from meta_agent.llm.tokens import TURN_OVERHEAD, estimate_tokens
from meta_agent.llm.usage import CallUsage
from meta_agent.llm.wording import said

TEST_TOKENS = 4
SMALLEST_PROMPT = 2000
"""Tokens a prompt with a small schema needs beside the answer."""

_TEST_MESSAGE = Path(__file__).parent.parent / "prompts" / "test_message.md"


@dataclass(frozen=True)
class ModelStatus:
    """The model as it was found, ready to be asked."""

    base_url: str
    model: str
    """The name as the server spells it."""
    server: ServerKind
    context_length: int
    """As loaded; the setting where the server does not tell (``context_is_assumed``)."""
    context_is_assumed: bool
    tokens_per_second: float | None
    """Of the test message; None where it was too short to tell."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Test:
    model: str | None
    usage: CallUsage
    tokens_per_second: float | None


def check_model(options: ModelOptions, test_tokens: int = TEST_TOKENS) -> tuple[ModelStatus, CallUsage]:
    """The model's status and what the test message cost.

    Takes at most ``options.check_timeout`` seconds and one more. Raises ModelError, ModelTimeout.
    """
    work = Background(lambda: _check(options, test_tokens))
    try:
        return work.result(options.check_timeout + 1.0)
    except TimeoutError as error:  # a name server that does not answer, headers that drip
        raise too_slow(options) from error


def _check(options: ModelOptions, test_tokens: int) -> tuple[ModelStatus, CallUsage]:
    with RestClient(options, options.check_timeout) as rest:
        loaded = find_loaded(rest, options)
        length = loaded.context_length or options.context_length
        _check_context(options, loaded.name, length)
        test = _send_test_message(rest, options, loaded, test_tokens)
    if test.model and not same_model(loaded.name, test.model):
        raise ModelError(
            f"{loaded.name} was asked, but {test.model} answered.",
            "Load the wanted model in the server, or set LLM_MODEL_NAME to the one that is loaded.",
        )
    status = ModelStatus(
        base_url=options.api_url,
        model=loaded.name,
        server=loaded.server,
        context_length=length,
        context_is_assumed=loaded.context_length is None,
        tokens_per_second=test.tokens_per_second,
        warnings=_context_warnings(options, loaded),
    )
    return status, test.usage


def _check_context(options: ModelOptions, model: str, length: int) -> None:
    needed = options.max_tokens + SMALLEST_PROMPT
    if length < needed:
        raise ModelError(
            f"{model} is loaded with a context of {length} tokens, but a prompt of {SMALLEST_PROMPT}"
            f" and an answer of {options.max_tokens} need {needed}.",
            "Load the model with a longer context length, or lower LLM_MAX_TOKENS.",
        )


def _context_warnings(options: ModelOptions, loaded: LoadedModel) -> tuple[str, ...]:
    if loaded.context_length is None:
        return (
            "The model server does not tell the loaded context length:"
            f" {options.context_length} tokens are assumed (LLM_CONTEXT_LENGTH).",
        )
    return ()


def _send_test_message(
    rest: RestClient, options: ModelOptions, loaded: LoadedModel, test_tokens: int
) -> _Test:
    message = _TEST_MESSAGE.read_text(encoding="utf-8").strip()
    payload = {
        "model": loaded.name,
        "messages": [{"role": "user", "content": message}],
        "max_tokens": test_tokens,
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    url = f"{options.api_url}/chat/completions"
    reader = _TestReader(options)

    def ask() -> Answer:
        for event in rest.post_stream(url, payload):
            reader.read(event)
        return reader.last

    started = time.monotonic()
    until_loaded(rest, options, ask)
    test = reader.result(estimate_tokens(message) + TURN_OVERHEAD)
    logger.debug(
        "model call: test message, {} prompt + {} tokens in {:.2f} s",
        test.usage.prompt_tokens,
        test.usage.completion_tokens,
        time.monotonic() - started,
    )
    return test


class _TestReader:
    """Reads the events of the test message: whose words, how many tokens, how fast."""

    def __init__(self, options: ModelOptions) -> None:
        self._options = options
        self.last = Answer(200, None)
        self._model: str | None = None
        self._times: list[float] = []
        self._usage: CallUsage | None = None
        self._finished = False

    def read(self, event: Answer) -> None:
        self.last = event
        body = event.body if isinstance(event.body, dict) else {}
        if event.status == 503:
            return
        if event.status != 200 or body.get("error"):
            raise self._rejected(event.status, body)
        self._model = body["model"] if isinstance(body.get("model"), str) else self._model
        self._usage = _usage(body) or self._usage
        choice = _first_choice(body)
        self._finished = self._finished or bool(choice.get("finish_reason"))
        delta = choice.get("delta")
        if isinstance(delta, dict) and (delta.get("content") or delta.get("reasoning_content")):
            self._times.append(time.monotonic())

    def result(self, prompt_estimate: int) -> _Test:
        if not self._finished:
            raise not_compatible(self._options, "its answer to a test message is no chat stream")
        if not self._times:
            raise ModelError(
                f"The model server at {self._options.api_url} answered a test message with nothing.",
                "Load the model again in the server: an empty answer is often a broken chat template.",
            )
        seconds = self._times[-1] - self._times[0]
        speed = (len(self._times) - 1) / seconds if seconds > 0 else None
        usage = self._usage or CallUsage(prompt_estimate, 0, len(self._times), estimated=True)
        return _Test(self._model, usage, speed)

    def _rejected(self, status: int, body: dict[str, object]) -> ModelError:
        error = body.get("error")
        detail = said(error.get("message") if isinstance(error, dict) else error)
        return ModelError(
            f"The model server at {self._options.api_url} rejected a test message (status {status}){detail}.",
            "Check LLM_MODEL_NAME and LLM_API_KEY, and look at the model server's own log.",
        )


def _first_choice(body: dict[str, object]) -> dict[str, object]:
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _usage(body: dict[str, object]) -> CallUsage | None:
    usage = body.get("usage")
    if not isinstance(usage, dict) or not isinstance(usage.get("prompt_tokens"), int):
        return None
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    completion = usage.get("completion_tokens")
    return CallUsage(usage["prompt_tokens"], cached or 0, completion if isinstance(completion, int) else 0)
