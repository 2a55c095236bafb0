"""Finds what a request speaks of among the user's own tables.

The model says in its own words which data a request needs ("tenants", "rents"). Here
those words, and the request's own, are looked up among the names of tables and
columns. Where nothing matches, the honest answer is that this database does not
hold it, not a query over whatever is there.
"""

from __future__ import annotations

import re

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.glossary import Glossary
from meta_agent.mentions import stem

_SHORTEST = 3


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EVERYDAY = _words(
    """
    a all an and any are as at average be best by calculate can compute convert count data database date
    day each every figure
    find first for from get give had has have highest how i id in information is it item kind last
    least less list lowest many max me min month more most much my name no not number of on or our
    over per please print record report result row show sum table tell than that the their them there
    these they this time to top total type up us value want was we were what when where which who
    whose will with year you your
    """
)
"""Words that stand in many names and requests and so say nothing about what is meant."""


def tables_meant(
    claimed: tuple[str, ...], request: str, schema: DatabaseSchema, glossary: Glossary
) -> tuple[str, ...]:
    """Names of the tables that the claimed data sources, or else the request itself, speak of."""
    found = [table for table in schema.tables if _speaks_of(" ".join(claimed), table)]
    if not found:
        synonyms = " ".join(name for metric in glossary.mentioned_in(request) for name in metric.names)
        found = [table for table in schema.tables if _speaks_of(f"{request} {synonyms}", table)]
    return tuple(table.name for table in found)


def _speaks_of(text: str, table: Table) -> bool:
    names = [table.name.lower(), *(column.name.lower() for column in table.columns)]
    return any(any(_matches(word, name) for name in names) for word in _content_words(text))


def _content_words(text: str) -> set[str]:
    words = {stem(word) for word in re.findall(r"[a-z]+", text.lower().replace("_", " "))}
    return {word for word in words if len(word) >= _SHORTEST and word not in _EVERYDAY}


def _matches(word: str, name: str) -> bool:
    """Whether a word is a part of a name; longer ones may stand inside (``customer`` in ``sbcustomer``)."""
    parts = {stem(part) for part in re.findall(r"[a-z]+", name)}
    return word in parts or (len(word) >= 5 and word in name)
