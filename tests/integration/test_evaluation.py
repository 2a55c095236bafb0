"""The measuring stick with a real PostgreSQL: gold queries, loading of dumps, limits, a whole run."""

from __future__ import annotations

from pathlib import Path

import psycopg2
import pytest
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres

from meta_agent.databases.base import Rows
from meta_agent.databases.embedded import SampleDatabase
from meta_agent.databases.rows import QueryFailure, read_rows
from meta_agent.databases.throwaway import throw_away_server
from meta_agent.errors import DatabaseError
from meta_agent.evaluation.dataset import PORTFOLIO, load_dataset
from meta_agent.evaluation.judge import Expected, is_right

pytestmark = pytest.mark.database

DUMP = """
CREATE SCHEMA other;
CREATE TABLE shop (id integer, city text);
CREATE TABLE other.sale (shop_id integer, amount numeric(8,2));
INSERT INTO shop VALUES (1, 'Tampa'), (2, 'Miami'), (3, 'Tampa');
INSERT INTO other.sale VALUES (1, 10.50), (1, 2.25), (3, 1.00);
"""


def read(url: str, sql: str, **limits: object) -> Rows | QueryFailure:
    return read_rows(url, sql, **{"max_rows": 100, "seconds": 5.0, **limits})  # type: ignore[arg-type]


@pytest.mark.parametrize("question", load_dataset(PORTFOLIO).questions, ids=lambda q: q.id)
def test_every_gold_query_of_the_portfolio_runs_and_is_right_by_its_own_judge(
    question: object, sample_database: SampleDatabase
) -> None:
    tables = [read(sample_database.reader_url, sql) for sql in question.gold_sql]  # type: ignore[attr-defined]
    for rows in tables:
        assert isinstance(rows, Rows)
        assert rows.rows
        results = [Expected(table) for table in tables if isinstance(table, Rows)]
        assert is_right(results, [rows], ordered=question.ordered)  # type: ignore[attr-defined]


def test_dumps_are_loaded_for_a_role_that_may_only_read(tmp_path: Path) -> None:
    with throw_away_server(tmp_path) as throwaway:
        url = throwaway.load("shops", DUMP)
        assert read(url, "SELECT city FROM shop ORDER BY id") == Rows(
            ("city",), (("Tampa",), ("Miami",), ("Tampa",))
        )
        assert isinstance(read(url, "SELECT * FROM sale"), QueryFailure)
        assert isinstance(read(url, "SELECT * FROM sale", schema="other"), Rows)
        connection = psycopg2.connect(url)
        with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SET TRANSACTION READ WRITE; INSERT INTO shop VALUES (4, 'Ocoee')")
        connection.close()
        with pytest.raises(DatabaseError, match="could not be loaded"):
            throwaway.load("broken", "CREATE TABLE a (b integer); nonsense")
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(url, connect_timeout=2)


def test_queries_are_read_within_limits(server: RunningPostgres) -> None:  # noqa: F811
    url = server.url()
    assert read(url, "SELECT generate_series(1, 100)").is_cut is False  # type: ignore[union-attr]
    cut = read(url, "SELECT generate_series(1, 101)")
    assert isinstance(cut, Rows)
    assert cut.is_cut
    assert len(cut.rows) == 100
    slow = read(url, "SELECT count(*) FROM generate_series(1, 1000000000)", seconds=0.2)
    assert isinstance(slow, QueryFailure)
    assert "timeout" in slow.message
    assert isinstance(read(url, "SELECT 1 / 0"), QueryFailure)
    assert isinstance(read(url, "SELECT 1; SELECT 2"), QueryFailure)
    assert isinstance(read(url, "DELETE FROM pg_class"), QueryFailure)
    assert read(url, "SELECT '100%' AS share WHERE 'a' LIKE 'a%'") == Rows(("share",), (("100%",),))
    with pytest.raises(DatabaseError):
        read(server.url(password="wrong"), "SELECT 1")
