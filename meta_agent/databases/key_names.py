"""What the names of tables and columns say about keys.

Databases without declared keys still follow habits: ``user_id`` means ``users``, ``custid`` is
the key of ``customer``, all columns of a table begin alike. Names are cut into words and
compared in that form; nothing here looks at rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

from meta_agent.contracts import Column, Table

Family = Literal["integer", "text", "uuid"]

KEY_ENDINGS = ("id", "key", "code", "no", "num", "nr", "number", "abbr", "symbol")
_GLUED_ENDINGS = ("id", "key", "code")
"""Endings that are recognised without a word boundary, as in ``custid``."""
_COMMON = """
    name status type kind title label description comment note notes text value amount date day
    month year time count total rank level state created updated createdat updatedat deletedat
    createdby updatedby category version position index order sort active flag uuid guid rowid url
    source gender currency language quantity price age size rating score points grade x y z
"""
GENERIC = frozenset((*KEY_ENDINGS, *_COMMON.split()))
"""Names so common that two columns that share one need have nothing to do with one another."""
_KIND_WORDS = frozenset(
    {
        "dim",
        "fact",
        "tbl",
        "tb",
        "table",
        "stg",
        "raw",
        "ref",
        "lookup",
        "lkp",
        "master",
        "info",
        "data",
        "list",
    }
)
_WORD = re.compile(r"[A-Z]+(?![^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+|\d+")
_INFLECTION = re.compile(r"(?:ations?|ings?|ions?|ers?|ors?|ees?|ed|es|e|s)\Z")
_SHORTEST_PREFIX = 2
_SHORTEST_ABBREVIATION = 3


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: ``homeTeam_ID`` is home, team, id."""
    return tuple(word.lower() for word in _WORD.findall(name))


def glued(words: Iterable[str]) -> str:
    """Words as one, the form in which names are compared."""
    return "".join(words)


def singular(word: str) -> str:
    """An English noun without its plural's ending, as well as a few rules can tell."""
    if word == "people":
        return "person"
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "uses")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


def root(word: str) -> str:
    """What a verb's forms share: ``cited``, ``citing`` and ``citation`` have ``cit``."""
    bare = _INFLECTION.sub("", word)
    return bare if len(bare) >= 3 else word


def family(sql_type: str) -> Family | None:
    """Types whose values can be equal; None for a type that no key has."""
    base = sql_type.partition("(")[0]
    if base in ("smallint", "integer", "bigint") or re.fullmatch(r"numeric\(\d+,0\)", sql_type):
        return "integer"
    if base in ("text", "character varying", "character", "citext"):
        return "text"
    return "uuid" if base == "uuid" else None


def key_ending(name: str) -> str:
    """The ending by which a name calls itself a key, such as ``id`` of ``custid``; empty: it has none."""
    words = words_of(name)
    if not words:
        return ""
    if words[-1] in KEY_ENDINGS:
        return words[-1]
    return next((ending for ending in _GLUED_ENDINGS if words[-1].endswith(ending)), "")


def is_generic(compared: str) -> bool:
    """Whether a name in its compared form is no evidence of anything."""
    return compared in GENERIC or len(compared) < _SHORTEST_ABBREVIATION


def looks_like_key(table: Table, column: Column) -> bool:
    """Whether a column may be the key of its table, going by its place, name and type."""
    if family(column.type) is None:
        return False
    return column.name == table.columns[0].name or bool(key_ending(column.name))


class TableNames:
    """A table's names, and those of its columns, without the prefixes they share."""

    def __init__(self, table: Table, common: str) -> None:
        """``common``: what all names of the database begin with, or nothing."""
        self._common = common
        self._prefix = _column_prefix([column.name for column in table.columns])
        words = words_of(_without(table.name, common))
        bare = [word for word in words if word not in _KIND_WORDS] or list(words)
        self.words = tuple(bare[:-1]) + tuple(singular(word) for word in bare[-1:])
        self.stem = glued(self.words)
        """The table's name in the singular."""
        self.last_word = self.words[-1] if len(self.words) > 1 else ""

    def readings(self, column: str) -> tuple[str, ...]:
        """A column's name as it stands, then without shared prefixes, all in the compared form."""
        found = [glued(words_of(column))]
        for prefix in (self._prefix, self._common):
            if prefix and column.lower().startswith(prefix):
                found.append(glued(words_of(column[len(prefix) :])))
        return tuple(dict.fromkeys(found))

    def is_named_by(self, column: str) -> bool:
        """Whether a column is called after its table: ``user_id`` or ``uid`` of ``users``, or ``id``."""
        ending, readings = key_ending(column), self.readings(column)
        if not ending or readings[0] == ending:
            return bool(ending)
        return any(self.is_called(reading.removesuffix(ending)) for reading in readings if reading != ending)

    def is_called(self, stem: str) -> bool:
        """Whether ``stem`` is this table's name, its initials, or short for it."""
        initials = glued(word[0] for word in self.words)
        return stem in (self.stem, initials) or self.is_short(stem)

    def is_short(self, stem: str) -> bool:
        """Whether ``stem`` is short for this table's name: ``cust`` or ``dept``."""
        whole = self.stem if len(self.words) == 1 else ""
        return any(_abbreviates(stem, name) for name in (whole, self.last_word) if name)


def is_junction(table: Table) -> bool:
    """Whether a table's columns are nothing but others' keys, so that it says which rows belong together."""
    if not 2 <= len(table.columns) <= 4 or any(family(column.type) is None for column in table.columns):
        return False
    names = TableNames(table, "")
    return all(key_ending(column.name) and not names.is_named_by(column.name) for column in table.columns)


def common_prefix(tables: Sequence[Table]) -> str:
    """What the names of all tables and most columns begin with, such as ``sb``; empty: nothing."""
    shared = _shared_beginning([table.name.lower() for table in tables])
    if len(tables) < 3 or len(shared) < _SHORTEST_PREFIX:
        return ""
    if "_" in shared:
        return shared[: shared.rindex("_") + 1]
    names = [column.name.lower() for table in tables for column in table.columns]
    return shared if sum(name.startswith(shared) for name in names) * 2 > len(names) else ""


def _column_prefix(names: Sequence[str]) -> str:
    """What a table's columns all begin with; a word boundary ends it where the names have any."""
    shared = _shared_beginning([name.lower() for name in names])
    if len(names) < 3 or len(shared) < _SHORTEST_PREFIX:
        return ""
    return shared[: shared.rfind("_") + 1] if any("_" in name for name in names) else shared


def _shared_beginning(names: Sequence[str]) -> str:
    if not names:
        return ""
    first, last = min(names), max(names)
    same = (number for number, letter in enumerate(first) if last[number : number + 1] != letter)
    return first[: next(same, len(first))]


def _without(name: str, prefix: str) -> str:
    return name[len(prefix) :] if prefix and name.lower().startswith(prefix) else name


def _abbreviates(short: str, word: str) -> bool:
    """``cust`` for customer by its beginning; ``dept`` for department by its letters."""
    if len(short) < _SHORTEST_ABBREVIATION or len(short) >= len(word):
        return False
    if word.startswith(short):
        return True
    letters = iter(word)
    return len(short) > 3 and word[:2] == short[:2] and all(letter in letters for letter in short)
