"""Takes the code out of what a model said.

Models wrap code in fences, headings, numbered lists and explanations, however
firmly they are told not to. Two rules keep the code whole: text that already is
a program is returned as it is, and a line is only ever taken away where Python's own
parser stumbles over it, which it never does inside a string.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PYTHON = ("", "python", "py", "python3", "py3", "python2", "ipython")
_SQL = ("", "sql", "postgresql", "postgres", "pgsql", "plpgsql", "psql")
_LONGEST_FENCE_LINE = 200
_LONGEST_PROSE_LINE = 2_000
_MOST_BLOCKS = 20
_MOST_CLOSINGS = 30
"""Closing fences tried for one block: a program may have fences in its strings."""
_MOST_REMOVALS = 60
_LONGEST_PARSED = 400_000
"""Characters; nothing longer is a program somebody asked for."""

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^`\n]*")
_MARKDOWN = re.compile(r"\s*(#{1,6}\s|\d{1,3}[.)]\s|[-*+•]\s|\*\*|__|>\s|={3,}|-{3,}|\|)")
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_WORDS = re.compile(r"\W{0,3}([A-Za-z][\w'’-]*)(?:[,;!.]? +[\w'’\"“(`*]|[:!.]$)")
_SQL_START = re.compile(r"\s*(select\b|with\s+(recursive\s+)?[\w\"]+\s*(\(|as\b))", re.IGNORECASE)
_SQL_WORDS = _words(
    """
    select from where group order having limit offset join left right full inner outer cross on and or
    union except intersect with as case when then else end values window fetch using not in exists between
    """
)
_STATEMENTS = frozenset(keyword.kwlist) | {"print", "exec"}


def python_code(reply: str, *, defines: str | None = None) -> str:
    """The Python program in a model's reply, or the reply's best guess where there is none that parses.

    ``defines``: among several code blocks, the one that defines this function is meant.
    """
    text = _unify_newlines(reply)
    if is_python(text):
        return text
    bare = _without_prose(text, keep_fences=True)
    if is_python(bare):
        return bare  # its fences, if it has any, stand in its strings
    blocks = list(_python_blocks(text.split("\n")))
    if defines:
        blocks = [block for block in blocks if f"def {defines}" in block] or blocks
    whole = next((block for block in blocks if is_python(block)), None)
    if whole is not None:
        return whole
    unfenced = _without_prose(text, keep_fences=False)
    if is_python(unfenced):
        return unfenced
    return next((block for block in blocks if block.strip()), unfenced)


def function_block(reply: str, name: str) -> str:
    """The Python block that defines a function, among blocks of other languages; "" where there is none."""
    lines = _unify_newlines(reply).split("\n")
    marked = (block for block in _blocks(lines) if block.language in _PYTHON)
    found = (_whole_block(lines, block) for block in marked)
    return next((text for text in found if re.search(rf"^def {re.escape(name)}\b", text, re.MULTILINE)), "")


def sql_code(reply: str) -> str:
    """The SQL in a model's reply: its first block of SQL, else from the first SELECT or WITH on; else ""."""
    lines = _unify_newlines(reply).split("\n")
    blocks = [block for block in _blocks(lines) if block.language in _SQL]
    named = [block for block in blocks if block.language or _first_sql_line(block.lines(lines)) is not None]
    if named:
        return "\n".join(named[0].lines(lines)).strip()
    start = _first_sql_line(lines)
    return "" if start is None else "\n".join(_until_prose(lines[start:])).strip()


def is_python(text: str) -> bool:
    """Whether the text parses and is more than bare words (``Sure`` parses too)."""
    tree = _parsed(text)
    if isinstance(tree, ast.Module):
        bare = (ast.Name, ast.Constant, ast.Tuple, ast.BinOp, ast.Attribute, ast.UnaryOp)
        return any(not (isinstance(node, ast.Expr) and isinstance(node.value, bare)) for node in tree.body)
    return False


def _parsed(text: str) -> ast.Module | int:
    """The syntax tree, or the number of the line at which parsing failed (0 where that is not known)."""
    if len(text) > _LONGEST_PARSED:
        return 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        return error.lineno or 0
    except (ValueError, RecursionError, MemoryError):
        return 0


def _unify_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


# --- fenced blocks ----------------------------------------------------------------


