"""Why a connection failed, in the user's words.

libpq reports every failed connection as one ``OperationalError`` without a code; only
its text tells an unknown host from a wrong password. A host name may stand for several
addresses, each with its own line in that text, so what a server said is looked for
before what the network said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg2

from meta_agent.databases.url import MASK, DatabaseUrl, renamed
from meta_agent.errors import DatabaseError

LONGEST_TEXT = 300


@dataclass(frozen=True)
class _Failure:
    """A kind of failure: how its text reads, and what to say about it."""

    pattern: str
    cause: str
    remedy: str


_LOGIN_REMEDY = (
    "Check user and password in DATABASE_URL; special characters of a password must be percent-encoded."
)
_SERVER_REMEDY = "Check host and port in DATABASE_URL and that the server is running."

# What the server itself said.
_ANSWERS = (
    _Failure(
        r"password authentication failed|Peer authentication failed|Ident authentication failed",
        "The server at {server} refused the login of user '{user}': the user name or the password is wrong.",
        _LOGIN_REMEDY,
    ),
    _Failure(
        r"no password supplied|empty password",
        "The server at {server} asks for a password of user '{user}', and the database URL has none.",
        "Write DATABASE_URL as postgresql://user:password@host:port/database.",
    ),
    _Failure(
        r'role ".*" does not exist',
        "The server at {server} knows no user '{user}'.",
        "Check the user in DATABASE_URL.",
    ),
    _Failure(
        r"is not permitted to log in",
        "The user '{user}' is not permitted to log in at {server}.",
        "Use another user in DATABASE_URL, or have the role altered with LOGIN.",
    ),
    _Failure(
        r'database ".*" does not exist',
        "The server at {server} has no database '{database}'.",
        "Check the database's name, the last part of DATABASE_URL before any '?'.",
    ),
    _Failure(
        r"permission denied for database|CONNECT privilege",
        "The user '{user}' may not connect to the database '{database}'.",
        "Have GRANT CONNECT ON DATABASE given to that user, or use another one.",
    ),
    _Failure(
        r"not currently accepting connections",
        "The database '{database}' accepts no connections at present.",
        "Use another database, or have this one opened with ALLOW_CONNECTIONS.",
    ),
    _Failure(
        r"too many (clients|connections)|remaining connection slots",
        "The server at {server} has no free connection left for user '{user}'.",
        "Close other programs that use the database, or try again in a moment.",
    ),
    _Failure(
        r"is (starting up|shutting down|in recovery mode|not yet accepting)|consistent recovery state",
        "The server at {server} is starting up or shutting down.",
        "Try again in a moment.",
    ),
    _Failure(
        r"no pg_hba\.conf entry.*SSL encryption|pg_hba\.conf rejects",
        "The server at {server} lets user '{user}' into database '{database}' from this machine by no rule.",
        "Have a rule for this machine added to the server's pg_hba.conf, or use a user it allows.",
    ),
    _Failure(
        r"no pg_hba\.conf entry",
        "The server at {server} accepts user '{user}' for database '{database}' only with TLS, if at all.",
        "Add ?sslmode=require to DATABASE_URL; if it stays so, this machine must be allowed in pg_hba.conf.",
    ),
)

# What went wrong on the way there.
_TLS = (
    _Failure(
        r"server does not support SSL",
        "DATABASE_URL demands TLS, and the server at {server} offers none.",
        "Enable TLS on the server, or remove sslmode from DATABASE_URL if an open connection is acceptable.",
    ),
    _Failure(
        r"root certificate|certificate verify failed|does not match host name|SSL error|SSL SYSCALL|sslmode",
        "The TLS connection to {server} failed: {text}.",
        "Check sslmode and sslrootcert in DATABASE_URL against the server's certificate.",
    ),
)
_NETWORK = (
    _Failure(
        r"could not translate host name|Name or service not known|nodename nor servname",
        "The host '{host}' is unknown.",
        "Check the host in DATABASE_URL, and the network or VPN that knows it.",
    ),
    _Failure(
        r"socket .*No such file or directory|socket .*Connection refused",
        "No server listens on the socket {server}.",
        "Check folder and port of the socket in DATABASE_URL and that the server is running.",
    ),
    _Failure(
        r"Permission denied",
        "This account may not open the connection to {server}.",
        "Check the rights of the socket's folder, or connect over TCP.",
    ),
    _Failure(
        r"Connection refused",
        "Nothing listens at {server}: the connection was refused.",
        _SERVER_REMEDY,
    ),
    _Failure(
        r"timeout expired|timed out",
        "The server at {server} did not answer in time.",
        "Check host and port in DATABASE_URL; a firewall or VPN may be dropping the connection.",
    ),
    _Failure(
        r"No route to host|Network is unreachable|Host is down",
        "There is no way through the network to {server}.",
        "Check the host in DATABASE_URL, and the network or VPN.",
    ),
    _Failure(
        r"received invalid response|server closed the connection|Connection reset|lost synchronization",
        "What answers at {server} does not speak PostgreSQL, or hung up.",
        "Check the port in DATABASE_URL and the server's log.",
    ),
)


def connection_error(error: psycopg2.Error, target: DatabaseUrl) -> DatabaseError:
    """The error to show for a connection that failed; it never holds the password."""
    return renamed(_explained(str(error), target), target.setting)


def _explained(text: str, target: DatabaseUrl) -> DatabaseError:
    for failure in (*_ANSWERS, *_TLS, *_NETWORK):
        if re.search(failure.pattern, text, re.IGNORECASE):
            return DatabaseError(failure.cause.format(**_words(text, target)), failure.remedy)
    said = _one_line(text, target)
    return DatabaseError(f"The connection to {_server(target)} failed: {said}.", _SERVER_REMEDY)


def _words(text: str, target: DatabaseUrl) -> dict[str, str]:
    return {
        "server": _server(target),
        "host": _printable(target.host),
        "user": _printable(target.user or "the default user"),
        "database": _printable(target.database or "the default database"),
        "text": _one_line(text, target),
    }


def _server(target: DatabaseUrl) -> str:
    endpoint = target.endpoint
    if endpoint.socket_path:
        return _printable(endpoint.socket_path)
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return _printable(f"{host}:{endpoint.port}")


def _one_line(text: str, target: DatabaseUrl) -> str:
    """libpq's own first line, without the password should it ever appear there."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
    if target.password:
        line = line.replace(target.password, MASK)
    return _printable(line.rpartition("failed: ")[2] or line).rstrip(".")


def _printable(text: str) -> str:
    kept = "".join(character for character in text if character.isprintable())
    return kept[:LONGEST_TEXT]
