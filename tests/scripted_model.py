"""A fake model server: real HTTP, OpenAI's protocol, and answers written down beforehand.

    with ScriptedModel(["first answer", Fails(500), json_text, lambda request: ...]) as server:
        client = LLMClient(server.options())
        ...
        assert server.requests[0].last_user == "..."

An entry of the script is a text (the answer), one of the behaviours below, or a function of the
request that returns either. Entries are used in order, one for each chat call. A call beyond the last
is answered with an error and fails the ``with`` block at its end; so do entries left over, unless the
block failed already. The health check's test message is answered by itself (``test_reply``), and
kept apart in ``test_messages``.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Literal, TypeAlias

from model_behaviours import (
    Answers,
    Behaviour,
    ChatCall,
    Drops,
    Endless,
    Fails,
    FailsInStream,
    Garbage,
    SlowHeaders,
    Stalls,
    WebPage,
    cut,
)
from scripted_model_http import Server, count_tokens

from meta_agent.llm.options import ModelOptions

__all__ = [
    "Answers",
    "ChatCall",
    "Drops",
    "Endless",
    "Fails",
    "FailsInStream",
    "Garbage",
    "ScriptedModel",
    "SlowHeaders",
    "Stalls",
    "WebPage",
    "cut",
    "unused_url",
]

LONGEST_TEST_MESSAGE = 16
"""Chat calls with fewer tokens than this are the health check's."""

ScriptEntry: TypeAlias = "str | Behaviour | Callable[[ChatCall], str | Behaviour]"


class ScriptedModel:
    """The server; runs from construction until ``close`` or the end of its ``with`` block.

    An analysis in the script is passed over where a query is asked for straight away.
    """

    def __init__(
        self,
        script: Iterable[ScriptEntry] = (),
        *,
        model: str = "scripted-coder-7b",
        loaded: str | None = None,
        context_length: int = 16384,
        kind: Literal["llama.cpp", "LM Studio", "plain"] = "llama.cpp",
        loading: int = 0,
        test_reply: str | Behaviour = "One, two",
        home_page: str | None = None,
    ) -> None:
        """``loaded``: LM Studio's loaded model where it is not ``model``, "" for none.

        ``loading``: how many requests are answered with 503 first. ``home_page``: HTML for every GET,
        as something that is no model server would send.
        """
        self.model = model
        self.loaded = model if loaded is None else loaded
        self.context_length = context_length
        self.kind = kind
        self.home_page = home_page
        self.requests: list[ChatCall] = []
        """Chat calls that used the script, in order."""
        self.test_messages: list[ChatCall] = []
        self.other_requests: list[str] = []
        """``"GET /path"`` of all else, in order."""
        self.overrun = 0
        """Calls that found the script at its end."""
        self.closing = threading.Event()
        self._script: list[ScriptEntry] = list(script)
        self._loading = loading
        self._test_reply = test_reply
        self._lock = threading.Lock()
        self._server = Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def root_url(self) -> str:
        """Without ``/v1``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        """What LLM_BASE_URL would be."""
        return f"{self.root_url}/v1"

    @property
    def remaining(self) -> int:
        """Entries of the script not used yet."""
        return len(self._script)

    def say(self, *entries: ScriptEntry) -> None:
        """Add to the script."""
        with self._lock:
            self._script.extend(entries)

    def options(self, **changes: Any) -> ModelOptions:
        """Options for this server, with waits short enough for tests."""
        defaults: dict[str, Any] = {
            "base_url": self.base_url,
            "model": self.model,
            "api_key": "scripted-key",
            "max_tokens": 500,
            "context_length": self.context_length,
            "retry_wait": 0.01,
        }
        return ModelOptions(**(defaults | changes))

    def close(self) -> None:
        """Let go of held connections and stop."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> ScriptedModel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if error is None:
            assert self.overrun == 0, f"{self.overrun} chat calls came after the end of the script"
            assert not self._script, f"{len(self._script)} entries of the script were never asked for"

    def is_loading(self) -> bool:
        """Whether this request still finds the model loading."""
        with self._lock:
            self._loading -= 1
            return self._loading >= 0

    def behaviour_for(self, call: ChatCall) -> Behaviour:
        """What to do with a chat call; also records it."""
        with self._lock:
            if call.body.get("max_tokens", LONGEST_TEST_MESSAGE) < LONGEST_TEST_MESSAGE:
                self.test_messages.append(call)
                return _behaviour(self._test_reply, call)
            self.requests.append(call)
            while self._script and _is_analysis(self._script[0]) and "response_format" not in call.body:
                self._script.pop(0)  # the request's own words said it: the model was not asked
            if not self._script:
                self.overrun += 1
                return Fails(400, "the script of the scripted model ran out")
            entry = self._script.pop(0)
        return _behaviour(entry, call)

    def cached_tokens(self, call: ChatCall) -> int:
        """Tokens a prefix cache would have spared: what this call shares with the one before it."""
        earlier = self.requests[-2].messages if len(self.requests) > 1 else []
        shared = 0
        for old, new in zip(earlier, call.messages, strict=False):
            if old != new:
                break
            shared += count_tokens(new["content"])
        return shared


def unused_url() -> str:
    """A base URL at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/v1"


def _is_analysis(entry: ScriptEntry) -> bool:
    return isinstance(entry, str) and entry.startswith("{") and '"primary_goal"' in entry


def _behaviour(entry: ScriptEntry, call: ChatCall) -> Behaviour:
    chosen = entry(call) if callable(entry) else entry
    return Answers(chosen) if isinstance(chosen, str) else chosen
