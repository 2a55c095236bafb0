"""The reader's URL: the configured one with another login."""

from __future__ import annotations

import pytest

from meta_agent.databases.reader_plan import default_name
from meta_agent.databases.reader_url import difference_between, reader_url
from meta_agent.databases.url import parse_url

PASSWORD = "p@s/s:w#o%r?d&'\" ä"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://owner:se%40cret@db.example:5433/sales?sslmode=require",
        "postgresql+psycopg2://owner@db.example:5433/sales?sslmode=require&user=other&password=old",
        "postgresql://db.example:5433?dbname=sales&sslmode=require",
        "postgres://owner:x@db.example:5433/?dbname=sales&sslmode=require&passfile=/home/me/.pgpass",
    ],
)
def test_only_the_login_changes(url: str) -> None:
    made = reader_url(url, user='r"e@der', password=PASSWORD, database="sales")
    target = parse_url(made)
    assert (target.host, target.port, target.database) == ("db.example", 5433, "sales")
    assert (target.user, target.password) == ('r"e@der', PASSWORD)
    assert target.parameters["sslmode"] == "require" and "passfile" not in target.parameters
    assert not set("'\"# ä") & set(made)


@pytest.mark.parametrize(
    "url",
    ["postgresql://o:x@%2Ftmp%2Fpg:5433/sales", "postgresql:///sales?host=/tmp/pg&port=5433&user=o"],
)
def test_a_socket_stays_a_socket(url: str) -> None:
    target = parse_url(reader_url(url, user="r", password=PASSWORD, database="sales"))
    assert (target.host, target.port, target.user, target.database) == ("/tmp/pg", 5433, "r", "sales")


def test_several_hosts_stay() -> None:
    made = reader_url("postgresql://o:x@a:1,b:2/d", user="r", password="p", database="d")
    assert parse_url(made).host == "a,b"


@pytest.mark.parametrize(
    ("url", "reader", "differs"),
    [
        ("postgresql://o:x@h/d", "postgresql://r:y@h:5432/d", False),
        ("postgresql://o:x@localhost/d", "postgresql://r:y@127.0.0.1/d", False),
        ("postgresql://d:x@h", "postgresql://r:y@h/d", False),
        ("postgresql://o:x@h/d", "postgresql://r:y@h/e", True),
        ("postgresql://o:x@h/d", "postgresql://r:y@i/d", True),
        ("postgresql://o:x@h/d", "postgresql://r:y@h:5433/d", True),
        ("nonsense", "postgresql://r:y@h/d", False),
    ],
)
def test_two_urls_that_lead_apart_are_noticed(url: str, reader: str, differs: bool) -> None:
    told = difference_between(url, reader)
    assert (told is not None) is differs
    assert told is None or ("y@" not in told and "x@" not in told)


@pytest.mark.parametrize("database", ["sales", "pg_bench", "x" * 63, "ä" * 31])
def test_the_usual_name_is_one_that_postgresql_takes(database: str) -> None:
    name = default_name(database)
    assert name.endswith("_reader") and not name.startswith("pg_") and len(name.encode()) <= 63
