"""Finds what a request asks about and the database has no word for.

"The phone numbers of all tenants" gets a query whatever happens: small models take the next best
column. Where a word of the request stands in no name, comment, definition or stored text,
the answer is probably about something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from rapidfuzz import fuzz

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.glossary import Glossary
from meta_agent.mentions import stem

MOST = 3
_WORD = re.compile(r"(?<![\w'’-])[a-z][a-z-]{2,}(?![\w'’-])")
_QUOTED = re.compile(r"[\"“`][^\"”`\n]{1,80}[\"”`]|(?<!\w)['‘][^'’\n]{1,60}['’](?!\w)")
_NO_NOUN = re.compile(r"(?:ed|ing|ly|ise|ize)$")
_VERB = re.compile(
    r"\b(?:to|you|i|we|they|can|could|would|should|will|please|let|lets|let's|and then)\s+$", re.IGNORECASE
)
"""What stands before a verb."""
_YEAR = re.compile(r"(?<![\d.,-])(?:19|20)\d\d(?![\d.,]*\d)")
_SAME_START = 5
_NEAR = 82.0
_SHORTEST_PART = 2


def unrecorded_words(
    request: str, schema: DatabaseSchema, glossary: Glossary, stored: Iterable[str] = ()
) -> tuple[str, ...]:
    """Nouns of the request that stand nowhere in the schema, its comments and values, or the glossary.

    ``stored``: texts that were found among the rows; a name in small letters may be one of them.
    Names (capitals, quotes), verbs by their endings and everyday words are left out; at most ``MOST``.
    """
    known = _known_stems(schema, glossary, stored)
    text = _QUOTED.sub(" ", request)
    words = dict.fromkeys(m[0] for m in _WORD.finditer(text) if not _VERB.search(text[: m.start()]))
    nouns = (word for word in words if not _is_everyday(word) and not _NO_NOUN.search(word))
    found = (word for word in nouns if not _is_known(stem(word), known) and not _is_joined(word, known))
    return tuple(word for word in found if not any(_abbreviates(word, name) for name in _long_names(schema)))[
        :MOST
    ]


def _long_names(schema: DatabaseSchema) -> Iterator[list[str]]:
    """The words of names that have several."""
    for table in schema.tables:
        for name in (table.name, *(column.name for column in table.columns)):
            words = re.findall(r"[a-z]+", name.lower())
            if len(words) > 1:
                yield words


def _abbreviates(word: str, name: list[str]) -> bool:
    """Whether a word is made of the beginnings of a name's words: ``opex`` of operating expenses."""
    if not name or not word:
        return not name and not word
    most = next((n for n, (a, b) in enumerate(zip(word, name[0], strict=False)) if a != b), len(name[0]))
    return any(
        _abbreviates(word[length:], name[1:]) for length in range(_SHORTEST_PART, min(most, len(word)) + 1)
    )


def _is_everyday(word: str) -> bool:
    return word in everyday_words() or stem(word) in everyday_words()


@cache
def everyday_words() -> frozenset[str]:
    """Words that say nothing about what is asked for (``everyday_words.txt``)."""
    return frozenset(Path(__file__).with_name("everyday_words.txt").read_text(encoding="utf-8").split())


def _known_stems(schema: DatabaseSchema, glossary: Glossary, stored: Iterable[str]) -> frozenset[str]:
    texts = " ".join([*_texts_of(schema), *_texts_in(glossary), *stored]).lower()
    return frozenset(stem(word) for word in re.findall(r"[a-z]+", texts))


def _texts_of(schema: DatabaseSchema) -> Iterator[str]:
    for table in schema.tables:
        yield from (table.name, table.comment or "")
        for column in table.columns:
            yield from (column.name, column.comment or "", column.type, *column.values)


def _texts_in(glossary: Glossary) -> Iterator[str]:
    for metric in glossary.metrics:
        yield from (metric.name, metric.meaning, metric.formula, *metric.synonyms)
        yield from (threshold.label for threshold in metric.thresholds)


def _is_joined(word: str, known: frozenset[str]) -> bool:
    """Whether every part of a word with hyphens is known: ``opt-in`` of ``marketing_opt_in``."""
    parts = word.split("-")
    return len(parts) > 1 and all(stem(part) in known or _is_everyday(part) for part in parts)


def _is_known(word: str, known: Iterable[str]) -> bool:
    """Whether a word is one of the known, begins like one, stands in one, or is one misspelt."""
    return any(
        word == other
        or (len(word) >= 4 and len(other) >= 4 and (word in other or other in word))
        or (len(word) >= _SAME_START and word[:_SAME_START] == other[:_SAME_START])
        or (len(word) >= _SAME_START and fuzz.ratio(word, other) >= _NEAR)
        for other in known
    )


def years_without_rows(request: str, tables: Iterable[Table]) -> str | None:
    """A sentence where a year of the request lies outside all dates of the tables; None where none does."""
    spans = [
        (table.name, column.lowest[:10], column.highest[:10])
        for table in tables
        for column in table.columns
        if column.lowest and column.highest and column.type.startswith(("date", "timestamp"))
    ]
    for year in dict.fromkeys(_YEAR.findall(request)):
        if spans and all(not lowest[:4] <= year <= highest[:4] for _, lowest, highest in spans):
            name, lowest, highest = spans[0]
            return f"There is nothing of {year}: the dates in {name} go from {lowest} to {highest}."
    return None
