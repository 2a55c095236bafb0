"""What the scripted model can do with a chat call, good and bad, and the call it does it with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast


@dataclass(frozen=True)
class Answers:
    """A well-formed answer. ``Answers("")`` is an empty one."""

    text: str
    finish_reason: str | None = "stop"
    """``"length"`` for an answer cut at ``max_tokens``; None: the stream just ends."""
    model: str | None = None
    """The model named in the answer, where it is not the one that is served."""
    usage: bool = True


def cut(text: str) -> Answers:
    """An answer that was cut at ``max_tokens``."""
    return Answers(text, finish_reason="length")


@dataclass(frozen=True)
class Fails:
    """An HTTP error with OpenAI's JSON body, or with ``page`` as HTML."""

    status: int = 500
    message: str = "scripted failure"
    retry_after: str | None = None
    page: str | None = None


@dataclass(frozen=True)
class FailsInStream:
    """Status 200 and then an error among the events."""

    message: str = "scripted failure"
    code: int = 500


@dataclass(frozen=True)
class WebPage:
    """Status 200 and a page of HTML."""

    html: str = "<!doctype html><html><body>Welcome to the router</body></html>"


@dataclass(frozen=True)
class Garbage:
    """A stream of events whose data is as given."""

    data: tuple[str, ...] = ('{"choices": [{"delta"',)


@dataclass(frozen=True)
class Endless:
    """A stream that ignores ``max_tokens`` and goes on until the client leaves."""

    word: str = "and "


@dataclass(frozen=True)
class Stalls:
    """Sends ``text`` and then nothing more, or only keep-alive comments; the connection stays open."""

    text: str = ""
    keep_alive: bool = False


@dataclass(frozen=True)
class SlowHeaders:
    """Takes the request and never begins to answer."""


@dataclass(frozen=True)
class Drops:
    """Sends ``text`` and then drops the connection, without an end; with no text before any header."""

    text: str = ""


Behaviour: TypeAlias = (
    Answers | Fails | FailsInStream | WebPage | Garbage | Endless | Stalls | SlowHeaders | Drops
)


@dataclass(frozen=True)
class ChatCall:
    """One chat call as it arrived."""

    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""

    @property
    def messages(self) -> list[dict[str, str]]:
        """All turns."""
        return cast("list[dict[str, str]]", self.body["messages"])

    @property
    def system(self) -> str:
        """The system text."""
        return next((m["content"] for m in self.messages if m["role"] == "system"), "")

    @property
    def last_user(self) -> str:
        """What was asked now."""
        return next(m["content"] for m in reversed(self.messages) if m["role"] == "user")

    @property
    def wanted_type(self) -> str | None:
        """The name of the JSON schema the answer has to follow."""
        name = self.body.get("response_format", {}).get("json_schema", {}).get("name")
        return cast("str | None", name)
