"""What a role may do besides reading.

Asked of the catalogue, not tried: a right counts also when it reaches the role through
another it may become. Not seen are functions that write on behalf of their owner
(SECURITY DEFINER). Large objects and temporary tables, which every role may make unless
somebody took that from PUBLIC, are told apart: no table changes by them.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg2.extensions import cursor as Cursor

from meta_agent.databases.base import RoleRights
from meta_agent.databases.names import quote_name
from meta_agent.databases.public_rights import WRITING_FUNCTIONS

_RIGHTS = """
    WITH mine AS (
        SELECT oid, rolname, rolsuper, rolcreaterole FROM pg_catalog.pg_roles
        WHERE pg_has_role(current_user, oid, 'MEMBER')
    ), writable AS (
        SELECT DISTINCT n.nspname, c.relname
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace CROSS JOIN mine
        WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND has_schema_privilege(mine.oid, n.oid, 'USAGE')
          AND (c.relowner = mine.oid
               OR has_table_privilege(mine.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
               OR has_any_column_privilege(mine.oid, c.oid, 'INSERT, UPDATE'))
    ), creatable AS (
        SELECT DISTINCT n.nspname FROM pg_catalog.pg_namespace n CROSS JOIN mine
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND has_schema_privilege(mine.oid, n.oid, 'CREATE')
    )
    SELECT current_user::text,
           (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
           (SELECT min(rolname::text) FROM mine WHERE rolsuper),
           (SELECT count(*) FROM writable),
           (SELECT ARRAY[nspname::text, relname::text] FROM writable ORDER BY 1 LIMIT 1),
           (SELECT min(nspname::text) FROM creatable),
           (SELECT bool_or(has_database_privilege(oid, current_database(), 'CREATE')) FROM mine),
           (SELECT bool_or(rolcreaterole) FROM mine),
           (SELECT min(rolname::text) FROM mine
            WHERE rolname IN ('pg_write_server_files', 'pg_execute_server_program'))
"""
_LEFTOVERS = """
    SELECT EXISTS (SELECT FROM pg_catalog.pg_proc
                   WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY(%s)
                     AND has_function_privilege(oid, 'EXECUTE')),
           has_database_privilege(current_database(), 'TEMPORARY')
"""


@dataclass(frozen=True)
class _Facts:
    """One row of the query above."""

    role: str
    is_superuser: bool
    superuser_role: str | None
    writable_tables: int
    writable_table: list[str] | None
    creatable_schema: str | None
    creates_schemas: bool
    creates_roles: bool
    server_role: str | None


def read_rights(cursor: Cursor) -> RoleRights:
    """The rights of the connection's role. Raises psycopg2.Error."""
    cursor.execute(_RIGHTS)
    row = cursor.fetchone()
    if row is None:  # a SELECT without FROM always returns one row
        raise AssertionError("the rights query returned no row")
    facts = _Facts(*row)
    reason = _reason(facts)
    role = quote_name(facts.role)
    detail = f"The role {role} {reason}." if reason else f"The role {role} may only read."
    return RoleRights(facts.role, facts.is_superuser, reason is not None, detail, _leftovers(cursor))


def _leftovers(cursor: Cursor) -> tuple[str, ...]:
    cursor.execute(_LEFTOVERS, (list(WRITING_FUNCTIONS),))
    ((writes_objects, makes_tables),) = cursor.fetchall()
    found = (("write large objects", writes_objects), ("make temporary tables", makes_tables))
    return tuple(what for what, may in found if may)


def _reason(facts: _Facts) -> str | None:
    """The gravest right first; None where there is none."""
    if facts.is_superuser:
        return "is a superuser and may do anything"
    if facts.superuser_role:
        return f"may become the superuser {quote_name(facts.superuser_role)}"
    if facts.writable_table:
        table = ".".join(map(quote_name, facts.writable_table))
        more = f" and {facts.writable_tables - 1} more" if facts.writable_tables > 1 else ""
        return f"may write to {table}{more}"
    if facts.server_role:
        return f"is a member of {facts.server_role} and may act on the server"
    if facts.creatable_schema:
        return f"may create tables in the schema {quote_name(facts.creatable_schema)}"
    if facts.creates_schemas:
        return "may create schemas in this database"
    return "may create roles" if facts.creates_roles else None
