"""What every role of a database may write by the rights of PUBLIC, and how to take it away.

PostgreSQL knows no right that is denied to one role: what PUBLIC has, a reader has, too. To
take it from PUBLIC takes it from every role without a right of its own, so it is planned
apart from the making of a reader.
"""

from __future__ import annotations

from collections.abc import Iterator

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from meta_agent.databases.steps import Step

WRITING_FUNCTIONS = (
    *("lo_creat", "lo_create", "lo_from_bytea", "lo_put", "lo_unlink", "lo_truncate", "lo_truncate64"),
    *("lowrite", "lo_import", "lo_export", "pg_logical_emit_message"),
)
"""Functions of pg_catalog that write although they are called in a SELECT; reading lo_* are left alone."""

_FUNCTIONS = """
    SELECT proname::text, pg_get_function_identity_arguments(oid), pg_has_role(proowner, 'USAGE')
    FROM pg_catalog.pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY(%s)
      AND has_function_privilege('public', oid, 'EXECUTE')
    ORDER BY 1, 2
"""
_SCHEMAS = """
    SELECT nspname::text, pg_has_role(nspowner, 'USAGE') FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
      AND has_schema_privilege('public', oid, 'CREATE')
    ORDER BY 1
"""
_TEMPORARY = """
    SELECT datname::text, pg_has_role(datdba, 'USAGE') FROM pg_catalog.pg_database
    WHERE datname = current_database() AND has_database_privilege('public', oid, 'TEMPORARY')
"""


def plan_revokes(cursor: Cursor) -> tuple[Step, ...]:
    """Statements that take from PUBLIC what writes; none for what it does not have. Raises psycopg2.Error."""
    return (*_revoke_functions(cursor), *_revoke_schemas(cursor), *_revoke_temporary(cursor))


def _revoke_functions(cursor: Cursor) -> Iterator[Step]:
    cursor.execute(_FUNCTIONS, (list(WRITING_FUNCTIONS),))
    for name, arguments, possible in cursor.fetchall():
        # The arguments are types of pg_catalog, as PostgreSQL itself writes them.
        function = sql.SQL("{}({})").format(sql.Identifier("pg_catalog", name), sql.SQL(arguments))
        yield Step(sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(function), possible)


def _revoke_schemas(cursor: Cursor) -> Iterator[Step]:
    cursor.execute(_SCHEMAS)
    for schema, possible in cursor.fetchall():
        yield Step(sql.SQL("REVOKE CREATE ON SCHEMA {} FROM PUBLIC").format(sql.Identifier(schema)), possible)


def _revoke_temporary(cursor: Cursor) -> Iterator[Step]:
    cursor.execute(_TEMPORARY)
    for database, possible in cursor.fetchall():
        statement = sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))
        yield Step(statement, possible)
