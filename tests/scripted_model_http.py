"""The wire of the scripted model: OpenAI's protocol, LM Studio's and llama.cpp's own additions."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

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
)

if TYPE_CHECKING:
    from scripted_model import ScriptedModel

LONGEST_HOLD = 30.0
"""No behaviour keeps a connection longer, so that a broken test ends by itself."""


def count_tokens(text: str) -> int:
    """Tokens as this server counts them."""
    return len(text) // 4 + 1


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], script: ScriptedModel) -> None:
        super().__init__(address, _Handler)
        self.script = script

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave in the middle are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def script(self) -> ScriptedModel:
        return cast("Server", self.server).script

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: tests look at ``requests``."""

    def do_GET(self) -> None:
        script = self.script
        script.other_requests.append(f"GET {self.path}")
        if script.home_page is not None:
            self._send(200, "text/html", script.home_page)
        elif script.is_loading():
            self._send_json(503, {"error": {"message": "Loading model", "code": 503}})
        elif (body := self._facts()) is None:
            self._send_json(404, {"error": {"message": "File Not Found", "code": 404}})
        else:
            self._send_json(200, body)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = json.loads(self.rfile.read(length))
        if self.path != "/v1/chat/completions":
            self.script.other_requests.append(f"POST {self.path}")
            self._send_json(404, {"error": {"message": "File Not Found", "code": 404}})
            return
        call = ChatCall(body, {name.lower(): value for name, value in self.headers.items()})
        self._behave(self.script.behaviour_for(call), call)

    def _facts(self) -> dict[str, Any] | None:
        script = self.script
        if self.path == "/v1/models":
            return {"object": "list", "data": [{"id": script.model, "object": "model"}]}
        if self.path == "/props" and script.kind == "llama.cpp":
            return {"default_generation_settings": {"n_ctx": script.context_length}, "total_slots": 1}
        if self.path == "/api/v0/models" and script.kind == "LM Studio":
            return {"object": "list", "data": list(self._studio_models())}
        return None

    def _studio_models(self) -> Iterator[dict[str, Any]]:
        script = self.script
        for name in dict.fromkeys((script.model, script.loaded)):
            if name == script.loaded and name:
                length = {"loaded_context_length": script.context_length}
                yield {"id": name, "type": "llm", "state": "loaded", "max_context_length": 32768} | length
            elif name:
                yield {"id": name, "type": "llm", "state": "not-loaded", "max_context_length": 32768}
        yield {"id": "text-embedding-nomic", "type": "embeddings", "state": "loaded"}

    def _behave(self, behaviour: Behaviour, call: ChatCall) -> None:
        match behaviour:
            case Answers():
                self._answer(behaviour, call)
            case Fails():
                self._fail(behaviour)
            case WebPage(html):
                self._send(200, "text/html", html)
            case FailsInStream(message, code):
                self._events([json.dumps({"error": {"message": message, "code": code}})])
            case Garbage(data):
                self._events(data)
            case Endless(word):
                self._events(self._endless(word))
            case Stalls(text, keep_alive):
                self._stall(text, keep_alive)
            case SlowHeaders():
                self._hold()
            case Drops(text):
                self._drop(text)

    def _answer(self, answer: Answers, call: ChatCall) -> None:
        usage = {
            "prompt_tokens": sum(count_tokens(m["content"]) for m in call.messages),
            "completion_tokens": count_tokens(answer.text),
            "prompt_tokens_details": {"cached_tokens": self.script.cached_tokens(call)},
        }
        if call.body.get("stream"):
            self._events(self._answer_events(answer, usage))
            return
        message = {"role": "assistant", "content": answer.text}
        choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
        body = {"object": "chat.completion", "model": answer.model or self.script.model, "choices": [choice]}
        self._send_json(200, body | ({"usage": usage} if answer.usage else {}))

    def _answer_events(self, answer: Answers, usage: dict[str, Any]) -> Iterator[str]:
        model = answer.model or self.script.model
        yield self._chunk("", model)
        for start in range(0, len(answer.text), 4):
            yield self._chunk(answer.text[start : start + 4], model)
        if answer.finish_reason is None:
            return
        yield self._chunk(None, model, answer.finish_reason)
        if answer.usage:
            yield json.dumps(
                {"object": "chat.completion.chunk", "model": model, "choices": [], "usage": usage}
            )
        yield "[DONE]"

    def _chunk(self, text: str | None, model: str | None = None, finish_reason: str | None = None) -> str:
        delta = {} if text is None else {"content": text}
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        body = {"id": "x", "created": 1, "object": "chat.completion.chunk", "choices": [choice]}
        return json.dumps(body | {"model": model or self.script.model})

    def _endless(self, word: str) -> Iterator[str]:
        while not self.script.closing.is_set():
            yield self._chunk(word)

    def _fail(self, failure: Fails) -> None:
        extra = {} if failure.retry_after is None else {"Retry-After": failure.retry_after}
        if failure.page is not None:
            self._send(failure.status, "text/html", failure.page, extra)
            return
        body = json.dumps({"error": {"message": failure.message, "code": failure.status}})
        self._send(failure.status, "application/json", body, extra)

    def _stall(self, text: str, keep_alive: bool) -> None:
        self._begin_events()
        if text:
            self._event(self._chunk(text))
        pause, held = (0.02, 0.0) if keep_alive else (LONGEST_HOLD, 0.0)
        while held < LONGEST_HOLD and not self.script.closing.wait(pause):
            self._write(": keep-alive\n\n")
            held += pause

    def _hold(self) -> None:
        self.script.closing.wait(LONGEST_HOLD)
        self.close_connection = True

    def _drop(self, text: str) -> None:
        if text:
            self._begin_events()
            self._event(self._chunk(text))
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _events(self, events: Iterable[str]) -> None:
        self._begin_events()
        for event in events:
            self._event(event)
        self.wfile.write(b"0\r\n\r\n")

    def _begin_events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _event(self, data: str) -> None:
        self._write(f"data: {data}\n\n")

    def _write(self, text: str) -> None:
        raw = text.encode()
        self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
        self.wfile.flush()

    def _send_json(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(body))

    def _send(self, status: int, kind: str, text: str, extra: dict[str, str] | None = None) -> None:
        raw = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)
