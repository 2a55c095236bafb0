"""Reads from a request's words how many rows it wants, and from which end.

"Top 5", "the five largest", "3 properties with the lowest NOI". The model's query is held
against this, because an answer with the bottom five for the top five looks right. Where the
words leave it open (worst, oldest; the best of each city), nothing is read from them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

End = Literal["high", "low"]

MOST = 1_000
_WORDS = """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty
"""
NUMBER_WORDS = tuple(_WORDS.split())
_NUMBER = rf"(?<![\w.,$€£-])(?P<n>\d{{1,4}}|{'|'.join(NUMBER_WORDS)})(?![\w%-]|[.,]\d)"
_HIGH = r"highest|largest|biggest|greatest|priciest|longest"
_LOW = r"lowest|smallest|fewest|cheapest|shortest"
_OPEN = r"worst|best|newest|latest|oldest|earliest|strongest|weakest|riskiest|safest|richest|poorest"
_EXTREME = rf"{_HIGH}|{_LOW}|{_OPEN}|most|least"
_AHEAD = re.compile(
    rf"\b(?:top|bottom|{_HIGH}|{_LOW}|{_OPEN})\s+(?!ones?\b){_NUMBER}"
    r"(?!\s+(?:percent|per cent|pct|(?:day|week|month|quarter|year|bed|bedroom|percentage)\b))",
    re.IGNORECASE,
)
"""``top 5``, but not ``top 5 %`` nor ``highest 3 month average`` nor ``the lowest one``."""
_BEHIND = re.compile(
    rf"{_NUMBER}\s+(?:(?!and\b|or\b|at\b)[a-z]+\s+){{0,3}}?"
    rf"(?:(?:with|having|have|has|by|of)\s+(?:the\s+)?)?(?:{_EXTREME})\b",
    re.IGNORECASE,
)
"""``five largest loans``, ``3 properties with the lowest NOI``."""
_CHOOSES_AMONG = re.compile(
    r"\b(?:which|who|what|one)\s+(?:one\s+)?of\s+(?:the|our|my|these|those|all)\s+$", re.IGNORECASE
)
"""Before the number in ``which of the 5 loans has the highest rate``, where one is wanted and not five."""
_FIRST = re.compile(rf"\b(?:first|last|next)\s+{_NUMBER}", re.IGNORECASE)
_BOUND = re.compile(r"\bat\s+(?:the\s+)?(?:most|least)\b", re.IGNORECASE)
_EACH = re.compile(r"\b(?:each|every|per|for all|in all|respective(?:ly)?)\b", re.IGNORECASE)
_JUDGED = re.compile(
    rf"\b(?:{_OPEN}|risk\w*|safe\w*|danger\w*|weak\w*|strong\w*|poor\w*|perform\w*|attention|problem\w*|good|bad)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Ranking:
    """The first rows of an order, as a request asks for them."""

    count: int
    end: End | None
    """Which end of the order comes first; None where the words leave it open."""


def asked_ranking(request: str) -> Ranking | None:
    """The ranking that a request asks for; None where it asks for none, for several, or one in each group."""
    text = _BOUND.sub(" ", request)
    counts = {
        _number(match["n"])
        for pattern in (_AHEAD, _BEHIND)
        for match in pattern.finditer(text)
        if not _CHOOSES_AMONG.search(text[: match.start("n")])
    }
    both_ends = re.search(r"\btop\b", text, re.IGNORECASE) and re.search(r"\bbottom\b", text, re.IGNORECASE)
    if len(counts) != 1 or both_ends or _EACH.search(text):
        return None
    count = counts.pop()
    return Ranking(count, _end(text)) if 1 <= count <= MOST else None


def without_counts(request: str) -> str:
    """The request without its words for how many rows it wants: ``top 5``, ``the first ten``."""
    for pattern in (_AHEAD, _BEHIND, _FIRST):
        request = pattern.sub(" ", request)
    return request


def _end(text: str) -> End | None:
    """A word for an extreme says more than ``top``: the top 5 with the lowest rent are the lowest."""
    if _JUDGED.search(text):
        return None
    for high, low in ((rf"{_HIGH}|most", rf"{_LOW}|least"), ("top", "bottom")):
        is_high = re.search(rf"\b(?:{high})\b", text, re.IGNORECASE) is not None
        is_low = re.search(rf"\b(?:{low})\b", text, re.IGNORECASE) is not None
        if is_high and is_low:
            return None
        if is_high or is_low:
            return "high" if is_high else "low"
    return None


def _number(word: str) -> int:
    return int(word) if word.isdigit() else NUMBER_WORDS.index(word.lower()) + 1
