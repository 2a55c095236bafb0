"""Which stored text another text is meant for.

Two texts are the same where only case, blanks and punctuation differ. A misspelling is
judged as strictly as one of a column's name: 85 of 100 alike as a whole and word by word,
the same digits, and only one such text (``sql_similar``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rapidfuzz import fuzz, process

from meta_agent.generators.sql_similar import is_misspelling

_SHORTEST = 4
"""Letters; of shorter texts (``FL``, ``GA``) any other is as near."""
_NEAREST_SHOWN = 3
_LEAST_ALIKE = 50.0
"""Below this a text is no help in a message."""


@dataclass(frozen=True)
class Match:
    """The one text that was meant."""

    text: str
    kind: Literal["same", "near"]


def meant_text(written: str, stored: Iterable[str]) -> Match | None:
    """The stored text that ``written`` is meant for; None where there is none, or more than one."""
    candidates = sorted(set(stored))
    if written in candidates:
        return Match(written, "same")
    ours = _letters(written)
    same = [text for text in candidates if ours and _letters(text) == ours]
    if same:
        return Match(same[0], "same") if len(same) == 1 else None
    near = [text for text in candidates if is_misspelling(written, text)] if len(ours) >= _SHORTEST else []
    return Match(near[0], "near") if len(near) == 1 else None


def nearest_texts(written: str, stored: Iterable[str]) -> tuple[str, ...]:
    """At most three stored texts that look like ``written``, the nearest first; for messages only."""
    found = process.extract(
        written,
        sorted(set(stored)),
        scorer=fuzz.WRatio,
        processor=str.casefold,
        limit=_NEAREST_SHOWN,
        score_cutoff=_LEAST_ALIKE,
    )
    return tuple(text for text, _, _ in found)


def _letters(text: str) -> str:
    return "".join(re.findall(r"[^\W_]+", text.casefold()))
