"""A streamed reply, collected within limits of time and length.

Knows nothing of HTTP or LangChain: it takes pieces from any iterator. The limits are
kept here because servers do not keep them: some ignore ``max_tokens``, and a stalled
one may still send keep-alive comments.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from meta_agent.errors import ModelTimeout
from meta_agent.llm.background import Pump
from meta_agent.llm.usage import CallUsage

SPARE_PIECES = 16
"""Pieces beyond ``max_tokens`` before a stream is cut: the first and last may carry no token."""

CHARACTERS_PER_TOKEN_AT_MOST = 32
"""For servers that send many tokens in a piece; only runs of blanks make longer tokens."""


@dataclass(frozen=True)
class Piece:
    """What one event of the stream added."""

    text: str = ""
    finish_reason: str | None = None
    model: str | None = None
    usage: CallUsage | None = None


@dataclass(frozen=True)
class Limits:
    """How long and how much: seconds, a moment of ``time.monotonic``, and tokens."""

    first_token: float
    idle: float
    deadline: float
    max_tokens: int


@dataclass
class Reply:
    """What the model answered in one call."""

    text: str = ""
    finish_reason: str | None = None
    """None where the stream ended in the middle."""
    model: str | None = None
    usage: CallUsage | None = None
    pieces: int = 0
    """Pieces with text: about the tokens of the answer."""
    overran: bool = False
    """The server ignored ``max_tokens`` and was cut off by us."""
    _texts: list[str] = field(default_factory=list, repr=False)

    @property
    def is_cut(self) -> bool:
        """Whether the answer ended because it was too long."""
        return self.overran or self.finish_reason == "length"

    def add(self, piece: Piece) -> None:
        """Take in one more piece."""
        if piece.text:
            self._texts.append(piece.text)
            self.pieces += 1
        self.finish_reason = piece.finish_reason or self.finish_reason
        self.model = piece.model or self.model
        self.usage = piece.usage or self.usage

    def finish(self) -> Reply:
        """Join the text; no piece may follow."""
        self.text = "".join(self._texts)
        return self


def collect(
    source: Callable[[], Iterator[Piece]], limits: Limits, on_token: Callable[[str], None] | None = None
) -> Reply:
    """The whole reply of ``source``, which runs in a thread of its own.

    Raises ModelTimeout when no token comes for too long or the whole takes too long,
    and whatever the source raises. A reply longer than the limit comes back with ``overran``.
    """
    reply = Reply()
    characters = 0
    silent_until = time.monotonic() + limits.first_token
    with Pump(source) as pump:
        while (piece := _next_piece(pump, limits, silent_until, reply.pieces)) is not None:
            reply.add(piece)
            if not piece.text:
                continue
            silent_until = time.monotonic() + limits.idle
            characters += len(piece.text)
            if on_token is not None:
                on_token(piece.text)
            if _too_long(reply.pieces, characters, limits.max_tokens):
                reply.overran = True
                break
    return reply.finish()


def _next_piece(pump: Pump[Piece], limits: Limits, silent_until: float, pieces: int) -> Piece | None:
    now = time.monotonic()
    try:
        item = pump.next(min(silent_until, limits.deadline) - now)
    except TimeoutError as error:
        raise _timeout(limits, limits.deadline <= silent_until, pieces) from error
    return None if item is None else item[0]


def _timeout(limits: Limits, whole_call: bool, pieces: int) -> ModelTimeout:
    if whole_call:
        return ModelTimeout(
            f"The model's answer was not complete at its time limit (about {pieces} tokens had come).",
            "Ask something smaller, use a faster model, or raise the time limit of a model call.",
        )
    seconds = limits.idle if pieces else limits.first_token
    return ModelTimeout(
        f"The model sent nothing for {seconds:.0f} s after about {pieces} tokens.",
        "Look at the model server: it may be stuck, or busy with another request.",
    )


def _too_long(pieces: int, characters: int, max_tokens: int) -> bool:
    return (
        pieces > max_tokens + SPARE_PIECES
        or characters > (max_tokens + SPARE_PIECES) * CHARACTERS_PER_TOKEN_AT_MOST
    )
