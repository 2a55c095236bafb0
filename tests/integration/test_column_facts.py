"""What the rows of a real PostgreSQL say: facts about columns, and keys that are not declared."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from postgres_fixtures import READER_PASSWORD, Opener, opened, server  # noqa: F401
from postgres_server import RunningPostgres

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.databases import Database
from meta_agent.utils.database_inspector import COUNTS_LAST_SECONDS, DatabaseInspector, prompt_form

pytestmark = pytest.mark.database

LIBRARY = """
    CREATE TYPE shelf AS ENUM ('upper', 'lower');
    CREATE DOMAIN euros AS numeric(8,2);
    CREATE TABLE branch (branch_no varchar(4), town text, opened date);
    INSERT INTO branch VALUES ('B1', 'Ash', '1999-05-01'), ('B2', 'Elm', '2004-01-31'), ('B3', 'Ash', NULL);
    CREATE TABLE members (mid integer, full_name text, branch_no varchar(4), kind text, fee euros,
                          joined timestamptz, rating double precision, active boolean, tags text[]);
    INSERT INTO members SELECT n, 'Member ' || n, 'B' || n % 3 + 1,
        CASE n % 2 WHEN 0 THEN 'child' ELSE 'adult' END,
        n + 0.50, '2024-02-01 12:00+00'::timestamptz + n * interval '1 day',
        CASE n WHEN 7 THEN 'NaN' ELSE n / 4.0 END, true, '{a}' FROM generate_series(1, 20) n;
    CREATE TABLE books (id integer, title text, place shelf, pages smallint, note text, code char(3));
    INSERT INTO books SELECT n, 'Title ' || n, (ARRAY['upper', 'lower'])[n % 2 + 1]::shelf, n * 10,
        CASE n % 3 WHEN 0 THEN E'two\\nlines' WHEN 1 THEN 'plain' END, 'x' FROM generate_series(1, 9) n;
    CREATE TABLE loans (loan_id integer, book_id bigint, member_id integer, lender_mid integer, state text);
    INSERT INTO loans SELECT n, n % 9 + 1, n % 20 + 1, n % 4 + 1, 'out' FROM generate_series(1, 60) n;
    CREATE TABLE book_member (book_id integer, mid integer);
    INSERT INTO book_member VALUES (1, 1), (1, 2), (2, 1);
    CREATE VIEW adults AS SELECT mid, kind FROM members WHERE kind = 'adult';
    CREATE TABLE nothing (id integer, state text);
