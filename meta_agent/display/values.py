"""How values are shown: aligned, readable, and unable to steer the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from meta_agent.column_words import is_label

NULL = "<null>"
MOST_DECIMALS = 8
"""A database column with more decimals than this was computed; nobody chose them."""
_COMPUTED_DECIMALS = (2, 4)
"""Decimals of computed figures from 1 upwards, and of smaller ones."""
_HUGE = 20
"""Figures with more digits before the point are shown with an exponent."""


def visible(text: str) -> str:
    """Text in which control characters are shown, not obeyed; line ends stay."""
    return "".join(map(_visible_character, text))


def one_line(text: str) -> str:
    """The same with line ends and tabs shown, too."""
    return visible(text).replace("\n", "\\n")


def is_number(value: object) -> bool:
    """Whether a value is a figure (a truth value is not)."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def column_cells(column: str, values: Sequence[Any], bounds: Sequence[float] = ()) -> list[str]:
    """The cells of a column: thousands separated, the same decimals all the way down.

    ``bounds``: thresholds that a figure must not seem to reach by rounding alone.
    """
    numbers = [_exact(value) for value in values if is_number(value)]
    decimals = _decimals([n for n in numbers if n.is_finite()], bounds)
    separator = "" if is_label(column) and decimals == 0 else ","
    return [_cell(value, decimals, separator) for value in values]


def shown(label: str, value: Any) -> str:
    """A single value for people."""
    return column_cells(label, [value])[0]


def _cell(value: Any, decimals: int, separator: str) -> str:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "yes" if value else "no"
    if is_number(value):
        number = _exact(value)
        if not number.is_finite() or number.adjusted() > _HUGE:
            return f"{number:.6g}"
        return f"{number:{separator}.{decimals}f}"
    return one_line(_nested(value) if isinstance(value, dict | list | tuple) else str(value))


def _nested(value: object) -> str:
    import simplejson

    return str(simplejson.dumps(value, use_decimal=True, ensure_ascii=False, default=str))


def _exact(value: float | Decimal) -> Decimal:
    """A figure as it was written; a float has no decimals of its own where it is whole."""
    if isinstance(value, float):
        return Decimal(int(value)) if value.is_integer() else Decimal(repr(value))
    return Decimal(value)


def _decimals(numbers: list[Decimal], bounds: Sequence[float]) -> int:
    """Two, as money has, or as many as a figure needs: zeros that a multiplication left do not count."""
    written = max((_places(n) for n in numbers), default=0)
    if written <= 0:
        return 0
    most = max(_places(n.normalize()) for n in numbers)
    decimals = max(2, most) if most <= MOST_DECIMALS else _computed_decimals(max(map(abs, numbers)))
    limits = [Decimal(str(bound)) for bound in bounds]
    while decimals < MOST_DECIMALS and any(_seems_to_cross(n, decimals, limits) for n in numbers):
        decimals += 1
    return decimals


def _places(number: Decimal) -> int:
    return -int(number.as_tuple().exponent)


def _computed_decimals(largest: Decimal) -> int:
    usual, small = _COMPUTED_DECIMALS
    return usual if largest >= 1 else min(max(small, 2 - largest.adjusted()), MOST_DECIMALS)


def _seems_to_cross(number: Decimal, decimals: int, limits: list[Decimal]) -> bool:
    if number.adjusted() > _HUGE:
        return False
    rounded = Decimal(f"{number:.{decimals}f}")
    return any((rounded >= limit) != (number >= limit) for limit in limits)


def _visible_character(character: str) -> str:
    if character.isprintable() or character == "\n":
        return character
    return " " if unicodedata.category(character) == "Zs" else repr(character)[1:-1]
