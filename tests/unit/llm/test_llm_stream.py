"""Collecting a stream within its limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from meta_agent.errors import ModelTimeout
from meta_agent.llm.stream import SPARE_PIECES, Limits, Piece, collect
from meta_agent.llm.usage import CallUsage


def limits(
    first_token: float = 30.0, idle: float = 30.0, total: float = 30.0, max_tokens: int = 50
) -> Limits:
    return Limits(first_token, idle, time.monotonic() + total, max_tokens)


def test_pieces_become_one_reply_and_are_heard_in_the_callers_thread() -> None:
    heard: list[tuple[str, threading.Thread]] = []
    usage = CallUsage(7, 3, 2)
    pieces = [Piece(), Piece("SEL"), Piece("ECT"), Piece(finish_reason="stop", model="m"), Piece(usage=usage)]
    reply = collect(
        lambda: iter(pieces), limits(), lambda text: heard.append((text, threading.current_thread()))
    )
    assert (reply.text, reply.finish_reason, reply.model) == ("SELECT", "stop", "m")
    assert (reply.usage, reply.pieces, reply.is_cut) == (usage, 2, False)
    assert heard == [("SEL", threading.current_thread()), ("ECT", threading.current_thread())]


def test_an_endless_stream_is_cut_and_its_source_closed() -> None:
    closed = threading.Event()

    def endless() -> Iterator[Piece]:
        try:
            while True:
                yield Piece("and ")
        finally:
            closed.set()

    reply = collect(endless, limits(max_tokens=10))
    assert reply.overran
    assert reply.is_cut
    assert reply.pieces == 10 + SPARE_PIECES + 1
    assert closed.wait(10)


def test_a_stream_of_few_large_pieces_is_cut_by_its_length() -> None:
    reply = collect(lambda: (Piece("x" * 10_000) for _ in range(1000)), limits(max_tokens=10))
    assert reply.overran
    assert reply.pieces == 1


def test_silence_after_some_tokens_is_a_timeout() -> None:
    leave = threading.Event()

    def stalls() -> Iterator[Piece]:
        yield Piece("SEL")
        leave.wait(30)

    with pytest.raises(ModelTimeout, match="sent nothing for 0 s after about 1 tokens"):
        collect(stalls, limits(idle=0.05))
    leave.set()


def test_pieces_without_text_do_not_count_as_tokens() -> None:
    leave = threading.Event()

    def keeps_alive() -> Iterator[Piece]:
        while not leave.wait(0.01):
            yield Piece()

    with pytest.raises(ModelTimeout, match="after about 0 tokens"):
        collect(keeps_alive, limits(first_token=0.1))
    leave.set()


def test_a_steady_stream_ends_at_the_deadline() -> None:
    leave = threading.Event()

    def steady() -> Iterator[Piece]:
        while not leave.wait(0.01):
            yield Piece("and ")

    with pytest.raises(ModelTimeout, match="not complete at its time limit"):
        collect(steady, limits(total=0.2, max_tokens=100_000))
    leave.set()


def test_what_the_source_raises_is_raised() -> None:
    def breaks() -> Iterator[Piece]:
        yield Piece("SEL")
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        collect(breaks, limits())
