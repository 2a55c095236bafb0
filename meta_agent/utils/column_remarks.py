"""What the model is told about a column's rows: its few texts or its range, in few tokens.

Texts are the users', thus untrusted: they stand in quotes, on the column's own line, within a length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from meta_agent.contracts import Column, Table
from meta_agent.databases.key_names import key_ending
from meta_agent.databases.names import is_harmless

LONGEST_VALUES = 160
"""Characters of a column's texts together; those beyond are left out, with a mark."""
LONGEST_NUMBER = 8
"""Digits and sign; a longer one is rounded."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def column_remark(column: Column, comment: str, is_key: bool) -> str:
    """The quoted comment and what the rows say; empty where there is nothing to tell.

    Of a key no range is told: it means nothing.
    """
    told = _values(column.values, comment)
    if not told and not is_key and key_ending(column.name) not in ("id", "key"):
        told = _range(column)
    return "; ".join(filter(None, (comment, told)))


def without_values(table: Table) -> Table:
    """A table without what stands in its rows: keys and counts stay, inferred ones too."""
    columns = tuple(
        column.model_copy(update={"values": (), "lowest": None, "highest": None, "has_nulls": None})
        for column in table.columns
    )
    return table.model_copy(update={"columns": columns})


def declared_only(table: Table) -> Table:
    """A table as the catalogue alone describes it, its rows counted."""
    keys = tuple(key for key in table.foreign_keys if not key.inferred)
    return without_values(table).model_copy(update={"foreign_keys": keys, "inferred_unique": ()})


def _values(values: Sequence[str], comment: str) -> str:
    """The texts in quotes; empty where the comment names all of them already."""
    if not values or all(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", comment) for value in values):
        return ""
    shown: list[str] = []
    for value in values:
        text = "".join(character for character in value if is_harmless(character)).replace("'", "''")
        if shown and len(", ".join(shown)) + len(text) > LONGEST_VALUES:
            return f"values: {', '.join(shown)}, …"
        shown.append(f"'{text}'")
    return f"values: {', '.join(shown)}"


def _range(column: Column) -> str:
    if column.lowest is None or column.highest is None:
        return ""
    lowest, highest = _short(column.lowest), _short(column.highest)
    return lowest if lowest == highest else f"{lowest} to {highest}"


def _short(text: str) -> str:
    """A day without its time, a number without the digits that say little."""
    if day := _DAY.match(text):
        return day.group()
    try:
        number = Decimal(text)
    except InvalidOperation:
        return ""
    plain = f"{number:f}"
    if "." in plain and len(plain) > LONGEST_NUMBER:
        plain = f"{number:.2f}" if abs(number) >= 1 else f"{number:.2g}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
