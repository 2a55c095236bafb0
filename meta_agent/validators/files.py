"""Where the script reads and writes: only below results, exports, logs, data and /tmp.

Paths are folded as far as they are known; what comes from the environment or from
``__file__`` is the deployment's own choice and passes, ``..`` after it does not.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import HOLE, argument
from meta_agent.validators.path_arguments import (
    PATH_METHODS,
    WRITING_METHODS,
    folder_arguments,
    path_arguments,
)
from meta_agent.validators.reading import Script

FOLDERS = ("results", "exports", "logs", "data")
_HOMES = ("/app", "/work", "/workspace")
_FREE = ("/tmp", "/var/tmp")  # noqa: S108 - the sandbox gives every script its own
_DEVICES = {"/dev/null", "/dev/stdout", "/dev/stderr"}
_SENSITIVE = re.compile(
    r"^/(etc|proc|sys|dev|root|boot|run|var/run|var/lib|var/spool|var/log|usr|bin|sbin|lib\w*|opt|mnt|media|srv)(/|$)"
    r"|(^|/)(\.ssh|\.aws|\.kube|\.docker|\.config|\.gnupg|\.git)(/|$)"
    r"|(^|/)(\.env(\.\w+)?|\.pgpass|\.netrc|\.bash\w*|\.profile|id_[a-z0-9]+|docker\.sock|authorized_keys)$"
)
_MARKUP = {"reportlab.platypus.Paragraph", "reportlab.platypus.paragraph.Paragraph"}
_MARKUP_SOURCE = re.compile(r"<img\b[^>]{0,500}\bsrc\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
_REMOTE = re.compile(r"^(https?|ftps?|s3|gs|file|sftp|ssh|hdfs)://", re.IGNORECASE)


def check_files(script: Script) -> Iterator[ValidationIssue]:
    """Findings on paths outside the script's own folders, and on paths that a visitor or a decoder makes."""
    for call in script.program.calls:
        for path in _paths(script, call):
            texts = script.evaluator.texts(path)
            yield from (issue for text in texts for issue in judge_path(call.lineno, text))
            if HOLE in "".join(texts):
                yield from _judge_source(script, call, path)
        if script.evaluator.origins(call.func) & _MARKUP:
            sources = (
                m
                for text in script.evaluator.texts(argument(call, 0, "text"))
                for m in _MARKUP_SOURCE.finditer(text)
            )
            yield from (issue for match in sources for issue in judge_path(call.lineno, match.group(1)))
        for path in _arguments(script, call, folder_arguments()):
            found = (
                issue for text in script.evaluator.texts(path) for issue in judge_path(call.lineno, text)
            )
            yield from (issue for issue in found if issue.rule != rules.FILE_MISPLACED.name)


def judge_path(line: int, text: str) -> list[ValidationIssue]:
    """What is wrong with touching the file of this name, if anything; unknown parts are ``HOLE``."""
    issue = _judge(line, text)
    return [] if issue is None else [issue]


def _judge_source(script: Script, call: ast.Call, path: ast.expr) -> Iterator[ValidationIssue]:
    if script.taint.comes_from("visitor", path) and not _is_looked_up(script, path):
        yield rules.FILE_FROM_OUTSIDE.at(
            call.lineno, "Whoever uses this chooses the file; take it from a fixed list of names."
        )
    if script.taint.comes_from("decoder", path):
        yield rules.OBSCURED_CODE.at(call.lineno, "The name of this file is decoded; write it plainly.")


def _is_looked_up(script: Script, path: ast.expr) -> bool:
    """Whether a name in ``path`` is looked for among others: ``if name not in REPORTS: abort(404)``."""
    function = script.program.enclosing(path, ast.FunctionDef, ast.AsyncFunctionDef)
    used = {node.id for node in ast.walk(path) if isinstance(node, ast.Name)}
    return not used.isdisjoint(script.looked_up.get(function, ()))


def _paths(script: Script, call: ast.Call) -> Iterator[ast.expr]:
    """The expressions of this call that name a file or folder."""
    is_settings = "dotenv.load_dotenv" in script.evaluator.origins(call.func)
    for path in _arguments(script, call, path_arguments()):
        if not is_settings or not all(text.endswith(".env") for text in script.evaluator.texts(path)):
            yield path
    for func in script.evaluator.values(call.func):
        if not isinstance(func, ast.Attribute):
            continue
        is_save = func.attr == "save" and call.args and not isinstance(call.args[0], ast.Call)
        if is_save or (func.attr in WRITING_METHODS and call.args):
            yield call.args[0]
        elif func.attr in PATH_METHODS and script.evaluator.is_path(func.value):
            yield func.value


def _arguments(script: Script, call: ast.Call, table: dict[str, list[tuple[int, str]]]) -> Iterator[ast.expr]:
    for origin in sorted(script.evaluator.origins(call.func) & table.keys()):
        for position, keyword in table[origin]:
            path = script.given(call, position, keyword)
            if path is not None:
                yield path


def _judge(line: int, text: str) -> ValidationIssue | None:
    shown = rules.quoted(text.replace(HOLE, "…"))
    if _REMOTE.match(text):
        return rules.NETWORK_ACCESS.at(
            line, f"{shown} is read over the network; use the database of DATABASE_URL only."
        )
    if not text or text == HOLE:
        return None
    if _SENSITIVE.search(_normal(text)) and _normal(text) not in _DEVICES:
        return rules.SENSITIVE_FILE.at(
            line, f"{shown} is not for a script to touch; use only results/, exports/ or data/."
        )
    if ".." in text.split("/") or text.startswith("~") or _is_outside(text):
        return rules.FILE_OUTSIDE_FOLDERS.at(
            line, f"{shown} lies outside the script's folders; use results/, exports/, logs/, data/ or /tmp."
        )
    if _is_misplaced(text):
        return rules.FILE_MISPLACED.at(
            line, f"{shown} has no folder of its own; put it below results/ or exports/."
        )
    return None


def _normal(text: str) -> str:
    """Without ``.``, ``..`` and doubled slashes; ``//etc`` is ``/etc`` on Linux."""
    path = posixpath.normpath(text)
    return f"/{path.lstrip('/')}" if path.startswith("/") else path


def _is_outside(text: str) -> bool:
    if not text.startswith("/"):
        return False
    path = _normal(text)
    own = (*_FREE, *(f"{home}/{folder}" for home in _HOMES for folder in FOLDERS))
    return path not in (*_HOMES, *_DEVICES) and not any(f"{path}/".startswith(f"{root}/") for root in own)


def _is_misplaced(text: str) -> bool:
    """A relative path that begins with neither a folder of ours nor something unknown."""
    if text.startswith("/"):
        return False
    parts = [part for part in text.split("/") if part not in ("", ".")]
    return bool(parts) and HOLE not in parts[0] and parts[0] not in FOLDERS
