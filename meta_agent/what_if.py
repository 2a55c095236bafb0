"""Reads the suppositions of a what-if request from its words: by how many percent, up or down.

The model names the quantity; the number and its sign are too important to leave to it.
A percentage that a figure is compared with ("below 85 %") is no change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Direction = Literal[-1, 1]

_FALL = (
    r"f[ae]ll\w*|dr[ao]p\w*|declin\w*|decreas\w*|reduc\w*|lower\w*|cuts?|cutting|lost|los(?:e|es|ing)|loss"
    r"|sl[iu]p\w*|shr[aiu]nk\w*|s[aiu]nk\w*|plung\w*|slump\w*|down|less|worse\w*|minus|haircut"
)
_RISE = (
    r"rose|ris(?:e|es|en|ing)|increas\w*|gr[eo]w\w*|rais\w*|higher|up|upward|gain\w*|more|better|improv\w*|plus"
    r"|jump\w*|climb\w*|surg\w*|extra"
)
_MOVE = re.compile(rf"\b(?:(?P<fall>{_FALL})|(?P<rise>{_RISE}))\b(?!\s+(?:to|than)\b)", re.IGNORECASE)
_OPEN_MOVE = re.compile(r"\b(chang\w*|mov(e|es|ed|ing)|went|differ\w*|var(y|ies|ied|ying))\b", re.IGNORECASE)
_BOTH_WAYS = re.compile(
    r"±|\+\s*/\s*[-\u2212]|\bplus or minus\b|\bup (or|and) down\b|\beither way\b", re.IGNORECASE
)
_WHAT_IF = re.compile(
    r"\bwhat[- ]?ifs?\b|\bwhat (would|will|happens)\b|\bscenarios?\b|\bsimulat\w+"
    r"|\bstress\w*|\bsensitivity\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(if|suppos\w+|assum\w+|would|were to|imagine|in case)\b", re.IGNORECASE)
_AMOUNT = re.compile(
    r"(?P<sign>(?<![\w.,])[-+\u2212\u2013])?\s?(?<![\d.,])"
    r"(?P<size>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)"
    r"\s*-?(?P<unit>%|percent\b|per cent\b|pct\b|percentage points?\b|basis points?\b|bps?\b|pp\b)",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"(?<![\w.,])(?:\d{1,3}(?:\.\d+)?\s*(?:,\s*(?:and|or)?|/|\band|\bor|\bto|[-\u2013])\s*)+$", re.IGNORECASE
)
"""Numbers before the last one of a list: ``5, 10 and`` of ``5, 10 and 15 percent``."""
_COMPARED = re.compile(
    r"(\b(below|under|above|over|than|least|most|exceed\w*|between|minimum|maximum|threshold|exactly"
    r"|(?<!up )to|at|is|are|was|equals?|from)|[<>=≤≥])\s*(a |an |the |of )*$",
    re.IGNORECASE,
)
_MOVED_BEHIND = re.compile(r"\s*(lower|higher|less|more|down|up|better|worse)\b", re.IGNORECASE)
_BY = re.compile(r"\bby\s*$", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[;?!\n]|[.,:](?!\d)")
_PERCENT = re.compile(r"%|per ?cent|pct", re.IGNORECASE)


@dataclass(frozen=True)
class Change:
    """One supposed change, as the request words it."""

    percent: float
    """Its size, without a sign."""
    directions: tuple[Direction, ...]
    """+1, -1, or both where the words leave it open or ask for both."""
    clause: str
    """The part of the sentence that it stands in."""


@dataclass(frozen=True)
class _Amount:
    """Numbers with one unit behind them, and where they stand."""

    text: str
    start: int
    end: int
    sizes: tuple[float, ...]
    sign: str
    unit: str

    @property
    def before(self) -> str:
        return self.text[: self.start]

    @property
    def clause_start(self) -> int:
        return max((match.end() for match in _CLAUSE_END.finditer(self.before)), default=0)

    @property
    def clause_end(self) -> int:
        following = _CLAUSE_END.search(self.text, self.end)
        return following.start() if following else len(self.text)

    @property
    def clause(self) -> str:
        return self.text[self.clause_start : self.clause_end]

    def is_change(self, *, what_if: bool) -> bool:
        """Whether something is moved by it; a level or bound ("below 85 %", "fell to 85 %") is no change."""
        if self.sign:
            return True
        if _COMPARED.search(self.before.rstrip() + " ") and not _MOVED_BEHIND.match(self.text, self.end):
            return False
        moved = any(pattern.search(self.clause) for pattern in (_MOVE, _OPEN_MOVE, _BOTH_WAYS))
        return moved or (what_if and _BY.search(self.before) is not None)

    def directions(self) -> tuple[Direction, ...]:
        """By its own sign, else by the nearest word of movement in its clause, on either side."""
        if _BOTH_WAYS.search(self.clause):
            return (-1, 1)
        if self.sign:
            return (1,) if self.sign == "+" else (-1,)
        moves = list(_MOVE.finditer(self.text, self.clause_start, self.clause_end))
        if not moves:
            return (-1, 1)
        return (-1,) if min(moves, key=self._distance).group("fall") else (1,)

    def _distance(self, move: re.Match[str]) -> int:
        return self.start - move.end() if move.end() <= self.start else move.start() - self.end


def asks_what_if(text: str) -> bool:
    """Whether the request supposes a change by some percentage or number of points."""
    return bool(_supposed(text))


def percent_changes(text: str) -> tuple[Change, ...]:
    """The changes by a percentage that the request supposes, in its order."""
    return tuple(
        Change(size, amount.directions(), amount.clause)
        for amount in _supposed(text)
        if _PERCENT.fullmatch(amount.unit)
        for size in amount.sizes
    )


def _supposed(text: str) -> list[_Amount]:
    what_if = _WHAT_IF.search(text) is not None
    if not what_if and _CONDITION.search(text) is None:
        return []
    return [amount for amount in _amounts(text) if amount.is_change(what_if=what_if)]


def _amounts(text: str) -> Iterator[_Amount]:
    for found in _AMOUNT.finditer(text):
        listed = _LISTED.search(text, max(0, found.start() - 60), found.start("size"))
        start, sizes, sign = found.start(), [found.group("size")], found.group("sign") or ""
        if listed is not None:
            start, sign = listed.start(), ""
            sizes = [*re.findall(r"\d+(?:\.\d+)?", listed.group()), *sizes]
        yield _Amount(text, start, found.end(), tuple(map(_number, sizes)), sign, found.group("unit"))


def _number(digits: str) -> float:
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", digits):
        return float(digits.replace(",", ""))
    return float(digits.replace(",", "."))
