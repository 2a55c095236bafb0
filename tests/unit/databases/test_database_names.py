from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.databases.names import quote_name, quote_table


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("properties", "properties"),
        ("_x1", "_x1"),
        ("Square Feet", '"Square Feet"'),
        ("select", '"select"'),
        ("user", '"user"'),
        ("status", "status"),
        ("1st", '"1st"'),
        ("", '""'),
        ('a"b', '"a""b"'),
        ("größe", '"größe"'),
        ("a\nb", 'U&"a\\000ab"'),
        ("a`b", 'U&"a\\0060b"'),
        ("back\\slash", '"back\\slash"'),
        ('a\\\n"', 'U&"a\\\\\\000a"""'),
        ("right\u202eleft", 'U&"right\\202eleft"'),
        ("tag\U000e0041", 'U&"tag\\+0e0041"'),
        ("newline\n", 'U&"newline\\000a"'),
    ],
)
def test_quoting(name: str, quoted: str) -> None:
    assert quote_name(name) == quoted


def test_schema_is_named_only_where_it_must_be() -> None:
    assert quote_table("public", "t", "public") == "t"
    assert quote_table("Fin", "t", "public") == '"Fin".t'


@given(st.text(min_size=1))
def test_a_quoted_name_is_one_line_without_a_fence(name: str) -> None:
    quoted = quote_name(name)
    assert len(quoted.splitlines()) == 1
    assert "`" not in quoted
