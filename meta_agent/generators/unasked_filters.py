"""Finds filters that the request did not ask for.

Small models fill gaps with placeholders (``name = 'Your Property Name'``) or carry a
value over from an example. Such a filter makes the answer wrong or empty without any
error, so the model is asked about it once.
"""

from __future__ import annotations

import re

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema
from meta_agent.glossary import normalise

_DATE_LIKE = re.compile(r"^\d{4}(-\d{2}){0,2}\b")
_SHORTEST_SHARED_WORD = 4


def unasked_texts(tree: exp.Expr, request: str, schema: DatabaseSchema) -> tuple[str, ...]:
    """Texts that the query compares with and that neither the request nor the catalogue mentions."""
    known = normalise(f"{request} {_catalogue_words(schema)}")
    compared = (
        literal.name
        for condition in tree.find_all(exp.EQ, exp.In, exp.Like, exp.ILike, exp.NEQ)
        for literal in condition.find_all(exp.Literal)
        if literal.is_string and literal.find_ancestor(exp.Where, exp.Having) is not None
    )
    return tuple(dict.fromkeys(text for text in compared if not _is_mentioned(text, known)))


def _is_mentioned(text: str, known: str) -> bool:
    wanted = normalise(text)
    if not wanted or _DATE_LIKE.match(text) or f" {wanted} " in f" {known} ":
        return True
    words = [word for word in wanted.split() if len(word) >= _SHORTEST_SHARED_WORD]
    return bool(words) and all(word in known or word.rstrip("s") in known for word in words)


def _catalogue_words(schema: DatabaseSchema) -> str:
    """Comments and types: they list the values of columns with few of them."""
    parts = [c.comment or "" for t in schema.tables for c in t.columns] + [
        t.comment or "" for t in schema.tables
    ]
    return " ".join([*parts, *(c.type for t in schema.tables for c in t.columns)])
