"""One streamed chat call through LangChain's ``ChatOpenAI``: the only module that knows it.

Importing LangChain takes longer than all else the tool does outside the model, so it
happens in the background. Nothing but the call itself leaves the process: tracing is off
whatever the environment says, and a local server is never reached through a proxy.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from meta_agent.errors import ModelError, ModelTimeout
from meta_agent.llm.background import Background
from meta_agent.llm.options import ModelOptions
from meta_agent.llm.retry import TransientFailure
from meta_agent.llm.stream import Piece
from meta_agent.llm.usage import CallUsage
from meta_agent.llm.wording import said

if TYPE_CHECKING:
    import openai
    from langchain_core.messages import AIMessageChunk
    from langchain_openai import ChatOpenAI

    from meta_agent.llm.answer_store import AnswerStore

IMPORT_SECONDS = 60.0


class Turn(NamedTuple):
    """One message of a conversation, in the shape LangChain takes."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True)
class ChatRequest:
    """All that one call sends."""

    turns: Sequence[Turn]
    max_tokens: int
    response_format: dict[str, Any] | None = None
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    """None: the one of the settings."""


class ChatModel:
    """The model behind one server, built on first use or ahead of it."""

    def __init__(self, options: ModelOptions, answers: AnswerStore | None = None) -> None:
        """``answers``: for chains of LangChain's own, which do not stream; ``stream`` never looks there."""
        self._options = options
        self._answers = answers if options.is_deterministic else None
        self._coming: Background[ChatOpenAI] | None = None
        self._model: ChatOpenAI | None = None
        self._lock = threading.Lock()

    def preload(self) -> None:
        """Start importing LangChain in the background; returns at once."""
        if self._model is None and self._coming is None:
            self._coming = Background(self._build)

    def ready(self) -> ChatOpenAI:
        """The model, waited for where it is still being built."""
        with self._lock:
            if self._model is None:
                coming = self._coming or Background(self._build)
                self._model = coming.result(IMPORT_SECONDS)
            return self._model

    def _build(self) -> ChatOpenAI:
        chat = _build(self._options)
        if self._answers is not None:
            from meta_agent.llm.langchain_cache import LangChainCache

            chat.cache = LangChainCache(self._answers)
        return chat

    def stream(self, model: str, request: ChatRequest, read_timeout: float) -> Iterator[Piece]:
        """The pieces of the reply of ``model``, the name as the server spells it.

        Raises TransientFailure where trying again may help, else ModelError or ModelTimeout.
        """
        with closing(self._chunks(model, request, read_timeout)) as chunks:
            for chunk in chunks:
                yield _piece(chunk)

    def _chunks(
        self, model: str, request: ChatRequest, read_timeout: float
    ) -> Generator[AIMessageChunk, None, None]:
        import openai
        from langsmith.run_helpers import tracing_context

        chat, body = self.ready(), _extra_body(request)
        stop = list(request.stop) or None
        try:
            with tracing_context(enabled=False):
                yield from chat.stream(
                    list(request.turns), stop=stop, model=model, extra_body=body, timeout=read_timeout
                )
        except openai.OpenAIError as error:
            raise _translated(error, self._options) from error
        except RuntimeError as error:
            # LangChain gives up where variables of its first tracer are set, whatever we ask for.
            raise ModelError(
                f"LangChain refused to make a call to the model{said(str(error))}.",
                "Unset LANGCHAIN_TRACING and LANGCHAIN_HANDLER.",
            ) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            # What LangChain and its SDK raise on bodies that are no chat stream at all.
            raise TransientFailure(
                f"{self._options.api_url} answered with something that is no chat stream"
                f" ({_kind_of_garbage(error)}).",
                "Check that LLM_BASE_URL names an OpenAI-compatible server and that nothing sits in between.",
            ) from error


