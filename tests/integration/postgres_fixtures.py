"""What the tests against a real PostgreSQL share: a server, a sample database, connections that close."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from postgres_server import RunningPostgres, start_postgres

from meta_agent.databases import Database, open_database

READER_PASSWORD = "r:e@a/d#e%r ?"

Opener = Callable[[str], Database]

ESTATE = """
    CREATE SCHEMA fin;
    CREATE TYPE lease_status AS ENUM ('active', 'expired', 'it''s over');
    CREATE DOMAIN money_amount AS numeric(14,2);
    CREATE TABLE properties (
        property_id integer PRIMARY KEY, name varchar(100) NOT NULL, city text, "Square Feet" numeric(12,2));
    CREATE TABLE fin.metrics (
        metric_id serial PRIMARY KEY, property_id integer NOT NULL REFERENCES properties,
        noi money_amount, taken timestamp with time zone, status lease_status, tags text[], "order" integer);
    CREATE TABLE unit (
        property_id integer REFERENCES properties, number text, PRIMARY KEY (number, property_id));
    CREATE TABLE fin.lease (
        id bigint PRIMARY KEY, unit_number text, property integer, renewed_from bigint REFERENCES fin.lease,
        FOREIGN KEY (unit_number, property) REFERENCES unit (number, property_id));
    CREATE VIEW cheap AS SELECT * FROM properties WHERE city IS NULL;
    CREATE MATERIALIZED VIEW fin.totals AS SELECT count(*) AS n FROM properties;
    CREATE TABLE income (property_id integer REFERENCES properties, month date) PARTITION BY RANGE (month);
    CREATE TABLE income_2024 PARTITION OF income FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TEMP TABLE not_ours (a integer);
    COMMENT ON TABLE properties IS 'what we own';
    COMMENT ON COLUMN fin.metrics.noi IS 'net operating income';
    COMMENT ON COLUMN fin.metrics.status IS 'of the lease';
    INSERT INTO properties SELECT n, 'p' || n FROM generate_series(1, 10) n;
    INSERT INTO income SELECT 1, '2024-06-01' FROM generate_series(1, 12);
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPostgres]:
    """A server of this module's own."""
    with start_postgres(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture(scope="module")
def estate(server: RunningPostgres) -> RunningPostgres:
    """The server, with the database ``estate``."""
    server.create_database("estate", ESTATE)
    return server


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens databases that are closed when the test ends."""
    databases: list[Database] = []

    def open_one(url: str) -> Database:
        databases.append(open_database(url))
        return databases[-1]

    yield open_one
    for database in databases:
        database.close()
