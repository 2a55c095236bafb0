"""The database: a role that may only read, whatever the script makes of its session."""

import os

import psycopg2

from sandbox_probes.table import ON_HOST_NETWORK, probe


def executed(*statements: str) -> str:
    """In one transaction that is rolled back."""
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.statusmessage
    finally:
        connection.close()


def in_writing_transaction(statement: str) -> str:
    return executed("BEGIN READ WRITE", statement)


@probe("insert a row", "ReadOnlySqlTransaction", passes=ON_HOST_NETWORK)
def insert() -> str:
    return executed("BEGIN", "INSERT INTO kept VALUES (2)")


@probe("insert a row after BEGIN READ WRITE", "InsufficientPrivilege", passes=ON_HOST_NETWORK)
def insert_after_all() -> str:
    return in_writing_transaction("INSERT INTO kept VALUES (2)")


@probe("change rows", "InsufficientPrivilege", passes=ON_HOST_NETWORK)
def update() -> str:
    return in_writing_transaction("UPDATE kept SET number = 3")


@probe("delete rows", "InsufficientPrivilege", passes=ON_HOST_NETWORK)
def delete() -> str:
    return in_writing_transaction("DELETE FROM kept")


@probe("drop a table", "InsufficientPrivilege", passes=ON_HOST_NETWORK)
def drop() -> str:
    return in_writing_transaction("DROP TABLE kept")


@probe("make a table", "InsufficientPrivilege", passes=ON_HOST_NETWORK)
def create() -> str:
    return in_writing_transaction("CREATE TABLE mine (number integer)")


@probe("make a temporary table", "InsufficientPrivilege", passes=ON_HOST_NETWORK)
def create_temporary() -> str:
    return in_writing_transaction("CREATE TEMPORARY TABLE mine (number integer)")


@probe("make a large object", "InsufficientPrivilege", passes=ON_HOST_NETWORK)
def large_object() -> str:
    return in_writing_transaction("SELECT lo_create(0)")


@probe("make itself a superuser", "InsufficientPrivilege", passes=ON_HOST_NETWORK)
def superuser() -> str:
    return in_writing_transaction("ALTER ROLE CURRENT_USER SUPERUSER")


@probe("read a file of the server", "InsufficientPrivilege", passes=ON_HOST_NETWORK)
def server_file() -> str:
    return in_writing_transaction("SELECT pg_read_file('postgresql.conf', 0, 10)")


@probe("run a program on the server", "InsufficientPrivilege", passes=ON_HOST_NETWORK)
def server_program() -> str:
    return in_writing_transaction("COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'")


@probe("use another database of the server", "OperationalError", passes=ON_HOST_NETWORK)
def other_database() -> str:
    before, _, after = os.environ["DATABASE_URL"].partition("/probes")
    psycopg2.connect(f"{before}/postgres{after}").close()
    return "connected"
