"""Trying again, within bounds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meta_agent.errors import ModelError
from meta_agent.llm.retry import TransientFailure, call_with_retries


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits asked for, instead of waiting."""
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


def failing(times: int, retry_after: float | None = None) -> Callable[[], str]:
    left = [times]

    def work() -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise TransientFailure("busy", "wait", retry_after)
        return "done"

    return work


def test_waits_grow_until_it_works(waits: list[float]) -> None:
    assert call_with_retries(failing(3), attempts=4, first_wait=0.5, seconds=100) == "done"
    assert len(waits) == 3
    assert 0.5 <= waits[0] <= 1.0 <= waits[1] <= 1.5 < 2.0 <= waits[2] <= 2.5


def test_the_number_of_tries_is_bounded(waits: list[float]) -> None:
    with pytest.raises(TransientFailure, match="busy"):
        call_with_retries(failing(9), attempts=4, first_wait=0.5, seconds=100)
    assert len(waits) == 3


def test_retry_after_is_honoured(waits: list[float]) -> None:
    assert call_with_retries(failing(1, retry_after=17.0), attempts=4, first_wait=0.5, seconds=100) == "done"
    assert waits == [17.0]


def test_a_wait_beyond_the_time_left_is_not_begun(waits: list[float]) -> None:
    with pytest.raises(TransientFailure, match="busy"):
        call_with_retries(failing(1, retry_after=120.0), attempts=4, first_wait=0.5, seconds=100)
    assert waits == []


def test_other_errors_are_not_tried_again(waits: list[float]) -> None:
    tries = []

    def work() -> str:
        tries.append(1)
        raise ModelError("wrong key", "set it")

    with pytest.raises(ModelError, match="wrong key"):
        call_with_retries(work, attempts=4, first_wait=0.5, seconds=100)
    assert (len(tries), waits) == (1, [])
