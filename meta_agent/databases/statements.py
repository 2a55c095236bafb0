"""Exactly one statement of a kind, before the server sees it.

psycopg2 sends texts by the simple query protocol, which runs every statement of a
text: ``SELECT 1; COMMIT; DROP TABLE t`` would leave the read-only transaction. So a
text that could be two statements is refused here; what one statement may do is then
the server's to decide.
"""

from __future__ import annotations

import re
from itertools import pairwise

# As PostgreSQL's own scanner cuts them: every character beyond ASCII is part of a word, and so is a dollar
# sign after a word's first character.
_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\r\n]* )
    | (?P<open>    /\* )
    | (?P<string>  '(?:[^']|'')*' | "(?:[^"]|"")*" )
    | (?P<dollar>  \$(?P<tag>(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?)\$.*?\$(?P=tag)\$ )
    | (?P<word>    [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]* )
    | (?P<blank>   \s+ )
    | (?P<end>     ; )
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_READERS = frozenset({"select", "with", "values", "table"})
_CHANGERS = frozenset({"insert", "update", "delete", "with"})


def objection_to(sql: str) -> str | None:
    """Why a text is not one SELECT that may be shown to the server; None where it is."""
    return _objection(sql, _READERS, "a SELECT")


def objection_to_change(sql: str) -> str | None:
    """Why a text is not one statement that changes rows, to be planned and not run; None where it is."""
    return _objection(sql, _CHANGERS, "an INSERT, UPDATE or DELETE")


def _objection(sql: str, beginnings: frozenset[str], wanted: str) -> str | None:
    if "\0" in sql or any("\ud800" <= character <= "\udfff" for character in sql):
        return "The query holds characters that no database text can hold."
    tokens = _significant_tokens(sql)
    while tokens and tokens[-1] == ";":
        tokens.pop()
    if not tokens:
        return "The query is empty."
    if ";" in tokens or (_escapes_quotes(sql, tokens) and ";" in sql.rstrip().rstrip(";")):
        return "Only one statement may be asked, and this is more than one."
    first = next((word for word in tokens if word != "("), "(").lower()
    if first not in beginnings:
        return f"Only {wanted} may be asked, and this begins with {first[:40].upper()}."
    return None


def _escapes_quotes(sql: str, tokens: list[str]) -> bool:
    """Whether a quote may be escaped by a backslash, in E'...' and its continuations on further lines.

    Where it may, strings need not end where they seem to, and every semicolon is suspect.
    """
    escaped = any(word in ("e", "E") and text.startswith("'") for word, text in pairwise(tokens))
    return "\\" in sql and escaped


def _significant_tokens(sql: str) -> list[str]:
    """The text's tokens without comments and blanks."""
    tokens, position = [], 0
    while match := _TOKEN.match(sql, position):
        position = match.end()
        if match.lastgroup == "open":
            position = _end_of_comment(sql, position)
        elif match.lastgroup not in ("comment", "blank"):
            tokens.append(match.group())
    return tokens


def _end_of_comment(sql: str, position: int) -> int:
    """Where a block comment ends; block comments nest."""
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(sql, position)):
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
    return position if depth == 0 else len(sql)
