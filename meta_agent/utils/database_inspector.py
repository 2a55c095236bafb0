"""What the database holds: discovered once, kept on disk, written down for model and user.

Discovery is cached under the fingerprint of the catalogue, so that an unchanged database
costs one query. Row counts, and what else the rows say, are not part of the fingerprint: they
are read again when the cached ones are older than ten minutes. Names and comments are the database's, thus
untrusted: names are quoted, comments are short quoted text on one line.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from loguru import logger
from pydantic import ValidationError

from meta_agent.contracts import Column, DatabaseSchema, ForeignKey, Table
from meta_agent.databases import Database
from meta_agent.databases.names import is_harmless, quote_name, quote_table
from meta_agent.join_graph import TableKey, key_of
from meta_agent.runs.secrets import holds
from meta_agent.utils.column_remarks import column_remark, declared_only

COUNTS_LAST_SECONDS = 600
MOST_CACHE_FILES = 50
CACHE_FORMAT = "2"

LONGEST_TABLE_COMMENT = 120
LONGEST_COLUMN_COMMENT = 120
PLAIN_COLUMNS_SHOWN = 2

# Spellings that mean the same in fewer tokens (``timestamptz`` would take more than the long form).
_SHORT_TYPES = {
    "character varying": "varchar",
    "timestamp without time zone": "timestamp",
    "time without time zone": "time",
}
_NOTHING: Mapping[TableKey, Any] = MappingProxyType({})
_MODIFIER = re.compile(r"\(\d+(?:,-?\d+)?\)")


class DatabaseInspector:
    """Finds out what a database holds."""

    def __init__(self, database: Database, cache_dir: Path | None, secrets: Sequence[str] = ()) -> None:
        """``cache_dir``: where schemas are kept between runs; None keeps none.

        ``secrets``: a schema with one of them in a comment or a stored text is not kept.
        """
        self._database = database
        self._cache_dir = cache_dir
        self._secrets = secrets

    def schema(self) -> DatabaseSchema:
        """The schema the role may read, from the cache while the catalogue is unchanged.

        Raises DatabaseError. A cache that cannot be read or written is done without.
        """
        if self._cache_dir is None:
            return self._database.with_facts(self._database.schema())
        fingerprint = self._database.fingerprint()
        path = self._cache_dir / f"schema-{self._cache_key(fingerprint)}.json"
        cached = _load(path, fingerprint)
        if cached is not None and _age_seconds(path) < COUNTS_LAST_SECONDS:
            return cached
        counted = self._database.with_row_counts(cached) if cached else self._database.schema()
        schema = self._database.with_facts(counted)
        content = schema.model_dump_json()
        if not holds(content, self._secrets):
            _store(path, content)
        return schema

    def _cache_key(self, fingerprint: str) -> str:
        """Two databases of equal structure have different rows, and two roles different rights."""
        database, endpoint = self._database, self._database.endpoint
        parts = (CACHE_FORMAT, endpoint.host, str(endpoint.port), database.name, database.user, fingerprint)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def prompt_form(
    schema: DatabaseSchema,
    facts: bool = True,
    *,
    hidden_columns: Mapping[TableKey, int] = _NOTHING,
    examples: Mapping[TableKey, str] = _NOTHING,
) -> str:
    """The schema as CREATE TABLE statements for the model, with as few tokens as will do.

    Left out, because no question needs them: NOT NULL, lengths and precisions, indexes,
    defaults. Kept: keys as REFERENCES, comments, row counts, what is a view. ``facts``: also what
    only the rows say, which are inferred keys, few texts and ranges. ``hidden_columns``: how many
    columns a table has besides those given here. ``examples``: lines to put under a table.
    """
    parts: list[str] = []
    for table in schema.tables if facts else map(declared_only, schema.tables):
        key = key_of(table)
        parts.append(_create_table(table, schema.default_schema, hidden_columns.get(key, 0)))
        parts += [examples[key]] if key in examples else []
    return "\n".join(parts)


def compact_form(schema: DatabaseSchema) -> str:
    """The schema for the user's eyes: one line a table (keys and a few columns), then the joins."""
    default = schema.default_schema
    lines = ["**DATABASE SCHEMA:**", *(_compact_table(table, default) for table in schema.tables)]
    joins = [_join(table, key, default) for table in schema.tables for key in table.foreign_keys]
    if joins:
        lines += ["", "**JOIN INSTRUCTIONS:**", *(f"  • {join}" for join in joins)]
    return "\n".join(lines)


# --- the form for the model ------------------------------------------------------


def _create_table(table: Table, default_schema: str, hidden_columns: int) -> str:
    name = quote_table(table.schema_name, table.name, default_schema)
    hidden = f"{hidden_columns} more columns not shown" if hidden_columns else ""
    told = (_rows(table), _quoted(table.comment, LONGEST_TABLE_COMMENT), hidden)
    remarks = [text for text in told if text]
    heading = f"CREATE {table.kind.upper()} {name} (" + (f" -- {', '.join(remarks)}" if remarks else "")
    definitions = [*_column_lines(table, default_schema), *_table_constraints(table, default_schema)]
    body = [
        definition + ("," if number < len(definitions) else "") + (f" -- {remark}" if remark else "")
        for number, (definition, remark) in enumerate(definitions, start=1)
    ]
    return "\n".join([heading, *body, ");"])


