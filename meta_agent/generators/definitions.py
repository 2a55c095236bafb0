"""The definitions a request needs, said in terms of the user's own schema.

A metric that is stored is named by its column, with the column's comment (which
tells that 85 % is stored as 85); only one that is not stored is given by its formula.
A formula beside a stored column would invite the model to compute what is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.generators.metric_formulas import formula_of
from meta_agent.glossary import Metric, normalise

_COMMENT_LENGTH = 80
_PERIODS = ("day", "week", "month", "quarter", "year")
_SPANS = frozenset({"quarter", "quarterly", "half", "month", "monthly"})
_YEARS = re.compile(r"\b(?:19|20)\d\d\b")


def definition_lines(
    metrics: tuple[Metric, ...], schema: DatabaseSchema, request: str = ""
) -> tuple[str, ...]:
    """One line for each metric, for the prompt and for the assumptions of the answer.

    ``request``: says which is meant of a metric that several tables store.
    """
    return tuple(_line(metric, schema, request) for metric in metrics)


def _line(metric: Metric, schema: DatabaseSchema, request: str) -> str:
    name = (
        metric.name if metric.name.lower() == metric.meaning.lower() else f"{metric.name} ({metric.meaning})"
    )
    stored = _meant([*_stored_as(metric, schema)], request)
    if stored:
        return f"{name} is stored in {' and in '.join(_place(*one) for one in stored)}"
    formula = formula_of(metric, schema)
    return f"{name} = {formula.text() if formula is not None else metric.formula}"


Stored = tuple[Table, Column]


def _stored_as(metric: Metric, schema: DatabaseSchema) -> Iterator[Stored]:
    for table in schema.tables:
        for column in table.columns:
            if normalise(column.name) in metric.names:
                yield table, column


def _meant(stored: list[Stored], request: str) -> list[Stored]:
    """Of several tables those that the request speaks of by a date column or name of their own.

    "NOI by month" is the monthly one. Where it speaks of none, those without such a column.
    """
    if len(stored) < 2 or not request:
        return stored
    periods = {table.name: _speaks_of_period(request, table) for table, _ in stored}
    wanted = True if any(periods.values()) else None
    if wanted is None:
        rest = [one for one in stored if not _periods_of(one[0])]
        return rest or stored
    return [one for one in stored if periods[one[0].name]]


def _periods_of(table: Table) -> set[str]:
    """Words for a period among the table's names: a row for each month, each year."""
    words = normalise(" ".join([table.name, *(column.name for column in table.columns)])).split()
    return {period for period in _PERIODS for word in words if word in (period, f"{period}ly")}


def _speaks_of_period(request: str, table: Table) -> bool:
    """Whether the request asks for something by a period of the table, or for a part of it."""
    finer = _PERIODS[: max((_PERIODS.index(period) for period in _periods_of(table)), default=-1) + 1]
    words = set(normalise(request).split())
    coarser = bool(_periods_of(table)) and bool(words & _SPANS or _YEARS.search(request))
    return coarser or any({period, f"{period}ly"} & words for period in finer)


def _place(table: Table, column: Column) -> str:
    comment = " ".join((column.comment or "").split())[:_COMMENT_LENGTH]
    return f"{table.name}.{column.name}" + (f" ({comment})" if comment else "")
