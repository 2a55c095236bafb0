"""What it takes to give a database a role that may only read, planned from its catalogue.

Nothing is changed here. The reader gets what the connection's own role may read and no
more: a schema is granted as a whole only where that role may read all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from meta_agent.databases.names import quote_name
from meta_agent.databases.steps import Step

MARK = "Reads for Meta-Agent Script Executor"
"""The comment on a role made here; a role without it belongs to somebody else and is left alone."""
LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL."""
CONNECTION_LIMIT = 20
SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "120s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
}
"""These bound mistakes; the rights are the boundary."""
PASSWORD_VARIABLE = sql.SQL(":'reader_password'")
"""Where the password stands in a script for psql; unset, psql leaves a syntax error."""

_ROLE = """
    SELECT current_user::text, me.rolsuper OR me.rolcreaterole, me.rolsuper,
           current_database()::text,
           has_database_privilege(current_database(), 'CONNECT WITH GRANT OPTION')
               OR pg_has_role((SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database()),
                              'USAGE'),
           current_schemas(false)::text[],
           EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %(reader)s),
           (SELECT shobj_description(oid, 'pg_authid') FROM pg_catalog.pg_roles WHERE rolname = %(reader)s)
    FROM pg_catalog.pg_roles me WHERE me.rolname = current_user
"""
_RELATIONS = """
    SELECT n.nspname::text, c.relname::text, o.rolname::text,
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
           has_schema_privilege(n.oid, 'USAGE WITH GRANT OPTION') OR pg_has_role(n.nspowner, 'USAGE'),
           has_schema_privilege('public', n.oid, 'USAGE'),
           has_table_privilege(c.oid, 'SELECT WITH GRANT OPTION') OR pg_has_role(c.relowner, 'USAGE'),
           pg_has_role(c.relowner, 'USAGE'), has_schema_privilege(c.relowner, n.oid, 'CREATE'),
           c.relrowsecurity
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Maker:
    """The connection's own role, and what there is of the reader already."""

    role: str
    may_create_roles: bool
    is_superuser: bool
    database: str
    may_grant_connect: bool
    schemas: tuple[str, ...]
    """Those whose tables need no schema before their names."""
    reader_exists: bool
    reader_is_ours: bool


@dataclass(frozen=True)
class ReaderPlan:
    """Everything to be done for a reader but its password."""

    reader: str
    maker: Maker
    tables: int
    """How many tables and views it will read."""
    steps: tuple[Step, ...]
    """After the role itself: its settings and its rights."""
    notes: tuple[str, ...]
    """What the reader will not see, or see otherwise, one sentence each."""

    def role_step(self, password: sql.Composable | None) -> Step:
        """The statement that makes the role or renews it; ``password`` None keeps the one it has.

        Of a role that exists only these are named: to name an attribute takes the right to change it.
        """
        secret = sql.SQL("") if password is None else sql.SQL(" PASSWORD ") + password
        limit = sql.SQL(f" CONNECTION LIMIT {CONNECTION_LIMIT}")
        if self.maker.reader_exists:
            command, attributes = sql.SQL("ALTER ROLE {} WITH LOGIN"), sql.SQL("")
        else:
            command = sql.SQL("CREATE ROLE {} WITH LOGIN")
            attributes = sql.SQL(" NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")
        role = command.format(sql.Identifier(self.reader))
        return Step(role + attributes + limit + secret, self.maker.may_create_roles)


@dataclass(frozen=True)
class _Relation:
    """One row of the query above."""

    schema: str
    name: str
    owner: str
    is_readable: bool
    schema_is_grantable: bool
    schema_is_public: bool
    is_grantable: bool
    acts_for_owner: bool
    owner_creates: bool
    has_row_security: bool

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def default_name(database: str) -> str:
    """The reader's name for a database: its own with ``_reader``, as far as PostgreSQL takes it."""
    prefix = "db_" if database.lower().startswith("pg_") else ""
    room = LONGEST_NAME - len("_reader") - len(prefix)
    return f"{prefix}{database.encode()[:room].decode(errors='ignore')}_reader"


