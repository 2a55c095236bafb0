"""Whether a text stands in a column, and which texts do: for checking a query's conditions.

Every question is one bounded SELECT with its texts as parameters. The exact lookup can use
an index; of a column with many different texts only those that share a word are read.
"""

from __future__ import annotations

import re

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from meta_agent.databases.base import TextColumn, Values

MOST_VALUES = 1_000
"""Most different texts read of one column."""
LONGEST_VALUE = 200
"""Characters; longer texts are prose, not names."""
_SHORTEST_WORD = 3
_FORMS = {"": "{}", "lower": "lower({})", "upper": "upper({})"}


def holds(cursor: Cursor, column: TextColumn, text: str) -> bool:
    """Whether some row has exactly this text. Raises psycopg2.Error."""
    query = sql.SQL("SELECT EXISTS (SELECT FROM {table} WHERE {value} = %s)")
    cursor.execute(_filled(query, column), (text,))
    row = cursor.fetchone()
    return bool(row and row[0])


def values(cursor: Cursor, column: TextColumn, near: str) -> Values:
    """All texts of a column that has few, or else those with the words of ``near``, or with its longest.

    Raises psycopg2.Error.
    """
    every = _distinct(cursor, column, "%")
    if len(every) <= MOST_VALUES:
        return Values(every, is_complete=True)
    words = re.findall(r"[^\W_]+", near)
    for sought in (words, [max(words, key=len, default="")]):
        if len("".join(sought)) >= _SHORTEST_WORD:
            found = _distinct(cursor, column, f"%{'%'.join(sought)}%")
            if found:
                return Values(found[:MOST_VALUES], is_complete=False)
    return Values((), is_complete=False)


def _distinct(cursor: Cursor, column: TextColumn, pattern: str) -> tuple[str, ...]:
    """At most one text more than wanted, so that it is known whether there are more."""
    query = sql.SQL(
        "SELECT DISTINCT CAST({value} AS text) FROM {table}"
        " WHERE CAST({value} AS text) ILIKE %s AND length({value}) <= {longest} LIMIT {most}"
    )
    cursor.execute(_filled(query, column), (pattern,))
    return tuple(sorted(row[0] for row in cursor.fetchall()))


def _filled(query: sql.SQL, column: TextColumn) -> sql.Composed:
    return query.format(
        table=sql.Identifier(column.schema, column.table),
        value=sql.SQL(_FORMS[column.form]).format(sql.Identifier(column.column)),
        longest=sql.Literal(LONGEST_VALUE),
        most=sql.Literal(MOST_VALUES + 1),
    )
