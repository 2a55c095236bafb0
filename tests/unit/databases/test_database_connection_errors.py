"""Texts of libpq and of servers that a test cannot provoke; the others are real in the integration tests."""

from __future__ import annotations

import psycopg2
import pytest

from meta_agent.databases.connection_errors import connection_error
from meta_agent.databases.url import parse_url

TARGET = parse_url("postgresql://ann:hunter2@db.example:5433/sales")
AT = 'connection to server at "db.example" (10.0.0.1), port 5433 failed: '


def cause_of(text: str) -> str:
    return connection_error(psycopg2.OperationalError(text), TARGET).cause


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (AT + "FATAL:  the database system is starting up", "is starting up or shutting down"),
        (
            AT + "FATAL:  the database system is not yet accepting connections",
            "is starting up or shutting down",
        ),
        (AT + "FATAL:  sorry, too many clients already", "has no free connection left for user 'ann'"),
        (AT + "FATAL:  remaining connection slots are reserved for roles", "has no free connection left"),
        (AT + 'FATAL:  role "ann" does not exist', "knows no user 'ann'"),
        (
            AT
            + 'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "ann", database "sales", no encryption',
            "only with TLS",
        ),
        (
            AT + 'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "ann", database "d", SSL encryption',
            "by no rule",
        ),
        (AT + "SSL error: certificate verify failed", "certificate verify failed"),
        (AT + "No route to host\n\tIs the server running", "no way through the network to db.example:5433"),
        (AT + "Network is unreachable", "no way through the network"),
    ],
)
def test_kinds_of_failure(text: str, cause: str) -> None:
    assert cause in cause_of(text)


def test_what_a_server_said_counts_more_than_what_the_network_said() -> None:
    text = (
        'connection to server at "localhost" (::1), port 5432 failed: Connection refused\n'
        'connection to server at "localhost" (127.0.0.1), port 5432 failed: '
        'FATAL:  password authentication failed for user "ann"'
    )
    assert "user name or the password is wrong" in cause_of(text)


def test_an_unknown_text_is_shown_without_the_password() -> None:
    cause = cause_of(AT + "something new about hunter2 happened\nmore")
    assert cause == "The connection to db.example:5433 failed: something new about *** happened."
