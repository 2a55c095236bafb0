"""The pipeline with one of its mechanisms switched off: what is each of them worth?

Today those mechanisms can be switched that are given to the pipeline from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from meta_agent.databases import Database, open_database
from meta_agent.glossary import Glossary
from meta_agent.pipeline import PipelineOptions

if TYPE_CHECKING:
    from meta_agent.contracts import Column, DatabaseSchema
    from meta_agent.databases import Endpoint, RoleRights
    from meta_agent.databases.base import Rows, TextColumn, Values


@dataclass(frozen=True)
class Ablation:
    """One mechanism less."""

    mechanism: str
    options: Callable[[PipelineOptions], PipelineOptions] = lambda options: options
    opener: Callable[[str], Database] = open_database


def ablations() -> tuple[Ablation, ...]:
    """One for each mechanism that can be switched off."""
    return (
        Ablation("glossary", options=lambda options: replace(options, glossary=Glossary())),
        Ablation("explain", opener=lambda url: _Unexplained(open_database(url))),
        *(_without(name, **off) for name, off in _SWITCHES.items()),
    )


_SWITCHES: dict[str, dict[str, Any]] = {
    "facts": {"facts": False},
    "idioms": {"idioms": False},
    "names": {"names": False},
    "joins": {"joins": False},
    "sense": {"sense": False},
    "grain": {"grain": False},
    "stored texts": {"stored_texts": False},
    "short analysis": {"short_analysis": False},
    "unrecorded words": {"unrecorded": False},
    "drafts": {"drafts": 1},
    "all mending": {"names": False, "joins": False, "sense": False, "grain": False, "stored_texts": False},
}
"""Mechanism to what is switched off for it."""


def _without(name: str, **off: Any) -> Ablation:
    return Ablation(
        name, options=lambda options: replace(options, mechanisms=replace(options.mechanisms, **off))
    )


class _Unexplained:
    """A database that accepts every query unseen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def explain(self, sql: str) -> str | None:  # noqa: ARG002
        """Nothing is ever wrong."""
        return None

    def explain_change(self, sql: str) -> str | None:
        """As the database's."""
        return self._database.explain_change(sql)

    def holds(self, column: TextColumn, text: str) -> bool | None:
        """As the database's."""
        return self._database.holds(column, text)

    def values(self, column: TextColumn, near: str) -> Values | None:
        """As the database's."""
        return self._database.values(column, near)

    def rows(self, sql: str, most: int) -> Rows | None:
        """As the database's."""
        return self._database.rows(sql, most)

    def count(self, sql: str, most: int) -> int | None:
        """As the database's."""
        return self._database.count(sql, most)

    @property
    def name(self) -> str:
        """As the database's."""
        return self._database.name

    @property
    def user(self) -> str:
        """As the database's."""
        return self._database.user

    @property
    def endpoint(self) -> Endpoint:
        """As the database's."""
        return self._database.endpoint

    @property
    def server_version(self) -> str:
        """As the database's."""
        return self._database.server_version

    def fingerprint(self) -> str:
        """As the database's."""
        return self._database.fingerprint()

    def schema(self) -> DatabaseSchema:
        """As the database's."""
        return self._database.schema()

    def with_row_counts(self, schema: DatabaseSchema) -> DatabaseSchema:
        """As the database's."""
        return self._database.with_row_counts(schema)

    def with_facts(self, schema: DatabaseSchema) -> DatabaseSchema:
        """As the database's."""
        return self._database.with_facts(schema)

    def columns_of(self, sql: str) -> tuple[Column, ...]:
        """As the database's."""
        return self._database.columns_of(sql)

    def rights(self) -> RoleRights:
        """As the database's."""
        return self._database.rights()

    def close(self) -> None:
        """As the database's."""
        self._database.close()
