"""One SQL text judged: exactly one statement, its root a query, nothing below it that writes.

Judged by what sqlglot makes of it, never by its first word: ``DISCARD ALL`` and
``LISTEN x`` parse as an aliased column. A SELECT that sqlglot cannot read is a remark,
since PostgreSQL may; anything else that is no query is refused.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import HOLE

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.tokenizer_core import Token

LONGEST_STATEMENT = 32_000
DEEPEST_BRACKETS = 100
_BEGINNING = 2000
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?s")
_QUERY_START = re.compile(r"^[\s(]*(?:select|with|values|table)\b", re.IGNORECASE)
_ESCAPED_NAME = re.compile(r"\bU&\"", re.IGNORECASE)
_FUNCTIONS = re.compile(
    r"lo_\w+|lo(read|write)|dblink\w*|set_config|nextval|setval|query_to_xml\w*|cursor_to_xml\w*|table_to_xml\w*"
    r"|schema_to_xml\w*|database_to_xml\w*|crosstab\w*|connectby|ts_stat|ts_rewrite|postgres_fdw_\w+|xpath_table"
    r"|http(_\w+)?|urlencode|schedule|schedule_in_database|unschedule|query_export_to_s3|table_import_from_s3|aws_lambda_invoke"
    r"|txid_\w*|currtid\w*|brin_\w+|gin_clean_pending_list|sys_exec|sys_eval|load_extension|readfile|writefile"
)
_PG_FUNCTIONS_ALLOWED = re.compile(
    r"pg_(size_\w+|total_relation_size|relation_size|table_size|indexes_size|database_size|tablespace_size|typeof"
    r"|get_\w+|\w+_is_visible|has_role|column_size|is_in_recovery|encoding_to_char|backend_pid|postmaster_start_time"
    r"|conf_load_time|my_temp_schema|input_is_valid|input_error_info|timezone_\w+|collation_for|describe_object"
    r"|identify_object\w*|lsn|client_encoding|char_to_encoding|index_column_has_property|options_to_table)"
)
_SECRET_TABLES = {
    "pg_authid",
    "pg_shadow",
    "pg_user_mapping",
    "pg_user_mappings",
    "pg_hba_file_rules",
    "pg_subscription",
    "pg_largeobject",
    "pg_file_settings",
}
_WRITING_WORDS = {"INSERT", "UPDATE", "DELETE", "MERGE"}


def only_reads(sql: str) -> bool:
    """Whether one query is of a kind that a script may run, too: one SELECT, no function that does more."""
    return not any(issue.severity in ("BLOCK", "HIGH") for issue in judge_sql(sql, 1))


def judge_sql(text: str, line: int) -> Iterator[ValidationIssue]:
    """Findings on one text that would be sent to the database; unknown parts stand as a plain word."""
    shown = rules.quoted(text.replace(HOLE, "…"))
    statement = as_sent(text)
    if len(statement) > LONGEST_STATEMENT or _depth(statement) > DEEPEST_BRACKETS:
        yield rules.SQL_UNCHECKED.at(
            line, f"The SQL {shown} is too large to be checked; write a shorter query."
        )
        return
    if _ESCAPED_NAME.search(statement):
        yield rules.SQL_UNCHECKED.at(line, f"The SQL {shown} spells names in escapes; write them out.")
    tokens = _tokens(statement)
    yield from _judge_tokens(tokens, line)
    roots = parsed(statement)
    if roots is None:
        yield from _judge_unparsed(statement, tokens, shown, line)
    elif len(roots) > 1:
        yield rules.SQL_SEVERAL_STATEMENTS.at(
            line, f"The SQL {shown} holds several statements; send one query at a time."
        )
    else:
        yield from (issue for root in roots for issue in _judge_root(root, shown, line))


def starts_as_query(text: str) -> bool:
    """Whether the text begins as a query does, comments aside."""
    return bool(_QUERY_START.match(re.sub(r"--[^\n]*|/\*.*?\*/", " ", text[:_BEGINNING], flags=re.DOTALL)))


def _judge_root(root: exp.Expr, shown: str, line: int) -> Iterator[ValidationIssue]:
    from sqlglot import exp

    inner: exp.Expr = root
    while isinstance(inner, exp.Subquery) and isinstance(inner.this, exp.Expr):
        inner = inner.this
    writing = (
        exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable,
        exp.Into, exp.Copy, exp.Lock, exp.Grant, exp.Revoke, exp.Comment,
    )  # fmt: skip
    found = next((node for node in root.walk() if isinstance(node, writing)), None)
    if found is not None:
        what = {"Into": "SELECT INTO", "Lock": "row locking", "TruncateTable": "TRUNCATE"}.get(
            type(found).__name__, type(found).__name__.upper()
        )
        yield rules.SQL_WRITE.at(line, f"The SQL {shown} writes ({what}); read with SELECT only.")
    elif not isinstance(inner, exp.Select | exp.SetOperation | exp.Values | exp.Table):
        yield rules.SQL_NOT_A_QUERY.at(line, f"The SQL {shown} is not a query; send one SELECT.")
    if any(isinstance(node, exp.Command) for node in root.walk()) and found is None and inner is not root:
        yield rules.SQL_NOT_A_QUERY.at(line, f"The SQL {shown} hides a command; send one SELECT.")


def _judge_tokens(tokens: list[Token], line: int) -> Iterator[ValidationIssue]:
    """Functions and tables by name, which holds whether or not the whole can be parsed."""
    for token, following in zip_longest(tokens, tokens[1:]):
        name = token.text.lower()
        if name in _SECRET_TABLES:
            yield rules.SQL_CREDENTIALS.at(line, f"The table {name} holds credentials; leave it out.")
        if following is None or following.token_type.name != "L_PAREN":
            continue
        is_internal = name.startswith("pg_") and not _PG_FUNCTIONS_ALLOWED.fullmatch(name)
        if is_internal or _FUNCTIONS.fullmatch(name):
            yield rules.SQL_FUNCTION.at(
                line,
                f"The SQL function {rules.quoted(name)} acts outside the query; use plain SELECT functions.",
            )


def _judge_unparsed(statement: str, tokens: list[Token], shown: str, line: int) -> Iterator[ValidationIssue]:
    brackets = pairwise(tokens)
    if any(a.token_type.name == "L_PAREN" and b.text.upper() in _WRITING_WORDS for a, b in brackets):
        yield rules.SQL_WRITE.at(line, f"The SQL {shown} writes inside a query; read with SELECT only.")
    elif any(token.token_type.name == "SEMICOLON" for token in tokens[:-1]):
        yield rules.SQL_SEVERAL_STATEMENTS.at(
            line, f"The SQL {shown} holds several statements; send one query at a time."
        )
    elif starts_as_query(statement) or "hole" in statement:
        yield rules.SQL_UNPARSED.at(line, f"The SQL {shown} could not be parsed; check its syntax.")
    else:
        yield rules.SQL_NOT_A_QUERY.at(line, f"The SQL {shown} is not a query; send one SELECT.")


def as_sent(text: str) -> str:
    """The text with a parameter in place of each placeholder, and a plain word for what is not known."""
    return _PLACEHOLDER.sub("$1", text).replace("%%", "%").replace(HOLE, "hole")


def parsed(statement: str) -> list[exp.Expr] | None:
    """Its statements; None where sqlglot cannot read it."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        with _quiet():
            statements = sqlglot.parse(statement, dialect="postgres")
    except (SqlglotError, RecursionError):
        return None
    return [root for root in statements if root is not None]


def _tokens(statement: str) -> list[Token]:
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        return list(sqlglot.tokenize(statement, dialect="postgres"))
    except SqlglotError:
        return []


def _depth(statement: str) -> int:
    depth = deepest = 0
    for char in statement:
        depth += (char in "([") - (char in ")]")
        deepest = max(deepest, depth)
    return deepest


@contextmanager
def _quiet() -> Iterator[None]:
    """sqlglot warns on stderr about every statement it keeps as a command; the finding says it already."""
    logger = logging.getLogger("sqlglot")
    logger.addFilter(_drop)
    try:
        yield
    finally:
        logger.removeFilter(_drop)


def _drop(_: logging.LogRecord) -> bool:
    return False
