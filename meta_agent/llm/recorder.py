"""Conversations that ask nobody: what would be sent is kept, to be shown.

The stages build their prompts as always; a question for which no answer is given beforehand ends
them with ``NotAsked``.
"""

from __future__ import annotations

from collections.abc import Iterable

from meta_agent.llm.calls import ChatCalls
from meta_agent.llm.chat import ChatModel, ChatRequest, Turn
from meta_agent.llm.conversation import Conversation
from meta_agent.llm.options import ModelOptions
from meta_agent.llm.stream import Reply
from meta_agent.llm.usage import UsageCounter


class NotAsked(Exception):
    """Raised in place of an answer."""


class Recorder:
    """Takes the place of a model; needs no server."""

    def __init__(self, options: ModelOptions, answers: Iterable[str] = ()) -> None:
        """``answers``: to the first questions, so that a stage goes on to its next."""
        self.asked: list[tuple[Turn, ...]] = []
        """What would have been sent, in order."""
        self._options = options
        self._calls = _Calls(options, self.asked, list(answers))

    def conversation(self, system: str) -> Conversation:
        """A new conversation that begins with ``system``."""
        return Conversation(self._calls, system, self._options.max_tokens)


class _Calls(ChatCalls):
    def __init__(self, options: ModelOptions, asked: list[tuple[Turn, ...]], answers: list[str]) -> None:
        super().__init__(options, ChatModel(options), UsageCounter())
        self._asked = asked
        self._given = answers

    def complete(self, request: ChatRequest, prompt_tokens: int) -> Reply:
        """Keep the question. Raises NotAsked where there is no answer to it."""
        self._asked.append(tuple(request.turns))
        if not self._given:
            raise NotAsked(f"a prompt of about {prompt_tokens} tokens")
        reply = Reply()
        reply.text = self._given.pop(0)
        return reply
