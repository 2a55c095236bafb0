"""Makes a role that may only read, with the rights of the role that is configured.

What is done is planned first (``reader_plan``, ``public_rights``) and shown to a person; only
then it is run: the reader in one transaction, what is taken from PUBLIC in another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extensions import encrypt_password

from meta_agent.databases.connection_errors import connection_error
from meta_agent.databases.public_rights import plan_revokes
from meta_agent.databases.reader_plan import PASSWORD_VARIABLE, ReaderPlan, plan_reader
from meta_agent.databases.steps import Step, Undone, run_steps, text_of
from meta_agent.databases.url import parse_url
from meta_agent.errors import DatabaseError

CONNECT_SECONDS = 5
_LIMITS = "SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '60s'"


class ReaderMaker:
    """A connection with the configured role; ``with`` closes it.

    Every method raises DatabaseError when the server cannot be reached or refuses.
    """

    def __init__(self, url: str, *, connect_timeout: int = CONNECT_SECONDS) -> None:
        self._target = parse_url(url)
        settings: dict[str, Any] = {
            "connect_timeout": str(connect_timeout),
            "application_name": "meta-agent",
            **self._target.parameters,
            "client_encoding": "UTF8",
        }
        try:
            self._connection: Connection = psycopg2.connect(**settings)
            self._connection.set_session(readonly=False)
        except psycopg2.Error as error:
            raise connection_error(error, self._target) from error

    def __enter__(self) -> ReaderMaker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def plan(self, reader: str | None) -> ReaderPlan:
        """What it takes to make this reader, or the one of the usual name."""
        with self._transaction() as cursor:
            return plan_reader(cursor, reader)

    def plan_revokes(self) -> tuple[Step, ...]:
        """What would have to be taken from PUBLIC so that a reader writes nothing at all."""
        with self._transaction() as cursor:
            return plan_revokes(cursor)

    def shown(self, steps: tuple[Step, ...]) -> tuple[str, ...]:
        """The statements as they would be sent."""
        with self._transaction() as cursor:
            return tuple(text_of(step, cursor) for step in steps)

    def shown_role(self, plan: ReaderPlan, *, with_password: bool) -> str:
        """The statement that makes the role, with a variable of psql for the password."""
        (statement,) = self.shown((plan.role_step(PASSWORD_VARIABLE if with_password else None),))
        return statement

    def make(self, plan: ReaderPlan, password: str | None) -> tuple[Undone, ...]:
        """Make or renew the reader; what of its rights could not be granted. All of it or nothing else.

        The server gets no password but its SCRAM verifier, so that none can stand in its log.
        """
        verifier = None if password is None else sql.Literal(self._verifier(plan.reader, password))
        with self._transaction() as cursor:
            cursor.execute(plan.role_step(verifier).statement)
            return run_steps(cursor, plan.steps)

    def revoke(self, steps: tuple[Step, ...]) -> tuple[Undone, ...]:
        """Take from PUBLIC; what could not be taken."""
        with self._transaction() as cursor:
            return run_steps(cursor, steps)

    def _verifier(self, reader: str, password: str) -> str:
        verifier: str = encrypt_password(password, reader, self._connection, "scram-sha-256")
        return verifier

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        """Committed at the end of the block, rolled back where something went wrong."""
        try:
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute(_LIMITS)
                yield cursor
        except psycopg2.Error as error:
            if self._connection.closed:
                raise connection_error(error, self._target) from error
            said = (error.diag.message_primary or type(error).__name__).rstrip(".")
            raise DatabaseError(
                f"The server refused: {said[:200]}.",
                "Nothing was changed; have the statements run by whoever administers the database.",
            ) from error
