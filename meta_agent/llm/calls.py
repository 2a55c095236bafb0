"""A chat call that keeps its limits: context, time, length, retries, and the reply's model.

Between the conversation, which knows what to ask, and ``chat.py``, which knows how.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence

from loguru import logger

from meta_agent.errors import ModelError
from meta_agent.llm.answer_store import AnswerStore
from meta_agent.llm.chat import ChatModel, ChatRequest, Turn
from meta_agent.llm.names import same_model
from meta_agent.llm.options import ModelOptions
from meta_agent.llm.retry import TransientFailure, call_with_retries
from meta_agent.llm.stream import Limits, Piece, Reply, collect
from meta_agent.llm.tokens import TURN_OVERHEAD, estimate_tokens
from meta_agent.llm.usage import CallUsage, UsageCounter

SLOWEST_READING = 20.0
"""Prompt tokens a second that a slow machine still reads: a third of two idle cores' with the 1.5B."""


class ChatCalls:
    """Calls to one model, counted together."""

    def __init__(
        self,
        options: ModelOptions,
        chat: ChatModel,
        counter: UsageCounter,
        on_token: Callable[[str], None] | None = None,
        answers: AnswerStore | None = None,
    ) -> None:
        """``answers``: where complete ones are looked up and kept, if the settings ask for temperature 0.

        A call that names another temperature is no exception: its seed is always the same.
        """
        self._options = options
        self._chat = chat
        self._counter = counter
        self._on_token = on_token
        self._answers = answers if options.is_deterministic else None
        self.model = options.model
        """The name as the server spells it, once the health check has found it."""
        self.context_length = options.context_length
        """Tokens of prompt and answer together, as loaded once the health check has asked."""
        self.secrets: tuple[str, ...] = ()
        """Texts that must not be sent."""
        self._questions: list[tuple[str, str]] = []
        """What was asked so far, as the store knows it."""

    def complete(self, request: ChatRequest, prompt_tokens: int) -> Reply:
        """The model's reply, complete or cut at ``max_tokens``; ``prompt_tokens`` is an estimate.

        One that is kept from an earlier call counts as no call. Raises ModelError, ModelTimeout.
        """
        self._check_room(prompt_tokens, request.max_tokens)
        if self._answers is None:
            return self._ask(request, prompt_tokens)
        question = self._question(request)
        self._questions.append(question)
        kept = self._answers.lookup(*question)
        if kept is not None:
            logger.debug("model answer of {} tokens from the cache", kept.pieces)
            if self._on_token is not None:
                self._on_token(kept.text)
            return kept
        reply = self._ask(request, prompt_tokens)
        self._answers.update(*question, reply)
        return reply

    def forget(self, request: ChatRequest) -> None:
        """Keep no answer to this: the one there was could not be used, and would be in the way for ever."""
        if self._answers is not None:
            self._answers.forget(*self._question(request))

    @property
    def asked(self) -> int:
        """How many questions there were so far whose answers may be kept."""
        return len(self._questions)

    def forget_since(self, asked: int) -> None:
        """Keep no answer to the questions after the first ``asked`` of them."""
        for question in self._questions[asked:]:
            if self._answers is not None:
                self._answers.forget(*question)

    def _question(self, request: ChatRequest) -> tuple[str, str]:
        """The turns, and all else that an answer depends on."""
        options = self._options
        setting = json.dumps(
            {
                "model": self.model,
                "server": options.server_identity,
                "max_tokens": request.max_tokens,
                "stop": request.stop,
                "response_format": request.response_format,
                "temperature": options.temperature if request.temperature is None else request.temperature,
                "seed": options.seed,
            },
            sort_keys=True,
        )
        return json.dumps(request.turns), setting

    def _ask(self, request: ChatRequest, prompt_tokens: int) -> Reply:
        self._chat.ready()  # what is still being imported is no time of the model's
        started = time.monotonic()
        deadline = started + self._options.call_timeout
        reply = call_with_retries(
            lambda: self._try_once(request, prompt_tokens, deadline),
            attempts=self._options.attempts,
            first_wait=self._options.retry_wait,
            seconds=self._options.call_timeout,
        )
        usage = reply.usage or _estimate(request, reply)
        reply.usage = usage
        self._counter.add(usage)
        logger.debug(
            "model call: {} prompt ({} cached) + {} tokens in {:.2f} s",
            usage.prompt_tokens,
            usage.cached_tokens,
            usage.completion_tokens,
            time.monotonic() - started,
        )
        self._check_model(reply)
        return reply

    def _try_once(self, request: ChatRequest, prompt_tokens: int, deadline: float) -> Reply:
        options = self._options
        first_token = options.idle_timeout + prompt_tokens / SLOWEST_READING
        limits = Limits(first_token, options.idle_timeout, deadline, request.max_tokens)
        # One second more than we wait ourselves: the thread that reads must not outlive us by much.
        patience = min(limits.first_token, max(deadline - time.monotonic(), 0.0)) + 1.0
        try:
            reply = collect(self._source(request, patience), limits, self._on_token)
            if reply.finish_reason is None and not reply.overran:
                raise TransientFailure(
                    f"The model server at {options.api_url} stopped in the middle of its answer.",
                    "Check that the model server is still running and has memory left.",
                )
        except TransientFailure as failure:
            logger.debug("model call failed: {}", failure.cause)
            raise
        return reply

    def _source(self, request: ChatRequest, patience: float) -> Callable[[], Iterator[Piece]]:
        return lambda: self._chat.stream(self.model, request, patience)

    def _check_room(self, prompt_tokens: int, max_tokens: int) -> None:
        if prompt_tokens + max_tokens > self.context_length:
            raise ModelError(
                f"The prompt of about {prompt_tokens} tokens and an answer of up to {max_tokens} do not fit"
                f" into the model's context of {self.context_length} tokens.",
                "Load the model with a longer context, lower LLM_MAX_TOKENS, or ask about fewer tables.",
            )

    def _check_model(self, reply: Reply) -> None:
        if reply.model and not same_model(self.model, reply.model):
            raise ModelError(
                f"{self.model} was asked, but {reply.model} answered.",
                "Load the wanted model in the server, or set LLM_MODEL_NAME to the one that is loaded.",
            )


def _estimate(request: ChatRequest, reply: Reply) -> CallUsage:
    prompt = estimate_turns(request.turns)
    return CallUsage(prompt, 0, max(reply.pieces, 1), estimated=True)


def estimate_turns(turns: Sequence[Turn]) -> int:
    """Tokens of the turns with what the chat template adds, guessed high."""
    return sum(estimate_tokens(turn.text) + TURN_OVERHEAD for turn in turns)
