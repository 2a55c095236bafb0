"""Whether a request speaks of a table or column: its words held against the parts of a name.

Names of databases run words together (``sbcustomer``) and abbreviate them; requests use
plurals. What is compared are words without plural endings; a longer word may also stand
inside a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SHORTEST = 3
_SHORTEST_INSIDE = 5


def speaks_of(request: str, name: str) -> bool:
    """Whether a word of the request is a part of the name, or one that is long enough stands in it."""
    lowered, parts = name.lower(), _parts(name)
    return any(
        word in parts or (len(word) >= _SHORTEST_INSIDE and word in lowered)
        for word in stems(request)
        if len(word) >= _SHORTEST
    )


def speaks_of_table(request: str, name: str, others: Iterable[str]) -> bool:
    """Whether the request speaks of a table by what is its own in the name.

    ``domain_author`` between ``domain`` and ``author`` has nothing of its own: words of the other
    tables' names do not count.
    """
    theirs = {part for other in others if other != name for part in _parts(other)}
    own = _parts(name) - (theirs if len(_parts(name)) > 1 else set())
    return any(speaks_of(request, part) for part in own)


def _parts(name: str) -> set[str]:
    return {stem(part) for part in re.findall(r"[a-z]+", name.lower())}


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
