"""What the model was asked, summed over a run.

The health check and the stages may count at the same time, hence the lock.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from meta_agent.contracts import LlmUsage


@dataclass(frozen=True)
class CallUsage:
    """Tokens of one call; ``estimated`` where the server reported none."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    estimated: bool = False


class UsageCounter:
    """The sum of all calls so far."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = LlmUsage()
        self._estimated = False

    def add(self, call: CallUsage) -> None:
        """Count one answered call."""
        with self._lock:
            total = self._total
            self._total = LlmUsage(
                llm_calls=total.llm_calls + 1,
                prompt_tokens=total.prompt_tokens + call.prompt_tokens,
                cached_prompt_tokens=total.cached_prompt_tokens + call.cached_tokens,
                completion_tokens=total.completion_tokens + call.completion_tokens,
            )
            self._estimated = self._estimated or call.estimated

    @property
    def total(self) -> LlmUsage:
        """The run's usage as the run record keeps it."""
        with self._lock:
            return self._total

    @property
    def is_estimated(self) -> bool:
        """Whether a part of the sum is our guess, because the server reported none."""
        with self._lock:
            return self._estimated
