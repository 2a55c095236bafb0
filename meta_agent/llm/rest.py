"""Plain HTTP for the health check: quick to import, bounded by one deadline.

The only module that knows httpx. A server that answers nonsense is data here; one that
does not answer is a ModelError.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

from meta_agent.errors import ModelError, ModelTimeout
from meta_agent.llm.options import ModelOptions

LONGEST_BODY = 4_000_000


@dataclass(frozen=True)
class Answer:
    """Status and JSON body; ``body`` is None where it was no JSON."""

    status: int
    body: Any


class RestClient:
    """Requests to one server until ``seconds`` from now; a context manager."""

    def __init__(self, options: ModelOptions, seconds: float) -> None:
        self._options = options
        self._ends = time.monotonic() + seconds
        with _translated(options):
            self._client = httpx.Client(
                headers={"Authorization": f"Bearer {options.api_key or 'none'}"},
                # Reading the machine's certificates takes longer than the whole check over plain HTTP.
                verify=True if options.uses_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                trust_env=not options.is_local,
            )

    def __enter__(self) -> RestClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    @property
    def seconds_left(self) -> float:
        """Time until the deadline, never negative."""
        return max(self._ends - time.monotonic(), 0.0)

    def get(self, url: str) -> Answer:
        """The server's answer to a GET. Raises ModelError, ModelTimeout."""
        with _translated(self._options), self._client.stream("GET", url, timeout=self._timeout()) as response:
            return Answer(response.status_code, _json(self._read(response)))

    def post_stream(self, url: str, payload: dict[str, Any]) -> Iterator[Answer]:
        """The events of a streamed answer, or one Answer with the error. Raises ModelError, ModelTimeout."""
        with (
            _translated(self._options),
            self._client.stream("POST", url, json=payload, timeout=self._timeout()) as response,
        ):
            if response.status_code != 200:
                yield Answer(response.status_code, _json(self._read(response)))
                return
            for line in response.iter_lines():
                self._check_time()
                if line.startswith("data:") and line.strip() != "data: [DONE]":
                    yield Answer(200, _json(line.removeprefix("data:")))

    def _read(self, response: httpx.Response) -> str:
        parts: list[bytes] = []
        size = 0
        for part in response.iter_bytes():
            self._check_time()
            parts.append(part)
            size += len(part)
            if size > LONGEST_BODY:
                break
        return b"".join(parts).decode("utf-8", errors="replace")

    def _timeout(self) -> float:
        self._check_time()
        return self.seconds_left

    def _check_time(self) -> None:
        if self.seconds_left <= 0.0:
            raise too_slow(self._options)


def too_slow(options: ModelOptions) -> ModelTimeout:
    """The error of a server that is there and does not answer."""
    return ModelTimeout(
        f"The model server at {options.api_url} did not answer within {options.check_timeout:.0f} seconds.",
        "Wait until it has loaded its model or finished what it is doing, or restart it.",
    )


@contextmanager
def _translated(options: ModelOptions) -> Iterator[None]:
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise _unreachable(options, "nothing answered") from error
    except httpx.TimeoutException as error:
        raise too_slow(options) from error
    except httpx.ConnectError as error:
        raise _unreachable(options, "the connection was refused or the host is unknown") from error
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise ModelError(
            f"{options.base_url!r} is not the URL of a model server.",
            "Set LLM_BASE_URL to something like http://localhost:1234/v1.",
        ) from error
    except httpx.HTTPError as error:
        raise ModelError(
            f"What answers at {options.api_url} does not speak HTTP properly ({type(error).__name__}).",
            "Set LLM_BASE_URL to an OpenAI-compatible server.",
        ) from error


def _unreachable(options: ModelOptions, how: str) -> ModelError:
    return ModelError(
        f"No model server is reachable at {options.api_url}: {how}.",
        "Start LM Studio's local server, correct LLM_BASE_URL, or use --demo for the embedded model.",
    )


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
