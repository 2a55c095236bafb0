"""Analyses a request by its own words where these say it all, so that the model need not be asked.

"Total loan balance by lender" names its table and what it wants. Only where nothing ties a
request to the database, or it sounds like a question about the world, is the model's
reading of it needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from meta_agent.contracts import Table, TaskAnalysis
from meta_agent.glossary import Glossary
from meta_agent.mentions import speaks_of_table

_WANTS_DATA = re.compile(
    r"\b(?:how (?:many|much)|number of|count|list|show|give|display|report|overview|compare|calculate"
    r"|compute|total|sum|average|avg|mean|median|highest|lowest|largest|smallest|biggest|most|least"
    r"|top|bottom|best|worst|percent(?:age)?|ratio|share|rate|per|each|every|by|which"
    r"|what(?: is| are|'s)? (?:the|our)|rank|sort(?:ed)?|ordered|between|before|after|since|above|below"
    r"|over|under|more than|less than|at least|at most)\b",
    re.IGNORECASE,
)
_ABOUT_THE_WORLD = re.compile(
    r"\bhow (?:can|do|does|did|should|would|could|has|have|is|to)\b|\bwhy\b|\bexplain\b|\bdescribe\b"
    r"|\bwhat (?:is|are) the (?:\w+ )?(?:benefits?|process|purpose|meaning|causes?|reasons?|effects?|term"
    r"|advantages?|measures?|evidence|definition|difference between)\b|\bin the field of\b|\bhistory of\b",
    re.IGNORECASE,
)
_COMPUTES = re.compile(
    r"\b(?:total|sum|average|avg|mean|median|ratio|percent\w*|share|growth|change|calculate|compute"
    r"|how (?:many|much)|count|number of|weighted|difference)\b|%",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Z][\w&’'-]*(?:\s+(?:(?:of|the|and|&)\s+)?[A-Z][\w&’'-]*)*")
_ASKING = re.compile(r"what|who|where|when|how|find|get|tell|of|the|and|&", re.IGNORECASE)
_SMALL = ("a", "an", "and", "by", "for", "in", "of", "on", "or", "per", "the", "to", "with")
"""Words that a title writes small."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_BOUND = re.compile(
    r"(?:\b(?:than|over|under|above|below|least|most|exceed(?:s|ing)?|between|after|before|since|until|past)|[<>=])"
    r"\s*(?:or equal to\s+)?[$€£]?\d[\d,.]*(?:\s*(?:and|-)\s*[$€£]?\d[\d,.]*)?",
    re.IGNORECASE,
)
"""``older than 56``: a figure to compare rows with, and none to compute anything from."""
_OPENING = re.compile(
    r"^(?:(?:hi|hello|hey|please|can you|could you|i (?:need|want|would like) (?:you )?to|i want|i need"
    r"|show(?: me)?|give(?: me)?|list|tell me)\b[,!]?\s+)+(?=\w)",
    re.IGNORECASE,
)
_FEWEST_WORDS = 3
_LONGEST_GOAL = 90
_WORDS_OF_A_SIMPLE_REQUEST = 15
_SECONDS = {"SIMPLE": 5, "MEDIUM": 15}


def is_plain(request: str, tables: Sequence[Table], glossary: Glossary) -> bool:
    """Whether the words alone say that a request is about these tables."""
    if _ABOUT_THE_WORLD.search(request) or not _WANTS_DATA.search(request):
        return False
    names = [table.name for table in tables]
    return bool(glossary.mentioned_in(request)) or any(
        speaks_of_table(request, name, names) for name in names
    )


def without_bounds(request: str) -> str:
    """The request without the figures that rows are compared with."""
    return _BOUND.sub(" ", request)


def plain_analysis(
    request: str, data_sources: tuple[str, ...], *, web: bool, simulation: bool
) -> TaskAnalysis:
    """What the words say of a request that ``is_plain``; ``data_sources``: the tables it speaks of."""
    complexity = "SIMPLE" if len(request.split()) <= _WORDS_OF_A_SIMPLE_REQUEST else "MEDIUM"
    return TaskAnalysis(
        primary_goal=_goal(request),
        task_type="calculation" if _COMPUTES.search(request) else "reporting",
        requires_web_interface=web,
        requires_simulation=simulation,
        data_sources=data_sources,
        key_entities=tuple(dict.fromkeys(_names_in(request))),
        complexity="SIMPLE" if complexity == "SIMPLE" else "MEDIUM",
        estimated_execution_time_seconds=_SECONDS[complexity],
    )


def _names_in(request: str) -> Iterator[str]:
    """What is written with capitals, without the words that only ask for it: ``Average NOI of Acme``."""
    words = [word for word in re.findall(r"[A-Za-z]\w*", request) if word not in _SMALL]
    if all(word[0].isupper() for word in words):
        return  # written as a title: capitals say nothing
    for found in _NAME.findall(request):
        parts = found.split()
        while parts and (
            parts[0].isupper() or _ASKING.fullmatch(parts[0]) or _WANTS_DATA.fullmatch(parts[0])
        ):
            parts = parts[1:]
        if parts:
            yield " ".join(parts)


def _goal(request: str) -> str:
    """The first sentence that says something, cut at a word."""
    sentences = [" ".join(part.split()) for part in _SENTENCE.split(request)]
    first = next((part for part in sentences if len(part.split()) >= _FEWEST_WORDS), sentences[0])
    first = _OPENING.sub("", first)
    if len(first) > _LONGEST_GOAL:
        first = first[:_LONGEST_GOAL].rsplit(" ", 1)[0] + "…"
    return (first[:1].upper() + first[1:]).rstrip(" ?.!") or "Answer the request"
