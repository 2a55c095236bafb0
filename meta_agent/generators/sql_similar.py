"""Tells a misspelling from another name.

A wrong guess here would answer another question than the one asked, so the rules are
strict: ``noi_2023`` is no misspelling of ``noi_2024``, nor ``paid`` of ``unpaid``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from rapidfuzz import fuzz

from meta_agent.contracts import Column, Table
from meta_agent.glossary import normalise

_NEAR = 85.0
"""Least similarity (0-100) of whole names, and of each of their words."""
_SHORTEST_PREFIX = 3
_SHORTEST_STEM = 4
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "decimal", "real", "double precision", "money")
_OTHER = """
    growth change difference diff variance average avg mean median min minimum max maximum lowest highest
    rank score index share count number id
"""
_OTHER_FIGURE = frozenset(_OTHER.split())
"""Words that make another figure of a quantity: a rent's growth is no rent."""
_FEWEST_COLUMNS = 3
"""Columns from which a common beginning is a table's prefix and no accident."""


def nearest_name(written: str, names: Iterable[str]) -> str | None:
    """The one name that ``written`` can be meant for; None where there is none, or more than one."""
    candidates = sorted(set(names))
    same = [name for name in candidates if _letters(name) == _letters(written)]
    if same:
        return same[0] if len(same) == 1 else None
    near = [name for name in candidates if is_misspelling(written, name)]
    return near[0] if len(near) == 1 else None


def prefixed_name(written: str, columns: Sequence[str]) -> str | None:
    """The one column of a table that is meant, where all its columns begin with the table's own prefix.

    With ``cust_name`` and ``cust_country`` among columns that all begin with ``cust_``, ``country`` and
    ``cucountry`` are ``cust_country``: no more than the end of the prefix is missing.
    """
    prefix = os.path.commonprefix([name.lower() for name in columns])  # noqa: RUF071 - letters, not folders
    if len(columns) < _FEWEST_COLUMNS or len(prefix) < _SHORTEST_PREFIX:
        return None
    stems = {name: name.lower()[len(prefix) :] for name in columns}
    meant = [
        name
        for name, stem in stems.items()
        if len(stem) >= _SHORTEST_STEM
        and written.lower().endswith(stem)
        and prefix.startswith(written.lower().removesuffix(stem))
    ]
    return meant[0] if len(meant) == 1 else None


def named_with_table(written: str, table: Table) -> list[str]:
    """Columns whose words together with their table's are those written: ``loan_balance`` of loans.

    A figure may have further words (``current_balance``), unless they make another figure of it.
    """
    wanted, words_of_table = set(normalise(written).split()), set(normalise(table.name).split())
    if len(wanted) < 2:
        return []
    return [
        column.name
        for column in table.columns
        if says_with_table(wanted, column, table)
        and not set(normalise(column.name).split()) <= words_of_table
        and (is_number(column) or set(normalise(column.name).split()) <= wanted | words_of_table)
    ]


def says_with_table(wanted: set[str], column: Column, table: Table) -> bool:
    """Whether the words of a column and of its table are those wanted, and make no other figure of them."""
    own, words_of_table = set(normalise(column.name).split()), set(normalise(table.name).split())
    return bool(wanted & own) and wanted <= own | words_of_table and not (own - wanted) & _OTHER_FIGURE


def is_number(column: Column) -> bool:
    """Whether a column holds numbers."""
    return column.type.startswith(_NUMBERS)


def suggestions(written: str, names: Iterable[str]) -> list[str]:
    """At most three names that look like ``written``, the nearest first; for messages only."""
    scored = sorted(((fuzz.ratio(written.lower(), name.lower()), name) for name in set(names)), reverse=True)
    return [name for score, name in scored[:3] if score >= 60]


def _letters(name: str) -> str:
    """The name without underscores, blanks, case and plural endings."""
    return normalise(name).replace(" ", "")


def is_misspelling(written: str, name: str) -> bool:
    """Whether every word is nearly the same, the digits are, and neither is the end of the other."""
    ours, theirs = _letters(written), _letters(name)
    if re.findall(r"\d", ours) != re.findall(r"\d", theirs) or ours.endswith(theirs) or theirs.endswith(ours):
        return False
    if fuzz.ratio(ours, theirs) < _NEAR:
        return False
    words, others = normalise(written).split(), normalise(name).split()
    return len(words) != len(others) or all(
        fuzz.ratio(a, b) >= _NEAR for a, b in zip(words, others, strict=True)
    )
