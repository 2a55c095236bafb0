"""The URL of a reader role: made from the one that is configured, and compared with it."""

from __future__ import annotations

from urllib.parse import quote

from meta_agent.databases.url import DatabaseUrl, normalise_url, parse_url
from meta_agent.errors import DatabaseError

_OF_THE_LOGIN = frozenset({"user", "password", "passfile", "dbname"})
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def reader_url(url: str, *, user: str, password: str, database: str) -> str:
    """``url`` with another login: the same servers and parameters, everything percent-encoded.

    Raises DatabaseError where ``url`` cannot be read.
    """
    parse_url(url)
    rest = normalise_url(url).partition("://")[2]
    address, _, query = rest.partition("?")
    hosts = address.partition("/")[0].rpartition("@")[2]
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in _OF_THE_LOGIN]
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    parameters = f"?{'&'.join(kept)}" if kept else ""
    return f"postgresql://{login}@{hosts}/{quote(database, safe='')}{parameters}"


def difference_between(url: str, reader: str) -> str | None:
    """Where two URLs lead that lead apart; None where they do not, or where one cannot be read."""
    try:
        ours, theirs = parse_url(url), parse_url(reader)
    except DatabaseError:
        return None  # whoever connects will tell
    if _place(ours) == _place(theirs):
        return None
    return f"{_shown(theirs)}, and DATABASE_URL to {_shown(ours)}"


def _place(url: DatabaseUrl) -> tuple[str, int, str | None]:
    host = url.endpoint.host.lower()
    return ("localhost" if host in _THIS_MACHINE else host), url.port, url.database


def _shown(url: DatabaseUrl) -> str:
    return f"{url.database or 'the default database'} at {url.endpoint.host}:{url.port}"
