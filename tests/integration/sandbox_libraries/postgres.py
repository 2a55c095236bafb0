"""psycopg2 and SQLAlchemy: plain, streaming, in several threads, COPY."""

import io
import os
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import sqlalchemy
from psycopg2.extras import RealDictCursor
from psycopg2.pool import ThreadedConnectionPool

URL = os.environ["DATABASE_URL"]


def pooled(pool: ThreadedConnectionPool, number: int) -> int:
    connection = pool.getconn()
    try:
        with connection.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute("SELECT %s * 2 AS double", (number,))
            return cursor.fetchone()["double"]
    finally:
        pool.putconn(connection)


with psycopg2.connect(URL) as connection:
    with connection.cursor(name="streamed") as cursor:
        cursor.execute("SELECT generate_series(1, 5000)")
        assert sum(row[0] for row in cursor) == 12_502_500
    with connection.cursor() as cursor:
        copied = io.StringIO()
        cursor.copy_expert("COPY (SELECT generate_series(1, 3)) TO STDOUT", copied)
        assert copied.getvalue() == "1\n2\n3\n"
connection.close()

pool = ThreadedConnectionPool(1, 4, URL)
with ThreadPoolExecutor(4) as threads:
    assert list(threads.map(lambda number: pooled(pool, number), range(4))) == [0, 2, 4, 6]
pool.closeall()

engine = sqlalchemy.create_engine(URL)
with engine.connect() as session:
    assert session.execute(sqlalchemy.text("SELECT 6 * 7")).scalar_one() == 42
