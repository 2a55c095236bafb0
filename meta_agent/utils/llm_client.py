"""The model client: a strict check, conversations, and what they cost.

Everything it is made of lies in ``meta_agent/llm``. Answers come from one local model
through LangChain's ``ChatOpenAI``; there is no fallback to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from meta_agent.contracts import LlmUsage
from meta_agent.llm.answer_store import AnswerStore
from meta_agent.llm.calls import ChatCalls
from meta_agent.llm.chat import ChatModel
from meta_agent.llm.conversation import Conversation
from meta_agent.llm.health import ModelStatus, check_model
from meta_agent.llm.options import ModelOptions
from meta_agent.llm.usage import UsageCounter

__all__ = ["Conversation", "LLMClient", "ModelOptions"]


class LLMClient:
    """One model on one server, for one run."""

    def __init__(
        self,
        options: ModelOptions,
        on_token: Callable[[str], None] | None = None,
        answers: AnswerStore | None = None,
        start_server: Callable[[], str] | None = None,
    ) -> None:
        """``on_token`` hears every piece of every answer as it arrives, in the caller's thread.

        ``answers``: complete ones from earlier runs; without it every question is asked.
        ``start_server``: gives the base URL of a server of ours, which is started when it is first
        needed; the one in ``options`` is not used then.
        """
        self._options = options
        self._counter = UsageCounter()
        self._on_token = on_token
        self._answers = answers
        self._start_server = start_server
        self._status: ModelStatus | None = None
        self._secrets: tuple[str, ...] = ()
        self._connect()

    def _connect(self) -> None:
        self._chat = ChatModel(self._options)
        self._calls = ChatCalls(self._options, self._chat, self._counter, self._on_token, self._answers)
        self._calls.secrets = self._secrets

    def _ensure_server(self) -> None:
        if self._start_server is not None:
            self._options = replace(self._options, base_url=self._start_server())
            self._start_server = None
            self._connect()

    def hide(self, secrets: Iterable[str]) -> None:
        """From now on send **** in the place of each of these texts, in whatever spelling it comes."""
        self._secrets = self._calls.secrets = tuple(secrets)

    @property
    def options(self) -> ModelOptions:
        """Where the model is and within which limits it is asked."""
        return self._options

    def warm_up(self) -> None:
        """Start a server of ours where it does not run, and the import of LangChain in the background.

        Returns as soon as the server is there. Raises ModelError where it does not come up.
        """
        self._ensure_server()
        self._chat.preload()

    def check(self, test_tokens: int = 4) -> ModelStatus:
        """Server, model, loaded context and a test message of ``test_tokens``, within 10 seconds.

        From then on calls use the name and the context length found here. Raises ModelError,
        ModelTimeout.
        """
        self._ensure_server()
        status, usage = check_model(self._options, test_tokens)
        self._counter.add(usage)
        self._calls.model, self._calls.context_length = status.model, status.context_length
        self._status = status
        return status

    def conversation(self, system: str) -> Conversation:
        """A new conversation that begins with ``system``, best with all that never changes in it."""
        return Conversation(self._calls, system, self._options.max_tokens)

    @contextmanager
    def forgetting(self, *errors: type[Exception]) -> Iterator[None]:
        """Keep no answer to what is asked in this block if it ends with one of these errors.

        They led nowhere: kept, they would lead there every time.
        """
        before = self._calls.asked
        try:
            yield
        except errors:
            self._calls.forget_since(before)
            raise

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
