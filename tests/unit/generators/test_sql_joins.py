"""Keys that are inferred from the rows serve joins as declared ones do."""

from __future__ import annotations

from sample_schema import database, table

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.report_shape import count_rows_once, repeated_sums
from meta_agent.generators.sql_joins import is_unique, neighbours
from meta_agent.generators.sql_names import mend_names
from meta_agent.generators.sql_parsing import parse_queries, to_sql

DECLARED = database(
    table("actors", "aid:integer name:text born:integer", key=("aid",)),
    table("films", "fid:integer title:text", key=("fid",)),
    table(
        "roles",
        "aid:integer fid:integer fee",
        key=("aid", "fid"),
        references=(("aid", "actors", "aid"), ("fid", "films", "fid")),
    ),
)


def _inferred(schema: DatabaseSchema) -> DatabaseSchema:
    """The same keys, none of them declared."""
    tables = []
    for declared in schema.tables:
        keys = tuple(key.model_copy(update={"inferred": True}) for key in declared.foreign_keys)
        changed = {
            "primary_key": (),
            "unique_keys": (),
            "inferred_unique": (declared.primary_key,),
            "foreign_keys": keys,
        }
        tables.append(declared.model_copy(update=changed))
    return schema.model_copy(update={"tables": tuple(tables)})


INFERRED = _inferred(DECLARED)
ACTORS, FILMS, ROLES = INFERRED.tables


def test_what_repeats_nothing_at_present_is_unique() -> None:
    assert is_unique(ACTORS, {"aid", "name"}, INFERRED)
    assert not is_unique(ACTORS, {"name"}, INFERRED)
    assert is_unique(ROLES, {"aid", "fid"}, INFERRED)
    assert not is_unique(ROLES, {"aid"}, INFERRED)


def test_neighbours_are_the_same() -> None:
    for ours, theirs in zip(INFERRED.tables, DECLARED.tables, strict=True):
        found = [(n.table.name, n.pairs, n.adds_rows(INFERRED)) for n in neighbours("x", ours, INFERRED)]
        assert found == [
            (n.table.name, n.pairs, n.adds_rows(DECLARED)) for n in neighbours("x", theirs, DECLARED)
        ]


def test_a_missing_table_is_joined_by_an_inferred_key() -> None:
    mended = []
    for schema in (DECLARED, INFERRED):
        tree = parse_queries("SELECT name, fee FROM roles")[0]
        assert mend_names(tree, schema).problems == []
        mended.append(" ".join(to_sql(tree).split()))
    assert mended[0] == mended[1]
    assert "JOIN actors ON roles.aid = actors.aid" in mended[1]


def test_sums_that_a_join_repeats_are_told_where_keys_are_inferred() -> None:
    sql = "SELECT SUM(a.born) AS years, COUNT(a.aid) AS n FROM actors a JOIN roles r ON r.aid = a.aid"
    tree = parse_queries(sql)[0]
    assert list(repeated_sums(tree, INFERRED)) == list(repeated_sums(tree, DECLARED)) != []
    assert count_rows_once(tree, INFERRED) == [
        "counted every row of actors once, however often the join repeats it"
    ]
