"""What the model reads of a database for one request: how much, which tables, and what of the rows.

The user's settings say what of the rows may be told, a token budget how many tables; what
is left out is said in a note. Queries are still checked and mended with the whole schema.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from loguru import logger

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.databases.base import Lookup
from meta_agent.join_graph import TableKey, key_of
from meta_agent.llm.tokens import estimate_tokens
from meta_agent.schema_cut import CutSchema, cut_schema, narrow_tables
from meta_agent.schema_relevance import Asked
from meta_agent.utils.column_remarks import declared_only, without_values
from meta_agent.utils.database_inspector import prompt_form
from meta_agent.utils.example_rows import example_rows

SCHEMA_TOKENS = 2_500
"""Estimated tokens of a schema in a prompt; a larger one is cut to the tables that matter."""
EXAMPLE_TOKENS = 1_000
"""Estimated tokens of all example rows together, beside the schema's."""
REPAIR_TOKENS = 800
"""Of the tables that a correction describes again."""
_LEAST_TOKENS = 400
_OTHER_TOKENS = 2_400
"""What a conversation about a query needs beside schema and request: answers, and a correction."""
_EXAMPLE_SECONDS = 3.0


@dataclass(frozen=True)
class SchemaOptions:
    """What of the rows may be told."""

    values: bool = True
    """Whether the few texts and the ranges of columns are (``SCHEMA_VALUES``)."""
    samples: int = 0
    """How many rows of each table are (``SCHEMA_SAMPLES``); none without ``values``."""
    facts: bool = True
    """Whether inferred keys are, too; the evaluation switches this off."""

    def allowed(self, schema: DatabaseSchema) -> DatabaseSchema:
        """The schema with nothing of the rows that may not be told."""
        keep: Callable[[Table], Table] = without_values if self.facts else declared_only
        if self.facts and self.values:
            return schema
        return schema.model_copy(update={"tables": tuple(map(keep, schema.tables))})


@dataclass(frozen=True)
class SchemaPrompt:
    """A schema as the model is shown it for one request."""

    text: str
    note: str | None
    """What was left out, for the user; None where nothing was."""
    describe: Callable[[DatabaseSchema], str]
    """Some of its tables, as corrections name them again, whether they were shown or not."""


def whole_schema(schema: DatabaseSchema, options: SchemaOptions) -> str:
    """All tables as a prompt would show them if it had the room."""
    return prompt_form(options.allowed(schema))


def schema_prompt(
    schema: DatabaseSchema,
    asked: Asked,
    options: SchemaOptions,
    context_length: int,
    lookup: Lookup | None = None,
) -> SchemaPrompt:
    """What is shown of a schema in a context of so many tokens.

    Without ``lookup`` there are no example rows. Raises DatabaseError when the server cannot be reached.
    """
    allowed = options.allowed(schema)
    room = context_length - _OTHER_TOKENS - estimate_tokens(asked.request)

    def cost(table: Table) -> int:
        return estimate_tokens(prompt_form(allowed.model_copy(update={"tables": (table,)})))

    def describe(some: DatabaseSchema) -> str:
        part = narrow_tables(options.allowed(some), asked, REPAIR_TOKENS, cost)
        return prompt_form(part.schema, hidden_columns=part.hidden_columns)

    part = cut_schema(allowed, asked, max(min(SCHEMA_TOKENS, room), _LEAST_TOKENS), cost)
    text = prompt_form(part.schema, hidden_columns=part.hidden_columns)
    if lookup is not None and options.values and options.samples:
        examples = _examples(part.schema, lookup, options.samples, room - estimate_tokens(text))
        text = prompt_form(part.schema, hidden_columns=part.hidden_columns, examples=examples)
    _log_cut(part)
    return SchemaPrompt(text, _note(schema, part), describe)


def _examples(shown: DatabaseSchema, lookup: Lookup, most: int, room: int) -> dict[TableKey, str]:
    """Example rows of the tables, as far as time and tokens go."""
    found: dict[TableKey, str] = {}
    deadline, left = time.monotonic() + _EXAMPLE_SECONDS, min(room, EXAMPLE_TOKENS)
    for table in shown.tables:
        if time.monotonic() > deadline:
            break
        lines = example_rows(table, lookup, most)
        cost = estimate_tokens(lines)
        if lines and cost <= left:
            found[key_of(table)] = lines
            left -= cost
    return found


def _note(schema: DatabaseSchema, part: CutSchema) -> str | None:
    """One sentence on what the model was not shown."""
    tables = {key_of(table): table for table in schema.tables}
    told = [f"{len(part.schema.tables)} of {len(tables)} tables"] if part.left_out else []
    for key, hidden in part.hidden_columns.items():
        every = len(tables[key].columns)
        told.append(f"{every - hidden} of {every} columns of {key[1]}")
    if not told:
        return None
    return f"Shown to the model: {', '.join(told)}; name the table or column you mean if it was missed."


def _log_cut(part: CutSchema) -> None:
    if part.left_out:
        names = ", ".join(table.name for table in part.left_out)
        logger.info("left out of the prompt, the nearest first: {}", names)
    for (_, name), hidden in part.hidden_columns.items():
        logger.info("left out of the prompt: {} columns of {}", hidden, name)
