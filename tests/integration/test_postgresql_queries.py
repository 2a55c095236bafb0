"""What a real PostgreSQL says of queries that are not run, and of what a role may do."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal

import pytest
from postgres_fixtures import READER_PASSWORD, Opener, estate, opened, server  # noqa: F401
from postgres_server import RunningPostgres

from meta_agent.databases import Database, postgresql
from meta_agent.databases.base import Rows

pytestmark = pytest.mark.database


class TestExplain:
    @pytest.fixture
    def database(self, estate: RunningPostgres, opened: Opener) -> Database:
        return opened(estate.url("estate"))

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT * FROM properties",
            "SELECT name FROM properties WHERE name LIKE '%;%';",
            "WITH c AS (SELECT 1 AS a) SELECT a FROM c -- done",
            "(SELECT 1) UNION ALL (SELECT 2)",
        ],
    )
    def test_what_would_run_passes(self, database: Database, sql: str) -> None:
        assert database.explain(sql) is None

    def test_the_servers_own_words_with_line_and_hint(self, database: Database) -> None:
        assert database.explain("SELECT p.city,\n       p.nam FROM properties p") == (
            "column p.nam does not exist\n"
            "LINE 2: p.nam FROM properties p\n"
            'HINT: Perhaps you meant to reference the column "p.name".'
        )

    @pytest.mark.parametrize(
        ("sql", "words"),
        [
            ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
            ("SELECT FROM WHERE", "syntax error"),
            ("SELECT city, count(*) FROM properties", "must appear in the GROUP BY clause"),
            ("SELECT * FROM properties WHERE city = 1", "operator does not exist"),
            ("DELETE FROM properties", "begins with DELETE"),
            ("EXPLAIN ANALYZE SELECT 1", "begins with EXPLAIN"),
            ("SELECT 1; DROP TABLE properties", "more than one"),
            ("WITH d AS (DELETE FROM unit RETURNING *) SELECT * FROM d", "must not contain data-modifying"),
            ("SELECT * INTO copy FROM properties", "INTO"),
            ("(ANALYZE) SELECT 1", "begins with ANALYZE"),
        ],
    )
    def test_objections(self, database: Database, sql: str, words: str) -> None:
        message = database.explain(sql)
        assert message is not None
        assert words in message
        assert "CURSOR" not in message
        assert database.columns_of(sql) == ()

    def test_nothing_is_executed(self, server: RunningPostgres, opened: Opener) -> None:
        server.create_database(
            "effects",
            "CREATE TABLE done (a integer); CREATE SEQUENCE numbers",
            "CREATE FUNCTION act() RETURNS integer LANGUAGE plpgsql VOLATILE AS"
            " $$ BEGIN PERFORM pg_advisory_lock(42); RETURN 1; END $$",
            "CREATE FUNCTION record() RETURNS integer LANGUAGE plpgsql VOLATILE AS"
            " $$ BEGIN INSERT INTO done VALUES (1); RETURN 1; END $$",
            "CREATE FUNCTION pretend() RETURNS integer LANGUAGE plpgsql IMMUTABLE AS"
            " $$ BEGIN RETURN record(); END $$",
        )
        database = opened(server.url("effects"))
        for sql in (
            "SELECT act()",
            "SELECT * FROM act()",
            "SELECT nextval('numbers')",
            "SELECT pg_sleep(600)",
        ):
            assert database.explain(sql) is None
            assert len(database.columns_of(sql)) == 1
        # The planner itself computes what claims to be immutable; the transaction is read-only.
        assert "read-only transaction" in (database.explain("SELECT pretend()") or "")
        assert server.fetch("postgres", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]
        assert server.fetch("effects", "SELECT count(*) FROM done") == [(0,)]
        assert server.fetch("effects", "SELECT is_called FROM numbers") == [(False,)]

    def test_columns(self, database: Database) -> None:
        sql = (
            'SELECT city, count(*) AS n, avg("Square Feet"), max(month), 1 AS n '
            "FROM properties, income GROUP BY 1;"
        )
        assert [(column.name, column.type) for column in database.columns_of(sql)] == [
            ("city", "text"),
            ("n", "bigint"),
            ("avg", "numeric"),
            ("max", "date"),
            ("n", "integer"),
        ]

    def test_several_threads_take_turns(self, database: Database) -> None:
        answers: list[str | None] = []
        threads = [
            threading.Thread(
                target=lambda n=n: answers.append(database.explain(f"SELECT {n} FROM properties"))
            )
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [None] * 8


@pytest.fixture(scope="module")
def shop(server: RunningPostgres) -> RunningPostgres:
    for role in (
        "reader",
        "writer",
        "heir",
        "creator",
        "owner",
        "column_writer",
        "successor",
        "programmer",
        "founder",
    ):
        server.create_role(role, READER_PASSWORD)
    server.create_role("recruiter", READER_PASSWORD, "LOGIN CREATEROLE")
    server.create_database(
        "shop",
        "CREATE TABLE goods (id integer, name text); CREATE TABLE more (id integer)",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader, writer, heir, creator",
        "GRANT INSERT, UPDATE ON goods, more TO writer",
        "GRANT writer TO heir WITH INHERIT FALSE",
        "GRANT CREATE ON SCHEMA public TO creator",
        "CREATE TABLE owned (id integer); ALTER TABLE owned OWNER TO owner",
        "REVOKE ALL ON owned FROM owner",
        "GRANT UPDATE (name) ON goods TO column_writer",
        "GRANT postgres TO successor; GRANT pg_execute_server_program TO programmer",
        "GRANT CREATE ON DATABASE shop TO founder",
    )
    return server


class TestRights:
    @pytest.mark.parametrize(
        ("role", "can_write", "detail"),
        [
            ("reader", False, "The role reader may only read."),
            ("writer", True, "The role writer may write to public.goods and 1 more."),
            ("heir", True, "The role heir may write to public.goods and 1 more."),
            ("creator", True, "The role creator may create tables in the schema public."),
            ("owner", True, "The role owner may write to public.owned."),
            ("column_writer", True, "The role column_writer may write to public.goods."),
            ("successor", True, "The role successor may become the superuser postgres."),
            (
                "programmer",
                True,
                "The role programmer is a member of pg_execute_server_program and may act on the server.",
            ),
            ("founder", True, "The role founder may create schemas in this database."),
            ("recruiter", True, "The role recruiter may create roles."),
        ],
    )
    def test_roles(
        self, shop: RunningPostgres, opened: Opener, role: str, can_write: bool, detail: str
    ) -> None:
        rights = opened(shop.url("shop", role, READER_PASSWORD)).rights()
        assert (rights.role, rights.is_superuser, rights.can_write, rights.detail) == (
            role,
            False,
            can_write,
            detail,
        )

    def test_superuser(self, shop: RunningPostgres, opened: Opener) -> None:
        rights = opened(shop.url("shop")).rights()
        assert rights.is_superuser
        assert rights.can_write
        assert rights.detail == "The role postgres is a superuser and may do anything."


class TestRows:
    @pytest.fixture
    def database(self, estate: RunningPostgres, opened: Opener) -> Database:
        return opened(estate.url("estate"))

    def test_rows_come_in_python_s_types_under_the_query_s_names(self, database: Database) -> None:
        sql = "SELECT 1 AS n, 1.50 AS x, 'a' AS t, DATE '2024-02-29' AS d, NULL AS nothing, 2 AS n;"
        assert database.rows(sql, 5) == Rows(
            ("n", "x", "t", "d", "nothing", "n"), ((1, Decimal("1.50"), "a", date(2024, 2, 29), None, 2),)
        )

    @pytest.mark.parametrize(
        ("most", "seen", "is_cut"), [(3, 3, True), (9, 9, True), (10, 10, False), (99, 10, False)]
    )
    def test_no_more_rows_than_wanted_are_read(
        self, database: Database, most: int, seen: int, is_cut: bool
    ) -> None:
        rows = database.rows("SELECT property_id FROM properties ORDER BY 1", most)
        assert rows == Rows(("property_id",), tuple((n,) for n in range(1, seen + 1)), is_cut)

    def test_a_query_without_rows_still_has_columns(self, database: Database) -> None:
        assert database.rows("SELECT name, city FROM properties WHERE false", 5) == Rows(("name", "city"), ())

    @pytest.mark.parametrize(
        "sql",
        [
            "DELETE FROM properties",
            "SELECT 1; SELECT 2",
            "WITH d AS (DELETE FROM unit RETURNING *) SELECT * FROM d",
            "SELECT * FROM nowhere",
            "SELECT 1 / (property_id - 5) FROM properties",
            "SELECT nextval('fin.metrics_metric_id_seq')",
            "EXPLAIN SELECT 1",
            "",
        ],
    )
    def test_what_is_refused_has_no_rows_and_does_no_harm(self, database: Database, sql: str) -> None:
        assert database.rows(sql, 5) is None
        assert database.rows("SELECT count(*) FROM properties", 5) == Rows(("count",), ((10,),))

    def test_a_slow_query_is_given_up(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgresql, "ROWS_TIMEOUT_MS", 200)
        assert database.rows("SELECT pg_sleep(60)", 5) is None
        assert database.rows("SELECT 1 AS n", 5) == Rows(("n",), ((1,),))
