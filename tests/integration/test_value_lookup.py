"""Texts of queries held against the rows of a real PostgreSQL."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres

from meta_agent.databases import Database, open_database
from meta_agent.databases.base import TextColumn
from meta_agent.databases.column_values import MOST_VALUES
from meta_agent.generators.sql_empty import emptying_conditions
from meta_agent.generators.sql_entities import missing_names
from meta_agent.generators.sql_parsing import parse_queries, to_sql
from meta_agent.generators.sql_values import mend_values

pytestmark = pytest.mark.database

SHOPS = """
    CREATE TABLE "Shop ""List" (id integer PRIMARY KEY, "Town Name" varchar(50), code char(4), note text);
    INSERT INTO "Shop ""List" VALUES
        (1, 'Tampa', 'FL', NULL), (2, 'O''Fallon', 'MO', '100%_\\'), (3, NULL, NULL, '');
    CREATE TABLE tenants (id integer PRIMARY KEY, name text);
    INSERT INTO tenants SELECT n, 'Tenant Number ' || n FROM generate_series(1, 3000) n;
    INSERT INTO tenants VALUES (9001, 'Zebra Trading, Inc.'), (9002, repeat('x', 500));
"""
TOWN = TextColumn("public", 'Shop "List', "Town Name")


@pytest.fixture(scope="module")
def shops(server: RunningPostgres) -> Iterator[Database]:
    server.create_database("shops", SHOPS)
    database = open_database(server.url("shops"))
    yield database
    database.close()


def test_a_text_is_found_as_it_stands(shops: Database) -> None:
    assert shops.holds(TOWN, "Tampa") is True
    assert shops.holds(TOWN, "tampa") is False
    assert shops.holds(TOWN, "O'Fallon") is True
    assert shops.holds(TextColumn(TOWN.schema, TOWN.table, TOWN.column, "lower"), "tampa") is True
    assert shops.holds(TextColumn(TOWN.schema, TOWN.table, "code"), "FL") is True
    assert shops.holds(TextColumn(TOWN.schema, TOWN.table, "note"), "100%_\\") is True


def test_what_cannot_be_looked_up_is_unknown_and_harms_nothing(shops: Database) -> None:
    assert shops.holds(TextColumn("public", "nowhere", "x"), "Tampa") is None
    assert shops.holds(TOWN, "\0") is None
    assert shops.values(TextColumn("public", "tenants", "nothing"), "x") is None
    assert shops.holds(TOWN, "'; DROP TABLE tenants; --") is False
    assert shops.count("SELECT * FROM tenants", 1) == 1


def test_a_column_with_few_texts_is_read_whole(shops: Database) -> None:
    found = shops.values(TOWN, "anything")
    assert found is not None and found.is_complete
    assert found.texts == ("O'Fallon", "Tampa")


def test_of_a_column_with_many_texts_only_those_that_share_a_word(shops: Database) -> None:
    tenants = TextColumn("public", "tenants", "name")
    found = shops.values(tenants, "zebra trading inc")
    assert found is not None and not found.is_complete
    assert found.texts == ("Zebra Trading, Inc.",)
    crowded = shops.values(tenants, "tenant")
    assert crowded is not None and len(crowded.texts) == MOST_VALUES
    assert shops.values(tenants, "%%%") is not None and shops.values(tenants, "%%%").texts == ()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT * FROM tenants", 50),
        ("SELECT * FROM tenants WHERE id < 4", 3),
        ("SELECT * FROM tenants WHERE false", 0),
        ("SELECT 1 / 0", None),
        ("SELECT * FROM nowhere", None),
        ("DELETE FROM tenants", None),
        ("SELECT 1; DELETE FROM tenants", None),
    ],
)
def test_rows_are_counted_up_to_a_bound(shops: Database, sql: str, rows: int | None) -> None:
    assert shops.count(sql, 50) == rows


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("""SELECT 1 FROM "Shop ""List" WHERE "Town Name" = 'o fallon'""", "'O''Fallon'"),
        ("""SELECT 1 FROM "Shop ""List" s WHERE UPPER(s."Town Name") = 'tampa'""", "'TAMPA'"),
        ("""SELECT 1 FROM "Shop ""List" WHERE code = 'fl'""", "'FL'"),
        ("SELECT 1 FROM tenants WHERE name = 'zebra trading inc'", "'Zebra Trading, Inc.'"),
        ("SELECT 1 FROM tenants WHERE name = 'tenant number 2777'", "'Tenant Number 2777'"),
    ],
)
def test_a_mended_query_finds_its_rows(shops: Database, sql: str, expected: str) -> None:
    tree = parse_queries(sql)[0]
    assert shops.count(sql, 10) == 0
    check = mend_values(tree, shops.schema(), shops)
    assert expected in to_sql(tree)
    assert len(check.repairs) == 1 and check.warnings == []
    assert shops.explain(to_sql(tree)) is None
    assert shops.count(to_sql(tree), 10) == 1


class TestEmptyAnswers:
    """Which condition left nothing, counted in real rows."""

    @pytest.mark.parametrize(
        ("sql", "doubts"),
        [
            (
                "SELECT name FROM tenants WHERE id < 11 AND name = 'Nobody' ORDER BY id LIMIT 5",
                ("No row fits name = 'Nobody'; without that condition there are 10.",),
            ),
            (
                "SELECT SUM(id) AS n FROM tenants WHERE id > 9001 AND name LIKE 'Zebra%'",
                (
                    "No row fits id > 9001; without that condition there is 1.",
                    "No row fits name LIKE 'Zebra%'; without that condition there is 1.",
                ),
            ),
            (
                "SELECT name FROM tenants WHERE id < 0 AND name = 'Nobody'",
                ("No row fits the conditions together; without them there are 1,000 or more.",),
            ),
            (
                "SELECT name FROM tenants GROUP BY name, id HAVING COUNT(*) > 9",
                (),
            ),
            ("SELECT name FROM tenants WHERE id < 3", ()),
            ("SELECT t.n FROM (SELECT name AS n FROM tenants WHERE id < 0) AS t", ()),
        ],
    )
    def test_what_left_nothing(self, shops: Database, sql: str, doubts: tuple[str, ...]) -> None:
        assert emptying_conditions(parse_queries(sql)[0], shops) == doubts


@pytest.mark.parametrize(
    ("name", "is_missing"), [("zebra trading", False), ("100%_\\", False), ("Nobody%", True)]
)
def test_names_are_sought_in_every_text(shops: Database, name: str, is_missing: bool) -> None:
    tree = parse_queries("""SELECT 1 FROM tenants, "Shop ""List" """)[0]
    assert bool(list(missing_names([name], [tree], shops.schema(), shops))) is is_missing