def plan_reader(cursor: Cursor, reader: str | None) -> ReaderPlan:
    """What to do for the reader ``reader``, or that of the usual name. Raises psycopg2.Error."""
    cursor.execute("SELECT current_database()::text")
    ((database,),) = cursor.fetchall()
    reader = reader or default_name(database)
    maker = _maker(cursor, reader)
    cursor.execute(_RELATIONS)
    relations = [_Relation(*row) for row in cursor.fetchall()]
    readable = [relation for relation in relations if relation.is_readable]
    role = sql.Identifier(reader)
    steps = (
        *_settings(role, maker),
        *_access(role, maker),
        *(step for schema in _by_schema(relations) for step in _grants(role, schema)),
        *_default_privileges(role, readable),
    )
    return ReaderPlan(reader, maker, len(readable), steps, tuple(_notes(readable)))


def _maker(cursor: Cursor, reader: str) -> Maker:
    cursor.execute(_ROLE, {"reader": reader})
    ((role, may_create, is_super, database, may_connect, schemas, exists, mark),) = cursor.fetchall()
    return Maker(
        role, may_create, is_super, database, may_connect, tuple(schemas), exists, exists and mark == MARK
    )


def _settings(role: sql.Identifier, maker: Maker) -> Iterator[Step]:
    possible = maker.may_create_roles
    mark = sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(MARK))
    yield Step(mark, possible)
    for name, value in SETTINGS.items():
        setting = sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(name), sql.Literal(value))
        yield Step(setting, possible)
    if maker.schemas and maker.schemas != ("public",):
        names = sql.SQL(", ").join(map(sql.Identifier, maker.schemas))
        path = sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}")
        yield Step(path.format(role, sql.Identifier(maker.database), names), possible)


def _access(role: sql.Identifier, maker: Maker) -> Iterator[Step]:
    grant = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(maker.database), role)
    yield Step(grant, maker.may_grant_connect)


def _by_schema(relations: list[_Relation]) -> list[list[_Relation]]:
    """Relations of each schema in which there is something to read."""
    groups = [list(group) for _, group in groupby(relations, key=lambda relation: relation.schema)]
    return [group for group in groups if any(relation.is_readable for relation in group)]


def _grants(role: sql.Identifier, schema: list[_Relation]) -> Iterator[Step]:
    first, name = schema[0], sql.Identifier(schema[0].schema)
    if first.schema_is_grantable or not first.schema_is_public:
        usage = sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(name, role)
        yield Step(usage, first.schema_is_grantable)
    readable = [relation for relation in schema if relation.is_readable]
    if len(readable) == len(schema) and len({relation.is_grantable for relation in schema}) == 1:
        everything = sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(name, role)
        yield Step(everything, first.is_grantable)
        return
    for possible in (True, False):
        tables = [relation.identifier for relation in readable if relation.is_grantable == possible]
        if tables:
            listed = sql.SQL("GRANT SELECT ON TABLE {} TO {}").format(sql.SQL(", ").join(tables), role)
            yield Step(listed, possible)


def _default_privileges(role: sql.Identifier, readable: list[_Relation]) -> Iterator[Step]:
    """For tables to come, of every owner that goes on making some in the schema."""
    owners = {(r.owner, r.schema): r.acts_for_owner for r in readable if r.owner_creates}
    command = sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT SELECT ON TABLES TO {}")
    for (owner, schema), possible in owners.items():
        yield Step(command.format(sql.Identifier(owner), sql.Identifier(schema), role), possible)


def _notes(readable: list[_Relation]) -> Iterator[str]:
    guarded = [f"{quote_name(r.schema)}.{quote_name(r.name)}" for r in readable if r.has_row_security]
    if guarded:
        more = f" and {len(guarded) - 3} more" if len(guarded) > 3 else ""
        yield (
            f"Row security is on for {', '.join(guarded[:3])}{more}: the reader sees the rows that"
            " policies let it see, which may be none."
        )
