"""Fourth layer: what a script that others will run and read should do. Remarks only, never a refusal."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import HOLE
from meta_agent.validators.reading import Script

_LONG_SCRIPT = 30
"""Statements from which a script without any log is hard to follow."""
_CONNECTORS = {"psycopg2.connect", "sqlalchemy.create_engine"}
_CLOSING = {"close", "closeall", "dispose", "putconn"}
_PLACES = {"host", "dbname", "database", "user", "port", "dsn"}


def check_best_practices(script: Script) -> Iterator[ValidationIssue]:
    """Remarks on configuration, error handling, logging and connections."""
    connections = [call for call in script.program.calls if script.evaluator.origins(call.func) & _CONNECTORS]
    yield from _check_configuration(script, connections)
    yield from _check_errors(script, connections)
    if not script.modules & {"logging", "loguru"} and (connections or _is_long(script)):
        yield rules.NO_LOGGING.at(None, "The script keeps no log; use logging or loguru.")
    if connections and not _closes(script):
        yield rules.CONNECTION_NOT_CLOSED.at(
            connections[0].lineno, "The database connection is never closed; close it in a finally block."
        )


def _check_configuration(script: Script, connections: list[ast.Call]) -> Iterator[ValidationIssue]:
    for call in connections:
        given = [keyword.value for keyword in call.keywords if keyword.arg in _PLACES] + call.args[:1]
        for value in given:
            texts = script.evaluator.texts(value)
            if all(HOLE not in text and text for text in texts):
                yield rules.HARDCODED_CONFIGURATION.at(
                    call.lineno,
                    "The database is named in the script; read DATABASE_URL from the environment.",
                )
                break


def _check_errors(script: Script, connections: list[ast.Call]) -> Iterator[ValidationIssue]:
    handlers = [node for node in script.program.nodes if isinstance(node, ast.ExceptHandler)]
    if connections and not any(isinstance(node, ast.Try) for node in script.program.nodes):
        yield rules.NO_ERROR_HANDLING.at(
            connections[0].lineno, "Database errors are not handled; catch them and say what went wrong."
        )
    for handler in handlers:
        catches_all = handler.type is None or script.evaluator.origins(handler.type) & {
            "builtins.Exception", "builtins.BaseException",
        }  # fmt: skip
        if catches_all and all(isinstance(item, ast.Pass) for item in handler.body):
            yield rules.SWALLOWED_ERROR.at(
                handler.lineno, "Every error is swallowed here; log it or let it pass on."
            )


def _is_long(script: Script) -> bool:
    return sum(isinstance(node, ast.stmt) for node in script.program.nodes) > _LONG_SCRIPT


def _closes(script: Script) -> bool:
    """A close call, a ``with`` around a connection, or a connection handed to ``closing``."""
    for node in script.program.nodes:
        if isinstance(node, ast.Attribute) and node.attr in _CLOSING:
            return True
        if isinstance(node, ast.Call) and "contextlib.closing" in script.evaluator.origins(node.func):
            return True
    return any(
        script.evaluator.origins(item.context_expr) & {f"{name}()" for name in _CONNECTORS}
        for item in script.program.of_type(ast.withitem)
        if isinstance(item, ast.withitem)
    )
