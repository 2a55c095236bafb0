"""Database URLs: reading, normalising and masking them.

libpq itself reads the URL, so that a URL means here what it means to ``psql`` and to
the generated script. The checks before it exist because a password with an unencoded
``@`` or ``/`` does not fail there: part of the password silently becomes the host.
No message made here repeats any part of the URL that could belong to a password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from meta_agent.databases.base import Endpoint
from meta_agent.errors import DatabaseError

POSTGRESQL_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+psycopg2", "postgres+psycopg2"})
DEFAULT_PORT = 5432
URL_SETTING = "DATABASE_URL"
READER_SETTING = "DATABASE_READER_URL"
MASK = "***"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_LOGIN = re.compile(r"(?<=://)([^:/@?]*):(.*)@", re.DOTALL)
_SECRET_PARAMETER = re.compile(
    r"\b(password|sslpassword|oauth_client_secret)(\s*=\s*)('(?:[^'\\]|\\.)*'|[^&\s]*)", re.IGNORECASE
)
_FORM = "postgresql://user:password@host:port/database"


@dataclass(frozen=True)
class DatabaseUrl:
    """A URL that has been read: libpq's connection parameters by their names."""

    parameters: Mapping[str, str] = field(repr=False)
    setting: str = URL_SETTING
    """The setting that the URL stands in: what messages tell the user to look at."""

    @property
    def host(self) -> str:
        """Host name, address or socket folder; several are separated by commas."""
        return self.parameters.get("host") or self.parameters.get("hostaddr") or "localhost"

    @property
    def port(self) -> int:
        """Port of the first host."""
        return int(self.parameters.get("port", "").split(",")[0] or DEFAULT_PORT)

    @property
    def user(self) -> str | None:
        """Login, None where the URL leaves it to libpq."""
        return self.parameters.get("user")

    @property
    def password(self) -> str | None:
        """The password in clear."""
        return self.parameters.get("password")

    @property
    def database(self) -> str | None:
        """Database, None where the URL leaves it to libpq (which then takes the login)."""
        return self.parameters.get("dbname") or self.user

    @property
    def endpoint(self) -> Endpoint:
        """Where the URL points; of several hosts the first."""
        return Endpoint(self.host.split(",")[0], self.port, self.parameters.get("sslmode"))


def parse_url(url: str) -> DatabaseUrl:
    """Read a database URL. Raises DatabaseError in plain words where it cannot be used."""
    text = normalise_url(url)
    _refuse_unencoded(text)
    import psycopg2
    from psycopg2.extensions import parse_dsn

    try:
        parameters = {name: str(value) for name, value in parse_dsn(text).items()}
    except psycopg2.ProgrammingError:
        # Not chained: libpq's message repeats parts of the URL, the password's among them.
        raise _unreadable() from None
    _check_ports(parameters.get("port", ""))
    return DatabaseUrl(parameters)


def renamed(error: DatabaseError, setting: str) -> DatabaseError:
    """An error that tells of ``setting`` where it told of DATABASE_URL."""
    return DatabaseError(
        error.cause.replace(URL_SETTING, setting),
        error.remedy.replace(URL_SETTING, setting),
    )


def normalise_url(url: str) -> str:
    """The URL as libpq knows it: ``postgresql://``, without SQLAlchemy's driver suffix or outer blanks.

    Raises DatabaseError for an empty text, for what is no URL, and for another kind of database.
    """
    text = url.strip()
    if not text:
        raise DatabaseError("The database URL is empty.", f"Set DATABASE_URL to {_FORM}.")
    match = _SCHEME.match(text)
    if match is None:
        raise DatabaseError("The database URL is not a URL.", f"Write DATABASE_URL as {_FORM}.")
    scheme = match.group(1).lower()
    if scheme not in POSTGRESQL_SCHEMES:
        raise DatabaseError(f"Databases of the kind '{scheme}' are not supported.", f"Use {_FORM}.")
    return "postgresql://" + text[match.end() :]


def mask_url(url: str) -> str:
    """The URL with every password in it replaced; works on texts that are no URL, too."""
    masked = _LOGIN.sub(rf"\1:{MASK}@", url)
    return _SECRET_PARAMETER.sub(rf"\1\2{MASK}", masked)


def _refuse_unencoded(text: str) -> None:
    rest = text.partition("://")[2]
    authority, _, path = rest.partition("/")
    if authority.count("@") > 1 or "@" in path.partition("?")[0]:
        raise _unreadable()
    if any(character.isspace() or not character.isprintable() for character in text):
        raise _unreadable()


def _check_ports(ports: str) -> None:
    for port in filter(None, ports.split(",")):
        if not (port.isascii() and port.isdigit()):
            raise _unreadable()
        if not 1 <= int(port) <= 65535:
            raise DatabaseError(
                "The port in the database URL is not a number from 1 to 65535.", f"Use {_FORM}."
            )


def _unreadable() -> DatabaseError:
    return DatabaseError(
        "The database URL cannot be read.",
        f"Write it as {_FORM} with special characters of the password percent-encoded "
        "(@ as %40, : as %3A, / as %2F, # as %23, % as %25, a blank as %20).",
    )
