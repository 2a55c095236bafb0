"""Finds filters that the request did not ask for.

Small models fill gaps with placeholders (``name = 'Your Property Name'``) or carry a
value over from an example. Such a filter makes the answer wrong or empty without any
error, so the model is asked about it once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema
from meta_agent.glossary import normalise
from meta_agent.ranking import NUMBER_WORDS

_DATE_LIKE = re.compile(r"^\d{4}(-\d{2}){0,2}\b")
_SHORTEST_SHARED_WORD = 4
_LONGEST_CODE = 3
_FIGURE = re.compile(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)")
_PARTS = {
    "half": 0.5,
    "halves": 0.5,
    "quarter": 0.25,
    "third": 1 / 3,
    "dozen": 12.0,
    "double": 2.0,
    "twice": 2.0,
}
_UNITS = (1.0, 100.0, 1_000.0, 1_000_000.0, 1_000_000_000.0, 0.01)
"""A figure may be meant in percent, thousands (500k), millions, or as a share."""
_SELF_EVIDENT = (0.0, 1.0)
_OF_TIME = re.compile(
    r"\d|\b(?:to)?(?:day|date|week|month|quarter|year)|\bannual|\bnow\b|\bsince\b|\buntil\b|\bbefore\b|\bafter\b"
    r"|\brecent|\blatest\b|\bnew|\bold|\bearl|\bcurrent|\blast\b|\bpast\b|\bnext\b|\bprevious|\bthis\b|\bago\b"
    r"|\bso far\b|\bytd\b|\bstill\b|\bactive\b|\brunning\b|\bend|\bexpir|\bmatur|\bdue\b|\boverdue\b|\blate\b"
    r"|\bjan|\bfeb|\bmar|\bapr|\bmay\b|\bjun|\bjul|\baug|\bsep|\boct|\bnov|\bdec",
    re.IGNORECASE,
)
_BOUNDS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
_DATE_PARTS = (exp.Extract, exp.Year, exp.Month, exp.Day, exp.Quarter, exp.Interval, exp.TimestampTrunc)


def unasked_texts(tree: exp.Expr, request: str, schema: DatabaseSchema) -> tuple[str, ...]:
    """Texts that the query compares with and that neither the request nor the catalogue mentions."""
    known, codes = normalise(request), set(_catalogue_words(schema).lower().split())
    compared = (
        literal.name
        for condition in tree.find_all(exp.EQ, exp.In, exp.Like, exp.ILike, exp.NEQ)
        for literal in condition.find_all(exp.Literal)
        if literal.is_string and literal.find_ancestor(exp.Where, exp.Having) is not None
    )
    texts = dict.fromkeys(text for text in compared if not _is_mentioned(text, known))
    return tuple(text for text in texts if not _is_code(text, codes, known))


def unasked_bounds(tree: exp.Expr, request: str, definitions: str, schema: DatabaseSchema) -> tuple[str, ...]:
    """Dates and figures that rows are compared with, though nothing in the request leads to them.

    ``definitions``: further text a figure may come from, such as the glossary's thresholds. Time is
    told apart only in general: "last quarter" leads to many dates.
    """
    figures = set(_figures(f"{request} {definitions} {_comments(schema)}"))
    speaks_of_time = _OF_TIME.search(request) is not None
    found = []
    for literal in _compared_literals(tree):
        if literal.is_string:
            unasked = _DATE_LIKE.match(literal.name) is not None and not speaks_of_time
        else:
            unasked = not _follows(float(literal.name), figures)
        if unasked:
            found.append(literal.name)
    return tuple(dict.fromkeys(found))


def _compared_literals(tree: exp.Expr) -> Iterator[exp.Literal]:
    """Constants that stand alone on one side of a comparison.

    Those with a part of a date are left out, and where a recursive query stops counting.
    """
    for comparison in tree.find_all(*_BOUNDS):
        if comparison.find_ancestor(exp.Where, exp.Having) is None or comparison.find(*_DATE_PARTS):
            continue
        around = comparison.find_ancestor(exp.With)
        if around is not None and around.recursive:
            continue
        sides = [side for key, side in comparison.args.items() if key not in ("this", "expressions")]
        sides += [comparison.this, *comparison.expressions]
        for side in filter(None, sides):
            bare = side.this if isinstance(side, exp.Cast | exp.Date | exp.Neg) else side
            if isinstance(bare, exp.Literal):
                yield bare


def _figures(text: str) -> Iterator[float]:
    for written in _FIGURE.findall(text):
        yield float(written.replace(",", ""))
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in NUMBER_WORDS:
            yield float(NUMBER_WORDS.index(word) + 1)
        elif word in _PARTS:
            yield _PARTS[word]


def _follows(value: float, figures: set[float]) -> bool:
    meant = {figure * unit for figure in figures for unit in _UNITS}
    return abs(value) in _SELF_EVIDENT or any(abs(abs(value) - figure) <= 1e-9 * figure for figure in meant)


def _is_code(text: str, codes: set[str], known: str) -> bool:
    """Whether a text is a short form that the catalogue names, of a word of the request: FL for Florida."""
    short = text.lower()
    if len(short) > _LONGEST_CODE or not {short, f"{short},", f"{short}."} & codes:
        return False
    return _letters_in_order(short).search(known) is not None


def _letters_in_order(short: str) -> re.Pattern[str]:
    """Finds a word with these letters in this order from its first on, or words that begin with them."""
    first, *others = map(re.escape, short)
    further = "".join(rf"(?:\w*?|\w*\W+(?:(?:of|the|and)\W+)*){letter}" for letter in others)
    return re.compile(rf"\b{first}{further}")


def _is_mentioned(text: str, known: str) -> bool:
    wanted = normalise(text)
    if not wanted or _DATE_LIKE.match(text) or f" {wanted} " in f" {known} ":
        return True
    words = [word for word in wanted.split() if len(word) >= _SHORTEST_SHARED_WORD]
    return bool(words) and all(word in known or word.rstrip("s") in known for word in words)


def _catalogue_words(schema: DatabaseSchema) -> str:
    """Comments and types: they list the values of columns with few of them."""
    return " ".join([_comments(schema), *(c.type for t in schema.tables for c in t.columns)])


def _comments(schema: DatabaseSchema) -> str:
    of_columns = [column.comment or "" for table in schema.tables for column in table.columns]
    return " ".join([*of_columns, *(table.comment or "" for table in schema.tables)])
