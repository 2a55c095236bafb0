"""Takes the code out of what a model said.

Models wrap code in fences, headings, numbered lists and explanations, however
firmly they are told not to. Two rules keep the code whole: text that already is
a program is returned as it is, and nothing inside a string is ever looked at.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n`]*$")
_CODE_START = re.compile(
    r"^(import|from|def|class|async|@|#|if|for|while|with|try|print\b|[A-Za-z_][\w.\[\]'\"]*\s*[:=(]|['\"]{3})"
)
_MARKDOWN = re.compile(
    r"^\s*(#{1,6}\s+\S.*|\d+[.)]\s+\S.*|[-*+]\s+\S.*|\*\*.+\*\*:?|>\s.*|(This|To|The|Here|Note|You|In|It|Make)\s[^=()]*[.:]?)$"
)
_MOST_TRIMMED_LINES = 60


def python_code(reply: str, *, defines: str | None = None) -> str:
    """The Python program in a model's reply, or the reply's best guess where there is none that parses.

    ``defines``: among several code blocks, the one that defines this function is meant.
    """
    text = _unify_newlines(reply)
    if is_python(text):
        return text
    blocks = list(_python_blocks(text.split("\n")))
    if defines:
        blocks = [b for b in blocks if re.search(rf"^def {re.escape(defines)}\b", b, re.MULTILINE)] or blocks
    if blocks:
        return next((block for block in blocks if is_python(block)), blocks[0])
    return _without_prose(text)


def sql_code(reply: str) -> str:
    """The SQL in a model's reply: the first fenced block, else from the first SELECT or WITH on."""
    text = _unify_newlines(reply)
    lines = text.split("\n")
    for _, language, start, end in _fenced(lines):
        if language in ("sql", "postgresql", "postgres", "pgsql", ""):
            return "\n".join(lines[start:end]).strip()
    found = re.search(r"^\s*(--.*\n\s*)*(select|with)\b.*", text, re.IGNORECASE | re.DOTALL | re.MULTILINE)
    if found is None:
        return ""
    return re.split(r";\s*\n\s*\n|\n\s*\n(?=[A-Z][a-z])", found.group(0))[0].strip()


def count_blocks(reply: str) -> int:
    """How many fenced blocks the reply has."""
    return sum(1 for _ in _fenced(_unify_newlines(reply).split("\n")))


def is_python(text: str) -> bool:
    """Whether the text parses and is more than bare words (``Sure`` parses too)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    bare = (ast.Name, ast.Constant, ast.Tuple, ast.BinOp, ast.Attribute, ast.UnaryOp)
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, bare)) for node in tree.body)


def _unify_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _fenced(lines: list[str]) -> Iterator[tuple[str, str, int, int]]:
    """(fence, language, first line, line after the last) of every fenced block; an open one ends with the text."""
    number = 0
    while number < len(lines):
        opening = _FENCE.match(lines[number])
        number += 1
        if opening is None:
            continue
        start = number
        while number < len(lines) and not _closes(lines[number], opening.group(1)):
            number += 1
        yield opening.group(1), opening.group(2).lower(), start, number
        number += 1


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(fence) and set(stripped) == {fence[0]}


def _python_blocks(lines: list[str]) -> Iterator[str]:
    for fence, language, start, end in _fenced(lines):
        if language in ("python", "py", "python3", ""):
            yield _whole_block(lines, fence, start, end)


def _whole_block(lines: list[str], fence: str, start: int, end: int) -> str:
    """The block, past a fence inside a string of the program if only then it parses."""
    block = "\n".join(lines[start:end])
    if is_python(block):
        return block
    for later in range(end + 1, len(lines) + 1):
        if later == len(lines) or _closes(lines[later], fence):
            longer = "\n".join(lines[start:later])
            if is_python(longer):
                return longer
    return block


def _without_prose(text: str) -> str:
    """An unfenced program, freed of the prose around it, then of markdown lines within it."""
    lines = text.split("\n")
    trimmed = _longest_program(lines)
    if trimmed is not None:
        return trimmed
    kept = list(_outside_markdown(lines))
    return _longest_program(kept) or "\n".join(kept).strip("\n")


def _longest_program(lines: list[str]) -> str | None:
    starts = [n for n, line in enumerate(lines) if _CODE_START.match(line)][:_MOST_TRIMMED_LINES]
    for start in starts:
        for end in range(len(lines), max(start, len(lines) - _MOST_TRIMMED_LINES), -1):
            candidate = "\n".join(lines[start:end])
            if is_python(candidate):
                return candidate.rstrip("\n")
    return None


def _outside_markdown(lines: list[str]) -> Iterator[str]:
    """The lines that are not markdown; lines inside a triple-quoted string are never judged."""
    quote: str | None = None
    for line in lines:
        if quote is None and (_MARKDOWN.match(line) or _FENCE.match(line)) and not is_python(line.strip()):
            continue
        quote = _open_quote_after(line, quote)
        yield line


def _open_quote_after(line: str, quote: str | None) -> str | None:
    for mark in re.findall(r'"""|\'\'\'', line):
        if quote is None:
            quote = mark
        elif quote == mark:
            quote = None
    return quote
