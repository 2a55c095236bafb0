"""Many small questions to the rows in few round trips, none of which may hold a run up.

Questions are asked together; where one of them fails or is slow, each on its own, until the
budget is spent. A question that gets no answer is simply missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

TOGETHER = 25

Transactions = Callable[[int], AbstractContextManager[Cursor]]
"""A read-only transaction with a statement timeout in milliseconds."""
Asked = TypeVar("Asked")


class Budget:
    """Seconds that may be spent on all questions of one kind."""

    def __init__(self, seconds: float, statement_ms: int) -> None:
        self._deadline = time.monotonic() + seconds
        self._statement_ms = statement_ms

    def timeout_ms(self) -> int:
        """For the next statement: at most what is left; 0 when nothing is."""
        left = int((self._deadline - time.monotonic()) * 1000)
        return max(0, min(self._statement_ms, left))


def ask_all(
    transaction: Transactions, questions: Sequence[tuple[Asked, sql.Composable]], budget: Budget
) -> Iterator[tuple[Asked, Any]]:
    """What each question is about, and the value that its SELECT's only expression has.

    A question is a SELECT of one expression, and all of them have the same type.
    """
    for start in range(0, len(questions), TOGETHER):
        chunk = questions[start : start + TOGETHER]
        answers = _asked_together(transaction, chunk, budget)
        if answers is None:
            for one in chunk if len(chunk) > 1 else ():
                yield from _asked_together(transaction, [one], budget) or ()
        else:
            yield from answers


def _asked_together(
    transaction: Transactions, questions: Sequence[tuple[Asked, sql.Composable]], budget: Budget
) -> list[tuple[Asked, Any]] | None:
    timeout = budget.timeout_ms()
    if not timeout:
        return None
    part = sql.SQL("SELECT {place}, ({question})")
    parts = [
        part.format(place=sql.Literal(place), question=question)
        for place, (_, question) in enumerate(questions)
    ]
    try:
        with transaction(timeout) as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(parts))
            return [(questions[place][0], value) for place, value in cursor.fetchall()]
    except (psycopg2.Error, ValueError):  # no right, locked, too slow, not in the encoding it claims
        return None