"""


def table(schema: DatabaseSchema, name: str) -> Table:
    (found,) = [table for table in schema.tables if table.name == name]
    return found


def column(schema: DatabaseSchema, place: str) -> Column:
    name, _, wanted = place.partition(".")
    (found,) = [column for column in table(schema, name).columns if column.name == wanted]
    return found


def joins(schema: DatabaseSchema) -> set[str]:
    return {
        f"{table.name}.{key.columns[0]} > {key.referred_table}.{key.referred_columns[0]}"
        for table in schema.tables
        for key in table.foreign_keys
        if key.inferred
    }


@pytest.fixture(scope="module")
def library(server: RunningPostgres) -> RunningPostgres:
    server.create_database("library", LIBRARY)
    return server


@pytest.fixture
def read(library: RunningPostgres, opened: Opener) -> DatabaseSchema:
    return facts_of(opened(library.url("library")))


def facts_of(database: Database) -> DatabaseSchema:
    return database.with_facts(database.schema())


class TestFacts:
    def test_few_texts(self, read: DatabaseSchema) -> None:
        told = {f"{t.name}.{c.name}": c.values for t in read.tables for c in t.columns if c.values}
        assert told == {
            "adults.kind": ("adult",),
            "books.code": ("x",),
            "books.note": ("plain",),  # a text with a line break is not told
            "books.place": ("lower", "upper"),
            "branch.town": ("Ash", "Elm"),
            "loans.state": ("out",),
            "members.branch_no": ("B1", "B2", "B3"),
            "members.kind": ("adult", "child"),
        }

    def test_ranges_as_iso_text(self, read: DatabaseSchema) -> None:
        def ends(place: str) -> tuple[str | None, str | None]:
            return column(read, place).lowest, column(read, place).highest

        assert ends("members.fee") == ("1.50", "20.50")
        assert ends("members.rating") == ("0.25", None)  # NaN is the highest
        assert ends("books.pages") == ("10", "90")
        assert ends("branch.opened") == ("1999-05-01", "2004-01-31")
        assert ends("members.joined") == ("2024-02-02T12:00:00+00:00", "2024-02-21T12:00:00+00:00")
        assert ends("members.active") == ends("members.tags") == ends("books.title") == (None, None)

    def test_missing_values(self, read: DatabaseSchema) -> None:
        places = ("branch.opened", "branch.town", "books.note", "members.tags", "nothing.id")
        assert [column(read, place).has_nulls for place in places] == [True, False, True, False, None]

    def test_a_date_style_changes_nothing(self, library: RunningPostgres, opened: Opener) -> None:
        styled = opened(library.url("library") + "?options=-cDateStyle%3DGerman")
        assert column(facts_of(styled), "branch.opened").lowest == "1999-05-01"

    def test_what_is_unique_and_looks_like_a_key(self, read: DatabaseSchema) -> None:
        assert {t.name: t.inferred_unique for t in read.tables if t.inferred_unique} == {
            "adults": (("mid",),),
            "book_member": (("book_id", "mid"),),
            "books": (("id",),),
            "branch": (("branch_no",),),
            "loans": (("loan_id",),),
            "members": (("mid",),),
        }

    def test_reading_again_gives_the_same(self, library: RunningPostgres, opened: Opener) -> None:
        database = opened(library.url("library"))
        once = facts_of(database)
        assert database.with_facts(once) == once

    def test_declared_keys_stay_alone(self, server: RunningPostgres, opened: Opener) -> None:
        server.create_database(
            "declared",
            "CREATE TABLE a (id integer PRIMARY KEY, code text UNIQUE);"
            "CREATE TABLE b (id integer PRIMARY KEY, a_id integer UNIQUE REFERENCES a, a_code text);"
            "INSERT INTO a VALUES (1, 'x'), (2, 'y'); INSERT INTO b VALUES (1, 1, 'x'), (2, 2, 'x')",
        )
        read = facts_of(opened(server.url("declared")))
        assert [t.inferred_unique for t in read.tables] == [(), ()]
        assert [(key.columns, key.inferred) for key in table(read, "b").foreign_keys] == [
            (("a_id",), False),
            (("a_code",), True),
        ]


class TestKeys:
    def test_keys_that_nobody_declared(self, read: DatabaseSchema) -> None:
        assert joins(read) == {
            "members.branch_no > branch.branch_no",
            "loans.book_id > books.id",
            "loans.member_id > members.mid",
            "loans.lender_mid > members.mid",
            "book_member.book_id > books.id",
            "book_member.mid > members.mid",
        }

    def test_a_dangling_value_undoes_one(self, library: RunningPostgres, opened: Opener) -> None:
        library.create_database("dangling", LIBRARY, "INSERT INTO loans VALUES (99, 77, 1, 1, 'out')")
        found = joins(facts_of(opened(library.url("dangling"))))
        assert "loans.book_id > books.id" not in found and "loans.member_id > members.mid" in found


class TestLimits:
    def test_large_tables_by_their_statistics(self, server: RunningPostgres, opened: Opener) -> None:
        server.create_database(
            "large",
            "CREATE TABLE shop (shop_id integer, town text)",
            "INSERT INTO shop SELECT n, 'T' || n % 3 FROM generate_series(1, 50) n",
            "CREATE TABLE sale (sale_id integer, shop_id integer, old_shop_id integer, channel text,"
            " mail text, at date, amount numeric)",
            "INSERT INTO sale SELECT n, n % 50 + 1, n % 60, (ARRAY['web', 'phone'])[n % 2 + 1], 'same@mail',"
            " '2020-01-01'::date + n % 100, n % 1000 - 0.5 FROM generate_series(1, 150000) n",
            "ANALYZE",
        )
        database = opened(server.url("large"))
        began = time.monotonic()
        read = facts_of(database)
        assert time.monotonic() - began < 5
        assert column(read, "sale.channel").values == ("phone", "web")
        assert column(read, "sale.mail").values == ()
        assert (column(read, "sale.at").lowest, column(read, "sale.at").highest) == (
            "2020-01-01",
            "2020-04-09",
        )
        assert float(column(read, "sale.amount").lowest or 0) < 20
        assert float(column(read, "sale.amount").highest or 0) > 950
        assert column(read, "sale.amount").has_nulls is False
        assert table(read, "sale").inferred_unique == (("sale_id",),)
        # Not all rows are asked, but those that are agree with clear names, or do not.
        assert joins(read) == {"sale.shop_id > shop.shop_id"}

    def test_a_large_table_without_statistics_is_unknown(
        self, server: RunningPostgres, opened: Opener
    ) -> None:
        server.create_database(
            "unseen", "CREATE TABLE t AS SELECT n AS id, 'a' AS kind FROM generate_series(1, 250000) n"
        )
        read = facts_of(opened(server.url("unseen")))
        assert (table(read, "t").row_count or 0) > 100_000
        assert column(read, "t.kind") == Column(name="kind", type="text")

    def test_what_cannot_be_read_hurts_nothing_else(self, server: RunningPostgres, opened: Opener) -> None:
        server.create_database(
            "unreadable",
            "CREATE TABLE fine AS SELECT n AS id, 'a' AS kind FROM generate_series(1, 4) n",
            "CREATE TABLE locked AS SELECT * FROM fine",
            "CREATE FUNCTION doze(text) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1 FROM pg_sleep(60)'",
            "CREATE VIEW slow AS SELECT doze(kind) AS kind FROM fine",
            "CREATE VIEW broken AS SELECT 1 / (id - id) AS n FROM fine",
        )
        database = opened(server.url("unreadable"))
        schema = database.schema()
        blocker = psycopg2.connect(server.url("unreadable"))
        began = time.monotonic()
        with closing(blocker), blocker.cursor() as cursor:
            cursor.execute("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
            read = database.with_facts(schema)
        assert time.monotonic() - began < 12
        assert column(read, "fine.kind").values == ("a",)
        assert column(read, "locked.kind").values == column(read, "slow.kind").values == ()
        assert column(read, "broken.n").has_nulls is None

    def test_hostile_names_and_texts(self, server: RunningPostgres, opened: Opener) -> None:
        name = '"x""; DROP TABLE y; --\n%s{}"'
        server.create_database(
            "hostile facts",
            f"CREATE SCHEMA {name}; CREATE TABLE {name}.{name} ({name} text, b text);"
            f"INSERT INTO {name}.{name} SELECT n, E'it''s -- ``\\x1b[31m' FROM generate_series(1, 9) n;"
            f"INSERT INTO {name}.{name} SELECT n, 'it''s -- */' FROM generate_series(10, 19) n",
        )
        read = facts_of(opened(server.url("hostile facts")))
        (hostile,) = read.tables
        assert hostile.inferred_unique == ((hostile.columns[0].name,),)
        assert hostile.columns[1].values == ("it's -- */",)
        assert prompt_form(read).splitlines()[2] == "b text -- values: 'it''s -- */'"

    def test_only_what_the_role_may_read(self, library: RunningPostgres, opened: Opener) -> None:
        library.create_role("clerk", READER_PASSWORD)
        library.execute(
            "library", "GRANT SELECT (mid, kind) ON members TO clerk", "GRANT SELECT ON books TO clerk"
        )
        read = facts_of(opened(library.url("library", "clerk", READER_PASSWORD)))
        assert [t.name for t in read.tables] == ["books", "members"]
        assert column(read, "members.kind").values == ("adult", "child")

    def test_an_empty_database(self, server: RunningPostgres, opened: Opener) -> None:
        server.create_database("empty facts")
        assert facts_of(opened(server.url("empty facts"))).tables == ()


def test_the_inspector_reads_facts_with_the_counts(
    server: RunningPostgres, opened: Opener, tmp_path: Path
) -> None:
    server.create_database("aging", "CREATE TABLE t AS SELECT n, 'a' AS kind FROM generate_series(1, 4) n")
    inspector = DatabaseInspector(opened(server.url("aging")), tmp_path)
    assert column(inspector.schema(), "t.kind").values == ("a",)
    server.execute("aging", "INSERT INTO t SELECT n, 'b' FROM generate_series(5, 9) n")
    assert column(inspector.schema(), "t.kind").values == ("a",)
    (path,) = tmp_path.iterdir()
    old = path.stat().st_mtime - COUNTS_LAST_SECONDS - 1
    os.utime(path, (old, old))
    assert column(inspector.schema(), "t.kind").values == ("a", "b")
