"""Reads the suppositions of a what-if request from its words: by how many percent, up or down.

The model names the quantity; the number and its sign are too important to leave to it.
"""

from __future__ import annotations

import re

_FALL = re.compile(
    r"\b(f[ae]lls?|fell|falling|dr[ao]p\w*|declin\w+|decreas\w+|reduc\w+|lower\w*|cut\w*|lost|los(e|es|ing)"
    r"|shr[aiu]nk\w*|down|less|worse\w*)\b",
    re.IGNORECASE,
)
_RISE = re.compile(
    r"\b(rose|ris(e|es|ing)|increas\w+|gr[eo]w\w*|rais\w+|higher|up|gain\w*|more|better|improv\w+)\b",
    re.IGNORECASE,
)
_CHANGE = re.compile(r"\b(chang\w+|mov(e|es|ed|ing)|went|differ\w*)\b", re.IGNORECASE)
_WHAT_IF = re.compile(
    r"\bwhat[- ]ifs?\b|\bscenarios?\b|\bsimulat\w+|\bstress\w*|\bsensitivity\b", re.IGNORECASE
)
_CONDITION = re.compile(r"\b(if|suppos\w+|assum\w+|would|were to)\b", re.IGNORECASE)
_AMOUNT = re.compile(r"([-+\u2212]?)\s*(\d+(?:[.,]\d+)?)\s*(?:%|percent\b|per cent\b|pct\b)", re.IGNORECASE)
_BOTH_WAYS = re.compile(r"\+\s*/\s*-|±|\bplus or minus\b|\b(up or down|up and down)\b", re.IGNORECASE)


def asks_what_if(text: str) -> bool:
    """Whether the request supposes a change by a percentage."""
    if _AMOUNT.search(text) is None:
        return False
    if _WHAT_IF.search(text):
        return True
    changes = _FALL.search(text) or _RISE.search(text) or _CHANGE.search(text)
    return changes is not None and _CONDITION.search(text) is not None


def percent_changes(text: str) -> dict[float, int | None]:
    """Each percentage in the text with its direction: +1, -1, or None where the words leave it open."""
    both_ways = _BOTH_WAYS.search(text) is not None
    return {
        float(amount.group(2).replace(",", ".")): None if both_ways else _direction(text, amount)
        for amount in _AMOUNT.finditer(text)
    }


def _direction(text: str, amount: re.Match[str]) -> int | None:
    """By the amount's own sign, else by the nearest verb before it, else by one behind it."""
    if amount.group(1):
        return 1 if amount.group(1) == "+" else -1
    before, behind = text[: amount.start()], text[amount.end() : amount.end() + 30]
    last_fall = max((m.start() for m in _FALL.finditer(before)), default=-1)
    last_rise = max((m.start() for m in _RISE.finditer(before)), default=-1)
    if last_fall != last_rise:
        return -1 if last_fall > last_rise else 1
    if _FALL.search(behind):
        return -1
    return 1 if _RISE.search(behind) else None
