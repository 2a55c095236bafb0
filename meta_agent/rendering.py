"""Renders the text files we keep beside the code: prompts and templates.

Strict: a name that a template uses and nobody gave is an error, not an empty string.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from meta_agent.python_literals import python_literal

if TYPE_CHECKING:
    from jinja2 import Environment


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("meta_agent", "."),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - prompts and Python, not HTML; untrusted values go through a filter
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["python"] = python_literal
    environment.filters["comment"] = _as_comment
    environment.filters["quoted"] = _quoted
    return environment


def _quoted(text: str) -> str:
    """Untrusted text as one JSON string: it cannot end the sentence it stands in."""
    return json.dumps(text, ensure_ascii=False)


def _as_comment(text: str) -> str:
    """Untrusted text for a Python comment or docstring: one line, no quotes that could close it."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split()).replace("\\", "/").replace('"""', "'''").rstrip('"')


def render(template: str, /, **values: Any) -> str:
    """The text of ``template`` (a path below meta_agent/) with its names filled in."""
    return _environment().get_template(template).render(**values)
