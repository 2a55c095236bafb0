"""Statements that are shown before they are run, one by one, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from meta_agent.databases.names import is_harmless

LONGEST_MESSAGE = 200


@dataclass(frozen=True)
class Step:
    """One statement."""

    statement: sql.Composable
    possible: bool = True
    """Whether the connection's role has the right, as far as the catalogue tells."""


@dataclass(frozen=True)
class Undone:
    """A statement that has no effect yet."""

    statement: str
    reason: str
    """The server's words, or that the right is missing."""


def text_of(step: Step, cursor: Cursor) -> str:
    """The statement as it would be sent, on one line unless a name breaks it, with its semicolon."""
    return f"{step.statement.as_string(cursor)};"


def run_steps(cursor: Cursor, steps: Iterable[Step]) -> tuple[Undone, ...]:
    """Run each possible step for itself; what fails does not undo the others.

    Inside a transaction. Raises psycopg2.Error where the connection is lost.
    """
    undone = []
    for step in steps:
        if not step.possible:
            undone.append(Undone(text_of(step, cursor), "the right to do it is missing"))
            continue
        cursor.execute("SAVEPOINT step")
        try:
            cursor.execute(step.statement)
        except psycopg2.Error as error:
            if cursor.connection.closed:
                raise
            undone.append(Undone(text_of(step, cursor), _message(error)))
            cursor.execute("ROLLBACK TO SAVEPOINT step")
    return tuple(undone)


def _message(error: psycopg2.Error) -> str:
    said = error.diag.message_primary or type(error).__name__
    return "".join(filter(is_harmless, said))[:LONGEST_MESSAGE]
