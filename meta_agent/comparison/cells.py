"""When two cells of a result hold the same value, whatever type they came in.

Numbers: an answer may be rounded to two decimals, so half a unit of the second decimal is
allowed; where both sides show more decimals, small shares are held to a twentieth of their
size, else 0.018 would pass for 0.021. Everything else must be equal.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

TOLERANCE = Decimal("0.005")
SHOWN_DECIMALS = 2
SMALL_SHARE = Decimal("0.05")
FLOAT_NOISE = Decimal("1e-12")
"""Relative; what is left of sums in another order."""
_NUMERAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?")


@dataclass(frozen=True)
class Number:
    """A number as it is shown."""

    value: Decimal
    is_whole: bool
    """An integer by its type, which is never rounded."""

    @property
    def decimals(self) -> int:
        """How many decimals are shown."""
        exponent = self.value.as_tuple().exponent
        return max(0, -exponent) if isinstance(exponent, int) else 0


Cell = Number | Hashable
"""A number, or anything else in a form in which equal values are equal."""


def cell(value: object) -> Cell:
    """A value of a result in the form in which it is compared."""
    if isinstance(value, bool) or value is None:
        return ("constant", value)
    if isinstance(value, int):
        return Number(Decimal(value), is_whole=True)
    if isinstance(value, (float, Decimal)):
        return _number(Decimal(repr(value)) if isinstance(value, float) else value)
    if isinstance(value, (date, time, timedelta)):
        return _moment(value)
    if isinstance(value, str):
        return _text(value)
    return ("other", repr(value))


def same(expected: Number, answer: Number) -> bool:
    """Whether an answer's number is the expected one, perhaps rounded to two decimals."""
    difference = abs(expected.value - answer.value)
    if expected.is_whole and answer.is_whole:
        return difference == 0
    noise = FLOAT_NOISE * max(abs(expected.value), abs(answer.value))
    return difference <= _tolerance(expected, answer) + noise


def _tolerance(expected: Number, answer: Number) -> Decimal:
    if min(expected.decimals, answer.decimals) <= SHOWN_DECIMALS:
        return TOLERANCE
    return min(TOLERANCE, abs(expected.value) * SMALL_SHARE)


def _number(value: Decimal) -> Cell:
    return Number(value, is_whole=False) if value.is_finite() else ("number", str(value).lower())


def _moment(value: date | time | timedelta) -> Cell:
    """A timestamp at midnight is the day; moments with a zone are told in UTC."""
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            value = value.astimezone(timezone.utc).replace(tzinfo=None)
        return ("day", value.date()) if value.time() == time() else ("moment", value)
    if isinstance(value, date):
        return ("day", value)
    return ("text", str(value))


def _text(value: str) -> Cell:
    """Text as it is read: JSON has no dates, and ``TO_CHAR`` makes a text of a year."""
    text = value.rstrip()
    if _NUMERAL.fullmatch(text):
        return Number(Decimal(text), is_whole="." not in text)
    if _DAY.fullmatch(text) or _MOMENT.fullmatch(text):
        try:
            return _moment(datetime.fromisoformat(text.replace("Z", "+00:00")))
        except ValueError:  # no such day
            return ("text", text)
    return ("text", text)
