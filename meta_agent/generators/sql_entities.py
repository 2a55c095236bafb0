"""Finds names in a request that occur nowhere in the tables its query reads.

"The rent of 'Sunset Mall'" must not be answered with a full or empty table as if Sunset Mall
were in it. A name is what stands in quotes, and what the analysis names with capital letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.databases.base import Lookup
from meta_agent.generators.sql_parsing import catalogue_table, identifier, to_sql
from meta_agent.generators.sql_values import is_text
from meta_agent.glossary import Glossary, normalise

MOST_NAMES = 4
_MOST_TABLES = 6
_QUOTED = re.compile(r"[\"“]([^\"“”\n]{2,60})[\"”]|(?<!\w)['‘]([^'‘’\n]{2,60})['’](?!\w)")
_CALENDAR_WORDS = """
    january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday
"""
_CALENDAR = frozenset(_CALENDAR_WORDS.split())


def names_in(
    request: str, entities: Iterable[str], schema: DatabaseSchema, glossary: Glossary
) -> tuple[str, ...]:
    """The proper names of a request: quoted, or named by the analysis and written with capitals."""
    quoted = [first or second for first, second in _QUOTED.findall(request)]
    capital = [entity for entity in entities if _is_capital(entity, request)]
    known = {normalise(table.name) for table in schema.tables}
    known |= {normalise(column.name) for table in schema.tables for column in table.columns}
    known |= {name for metric in glossary.metrics for name in metric.names}
    names = (name.strip() for name in dict.fromkeys([*quoted, *capital]))
    return tuple(name for name in names if _is_name(name, known))[:MOST_NAMES]


def missing_names(
    names: Iterable[str], trees: Iterable[exp.Expr], schema: DatabaseSchema, lookup: Lookup
) -> Iterator[str]:
    """A sentence for each name that no text column of the queries' tables holds. Raises DatabaseError."""
    read = (catalogue_table(source, schema) for tree in trees for source in tree.find_all(exp.Table))
    found = (table for table in dict.fromkeys(read) if table is not None)
    tables = [table for table in found if any(map(is_text, table.columns))]
    if not tables or len(tables) > _MOST_TABLES:
        return
    listed = ", ".join(table.name for table in tables)
    for name in names:
        counts = [lookup.count(_mentions(table, name), 1) for table in tables]
        if all(count == 0 for count in counts):
            yield f"'{name}' is found nowhere in {listed}; the answer may not be about it."


def _mentions(table: Table, name: str) -> str:
    """The rows that hold a name in one of their texts."""
    literally = re.sub(r"([\\%_])", r"\\\1", name)
    pattern = exp.Literal.string(f"%{literally}%")
    texts = (exp.Column(this=identifier(column.name)) for column in table.columns if is_text(column))
    conditions = (exp.ILike(this=text, expression=pattern.copy()) for text in texts)
    source = exp.Table(this=identifier(table.name), db=identifier(table.schema_name))
    return to_sql(exp.select("1").from_(source).where(exp.or_(*conditions)))


def _is_capital(entity: str, request: str) -> bool:
    """Whether a request writes something with a capital that is not only its sentence's first letter."""
    found = re.search(rf"(?<!\w){re.escape(entity)}(?!\w)", request)
    words = [word for word in entity.split() if len(word) > 2]
    if found is None or not words or not all(word[0].isupper() for word in words) or entity.isupper():
        return False
    starts = not request[: found.start()].strip() or request[: found.start()].rstrip()[-1] in ".!?:"
    return not starts or len(words) > 1


def _is_name(name: str, known: set[str]) -> bool:
    words = normalise(name).split()
    is_calendar = bool(words) and all(w in _CALENDAR or w.isdigit() for w in name.lower().split())
    return any(c.isalpha() for c in name) and not is_calendar and " ".join(words) not in known
