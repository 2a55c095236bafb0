"""Which functions and methods give a text that is known where their arguments are known in part.

Tables only; ``evaluation.py`` applies them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from meta_agent.validators.literals import HOLE

IDENTIFIER = "ident"
NUMERIC_FORMAT = re.compile(r"[^{}]*[dfeEgGn%bxX]$")
PERCENT = re.compile(r"%(?:\((\w{1,60})\))?[-#0 +]{0,5}[\d*]{0,5}(?:\.\d{1,5})?([diouxXeEfFgGcrsa%])")
BRACES = re.compile(r"\{\{|\}\}|\{(\w{0,60})[^{}]{0,60}\}")
NUMERIC_CALLS = {"int", "float", "len", "round", "abs", "bool", "ord", "hash", "id"}
SAME_TEXT = {
    "builtins.str", "os.fspath", "os.path.abspath", "os.path.realpath", "os.path.normpath",
    "os.path.expandvars", "os.path.expanduser", "os.fsencode", "textwrap.dedent", "inspect.cleandoc",
    "sqlalchemy.text", "sqlalchemy.sql.text", "sqlalchemy.sql.expression.text", "psycopg2.sql.SQL",
    "sys.intern", "io.StringIO",
}  # fmt: skip
PATHS = {"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath", "os.path.join"}
ENVIRONMENT = {"os.getenv", "os.environ.get", "os.environ.setdefault", "os.environ.pop"}
COMPOSABLE = {
    "psycopg2.sql.Identifier": IDENTIFIER,
    "psycopg2.sql.Placeholder": "%s",
    "psycopg2.sql.Literal": "'x'",
}
TEXT_METHODS: dict[str, Callable[[str], str]] = {
    "lower": str.lower, "upper": str.upper, "strip": str.strip, "lstrip": str.lstrip, "rstrip": str.rstrip,
    "title": str.title, "casefold": str.casefold, "swapcase": str.swapcase, "capitalize": str.capitalize,
}  # fmt: skip
UNCHANGED_METHODS = {
    "encode", "decode", "as_posix", "resolve", "absolute", "expanduser", "as_string", "__str__",
}  # fmt: skip
STRIPPING_METHODS: dict[str, Callable[[str, str], str]] = {
    "strip": str.strip, "lstrip": str.lstrip, "rstrip": str.rstrip, "removeprefix": str.removeprefix,
    "removesuffix": str.removesuffix,
}  # fmt: skip


def _folder(path: str) -> str:
    return HOLE if HOLE in posixpath.basename(path) else posixpath.dirname(path)


def _last_part(path: str) -> str:
    return HOLE if HOLE in posixpath.basename(path) else posixpath.basename(path)


PATH_PARTS: dict[str, Callable[[str], str]] = {"parent": _folder, "name": _last_part}
"""Attributes of a path."""
PATH_FUNCTIONS = {"os.path.dirname": _folder, "os.path.basename": _last_part}
LISTING_METHODS = {"iterdir", "glob", "rglob"}
PLACEHOLDERS = re.compile(r"[%s?,()\s]+")
"""A text that stands for parameters only, so that it may be repeated as often as there are any."""
