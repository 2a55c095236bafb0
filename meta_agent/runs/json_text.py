"""JSON that keeps what a database says: exact numbers as they are, dates in ISO 8601."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import simplejson


def to_json(content: Mapping[str, object]) -> str:
    """An object as JSON text. NaN and Infinity, which JSON does not know, become null."""
    text: str = simplejson.dumps(
        content, use_decimal=True, ensure_ascii=False, indent=2, ignore_nan=True, default=_as_json
    )
    return text.encode("utf-8", "replace").decode("utf-8")  # half a character would break every writer


def _as_json(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
