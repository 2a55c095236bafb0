"""Writes that SQLAlchemy makes without any SQL in the script: sessions, tables, query objects."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.reading import Script

_SESSION = re.compile(
    r"sqlalchemy\.(?:\w+\.)*(?:Session|sessionmaker\(\)|scoped_session\(\)|async_sessionmaker\(\)|AsyncSession)\(\)"
)
_TABLE = re.compile(r"sqlalchemy\.(?:\w+\.)*(?:Table|table)\(\)")
_SESSION_WRITES = {"add", "add_all", "delete", "merge", "bulk_update_mappings", "bulk_insert_mappings"}
_QUERY_WRITES = {"update", "delete"}
_TABLE_WRITES = {"insert", "update", "delete", "drop", "create"}


def check_orm_writes(script: Script) -> Iterator[ValidationIssue]:
    """Findings on sessions that store something and on tables that are changed."""
    if "sqlalchemy" not in script.modules:
        return
    for call in script.program.calls:
        if isinstance(call.func, ast.Attribute) and _writes(script, call.func):
            yield rules.SQL_WRITE.at(
                call.lineno,
                f"{rules.quoted(f'.{call.func.attr}()')} changes the database; read with select().",
            )


def _writes(script: Script, func: ast.Attribute) -> bool:
    origins = script.evaluator.origins(func.value)
    is_mapped = isinstance(func.value, ast.Attribute) and func.value.attr == "__table__"
    if func.attr in _TABLE_WRITES and (is_mapped or any(_TABLE.fullmatch(path) for path in origins)):
        return True
    sessions = [match for path in origins if (match := _SESSION.match(path))]
    if func.attr in _SESSION_WRITES and (
        any(m.end() == len(m.string) for m in sessions) or _named(func.value)
    ):
        return True
    return func.attr in _QUERY_WRITES and _starts_a_query(script, func.value)


def _named(node: ast.expr) -> bool:
    """``session`` of a parameter, ``self.session``: the name that everybody gives it."""
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name.lower().endswith("session")


def _starts_a_query(script: Script, node: ast.expr) -> bool:
    """``session.query(Model).filter(...)`` and so on, down to ``query``."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "query":
            return True
        node = node.func.value
    return any(".query()" in path for path in script.evaluator.origins(node) if _SESSION.match(path))
