"""Looks at a finished answer for what makes it doubtful, one sentence each.

Too many rows, none at all and why, columns without a value, shares that are no percentages.
That rows were cut at the row limit is told by the script itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from meta_agent.contracts import ExecutionResult, GeneratedScript, ResultTable
from meta_agent.errors import DatabaseError
from meta_agent.generators.sql_empty import emptying_conditions
from meta_agent.generators.sql_parsing import NotAQuery, parse_queries
from meta_agent.ranking import Ranking, asked_ranking

if TYPE_CHECKING:
    from meta_agent.databases.base import Lookup

_PERCENT = re.compile(r"%|\bper ?cent|\bpct\b", re.IGNORECASE)
_OFTEN_PERCENT = re.compile(r"percent|pct|occupancy|vacancy|share|rate|margin|yield|ltv", re.IGNORECASE)
_OF_A_WHOLE = re.compile(r"occupancy|vacancy|percent_of|pct_of|share_of|market_share", re.IGNORECASE)
_NOT_A_SHARE = re.compile(r"change|growth|increase|diff|variance|ratio|fraction|_per_|\[", re.IGNORECASE)
_FEWEST_FRACTIONS = 2
"""Values; a single one below 1 may well be 0.4 %."""


def answer_doubts(
    script: GeneratedScript, execution: ExecutionResult, request: str, lookup: Lookup | None
) -> tuple[str, ...]:
    """What the user should know about an answer. A database that is gone by now is no error."""
    tables = execution.result.tables if execution.result else ()
    ranking = asked_ranking(request) if len(tables) == 1 else None
    doubts: list[str] = []
    for table, query in zip_longest(tables, script.queries):
        if table is None:
            continue
        doubts += table_doubts(table, request, ranking)
        if lookup is not None and query is not None and _says_nothing(table):
            doubts += _why_nothing(query.sql, lookup)
    return tuple(dict.fromkeys(doubts))


def table_doubts(table: ResultTable, request: str, ranking: Ranking | None) -> Iterator[str]:
    """What one table itself shows; nothing of a table without rows."""
    if ranking is not None and len(table.rows) > ranking.count:
        yield f"{ranking.count:,} rows were asked for and {len(table.rows):,} are shown."
    for name in table.columns if table.rows else ():
        values = [row.get(name) for row in table.rows]
        if all(value is None for value in values):
            yield f"The column {name} has no value in any row."
        yield from _share_doubts(name, list(filter(_is_figure, values)), request)


def _share_doubts(name: str, figures: list[Any], request: str) -> Iterator[str]:
    if not figures or _NOT_A_SHARE.search(name):
        return
    if _PERCENT.search(request) and _OFTEN_PERCENT.search(name) and _are_fractions(figures):
        yield f"All of {name} lies between 0 and 1: it may be a share of 1, not a percentage."
    elif _OF_A_WHOLE.search(name) and max(figures) > 100:
        yield f"{name} goes above 100, which a share of a whole cannot."


def _are_fractions(figures: list[Any]) -> bool:
    return len(figures) >= _FEWEST_FRACTIONS and min(figures) >= 0 and 0 < max(figures) <= 1


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and value == value


def _says_nothing(table: ResultTable) -> bool:
    """No row, or one in which every figure is missing or 0: what an aggregate makes of no rows."""
    return not table.rows or (len(table.rows) == 1 and not any(table.rows[0].values()))


def _why_nothing(sql: str, lookup: Lookup) -> tuple[str, ...]:
    try:
        return emptying_conditions(parse_queries(sql)[0], lookup)
    except (NotAQuery, DatabaseError):
        return ()
