"""What every kind of database offers to the stages.

A stage that needs a database takes a ``Database``; which kind it is, and which
driver speaks to it, stays in this package. Nothing offered here can change a
database. A user's rows are read only to count them, to look a text of a query up, for a few
facts about each column, for example rows where the user wants them in the prompt, and to see
whether two drafts of a query agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from meta_agent.contracts import Column, DatabaseSchema

Form = Literal["", "lower", "upper"]


@dataclass(frozen=True)
class RoleRights:
    """What the role of the connection may do besides reading."""

    role: str
    is_superuser: bool
    can_write: bool
    """True where the role may change rows, create objects, or become a role that may."""
    detail: str
    """The reason in one sentence, such as ``The role may write to the table sales.``"""
    leftovers: tuple[str, ...] = ()
    """What a role may do by PUBLIC's rights and no table changes by, such as ``create large objects``."""


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


@dataclass(frozen=True)
class TextColumn:
    """A text column of a table, as a query compares it."""

    schema: str
    table: str
    column: str
    form: Form = ""
    """The case in which its texts are compared; empty: as they stand."""


@dataclass(frozen=True)
class Values:
    """Different texts of a column, in the form in which they are compared."""

    texts: tuple[str, ...]
    is_complete: bool
    """Whether these are all; otherwise some that share words with the text sought."""


@dataclass(frozen=True)
class Rows:
    """What a query returned, in Python's types as psycopg2 gives them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    is_cut: bool = False
    """Whether there were more rows than wanted."""


class Lookup(Protocol):
    """Looks into a user's rows, within limits of time and number.

    Raises DatabaseError when the server cannot be reached.
    """

    def holds(self, column: TextColumn, text: str) -> bool | None:
        """Whether some row has exactly this text; None where that cannot be found out soon."""

    def values(self, column: TextColumn, near: str) -> Values | None:
        """All texts of a column that has few, or else some that share words with ``near``.

        None where they cannot be read soon.
        """

    def rows(self, sql: str, most: int) -> Rows | None:
        """The rows of one SELECT, at most ``most`` of them; None where they are slow or refused."""

    def count(self, sql: str, most: int) -> int | None:
        """How many rows one SELECT returns, counted up to ``most``; None where it is slow or refused."""


class Database(Lookup, Protocol):
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

    def with_facts(self, schema: DatabaseSchema) -> DatabaseSchema:
        """The same schema with what the rows say: few texts, ranges, missing values, undeclared keys.

        Takes the place of what was found before. What cannot be read soon is left unknown.
        """

    def explain(self, sql: str) -> str | None:
        """Plan exactly one SELECT without running it.

        None where it would run; otherwise the database's own message, with its hint.
        """

    def explain_change(self, sql: str) -> str | None:
        """Plan exactly one INSERT, UPDATE or DELETE without running it; else as ``explain``."""

    def columns_of(self, sql: str) -> tuple[Column, ...]:
        """Names and types of the columns one SELECT would return, without running it.

        Empty where it would not run; ``explain`` then says why.
        """

    def rights(self) -> RoleRights:
        """Whether the role could change anything."""

    def close(self) -> None:
        """End the connection; closing twice does nothing, and a later question opens it again."""
