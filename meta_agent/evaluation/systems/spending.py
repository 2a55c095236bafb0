"""What a model client spent between two moments."""

from __future__ import annotations

from meta_agent.contracts import LlmUsage


def spent(after: LlmUsage, before: LlmUsage) -> LlmUsage:
    """The usage counted after ``before``."""
    return LlmUsage(
        llm_calls=after.llm_calls - before.llm_calls,
        prompt_tokens=after.prompt_tokens - before.prompt_tokens,
        cached_prompt_tokens=after.cached_prompt_tokens - before.cached_prompt_tokens,
        completion_tokens=after.completion_tokens - before.completion_tokens,
    )
