"""The embedded PostgreSQL, really started: first and second run, crash, taken port, the reader's rights."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg2
import pytest

from meta_agent.databases.embedded import (
    SampleDatabase,
    delete_sample_database,
    ensure_sample_database,
    stop_sample_database,
)
from meta_agent.databases.postgres_program import home_for
from meta_agent.databases.sample_portfolio import portfolio
from meta_agent.databases.url import parse_url

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    yield folder
    delete_sample_database(folder)


@pytest.fixture
def sample(cache: Path) -> SampleDatabase:
    return ensure_sample_database(cache)


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def refusal(url: str, statement: str) -> str:
    """The SQLSTATE with which the database refuses; the belts of the session are off."""
    with pytest.raises(psycopg2.Error) as caught:
        ask(url, f"SET default_transaction_read_only = off; COMMIT; BEGIN READ WRITE; {statement}")
    return str(caught.value.pgcode)


def test_every_table_holds_the_portfolio(sample: SampleDatabase) -> None:
    rows = portfolio()
    for table in vars(rows):
        expected = [tuple(vars(row).values()) for row in getattr(rows, table)]
        assert ask(sample.reader_url, f"SELECT * FROM {table} ORDER BY 1") == expected


def test_the_coverage_can_be_asked_with_a_join(sample: SampleDatabase) -> None:
    worst = ask(
        sample.reader_url,
        "SELECT property_name, round(noi / annual_debt_service, 2) FROM properties"
        " JOIN financial_metrics USING (property_id) ORDER BY 2 LIMIT 1",
    )
    assert worst == [("Riverside Galleria", Decimal("0.89"))]


def test_the_server_does_not_have_the_users_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In which the password of another database may stand."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:canary@h/d")
    own = ensure_sample_database(tmp_path)
    try:
        command = "CREATE TEMP TABLE seen (line text); COPY seen FROM PROGRAM 'env'; SELECT line FROM seen"
        seen = [str(line) for (line,) in ask(own.owner_url, command)]
    finally:
        delete_sample_database(tmp_path)
    assert any(line.startswith("PATH=") for line in seen)
    assert not any("canary" in line or "DATABASE_URL" in line for line in seen)


def test_units_and_value_lists_are_comments(sample: SampleDatabase) -> None:
    comments = dict(
        ask(
            sample.reader_url,
            "SELECT a.attname, col_description(a.attrelid, a.attnum) FROM pg_attribute a"
            " WHERE a.attrelid = 'financial_metrics'::regclass AND a.attnum > 0",
        )
    )
    assert comments["occupancy_rate"] == "percent 0-100 of square_feet that is leased"
    assert all(len(str(comment)) < 60 for comment in comments.values())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE loans SET current_balance = 0",
        "DELETE FROM leases",
        "CREATE TABLE mine (a int)",
        "CREATE TEMP TABLE mine (a int)",
        "CREATE SCHEMA mine",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY loans TO PROGRAM 'true'",
        "ALTER ROLE portfolio_reader SUPERUSER",
        "SET ROLE portfolio_owner",
    ],
)
def test_the_reader_may_not(sample: SampleDatabase, statement: str) -> None:
    assert refusal(sample.reader_url, statement) == "42501"


def test_the_reader_reaches_no_other_database(sample: SampleDatabase) -> None:
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(sample.reader_url.rpartition("/")[0] + "/postgres")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("statement_timeout", "1min"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("default_transaction_read_only", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("timezone", "UTC"),
    ],
)
def test_the_readers_sessions_are_bounded(sample: SampleDatabase, setting: str, value: str) -> None:
    assert ask(sample.reader_url, f"SHOW {setting}") == [(value,)]


def test_the_reader_has_few_connections(sample: SampleDatabase) -> None:
    limit = ask(sample.owner_url, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'portfolio_reader'")
    assert limit == [(20,)]


def test_passwords_are_needed_and_hidden(sample: SampleDatabase, cache: Path) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(sample.reader_url.replace("portfolio_reader:", "portfolio_reader:x"))
    assert "portfolio_reader" not in repr(sample)
    assert (home_for(cache) / "database.json").stat().st_mode & 0o077 == 0


def test_a_second_start_changes_nothing(sample: SampleDatabase, cache: Path) -> None:
    started = ask(sample.owner_url, "SELECT pg_postmaster_start_time()")
    told: list[str] = []
    assert ensure_sample_database(cache, on_progress=lambda message, _share: told.append(message)) == sample
    assert told == []
    assert ask(sample.owner_url, "SELECT pg_postmaster_start_time()") == started


def test_many_at_once_get_the_same_database(cache: Path) -> None:
    delete_sample_database(cache)
    found: list[SampleDatabase] = []
    threads = [threading.Thread(target=lambda: found.append(ensure_sample_database(cache))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_stopped_server_comes_up_again_with_its_data(sample: SampleDatabase, cache: Path) -> None:
    ask(sample.owner_url, "UPDATE properties SET city = 'Elsewhere' WHERE property_id = 1")
    assert stop_sample_database(cache) is True
    assert stop_sample_database(cache) is False
    assert ensure_sample_database(cache) == sample
    city = "SELECT city FROM properties WHERE property_id = 1"
    assert ask(sample.reader_url, city) == [("Elsewhere",)]
    ask(sample.owner_url, "UPDATE properties SET city = 'Orlando' WHERE property_id = 1")


def test_a_killed_server_comes_up_again(sample: SampleDatabase, cache: Path) -> None:
    pid_file = home_for(cache) / "data" / "postmaster.pid"
    os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)
    assert ask(ensure_sample_database(cache).reader_url, "SELECT count(*) FROM loans") == [(13,)]


def test_a_pid_file_of_before_a_reboot_does_not_mislead(sample: SampleDatabase, cache: Path) -> None:
    stop_sample_database(cache)
    stale = home_for(cache) / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n1\n5432\n\n127.0.0.1\n0 0\nready\n")
    stale.chmod(0o644)
    assert ensure_sample_database(cache) == sample


def test_a_port_that_was_taken_is_changed(sample: SampleDatabase, cache: Path) -> None:
    stop_sample_database(cache)
    port = parse_url(sample.reader_url).port
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", int(port or 0)))
        squatter.listen()
        moved = ensure_sample_database(cache)
    assert moved != sample
    assert ask(moved.reader_url, "SELECT count(*) FROM leases") == [(50,)]


def test_an_old_version_is_loaded_anew(sample: SampleDatabase, cache: Path) -> None:
    ask(sample.owner_url, "DELETE FROM leases")
    state = home_for(cache) / "database.json"
    text = state.read_text()
    version = text.split('"version": "')[1].split('"')[0]
    state.write_text(text.replace(version, "0000"))
    assert ask(ensure_sample_database(cache).reader_url, "SELECT count(*) FROM leases") == [(50,)]
