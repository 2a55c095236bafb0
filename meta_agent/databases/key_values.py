"""Whether every value of a column occurs in another: what a foreign key would promise."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from psycopg2 import sql

from meta_agent.contracts import DatabaseSchema
from meta_agent.databases.bounded_reads import Budget, Transactions, ask_all
from meta_agent.databases.inferred_keys import Agreement, Containment, Pair, Place

MOST_ROWS = 100_000
"""Of a larger table only as many are looked at."""
STATEMENT_TIMEOUT_MS = 2_000
BUDGET_SECONDS = 1.5

# NULL where no row speaks: none has a value.
_QUESTION = sql.SQL("""
    SELECT CASE WHEN EXISTS (SELECT FROM {child} WHERE {own} IS NOT NULL) THEN NOT EXISTS (
        SELECT FROM (SELECT {own} AS value FROM {child} WHERE {own} IS NOT NULL LIMIT {most}) AS sought
        WHERE NOT EXISTS (SELECT FROM {parent} WHERE {parent}.{theirs} = sought.value)) END
""")


def asker(transaction: Transactions, schema: DatabaseSchema) -> Containment:
    """A question to the rows of this database, with one budget for all of its pairs.

    It never fails: a pair that cannot be asked has no answer.
    """
    budget = Budget(BUDGET_SECONDS, STATEMENT_TIMEOUT_MS)
    rows = {(table.schema_name, table.name): table.row_count for table in schema.tables}

    def contained(pairs: Collection[Pair]) -> Mapping[Pair, Agreement]:
        questions = [(pair, _question(*pair)) for pair in sorted(pairs)]
        return {
            pair: _agreement(answer, rows.get(pair[0][:2]))
            for pair, answer in ask_all(transaction, questions, budget)
            if answer is not False
        }

    return contained


def _agreement(answer: bool | None, rows: int | None) -> Agreement:
    if answer is None:
        return "empty"
    return "all" if rows is not None and rows <= MOST_ROWS else "sample"


def _question(child: Place, parent: Place) -> sql.Composed:
    return _QUESTION.format(
        child=sql.Identifier(child.schema, child.table),
        own=sql.Identifier(child.column),
        parent=sql.Identifier(parent.schema, parent.table),
        theirs=sql.Identifier(parent.column),
        most=sql.Literal(MOST_ROWS),
    )
