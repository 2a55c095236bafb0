"""First layer: is the text a Python program at all, and the one that Python would run?

Everything a file can be arrives here: no text, NUL bytes, half a surrogate pair, a
million brackets. Each is a finding with its line, never an exception. A coding cookie
is refused because Python would decode the file to other text than the one read here.
"""

from __future__ import annotations

import ast
import re
import warnings

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules

LARGEST_SOURCE = 512 * 1024
DEEPEST_NESTING = 200
_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
_UTF8 = {"utf-8", "utf8", "utf-8-sig"}
_DIRECTION_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def parse_script(source: str) -> ast.Module | ValidationIssue:
    """The script's syntax tree, or the one finding that says why there is none."""
    refusal = _unreadable(source)
    if refusal is not None:
        return refusal
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.removeprefix("\ufeff"))
    except SyntaxError as error:
        reason = rules.quoted(error.msg or "invalid syntax")
        return rules.SYNTAX_ERROR.at(error.lineno, f"Python cannot read this line ({reason}); correct it.")
    except (RecursionError, MemoryError):
        return _too_deep(None)
    except ValueError as error:
        return rules.SOURCE_UNREADABLE.at(
            None, f"Python cannot read this text ({rules.quoted(str(error))}); send plain Python."
        )
    return _shape_problem(tree) or tree


def text_issues(source: str) -> list[ValidationIssue]:
    """Characters that make the text on the screen differ from the text that runs."""
    match = _DIRECTION_MARKS.search(source)
    if match is None:
        return []
    line = source.count("\n", 0, match.start()) + 1
    return [
        rules.HIDDEN_CHARACTERS.at(
            line, "Invisible direction marks make the code read differently than it runs; remove them."
        )
    ]


def _unreadable(source: str) -> ValidationIssue | None:
    if len(source) > LARGEST_SOURCE or len(source.encode("utf-8", "surrogatepass")) > LARGEST_SOURCE:
        return rules.SOURCE_TOO_LARGE.at(
            None, f"The script is larger than {LARGEST_SOURCE // 1024} KB; keep data out of the code."
        )
    if "\0" in source:
        line = source.count("\n", 0, source.index("\0")) + 1
        return rules.SOURCE_UNREADABLE.at(line, "The text contains a NUL byte; send plain Python.")
    for number, line_text in enumerate(re.split(r"\r\n|\r|\n", source[:4096], maxsplit=2)[:2], start=1):
        cookie = _COOKIE.match(line_text)
        if cookie and cookie.group(1).lower().replace("_", "-") not in _UTF8:
            return rules.SOURCE_ENCODING.at(
                number, "The coding comment changes how Python reads the file; remove it and use UTF-8."
            )
    return None


def _shape_problem(tree: ast.Module) -> ValidationIssue | None:
    if not any(not _is_text(statement) for statement in tree.body):
        return rules.EMPTY_SCRIPT.at(None, "There is no code in the script; write the whole program.")
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST_NESTING):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return None
    return _too_deep(getattr(level[0], "lineno", None))


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _too_deep(line: int | None) -> ValidationIssue:
    return rules.TOO_DEEPLY_NESTED.at(line, "The code is nested too deeply to be checked; write it flatter.")
