"""The model client: a strict check, conversations, and what they cost.

Everything it is made of lies in ``meta_agent/llm``. Answers come from one local model
through LangChain's ``ChatOpenAI``; there is no fallback to another.
"""

from __future__ import annotations

from collections.abc import Callable

from meta_agent.contracts import LlmUsage
from meta_agent.llm.calls import ChatCalls
from meta_agent.llm.chat import ChatModel
from meta_agent.llm.conversation import Conversation
from meta_agent.llm.health import ModelStatus, check_model
from meta_agent.llm.options import ModelOptions
from meta_agent.llm.usage import UsageCounter

__all__ = ["Conversation", "LLMClient", "ModelOptions"]


class LLMClient:
    """One model on one server, for one run."""

    def __init__(self, options: ModelOptions, on_token: Callable[[str], None] | None = None) -> None:
        """``on_token`` hears every piece of every answer as it arrives, in the caller's thread."""
        self._options = options
        self._counter = UsageCounter()
        self._chat = ChatModel(options)
        self._calls = ChatCalls(options, self._chat, self._counter, on_token)
        self._status: ModelStatus | None = None

    def warm_up(self) -> None:
        """Start importing LangChain in the background (about two seconds); returns at once."""
        self._chat.preload()

    def check(self, test_tokens: int = 4) -> ModelStatus:
        """Server, model, loaded context and a test message of ``test_tokens``, within 10 seconds.

        From then on calls use the name and the context length found here. Raises ModelError,
        ModelTimeout.
        """
        status, usage = check_model(self._options, test_tokens)
        self._counter.add(usage)
        self._calls.model, self._calls.context_length = status.model, status.context_length
        self._status = status
        return status

    def conversation(self, system: str) -> Conversation:
        """A new conversation that begins with ``system``, best with all that never changes in it."""
        return Conversation(self._calls, system, self._options.max_tokens)

    @property
    def model(self) -> str:
        """The model's name: the server's spelling once it was checked."""
        return self._calls.model

    @property
    def context_length(self) -> int:
        """Tokens of prompt and answer together: as loaded once it was checked, else as configured."""
        return self._calls.context_length

    @property
    def usage(self) -> LlmUsage:
        """All calls so far, the test message included."""
        return self._counter.total

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about the figures, one sentence each."""
        found = self._status.warnings if self._status else ()
        if self._counter.is_estimated:
            return (*found, "The model server reports no token usage: the figures are estimates.")
        return found
