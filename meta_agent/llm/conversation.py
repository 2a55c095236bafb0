"""A conversation that only grows.

The system text (with the schema) comes first and never changes, every later turn is
appended: the server has then read all but the last turn already and takes it from its
prefix cache. A question that fails leaves no trace, so the conversation stays usable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel

from meta_agent.errors import AnswerCut, ModelError
from meta_agent.llm.answers import Unusable, correction, echo, read_answer
from meta_agent.llm.calls import ChatCalls, estimate_turns
from meta_agent.llm.chat import ChatRequest, Turn
from meta_agent.llm.schema import response_format
from meta_agent.llm.stream import Reply
from meta_agent.runs.secrets import mask

AnswerT = TypeVar("AnswerT", bound=BaseModel)


class Conversation:
    """Turns with one model; made by ``LLMClient.conversation``."""

    def __init__(self, calls: ChatCalls, system: str, max_tokens: int) -> None:
        self._calls = calls
        self._max_tokens = max_tokens
        self._turns: list[Turn] = [Turn("system", system)]
        self._counted_turns = 0
        self._counted_tokens = 0

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What has been said so far, the system text first."""
        return tuple(self._turns)

    def fork(self) -> Conversation:
        """A conversation with the same past, whose future leaves this one as it is."""
        branch = Conversation(self._calls, self._turns[0].text, self._max_tokens)
        branch._turns = list(self._turns)
        branch._counted_turns, branch._counted_tokens = self._counted_turns, self._counted_tokens
        return branch

    def estimate(self, prompt: str = "") -> int:
        """Prompt tokens if ``prompt`` were asked now: reported ones for old turns, guessed for new."""
        asked = [*self._turns, Turn("user", prompt)] if prompt else self._turns
        return self._prompt_tokens(asked)

    def room(self, prompt: str) -> int:
        """Tokens left in the loaded context for an answer to ``prompt``; negative when it does not fit."""
        return self._calls.context_length - self.estimate(prompt)

    def ask_text(
        self,
        prompt: str,
        *,
        max_tokens: int | None = None,
        stop: Sequence[str] = (),
        cut_ok: bool = False,
        temperature: float | None = None,
    ) -> str:
        """The model's answer in words. ``stop``: texts before which the answer ends.

        ``temperature``: for an answer other than the likeliest; None takes that of the settings.

        Raises ModelError, also for an empty answer, and AnswerCut, unless ``cut_ok``, for one that
        was cut at ``max_tokens``.
        """
        turns = [*self._turns, Turn("user", prompt)]
        reply = self._complete(self._request(turns, max_tokens, stop=tuple(stop), temperature=temperature))
        if not reply.text.strip():
            raise ModelError(
                "The model gave an empty answer.",
                "Ask in other words, or load the model again: its chat template may be broken.",
            )
        if reply.is_cut and not cut_ok:
            raise AnswerCut(
                f"The model's answer was cut at {max_tokens or self._max_tokens} tokens.",
                "Ask for less at once, or raise LLM_MAX_TOKENS.",
            )
        self._append(turns, reply, counted=True)
        return reply.text

    def ask_json(
        self, prompt: str, answer_type: type[AnswerT], *, max_tokens: int | None = None, attempts: int = 3
    ) -> AnswerT:
        """The model's answer as ``answer_type``.

        What is wrong with an answer is told to the model, which may answer again, ``attempts``
        times in all. Only the good answer stays in the conversation: bad ones would cost tokens in
        every later call and serve as bad examples. Raises ModelError.
        """
        wanted = response_format(answer_type)
        first = [*self._turns, Turn("user", prompt)]
        turns, problem = first, Unusable("")
        for _ in range(attempts):
            request = self._request(turns, max_tokens, wanted)
            reply = self._complete(request)
            answer = read_answer(reply, answer_type)
            if not isinstance(answer, Unusable):
                self._append(first, reply, counted=turns is first)
                return answer
            problem = answer
            self._calls.forget(request)
            turns = [*turns, Turn("assistant", echo(reply.text)), Turn("user", correction(problem))]
        raise ModelError(
            f"The model gave no usable {answer_type.__name__} in {attempts} tries: {problem.problem}",
            "Ask in other words, raise LLM_MAX_TOKENS if answers are cut, or use a larger model.",
        )

    def _request(
        self,
        turns: list[Turn],
        max_tokens: int | None,
        wanted: dict[str, object] | None = None,
        stop: tuple[str, ...] = (),
        temperature: float | None = None,
    ) -> ChatRequest:
        sent = tuple(Turn(role, mask(text, self._calls.secrets)) for role, text in turns)
        return ChatRequest(sent, max_tokens or self._max_tokens, wanted, stop, temperature)

    def _complete(self, request: ChatRequest) -> Reply:
        return self._calls.complete(request, self._prompt_tokens(request.turns))

    def _prompt_tokens(self, turns: Sequence[Turn]) -> int:
        return self._counted_tokens + estimate_turns(turns[self._counted_turns :])

    def _append(self, asked: list[Turn], reply: Reply, *, counted: bool) -> None:
        self._turns = [*asked, Turn("assistant", reply.text)]
        if counted and reply.usage is not None and not reply.usage.estimated:
            self._counted_turns = len(self._turns)
            self._counted_tokens = reply.usage.prompt_tokens + reply.usage.completion_tokens
