"""What a value is and how it is written: for the results of every script."""

import math
from decimal import Decimal


def is_figure(value):
    """Whether a value is a number one can reckon with: not NULL, NaN or infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return False
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def as_json(value):
    """A value as JSON knows it: dates as ISO 8601 text, exact numbers as they are."""
    if isinstance(value, (float, Decimal)):
        return value if is_figure(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json(inner) for inner in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return str(value)


def as_text(column, value):
    """A value as people read it: thousands separated, years and ids left alone."""
    if value is None:
        return "<null>"
    if not is_figure(value):
        return " ".join(str(value).split())
    if value == int(value) and not isinstance(value, float):
        words = column.lower().replace("_", " ").split()
        return f"{int(value)}" if {"year", "id"} & set(words) else f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) >= 0.01 or not value else f"{value:.4g}"
