"""Which database a script connects to, and how: only that of DATABASE_URL, and only to read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from urllib.parse import unquote

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import HOLE, argument, plain_text
from meta_agent.validators.reading import Script

_CONNECTING = {
    "psycopg2.connect", "psycopg2.pool.SimpleConnectionPool", "psycopg2.pool.ThreadedConnectionPool",
    "psycopg2.extensions.connection", "sqlalchemy.create_engine", "sqlalchemy.create_async_engine",
    "sqlalchemy.URL.create", "sqlalchemy.engine.URL.create", "sqlalchemy.engine.url.URL.create",
    "sqlalchemy.make_url", "sqlalchemy.engine.make_url", "sqlalchemy.engine_from_config",
}  # fmt: skip
_URL_HOST = re.compile(r"://(?:[^/@\s]*@)?(\[[^\]]*\]|[^\s:/?#,\[\]]+)")
_DSN_HOST = re.compile(r"\bhost(?:addr)?\s*=\s*'?([^\s'&]+)")
_AT_HOME = re.compile(
    r"localhost|127\.[\d.]+|::1|0\.0\.0\.0|host\.docker\.internal|[\w-]+|/.*", re.IGNORECASE
)
"""This machine, a name without a domain such as a Compose service's, or a socket's folder."""
_WRITABLE = re.compile(r"read_only\s*=\s*'?(off|false|no|0)\b", re.IGNORECASE)
_SESSION_OPTIONS = {"readonly": "set_session", "postgresql_readonly": "execution_options"}


def check_connections(script: Script) -> Iterator[ValidationIssue]:
    """Findings on other databases, and on sessions that are opened for writing."""
    for call in script.program.calls:
        if script.evaluator.origins(call.func) & _CONNECTING:
            yield from _check_target(script, call)
        elif isinstance(call.func, ast.Attribute):
            for option, method in _SESSION_OPTIONS.items():
                if call.func.attr == method and _is_off(script, argument(call, 99, option)):
                    yield _writable(call.lineno)
            if call.func.attr == "set_session" and _is_off(script, argument(call, 1, "readonly")):
                yield _writable(call.lineno)
    for node in script.program.of_type(ast.Assign):
        if isinstance(node, ast.Assign) and _is_off(script, node.value):
            targets = [target for target in node.targets if isinstance(target, ast.Attribute)]
            yield from (_writable(node.lineno) for target in targets if target.attr == "readonly")


def _check_target(script: Script, call: ast.Call) -> Iterator[ValidationIssue]:
    for name, value in _settings(script, call):
        for text in script.evaluator.texts(value):
            if name in ("host", "hostaddr"):
                yield from _judge_host(call.lineno, text)
            yield from (
                issue
                for match in (*_URL_HOST.finditer(text), *_DSN_HOST.finditer(text))
                for issue in _judge_host(call.lineno, match.group(1))
            )
            if _WRITABLE.search(unquote(text)):
                yield _writable(call.lineno)
        if script.taint.comes_from("visitor", value):
            yield rules.NETWORK_ACCESS.at(
                call.lineno, "Whoever uses this chooses the database; connect to DATABASE_URL only."
            )


def _settings(script: Script, call: ast.Call) -> Iterator[tuple[object, ast.expr]]:
    """What the call is given by name, also in ``**settings`` and ``connect_args``, and by position."""
    yield from (("", value) for value in call.args)
    for keyword in call.keywords:
        yield keyword.arg, keyword.value
        for value in script.evaluator.values(keyword.value):
            if isinstance(value, ast.Dict):
                yield from ((plain_text(k), v) for k, v in zip(value.keys, value.values, strict=True))


def _judge_host(line: int, host: str) -> Iterator[ValidationIssue]:
    if HOLE not in host and not _AT_HOME.fullmatch(host.strip("[]")):
        yield rules.NETWORK_ACCESS.at(
            line, f"{rules.quoted(host)} is another database; connect to DATABASE_URL only."
        )


def _is_off(script: Script, value: ast.expr | None) -> bool:
    return value is not None and any(
        known is False or known == 0 for known in script.evaluator.constants.values(value)
    )


def _writable(line: int) -> ValidationIssue:
    return rules.SESSION_WRITABLE.at(line, "The session is opened for writing; read only (readonly=True).")
