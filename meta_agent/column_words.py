"""What the name of a column alone says about its values."""

from __future__ import annotations

import re

_NAMING = frozenset({"id", "year", "zip", "code", "number", "no"})


def is_label(column: str) -> bool:
    """Whether whole numbers of this column name something, as years and ids do."""
    words = re.findall(r"[a-z]+", column.lower().partition(" [")[0])
    return bool(words) and (words[-1] in _NAMING or words[0] == "year")
