"""The simplest baseline: the schema's DDL and the question in one call, the SQL back.

Its prompt and its reading of the reply stay as they are whatever the product learns, so
that figures of different days can be compared.
"""

from __future__ import annotations

import re

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.databases.names import quote_name, quote_table
from meta_agent.evaluation.databases import EvaluatedDatabase
from meta_agent.evaluation.systems.base import Answer, run_queries
from meta_agent.rendering import render
from meta_agent.run_steps import spent
from meta_agent.utils.llm_client import LLMClient

SQL_TOKENS = 600
_FENCE = re.compile(r"```[a-zA-Z]*\s*\n(.*?)(?:```|\Z)", re.DOTALL)


class SingleCall:
    """One call for each question."""

    name = "single-call"

    def __init__(self, client: LLMClient) -> None:
        self._client = client

    def answer(self, asked: str, database: EvaluatedDatabase) -> Answer:
        """Ask once and run what comes back."""
        conversation = self._client.conversation(
            render("evaluation/prompts/single_call_system.md.j2", ddl=ddl(database.schema))
        )
        before = self._client.usage
        reply = conversation.ask_text(
            render("evaluation/prompts/single_call.md.j2", question=asked), max_tokens=SQL_TOKENS, cut_ok=True
        )
        return run_queries(database, [sql_in(reply)], spent(self._client.usage, before))


def ddl(schema: DatabaseSchema) -> str:
    """Plain CREATE TABLE statements, with the comments the database itself holds."""
    return "\n\n".join(_create_table(table, schema.default_schema) for table in schema.tables)


def sql_in(reply: str) -> str:
    """The first fenced block of a reply, or all of it."""
    found = _FENCE.search(reply)
    return (found.group(1) if found else reply).strip()


def _create_table(table: Table, default_schema: str) -> str:
    lines = []
    for column in table.columns:
        text = f"  {quote_name(column.name)} {column.type}{'' if column.nullable else ' NOT NULL'},"
        lines.append(text + (f" -- {' '.join(column.comment.split())}" if column.comment else ""))
    if table.primary_key:
        lines.append(f"  PRIMARY KEY ({_names(table.primary_key)}),")
    for key in table.foreign_keys:
        referred = quote_table(key.referred_schema, key.referred_table, default_schema)
        lines.append(
            f"  FOREIGN KEY ({_names(key.columns)}) REFERENCES {referred} ({_names(key.referred_columns)}),"
        )
    name = quote_table(table.schema_name, table.name, default_schema)
    return "\n".join([f"CREATE TABLE {name} (", *lines, ");"])


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(map(quote_name, columns))
