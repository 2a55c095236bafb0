"""What is read of columns, wherever it is read, and what of it is worth telling.

Texts are told where they are few and each occurs in many rows. Columns that look personal give
none, nor do those whose texts hardly repeat: names, mails, prose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from meta_agent.databases.names import is_harmless

MOST_VALUES = 12
LONGEST_VALUE = 40
"""Characters; a longer text is prose."""

Kind = Literal["text", "number", "date"]
KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("text", "character varying", "character", "citext", "enum"), "text"),
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric", "real", "double precision"), "number"),
    **dict.fromkeys(("date", "timestamp without time zone", "timestamp with time zone"), "date"),
}
_PERSONAL = re.compile(
    r"(first|last|full|middle|maiden|sur|user|nick|login|contact|family|given|birth)[ _]?name|e?mail|phone"
    r"|mobile|fax|address|street|passw|pwd|hash|secret|token|api[ _]?key|salt|ssn|iban|passport|birth|zip"
    r"|postal|card|signature|user[ _]?agent|(^|[ _])(ip|dob|pin|tax)([ _]|$)",
    re.IGNORECASE,
)
_RANGE = {
    "number": re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?\Z"),
    "date": re.compile(r"\d{4}-\d\d-\d\d([ T][\d:.+-]+)?\Z"),
}


@dataclass(frozen=True)
class ColumnReading:
    """What was read of one column."""

    name: str
    kind: Kind | None
    has_nulls: bool
    lowest: str | None = None
    highest: str | None = None
    values: tuple[str, ...] = ()
    is_unique: bool = False


@dataclass(frozen=True)
class TableReading:
    """What was read of one table."""

    columns: tuple[ColumnReading, ...]
    pair_is_unique: bool = False
    """Of a table of ids: whether no two rows agree in all of its columns."""


def is_personal(name: str) -> bool:
    """Whether a column's name speaks of people or secrets: its texts are nobody else's business."""
    return _PERSONAL.search(name) is not None


def few_texts(texts: Sequence[str], filled: int) -> tuple[str, ...]:
    """The texts of a column with ``filled`` rows, sorted; none where they are many, long or hardly repeat."""
    if len(texts) > MOST_VALUES or any(len(text) > LONGEST_VALUE for text in texts):
        return ()
    if len(texts) * 3 > filled * 2:
        return ()
    return tuple(sorted(text for text in texts if text.strip() and all(map(is_harmless, text))))


def in_range(kind: Kind | None, text: str | None) -> str | None:
    """The end of a range, where it is a plain number or date: no NaN, no infinity."""
    if kind not in ("number", "date") or text is None or not _RANGE[kind].match(text):
        return None
    return text
