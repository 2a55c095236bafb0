"""What every kind of database offers to the stages.

A stage that needs a database takes a ``Database``; which kind it is, and which
driver speaks to it, stays in this package. Nothing offered here can change a
database, and nothing but row counting reads a user's rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from meta_agent.contracts import Column, DatabaseSchema


@dataclass(frozen=True)
class RoleRights:
    """What the role of the connection may do besides reading."""

    role: str
    is_superuser: bool
    can_write: bool
    """True where the role may change rows, create objects, or become a role that may."""
    detail: str
    """The reason in one sentence, such as ``The role may write to the table sales.``"""


@dataclass(frozen=True)
class Endpoint:
    """Where a database server listens."""

    host: str
    """Host name or address; an absolute folder for a Unix socket."""
    port: int
    sslmode: str | None = None
    """As in libpq (``require``, ``verify-full``...); None where the URL leaves it open."""

    @property
    def is_socket(self) -> bool:
        """Whether ``host`` is the folder of a Unix socket."""
        return self.host.startswith("/")

    @property
    def socket_path(self) -> str | None:
        """The Unix socket's own path; None for a server reached over TCP."""
        return f"{self.host}/.s.PGSQL.{self.port}" if self.is_socket else None


class Database(Protocol):
    """A live connection to a user's database, for reading its catalogue and checking queries.

    Every method raises DatabaseError when the server cannot be reached or refuses to
    answer. A connection lost in between is opened again once. Methods may be called
    from several threads; they then wait for one another.
    """

    @property
    def name(self) -> str:
        """Name of the database, without its server."""

    @property
    def user(self) -> str:
        """The login."""

    @property
    def endpoint(self) -> Endpoint:
        """The server that answered."""

    @property
    def server_version(self) -> str:
        """Such as ``16.4``."""

    def fingerprint(self) -> str:
        """Hash of the structure this role sees, by one catalogue query.

        Changes with tables, columns, types, keys, comments, enum labels and read rights;
        never with rows or statistics.
        """

    def schema(self) -> DatabaseSchema:
        """Everything this role may read: structure, comments and row counts."""

    def with_row_counts(self, schema: DatabaseSchema) -> DatabaseSchema:
        """The same schema with its rows counted again."""

    def explain(self, sql: str) -> str | None:
        """Plan exactly one SELECT without running it.

        None where it would run; otherwise the database's own message, with its hint.
        """

    def columns_of(self, sql: str) -> tuple[Column, ...]:
        """Names and types of the columns one SELECT would return, without running it.

        Empty where it would not run; ``explain`` then says why.
        """

    def rights(self) -> RoleRights:
        """Whether the role could change anything."""

    def close(self) -> None:
        """End the connection; closing twice does nothing, and a later question opens it again."""
