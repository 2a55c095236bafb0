"""Names as the schema spells them to the model come back as the names they are."""

from __future__ import annotations

import pytest

from meta_agent.databases.names import quote_name, without_escapes
from meta_agent.generators.sql_parsing import NotAQuery, parse_queries


@pytest.mark.parametrize(
    "name", ["two\nlines", "quotes \"'`", "back\\slash\n", "\x1b[2J", "\u202egnp", "\U0001f3e0\t"]
)
def test_a_name_in_escapes_is_read(name: str) -> None:
    assert quote_name(name).startswith("U&")
    (query,) = parse_queries(f"SELECT p.{quote_name(name)} AS {quote_name(name)} FROM {quote_name(name)} p")
    assert [projection.alias for projection in query.selects] == [name]
    assert query.selects[0].this.name == name
    assert query.args["from_"].this.name == name


def test_what_only_looks_like_a_name_in_escapes_stays() -> None:
    (query,) = parse_queries('SELECT u & "a\\000a", \'U&"b\\000a"\' FROM t')
    assert [projection.sql("postgres") for projection in query.selects] == [
        'u & "a\\000a"',
        "'U&\"b\\000a\"'",
    ]


def test_a_number_that_is_no_character_is_no_query() -> None:
    with pytest.raises(NotAQuery):
        parse_queries('SELECT U&"\\+ffffff" FROM t')


def test_the_other_way_round() -> None:
    assert without_escapes("a\\\\b\\0041\\+01f3e0") == "a\\bA\U0001f3e0"
