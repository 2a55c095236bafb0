"""How a value is shown: aligned, readable, and unable to steer the terminal."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

NULL = "<null>"
_PLAIN_INTEGER = frozenset({"year", "id", "number", "zip", "code"})


def visible(text: str) -> str:
    """Text in which control characters are shown, not obeyed; line ends stay."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def is_number(value: object) -> bool:
    """Whether a value is a figure (a truth value is not)."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def shown(column: str, value: Any) -> str:
    """A cell or summary value for people: thousands separated, fractions to two decimals."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, int):
        return str(value) if _is_label(column) else f"{value:,}"
    if isinstance(value, float | Decimal):
        return _fraction(value)
    return visible(" ".join(str(value).split(" ")))


def _is_label(column: str) -> bool:
    return bool(_PLAIN_INTEGER & set(re.findall(r"[a-z]+", column.lower())))


def _fraction(value: float | Decimal) -> str:
    if value == value.to_integral_value() if isinstance(value, Decimal) else value.is_integer():
        return f"{value:,.2f}" if isinstance(value, Decimal) else f"{value:,.0f}"
    if abs(value) < 0.01:
        return f"{value:.4g}"
    return f"{value:,.2f}"
