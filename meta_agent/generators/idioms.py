"""Hints for the prompt on how PostgreSQL says what a request asks for (``prompts/idioms.yaml``)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml

from meta_agent import prompts

MOST = 3
"""More would cost tokens and distract."""


def idioms_for(request: str) -> tuple[str, ...]:
    """One sentence for each way of speaking that the request needs, at most ``MOST``."""
    lowered = request.lower()
    return tuple(say for pattern, say in _idioms() if pattern.search(lowered))[:MOST]


@cache
def _idioms() -> tuple[tuple[re.Pattern[str], str], ...]:
    text = (Path(prompts.__file__).parent / "idioms.yaml").read_text(encoding="utf-8")
    return tuple((re.compile(entry["when"]), entry["say"]) for entry in yaml.safe_load(text))
