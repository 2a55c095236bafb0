"""Quoting of PostgreSQL's names, without asking a server.

Names come from the catalogue and may hold anything: a newline, a quote, a code fence,
marks that reverse the reading direction. Quoted here, a name is exact, valid SQL, and
always on one line.
"""

from __future__ import annotations

import re
import unicodedata

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")
_ESCAPED = re.compile(r"\\(?:(\\)|\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4}))")

# Every word PostgreSQL does not list as "unreserved": what its own quote_ident() quotes.
_KEYWORDS = """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean
    both case cast char character check coalesce collate collation column concurrently constraint create
    cross current_catalog current_date current_role current_schema current_time current_timestamp
    current_user dec decimal default deferrable desc distinct do else end except exists extract false
    fetch float for foreign freeze from full grant greatest group grouping having ilike in initially
    inner inout int integer intersect interval into is isnull join json json_array json_arrayagg
    json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value
    lateral leading least left like limit localtime localtimestamp merge_action national natural nchar
    none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay
    placing position precision primary real references returning right row select session_user setof
    similar smallint some substring symmetric system_user table tablesample then time timestamp to
    trailing treat trim true union unique user using values varchar variadic verbose when where window
    with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable
"""
KEYWORDS = frozenset(_KEYWORDS.split())


def quote_name(name: str) -> str:
    """The name as SQL must spell it: bare where that is safe, else quoted."""
    if _PLAIN.match(name) and name not in KEYWORDS:
        return name
    if all(is_harmless(character) for character in name):
        return '"' + name.replace('"', '""') + '"'
    return 'U&"' + "".join(map(_escape, name)) + '"'


def without_escapes(text: str) -> str:
    """The name that stands in ``U&"..."``. Raises ValueError for a number that is no character's."""

    def character(escape: re.Match[str]) -> str:
        return escape[1] or chr(int(escape[2] or escape[3], 16))

    return _ESCAPED.sub(character, text)


def quote_table(schema: str, table: str, default_schema: str) -> str:
    """A table's name, with its schema only where that is not the default one."""
    if schema == default_schema:
        return quote_name(table)
    return f"{quote_name(schema)}.{quote_name(table)}"


def is_harmless(character: str) -> bool:
    """Whether a character is visible, stays on its line and cannot end a fenced block."""
    return character == " " or (character != "`" and unicodedata.category(character)[0] not in "CZ")


def _escape(character: str) -> str:
    if character == '"':
        return '""'
    if character == "\\":
        return "\\\\"
    if is_harmless(character):
        return character
    return f"\\{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\+{ord(character):06x}"
