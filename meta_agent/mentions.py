"""Whether a request speaks of a table or column: its words held against the parts of a name.

Names of databases run words together (``sbcustomer``) and abbreviate them; requests use
plurals. What is compared are words without plural endings; a longer word may also stand
inside a name.
"""

from __future__ import annotations

import re

_SHORTEST = 3
_SHORTEST_INSIDE = 5


def speaks_of(request: str, name: str) -> bool:
    """Whether a word of the request is a part of the name, or one that is long enough stands in it."""
    lowered = name.lower()
    parts = {stem(part) for part in re.findall(r"[a-z]+", lowered)}
    return any(
        word in parts or (len(word) >= _SHORTEST_INSIDE and word in lowered)
        for word in stems(request)
        if len(word) >= _SHORTEST
    )


def stems(text: str) -> set[str]:
    """The words of a text in lower case, without plural endings."""
    return {stem(word) for word in re.findall(r"[a-z]+", text.lower())}


def stem(word: str) -> str:
    """The word without the ending of a plural: enough to compare names with requests."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        return word[:-1]
    return word
