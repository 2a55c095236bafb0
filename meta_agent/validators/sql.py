"""Third layer: the SQL that the script would send, found and judged.

Whatever reaches an execute-like call is judged as far as it is known; where one such
call's SQL is not known at all, every text that looks like a writing statement could be
it, and is judged too, and so is what is assigned to a name such as ``query``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import HOLE, argument, called_name
from meta_agent.validators.orm_writes import check_orm_writes
from meta_agent.validators.reading import Script
from meta_agent.validators.sql_statements import LONGEST_STATEMENT, judge_sql

_EXECUTING: dict[str, tuple[int, str]] = {
    "execute": (0, "query"), "executemany": (0, "query"), "mogrify": (0, "query"), "copy_expert": (0,
    "sql"), "exec_driver_sql": (0, "statement"), "read_sql": (0, "sql"), "read_sql_query": (0, "sql"),
    "execute_values": (1, "sql"), "execute_batch": (1, "sql"), "scalar": (0, "statement"), "scalars": (0,
    "statement"),
}  # fmt: skip
_TEXT_WRAPPERS = {"sqlalchemy.text", "sqlalchemy.sql.text", "sqlalchemy.sql.expression.text"}
_WRITE_START = re.compile(
    r"^\s*(?:insert\s+into\s+\S+|update\s+\S+\s+set\s|delete\s+from\s+\S+|merge\s+into\s|truncate\s+(table\s+)?\w"
    r"|(?:drop|alter|create)\s+(?:or\s+replace\s+)?(?:table|view|materialized|schema|database|role|user|index|sequence"
    r"|function|extension|trigger|type|policy|temp|temporary|unlogged)\s+\S+|grant\s+\S+.*\sto\s|revoke\s+\S+.*\sfrom\s"
    r"|copy\s+\S+.*\s(?:from|to)\s|do\s+\$)",
    re.IGNORECASE | re.DOTALL,
)
_WRITING_CTE = re.compile(r"^\s*with\b.*\(\s*(?:insert|update|delete|merge)\s", re.IGNORECASE | re.DOTALL)
_CALLING_QUERY = re.compile(r"^\s*(?:select|with)\s[^;]*\w\"?\s*\(", re.IGNORECASE)
"""A query that calls a function, whichever."""
_CERTAIN = {rules.SQL_WRITE.name, rules.SQL_FUNCTION.name}
_STATEMENT_KEYWORDS = {"query", "statement", "sql"}
_SQL_NAME = re.compile(r"(?:^|_)(?:sql|query|queries|stmt|statement|statements)(?:_|\d|$)", re.IGNORECASE)
_TALK = {
    "print",
    "debug",
    "info",
    "warning",
    "error",
    "critical",
    "exception",
    "success",
    "ArgumentParser",
    "field",
}
_MOST_CHARACTERS = 200_000
_BEGINNING = 2000


def check_sql(script: Script, permitted: Iterable[str] = ()) -> Iterator[ValidationIssue]:
    """Findings on the statements of the script and on how they are put together.

    ``permitted``: statements that were judged already, see ``row_changes``.
    """
    budget = _MOST_CHARACTERS
    judged: set[str] = set(permitted)
    unknown = _hands_over_execute(script)
    for line, node in sent_sql(script):
        texts = script.evaluator.texts(node)
        unknown = unknown or HOLE in texts
        yield from _judge_assembly(script, line, node, texts)
        for text in texts:
            if text.strip(f"{HOLE} \n\t") and text not in judged:
                judged.add(text)
                budget -= len(text)
                yield from judge_sql(text, line) if budget > 0 else _too_much(line)
    for line, text in _lying_about(script, unknown):
        if text not in judged and budget > 0:
            judged.add(text)
            budget -= min(len(text), LONGEST_STATEMENT)
            issues = list(judge_sql(text, line))
            yield from issues if any(issue.rule in _CERTAIN for issue in issues) else ()
    yield from check_orm_writes(script)


def _hands_over_execute(script: Script) -> bool:
    """``map(cursor.execute, texts)``: what is sent is then not seen where it is sent."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in _EXECUTING
        and not script.evaluator.references.is_own(node.value)
        and not _is_called(script, node)
        for node in script.program.nodes
    )


def _is_called(script: Script, node: ast.Attribute) -> bool:
    parent = script.program.parents.get(node)
    return isinstance(parent, ast.Call) and parent.func is node


