"""The queries of a workbook whose sheets the request names.

A sheet named like a table shows that table, which takes no model. Any other is a question of
its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.errors import NoAnswer
from meta_agent.generators.query_mender import Task, WrittenQueries, WrittenQuery
from meta_agent.generators.sql_parsing import DIALECT, column_of, identifier, to_sql
from meta_agent.glossary import normalise

_PADDING = re.compile(r"\b(?:data|table|list|sheet|overview|details?)\b", re.IGNORECASE)
Write = Callable[[Task, "str | None"], WrittenQueries]


def write_sheets(
    sheets: tuple[str, ...], task: Task, schema: DatabaseSchema, write: Write, problem: str | None
) -> WrittenQueries:
    """The queries of all sheets together. ``problem`` belongs to what the model wrote before.

    A sheet that cannot be filled is left out with a warning. Raises ModelError, DatabaseError, and
    NoAnswer where none can be filled.
    """
    queries: list[WrittenQuery] = []
    repairs: list[str] = []
    warnings: list[str] = []
    failed: NoAnswer | None = None
    for sheet in sheets:
        title = sheet[:1].upper() + sheet[1:]
        table = table_called(sheet, schema)
        if table is not None:
            queries.append(whole_table(table, title, schema))
            continue
        try:
            written = write(_of_sheet(sheet, title, task), problem)
        except NoAnswer as error:
            failed = error
            warnings.append(f"There is no sheet for {title}: {error.cause}")
            continue
        queries += [replace(query, title=title) for query in written.queries[:1]]
        repairs += written.repairs
        warnings += [f"{title}: {warning}" for warning in written.warnings]
    if not queries and failed is not None:
        raise failed
    return WrittenQueries(tuple(queries), tuple(dict.fromkeys(repairs)), tuple(dict.fromkeys(warnings)))


def table_called(sheet: str, schema: DatabaseSchema) -> Table | None:
    """The one table of this name."""
    wanted = normalise(_PADDING.sub(" ", sheet)) or normalise(sheet)
    found = [table for table in schema.tables if normalise(table.name) in (wanted, normalise(sheet))]
    return found[0] if len(found) == 1 else None


def whole_table(table: Table, title: str, schema: DatabaseSchema) -> WrittenQuery:
    """All columns of a table, in the order of its key."""
    place = exp.Table(
        this=identifier(table.name),
        db=None if table.schema_name == schema.default_schema else identifier(table.schema_name),
    )
    tree = exp.Select(expressions=[column_of(table.name, column.name) for column in table.columns])
    tree = tree.from_(place, dialect=DIALECT)
    if table.primary_key:
        tree = tree.order_by(*(column_of(table.name, name) for name in table.primary_key), dialect=DIALECT)
    return WrittenQuery(title, to_sql(tree), tree)


def _of_sheet(sheet: str, title: str, task: Task) -> Task:
    """The question that a sheet answers, in the words of the request."""
    question = task.request.strip().rstrip(".?!")
    plan = task.plan.model_copy(update={"plan_name": title})
    mentioned = task.glossary.mentioned_in(sheet)
    return replace(
        task, request=f"{question}: {sheet}", plan=plan, definitions=mentioned, may_transform=False
    )