def _column_lines(table: Table, default_schema: str) -> Iterator[tuple[str, str]]:
    """Each column's definition and remark."""
    references = {key.columns[0]: key for key in table.foreign_keys if len(key.columns) == 1}
    for column in table.columns:
        definition = f"{quote_name(column.name)} {_short_type(column.type)}"
        if table.primary_key == (column.name,):
            definition += " PRIMARY KEY"
        if column.name in references:
            definition += " " + _references(references[column.name], default_schema)
        is_key = definition.endswith(" PRIMARY KEY") or column.name in references
        yield definition, column_remark(column, _quoted(column.comment, LONGEST_COLUMN_COMMENT), is_key)


def _table_constraints(table: Table, default_schema: str) -> Iterator[tuple[str, str]]:
    if len(table.primary_key) > 1:
        yield f"PRIMARY KEY ({_names(table.primary_key)})", ""
    for key in table.foreign_keys:
        if len(key.columns) > 1:
            yield f"FOREIGN KEY ({_names(key.columns)}) {_references(key, default_schema)}", ""


def _references(key: ForeignKey, default_schema: str) -> str:
    table = quote_table(key.referred_schema, key.referred_table, default_schema)
    return f"REFERENCES {table}({_names(key.referred_columns)})"


def _names(columns: Sequence[str]) -> str:
    return ", ".join(map(quote_name, columns))


def _short_type(spelled: str) -> str:
    """The type without lengths and precisions, in its shortest spelling."""
    bare = _MODIFIER.sub("", spelled)
    base, brackets, _ = bare.partition("[]")
    short = _SHORT_TYPES.get(base, base)
    return "".join(filter(is_harmless, short + brackets))


def _quoted(comment: str | None, longest: int) -> str:
    """A comment as quoted data on one line, cut at ``longest`` characters; empty where there is none."""
    text = _one_line(comment or "").replace('"', "'")
    for closer in ("--", "/*", "*/"):
        text = text.replace(closer, " ")
    text = " ".join(text.split())
    if not text:
        return ""
    return f'"{text}"' if len(text) <= longest else f'"{text[: longest - 1].rstrip()}…"'


def _one_line(text: str) -> str:
    return "".join(character if is_harmless(character) else " " for character in text)


def _rows(table: Table) -> str:
    if table.row_count is None:
        return ""
    if table.row_count_is_estimate:
        return f"~{_rounded(table.row_count)} rows"
    return f"{table.row_count} row{'' if table.row_count == 1 else 's'}"


def _rounded(rows: int) -> str:
    """An estimate to two digits: 1234567 as ``1.2M``; more digits would cost tokens and say nothing."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if rows >= size:
            return f"{float(f'{rows / size:.2g}'):g}{unit}"
    return str(rows)


# --- the form for the user -------------------------------------------------------


def _compact_table(table: Table, default_schema: str) -> str:
    keys = {*table.primary_key, *(column for key in table.foreign_keys for column in key.columns)}
    plain = [column for column in table.columns if column.name not in keys]
    shown = [column for column in table.columns if column.name in keys] + plain[:PLAIN_COLUMNS_SHOWN]
    words = [_compact_column(table, column, default_schema) for column in shown]
    hidden = len(table.columns) - len(shown)
    if hidden:
        words.append(f"+{hidden} more")
    kind = "" if table.kind == "table" else f"{table.kind}, "
    name = quote_table(table.schema_name, table.name, default_schema)
    return f"`{name}`({kind}{_rows(table) or 'rows unknown'}): {', '.join(words)}"


def _compact_column(table: Table, column: Column, default_schema: str) -> str:
    marks = ["PK"] if column.name in table.primary_key else []
    for key in table.foreign_keys:
        if column.name in key.columns:
            arrow = "FK?→" if key.inferred else "FK→"
            marks.append(arrow + quote_table(key.referred_schema, key.referred_table, default_schema))
    return quote_name(column.name) + (f"[{','.join(dict.fromkeys(marks))}]" if marks else "")


def _join(table: Table, key: ForeignKey, default_schema: str) -> str:
    """How to join a table to the one it refers to; a table that refers to itself needs a second name."""
    child = quote_table(table.schema_name, table.name, default_schema)
    parent = quote_table(key.referred_schema, key.referred_table, default_schema)
    alias = ""
    if child == parent:
        alias, child = " AS child", "child"
    pairs = zip(key.columns, key.referred_columns, strict=True)
    condition = " AND ".join(
        f"{parent}.{quote_name(theirs)} = {child}.{quote_name(ours)}" for ours, theirs in pairs
    )
    return f"JOIN {parent if alias else child}{alias} ON {condition}"


# --- the cache -------------------------------------------------------------------


def _load(path: Path, fingerprint: str) -> DatabaseSchema | None:
    try:
        schema = DatabaseSchema.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        logger.debug("the cached schema {} cannot be used: {}", path.name, type(error).__name__)
        return None
    return schema if schema.fingerprint == fingerprint else None


def _age_seconds(path: Path) -> float:
    """How old a file is; a file from the future (a clock set back) counts as too old."""
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")
    return age if age >= 0 else float("inf")


def _store(path: Path, content: str) -> None:
    """Write the cache file, readable by its owner only, in one step; a failure costs only the speed."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".schema-", suffix=".tmp", dir=path.parent)  # mode 0600
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _prune(path.parent)
    except OSError as error:
        logger.debug("the schema could not be cached: {}", error)


def _prune(folder: Path) -> None:
    """Keep the newest files; a catalogue that changes often leaves many."""
    files = sorted(folder.glob("schema-*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[MOST_CACHE_FILES:]:
        path.unlink(missing_ok=True)
