"""Reads "running on 31 December 2025" as the interval that it means.

A lease, a policy or a subscription has a start and an end, and an end that is not known
yet is NULL. Small models compare only one of the two with the date, or for equality,
which leaves most rows out without any error.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime

from sqlglot import exp

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.generators.sql_parsing import catalogue_table, column_of

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATES = (
    (rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_MONTH})\.?,?\s+(?P<year>\d{{4}})"),
    (rf"(?P<month>{_MONTH})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})"),
    r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})",
    rf"(?:the\s+)?end\s+of\s+(?:(?P<month>{_MONTH})\.?,?\s+)?(?:the\s+year\s+)?(?P<year>\d{{4}})",
)
_IN_FORCE = (
    r"\b(?:running|active|in\s+force|in\s+effect|effective|current|valid|live|open|in\s+place)\s+"
    r"(?:(?:at|on|as\s+of|as\s+at|per|by)\s+)"
)
_ASKED = tuple(re.compile(_IN_FORCE + written + r"(?![\d-])", re.IGNORECASE) for written in _DATES)
_START = re.compile(
    r"(?:^|_)(?:start(?:s|ed)?|begin(?:s|ning)?|from|commence\w*|effective)(?:_|$)", re.IGNORECASE
)
_END = re.compile(r"(?:^|_)(?:end(?:s|ed)?|until|to|thru|expir\w*|terminat\w*)(?:_|$)", re.IGNORECASE)


def hold_in_force(tree: exp.Expr, request: str, schema: DatabaseSchema) -> list[str]:
    """Let the rows of ``tree`` be those in force on the date that the request names, in place.

    Only where it names one such date and the query reads one table with a start and an end. Conditions on
    these two columns give way; all others stay. A line for the change.
    """
    days = {day for pattern in _ASKED for found in pattern.finditer(request) if (day := _day_of(found))}
    if len(days) != 1 or not isinstance(tree, exp.Select):
        return []
    tables = [found for source in _sources(tree) if (found := _interval_of(source, schema)) is not None]
    if len(tables) != 1:
        return []
    (alias, start, end), day = tables[0], days.pop()
    where = tree.args.get("where")
    parts = list(where.this.flatten()) if where and isinstance(where.this, exp.And) else []
    parts = parts or ([where.this] if where else [])
    about = [part for part in parts if _is_of(part, alias, start, end)]
    wanted = _conditions(alias, start, end, day)
    if any(part.find(exp.Select) for part in about) or _texts(about) == _texts(wanted):
        return []
    rest = [part.copy() for part in parts if part not in about]
    tree.set("where", exp.Where(this=exp.and_(*rest, *wanted)))
    missing = " or has no value" if end.nullable else ""
    return [f"in force on {day}: {start.name} is not later, and {end.name} is not earlier{missing}"]


def _texts(conditions: list[exp.Expr]) -> set[str]:
    return {condition.unnest().sql(dialect="postgres") for condition in conditions}


def _day_of(found: re.Match[str]) -> date | None:
    """The day that a request names; None for one that does not exist."""
    parts = found.groupdict()
    year, month = int(parts["year"]), _month_of(parts["month"])
    try:
        return date(year, month, int(parts["day"]) if parts.get("day") else monthrange(year, month)[1])
    except ValueError:
        return None


def _month_of(written: str | None) -> int:
    """1 to 12; December where only the year is named."""
    if written is None:
        return 12
    return int(written) if written.isdecimal() else datetime.strptime(written[:3].title(), "%b").month


def _sources(tree: exp.Select) -> Iterator[exp.Table]:
    first = tree.args.get("from_")
    joined = [join.this for join in tree.args.get("joins") or ()]
    yield from (
        source for source in [first.this if first else None, *joined] if isinstance(source, exp.Table)
    )


def _interval_of(source: exp.Table, schema: DatabaseSchema) -> tuple[str, Column, Column] | None:
    """The alias of a table with one start and one end, and these columns."""
    table = catalogue_table(source, schema)
    if table is None:
        return None
    starts, ends = _dates(table, _START), _dates(table, _END)
    return (source.alias_or_name, starts[0], ends[0]) if len(starts) == len(ends) == 1 else None


def _dates(table: Table, named: re.Pattern[str]) -> list[Column]:
    return [c for c in table.columns if c.type.startswith(("date", "timestamp")) and named.search(c.name)]


def _is_of(condition: exp.Expr, alias: str, start: Column, end: Column) -> bool:
    """Whether a condition speaks of the two columns only."""
    columns = list(condition.find_all(exp.Column))
    return bool(columns) and all(c.name in (start.name, end.name) and c.table in ("", alias) for c in columns)


def _conditions(alias: str, start: Column, end: Column, day: date) -> list[exp.Expr]:
    written = exp.cast(exp.Literal.string(day.isoformat()), "date")
    begun = exp.LTE(this=column_of(alias, start.name), expression=written.copy())
    goes_on: exp.Expr = exp.GTE(this=column_of(alias, end.name), expression=written.copy())
    if end.nullable:
        missing = exp.Is(this=column_of(alias, end.name), expression=exp.Null())
        goes_on = exp.paren(exp.or_(missing, goes_on))
    return [begun, goes_on]
