"""How many tokens a text may cost, guessed high, without a tokenizer.

The guess only has to keep a prompt inside the loaded context. The weights are set so that texts of
our kind (English, SQL, Python, short column names) are guessed at 1.0 to 1.9 times what Qwen2.5-Coder's
tokenizer makes of them. What the server reported for earlier turns replaces the guess for those turns.
"""

from __future__ import annotations

import math
import re

TURN_OVERHEAD = 8
"""Tokens a chat template adds around a turn."""

TOKENS_PER_LETTER = 0.3
TOKENS_PER_BLANK = 0.4
TOKENS_PER_MARK = 0.95
TOKENS_PER_DIGIT = 1.0
TOKENS_PER_FOREIGN_BYTE = 0.5

_LETTER = re.compile(r"[A-Za-z]")
_BLANK = re.compile(r"\s")
_DIGIT = re.compile(r"[0-9]")
_FOREIGN = re.compile(r"[^\x00-\x7f]")


def estimate_tokens(text: str) -> int:
    """Tokens of ``text``, rather too many than too few."""
    letters, blanks, digits = (len(kind.findall(text)) for kind in (_LETTER, _BLANK, _DIGIT))
    foreign = "".join(_FOREIGN.findall(text))
    marks = max(len(text) - letters - blanks - digits - len(foreign), 0)
    return math.ceil(
        letters * TOKENS_PER_LETTER
        + blanks * TOKENS_PER_BLANK
        + marks * TOKENS_PER_MARK
        + digits * TOKENS_PER_DIGIT
        + len(foreign.encode("utf-8", errors="replace")) * TOKENS_PER_FOREIGN_BYTE
    )
