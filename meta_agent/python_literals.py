"""Writes values as Python source, laid out as a formatter would leave it.

The generated scripts are read by people, and hold texts we did not write: every
literal here evaluates to exactly its value, whatever the text.
"""

from __future__ import annotations

import re

LINE_LENGTH = 88


def python_literal(value: object, indent: int = 0, before: int = 0) -> str:
    """Source of a value made of dicts, lists, tuples, texts, numbers, booleans and None.

    ``indent``: blanks before the line it begins on; ``before``: other characters there.
    """
    line = _one_line(value)
    if "\n" not in line and indent + before + len(line) < LINE_LENGTH:
        return line
    if isinstance(value, dict) and value:
        entries = [(python_text(str(key)) + ": ", inner) for key, inner in value.items()]
        return _exploded("{", entries, "}", indent)
    if isinstance(value, list | tuple) and value:
        brackets = ("[", "]") if isinstance(value, list) else ("(", ")")
        return _exploded(brackets[0], [("", inner) for inner in value], brackets[1], indent)
    return line


def _exploded(opening: str, entries: list[tuple[str, object]], closing: str, indent: int) -> str:
    deeper = indent + 4
    lines = [f"{' ' * deeper}{key}{python_literal(inner, deeper, len(key))},\n" for key, inner in entries]
    return f"{opening}\n{''.join(lines)}{' ' * indent}{closing}"


def _one_line(value: object) -> str:
    if isinstance(value, str):
        return python_text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{python_text(str(k))}: {_one_line(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_one_line, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_one_line, value)) + ("," if len(value) == 1 else "") + ")"
    return repr(value)


def python_text(text: str) -> str:
    """A string literal: over several lines where the text has them and allows it, else on one."""
    if "\n" in text and _may_stand_in_a_block(text):
        return f'"""{text}"""'
    return repr(text) if text.count('"') > text.count("'") else _double_quoted(text)


def _double_quoted(text: str) -> str:
    single = repr('"' + text)  # with a double quote in it, repr always takes single quotes
    body = re.sub(r"\\(.)", lambda pair: "'" if pair.group(1) == "'" else pair.group(0), single[2:-1])
    return '"' + body.replace('"', '\\"') + '"'


def _may_stand_in_a_block(text: str) -> bool:
    if "\\" in text or '"""' in text or text.startswith('"') or text.endswith('"'):
        return False
    plain = all(character.isprintable() or character == "\n" for character in text)
    return plain and not any(line != line.rstrip() for line in text.split("\n"))