@dataclass(frozen=True)
class _Block:
    """A fenced block: its fence, and the lines between the fences."""

    indent: int
    fence: str
    language: str
    start: int
    end: int

    def lines(self, lines: list[str], end: int | None = None) -> list[str]:
        """Its lines, freed of the indentation that the fence itself has."""
        blank = " " * self.indent
        return [line.removeprefix(blank) for line in lines[self.start : self.end if end is None else end]]


def _blocks(lines: list[str]) -> Iterator[_Block]:
    """Every fenced block; an open one ends with the text."""
    number = 0
    while number < len(lines):
        opening = _FENCE.fullmatch(lines[number]) if len(lines[number]) <= _LONGEST_FENCE_LINE else None
        number += 1
        if opening is None:
            continue
        indent, fence, language = opening.groups()
        start = number
        while number < len(lines) and not _closes(lines[number], fence):
            number += 1
        yield _Block(len(indent), fence, language.lower(), start, number)
        number += 1


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(fence) and not stripped.strip(fence[0])


def _python_blocks(lines: list[str]) -> Iterator[str]:
    found = list(islice(_blocks(lines), _MOST_BLOCKS))
    chosen = [block for block in found if block.language in _PYTHON] or found
    for block in chosen:
        yield _whole_block(lines, block)


def _whole_block(lines: list[str], block: _Block) -> str:
    """The block, past a fence inside a string of the program if only then it parses."""
    text = "\n".join(block.lines(lines))
    if is_python(text):
        return text
    closings = (n for n in range(block.end + 1, len(lines)) if _closes(lines[n], block.fence))
    for later in islice(closings, _MOST_CLOSINGS):
        longer = "\n".join(block.lines(lines, later))
        if is_python(longer):
            return longer
    unclosed = "\n".join(block.lines(lines, len(lines)))
    return unclosed if is_python(unclosed) else text


# --- unfenced programs --------------------------------------------------------------


def _without_prose(text: str, *, keep_fences: bool) -> str:
    """An unfenced program, freed of lines at which Python stumbles and that read like prose or markdown."""
    lines = text.split("\n")
    for _ in range(_MOST_REMOVALS):
        failed = _parsed("\n".join(lines))
        if isinstance(failed, ast.Module) or not 0 < failed <= len(lines):
            break
        removed = _prose_from(lines, failed - 1)
        if removed == failed - 1 or (keep_fences and _has_fence(lines[failed - 1 : removed])):
            break
        del lines[failed - 1 : removed]
    return "\n".join(lines).strip("\n")


def _has_fence(lines: list[str]) -> bool:
    return any(line.lstrip().startswith(("```", "~~~")) for line in lines)


def _prose_from(lines: list[str], start: int) -> int:
    """The line after the run of prose that begins at ``start``; ``start`` itself where there is none."""
    end = start
    for number in range(start, len(lines)):
        if _is_prose(lines[number]):
            end = number + 1
        elif lines[number].strip():
            break
    return end


def _is_prose(line: str) -> bool:
    if len(line) > _LONGEST_PROSE_LINE or '"""' in line or "'''" in line:
        return False
    words = _WORDS.match(line)
    markdown = line.lstrip().startswith("~~~") or _MARKDOWN.match(line) or "`" in _STRING.sub("", line)
    if not markdown and (words is None or words.group(1) in _STATEMENTS):
        return False
    return not is_python(line.strip())


# --- unfenced SQL -------------------------------------------------------------------


def _first_sql_line(lines: list[str]) -> int | None:
    found = (n for n, line in enumerate(lines) if _SQL_START.match(line) and line.rstrip()[-1] not in ".:!?")
    return next(found, None)


def _until_prose(lines: list[str]) -> Iterator[str]:
    """The lines of a statement: to its semicolon, a fence, or a paragraph that is no SQL."""
    after_blank = False
    for line in lines:
        stripped = line.strip()
        if stripped.startswith(("```", "~~~")) or (after_blank and _is_sentence(stripped)):
            return
        yield line
        if stripped.endswith(";"):
            return
        after_blank = not stripped


def _is_sentence(line: str) -> bool:
    first = re.match(r"[A-Z][a-z’']*", line)
    return first is not None and first.group().lower() not in _SQL_WORDS