def sent_sql(script: Script) -> Iterator[tuple[int, ast.expr]]:
    """Every expression that goes to the database as SQL, with the line it is sent from."""
    for call in script.program.calls:
        name = _executing_name(script, call)
        if script.evaluator.origins(call.func) & _TEXT_WRAPPERS and call.args:
            yield call.lineno, call.args[0]
        elif name is not None and not _is_own_function(script, call, name):
            position, keyword = _EXECUTING[name]
            named = [k.value for k in call.keywords if k.arg is None or k.arg in _STATEMENT_KEYWORDS]
            statement = argument(call, position, keyword) or next(iter(named), None)
            if statement is not None:
                yield call.lineno, statement


def _executing_name(script: Script, call: ast.Call) -> str | None:
    """Which executing method or function is called, also as ``run = cursor.execute`` or by ``getattr``."""
    name = called_name(call)
    if name in _EXECUTING and (
        isinstance(call.func, ast.Attribute) or name.startswith(("execute_", "read_sql"))
    ):
        return name
    for value in script.evaluator.values(call.func):
        if isinstance(value, ast.Attribute) and value.attr in _EXECUTING:
            return value.attr
        if isinstance(value, ast.Call) and called_name(value) == "getattr" and len(value.args) > 1:
            return next((text for text in script.evaluator.texts(value.args[1]) if text in _EXECUTING), None)
    return None


def _is_own_function(script: Script, call: ast.Call, name: str) -> bool:
    """``self.execute(task)`` of the script's own class; what it sends is found at its own call."""
    if name not in script.program.functions or not isinstance(call.func, ast.Attribute):
        return called_name(call) in script.program.functions
    owner = call.func.value
    if isinstance(owner, ast.Name) and owner.id in ("self", "cls"):
        return True
    values = script.evaluator.values(owner)
    return all(
        isinstance(value, ast.Call) and called_name(value) in script.program.classes for value in values
    )


def _judge_assembly(
    script: Script, line: int, node: ast.expr, texts: tuple[str, ...]
) -> Iterator[ValidationIssue]:
    mixed = [text for text in texts if HOLE in text and text != HOLE]
    if not any(HOLE in text for text in texts):
        return
    if script.taint.from_outside(node):
        yield rules.SQL_FROM_OUTSIDE.at(
            line, "Text from outside becomes part of the SQL here; hand it over as a parameter (%s)."
        )
    elif mixed:
        shown = rules.quoted(mixed[0].replace(HOLE, "…"))
        yield rules.SQL_ASSEMBLED.at(
            line, f"The SQL {shown} is put together from values; hand them over as parameters (%s)."
        )
    elif script.taint.comes_from("store", node):
        yield rules.SQL_UNCHECKED.at(
            line, "The SQL sent here comes from a file, a row or the environment; write it into the script."
        )
    elif script.taint.comes_from("decoder", node):
        yield rules.OBSCURED_CODE.at(line, "The SQL sent here is decoded first; write it plainly.")


def _lying_about(script: Script, everywhere: bool) -> Iterator[tuple[int, str]]:
    """Texts that look like statements: those of SQL-like names, or all if any SQL sent is unknown."""
    for node, texts in script.text_expressions:
        sendable = [text for text in texts if _looks_like_sql(text.lstrip()[:_BEGINNING])]
        if sendable and (_has_sql_name(script, node) or (everywhere and not _is_talk(script, node))):
            yield from ((node.lineno, text) for text in sendable)


def _looks_like_sql(beginning: str) -> bool:
    is_writing = _WRITE_START.match(beginning) or _WRITING_CTE.match(beginning)
    return bool(is_writing or _CALLING_QUERY.match(beginning))


def _has_sql_name(script: Script, node: ast.expr) -> bool:
    parent = script.program.parents.get(node)
    while isinstance(parent, ast.Dict | ast.List | ast.Tuple):
        if isinstance(parent, ast.Dict) and node in parent.keys:
            return False
        parent = script.program.parents.get(parent)
    if isinstance(parent, ast.keyword):
        return bool(parent.arg and _SQL_NAME.search(parent.arg))
    if isinstance(parent, ast.AnnAssign | ast.NamedExpr | ast.AugAssign):
        return bool(_SQL_NAME.search(_plain_name(parent.target)))
    return isinstance(parent, ast.Assign) and any(_SQL_NAME.search(_plain_name(t)) for t in parent.targets)


def _plain_name(target: ast.expr) -> str:
    return (
        target.id
        if isinstance(target, ast.Name)
        else target.attr
        if isinstance(target, ast.Attribute)
        else ""
    )


def _is_talk(script: Script, node: ast.expr) -> bool:
    parent = script.program.parents.get(node)
    return isinstance(parent, ast.Call) and called_name(parent) in _TALK


def _too_much(line: int) -> Iterator[ValidationIssue]:
    yield rules.SQL_UNCHECKED.at(
        line, "The script holds more SQL than can be checked; write fewer, shorter queries."
    )
