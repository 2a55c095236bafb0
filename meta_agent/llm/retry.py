"""Trying a call again where waiting can help: a busy or failing server, a dropped connection.

Bounded in tries and in total time. What the server asks for with ``Retry-After`` is
honoured; where that is longer than the time left, the call fails at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from meta_agent.errors import ModelError

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

LONGEST_WAIT = 8.0


class TransientFailure(ModelError):
    """A failure that may be gone in a moment."""

    def __init__(self, cause: str, remedy: str, retry_after: float | None = None) -> None:
        super().__init__(cause, remedy)
        self.retry_after = retry_after


def call_with_retries(work: Callable[[], T], *, attempts: int, first_wait: float, seconds: float) -> T:
    """What ``work`` returns, tried again on TransientFailure.

    Waits grow from ``first_wait`` seconds with random spread. No wait begins that would end
    ``seconds`` from now or later. Raises the last TransientFailure, or at once anything else.
    """
    import tenacity

    growing = tenacity.wait_exponential_jitter(multiplier=first_wait, max=LONGEST_WAIT, jitter=first_wait)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked_for = error.retry_after if isinstance(error, TransientFailure) else None
        return growing(state) if asked_for is None else max(asked_for, 0.0)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransientFailure),
        stop=tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(seconds),
        wait=wait,
        reraise=True,
    )
    return retrying(work)