def _build(options: ModelOptions) -> ChatOpenAI:
    import openai
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    verify = True if options.uses_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust_env = not options.is_local
    return ChatOpenAI(
        model=options.model,
        base_url=options.api_url,
        api_key=SecretStr(options.api_key or "none"),
        temperature=options.temperature,
        seed=options.seed,
        stream_usage=True,
        max_retries=0,
        use_responses_api=False,
        cache=False,
        openai_proxy=None,
        http_client=openai.DefaultHttpxClient(verify=verify, trust_env=trust_env),
        http_async_client=openai.DefaultAsyncHttpxClient(verify=verify, trust_env=trust_env),
    )


def _extra_body(request: ChatRequest) -> dict[str, Any]:
    """What LangChain would alter on its way.

    It renames ``max_tokens`` to a newer name that not every local server honours, and sends
    calls with a ``response_format`` through a parser that fails on cut answers.
    """
    body: dict[str, Any] = {"max_tokens": request.max_tokens}
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.response_format is not None:
        body["response_format"] = request.response_format
    return body


def _piece(chunk: AIMessageChunk) -> Piece:
    details = chunk.response_metadata
    return Piece(
        text=chunk.content if isinstance(chunk.content, str) else "",
        finish_reason=details.get("finish_reason"),
        model=details.get("model_name"),
        usage=_usage(chunk),
    )


def _usage(chunk: AIMessageChunk) -> CallUsage | None:
    reported = chunk.usage_metadata
    if not reported or not reported["input_tokens"]:
        return None
    cached = reported.get("input_token_details", {}).get("cache_read") or 0
    return CallUsage(reported["input_tokens"], cached, reported["output_tokens"])


def _translated(error: openai.OpenAIError, options: ModelOptions) -> ModelError:
    import openai

    if isinstance(error, openai.APITimeoutError):
        return ModelTimeout(
            f"The model server at {options.api_url} did not answer in time.",
            "Look at the model server: it may be stuck, or busy with another request.",
        )
    if isinstance(error, openai.APIStatusError):
        return _status_error(error, options)
    if isinstance(error, openai.APIConnectionError):
        return TransientFailure(
            f"The connection to the model server at {options.api_url} failed or was dropped.",
            "Check that the model server is still running and has memory left.",
        )
    if isinstance(error, openai.APIError):
        return _stream_error(error, options)
    return ModelError(
        f"The call to the model server at {options.api_url} could not be made ({type(error).__name__}).",
        "Check LLM_BASE_URL and LLM_API_KEY.",
    )


def _status_error(error: openai.APIStatusError, options: ModelOptions) -> ModelError:
    status, detail = error.status_code, _detail(error)
    if status in (408, 429) or status >= 500:
        return TransientFailure(
            f"The model server at {options.api_url} answered with status {status}{detail}.",
            "Wait until it is idle, or look at its own log for the reason.",
            retry_after=_seconds(error.response.headers.get("retry-after")),
        )
    if status in (401, 403):
        return ModelError(
            f"The model server at {options.api_url} refused the API key (status {status}).",
            "Set LLM_API_KEY to the key this server expects.",
        )
    return ModelError(
        f"The model server at {options.api_url} rejected the call with status {status}{detail}.",
        "Check LLM_MODEL_NAME and the context length the model is loaded with.",
    )


def _stream_error(error: openai.APIError, options: ModelOptions) -> ModelError:
    cause = f"The model server at {options.api_url} reported an error in its answer{_detail(error)}."
    remedy = "Look at the model server's own log for the reason."
    if error.code is not None and error.code.isdigit() and 400 <= int(error.code) < 500:
        return ModelError(cause, remedy)
    return TransientFailure(cause, remedy)


def _detail(error: openai.APIError) -> str:
    """The server's own sentence where it sent one as JSON; a page of HTML is no detail."""
    return said(error.body.get("message")) if isinstance(error.body, dict) else ""


def _seconds(header: str | None) -> float | None:
    """``Retry-After`` in seconds; None for its rarer form, a date."""
    try:
        return float(header) if header is not None else None
    except ValueError:
        return None


def _kind_of_garbage(error: Exception) -> str:
    return "damaged JSON" if isinstance(error, json.JSONDecodeError) else "a web page or nothing, perhaps"
