from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.contracts import Column, Table
from meta_agent.databases.key_names import (
    TableNames,
    common_prefix,
    family,
    is_junction,
    key_ending,
    looks_like_key,
    root,
    singular,
    words_of,
)


def table(name: str, *columns: str, type: str = "integer") -> Table:
    return Table(
        schema_name="public", name=name, columns=tuple(Column(name=column, type=type) for column in columns)
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("home_team_id", ("home", "team", "id")),
        ("homeTeamID", ("home", "team", "id")),
        ("Square Feet", ("square", "feet")),
        ("doc_id_2", ("doc", "id", "2")),
        ("größe", ("größe",)),
        ("__", ()),
    ],
)
def test_words(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


def test_singular_and_root() -> None:
    plural = ["cities", "users", "addresses", "boxes", "people", "status", "class", "bus", "series"]
    assert [singular(word) for word in plural] == [
        *("city", "user", "address", "box", "person", "status", "class", "bus", "sery")
    ]
    assert {root(word) for word in ("cite", "cited", "citing", "citation", "citations")} == {"cit"}
    assert {root(word) for word in ("follower", "followed", "following", "follows")} == {"follow"}


@pytest.mark.parametrize(
    ("sql_type", "expected"),
    [
        ("bigint", "integer"),
        ("numeric(10,0)", "integer"),
        ("numeric(10,2)", None),
        ("numeric", None),
        ("character varying(20)", "text"),
        ("uuid", "uuid"),
        ("text[]", None),
        ("date", None),
    ],
)
def test_families(sql_type: str, expected: str | None) -> None:
    assert family(sql_type) == expected


def test_endings() -> None:
    assert [key_ending(name) for name in ("custid", "id", "user_no", "icd_code", "c_custkey", "casino")] == [
        *("id", "id", "no", "code", "key", "")
    ]


def test_a_key_comes_first_or_is_called_one() -> None:
    one = table("t", "first", "other_id", "amount")
    assert [looks_like_key(one, column) for column in one.columns] == [True, True, False]
    dates = table("t", "first", type="date")
    assert not looks_like_key(dates, dates.columns[0])


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (table("ship_port", "ship_id", "port_id"), True),
        (table("ship_port", "sid", "pid"), True),
        (table("ship", "ship_id", "port_id"), False),
        (table("countries", "code", "number"), False),
        (table("calls", "ship_id", "day"), False),
        (table("alone", "ship_id"), False),
    ],
)
def test_junctions(one: Table, expected: bool) -> None:
    assert is_junction(one) is expected


def test_prefixes_of_a_whole_database() -> None:
    assert common_prefix([table("app_a", "x"), table("app_b", "y"), table("app_c", "z")]) == "app_"
    glued = [table("qzone", "qza"), table("qztwo", "qzb"), table("qzsix", "qzc")]
    assert common_prefix(glued) == "qz"
    # Words that happen to begin alike are no prefix.
    assert common_prefix([table("concert", "id"), table("contest", "id"), table("conductor", "id")]) == ""
    assert common_prefix([table("app_a", "x"), table("app_b", "y")]) == ""
    assert common_prefix([]) == ""


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("customer_id", True),
        ("id", True),
        ("cid", True),
        ("custid", True),
        ("cust_no", True),
        ("order_id", False),
        ("customer", False),
        ("oid", False),
    ],
)
def test_columns_named_after_their_table(column: str, expected: bool) -> None:
    assert TableNames(table("customers", column), "").is_named_by(column) is expected


def test_what_all_columns_begin_with_is_no_name_of_the_table() -> None:
    settings = table("user_settings", "user_id", "user_theme", "user_language")
    assert not TableNames(settings, "").is_named_by("user_id")


@given(
    st.text(max_size=20),
    st.lists(st.text(min_size=1, max_size=10), min_size=1, max_size=5),
    st.text(max_size=3),
)
def test_any_name_can_be_read(name: str, columns: list[str], common: str) -> None:
    one = table(name, *columns)
    names = TableNames(one, common)
    for column in columns:
        assert names.readings(column)
        assert names.is_named_by(column) in (True, False)
    assert is_junction(one) in (True, False)
    assert common_prefix([one] * 3) == "" or name.lower().startswith(common_prefix([one] * 3))
