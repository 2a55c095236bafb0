"""Reads ``results/result.json``, which an untrusted script wrote, into the typed result."""

from __future__ import annotations

import json
import math
from decimal import Decimal

from pydantic import ValidationError

from meta_agent.contracts import ScriptResult

RESULT_FILE = "results/result.json"
RESULT_BYTES = 16 * 1024 * 1024
MOST_DIGITS = 200
"""Before or behind the decimal point; PostgreSQL's money and measures stay far below."""


def read_script_result(raw: bytes | None) -> tuple[ScriptResult | None, tuple[str, ...]]:
    """The typed result and warnings about it; None where there is none that could be read.

    NaN and Infinity are no JSON: they become null, with a warning.
    """
    if raw is None:
        return None, ()
    if len(raw) > RESULT_BYTES:
        return None, (f"{RESULT_FILE} is larger than {RESULT_BYTES // 2**20} MiB and was not read.",)
    reader = _Reader()
    try:
        result = ScriptResult.model_validate(reader.read(raw))
    except (ValidationError, ValueError, RecursionError) as error:
        return None, (f"{RESULT_FILE} could not be read: {_reason(error)}.",)
    if reader.not_numbers:
        return result, (f"{reader.not_numbers} numbers were NaN or Infinity and are shown empty.",)
    return result, ()


class _Reader:
    """Strict JSON, and a count of the numbers that were none."""

    def __init__(self) -> None:
        self.not_numbers = 0

    def read(self, raw: bytes) -> object:
        text = raw.decode("utf-8")
        has_escapes = "\\ud" in text.lower()
        number = self._finite if has_escapes else self._exact
        value = json.loads(text, parse_constant=self._nothing, parse_float=number)
        if has_escapes:  # half a character may hide in an escape and breaks every later encoding
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        return value

    def _exact(self, digits: str) -> Decimal | float | None:
        """The number as the database gave it; one of absurd size only as a float, which is cheap to show."""
        number = Decimal(digits)
        return number if abs(number.adjusted()) <= MOST_DIGITS else self._finite(digits)

    def _finite(self, digits: str) -> float | None:
        number = float(digits)
        if math.isfinite(number):
            return number
        self._nothing(digits)
        return None

    def _nothing(self, _name: str) -> None:
        self.not_numbers += 1


def _reason(error: ValidationError | ValueError | RecursionError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"][:4])
        return f"{first['msg']} at {place}" if place else first["msg"]
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)[:200]
