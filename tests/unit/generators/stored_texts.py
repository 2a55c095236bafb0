"""Stands for the rows of a database where a unit test needs some: texts by column."""

from __future__ import annotations

from dataclasses import dataclass, field

from meta_agent.databases.base import TextColumn, Values


@dataclass
class StoredTexts:
    """A Lookup over given texts; ``count`` answers from a given list and fails when it runs out."""

    texts: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """(table, column) to its texts."""
    counts: list[int | None] = field(default_factory=list)
    is_complete: bool = True
    is_slow: bool = False
    asked: list[str] = field(default_factory=list)

    def holds(self, column: TextColumn, text: str) -> bool | None:
        self.asked.append(text)
        return None if self.is_slow else text in self._of(column)

    def values(self, column: TextColumn, near: str) -> Values | None:
        return Values(self._of(column), self.is_complete)

    def count(self, sql: str, most: int) -> int | None:
        self.asked.append(sql)
        return self.counts.pop(0)

    def _of(self, column: TextColumn) -> tuple[str, ...]:
        found = self.texts.get((column.table, column.column), ())
        return tuple({"lower": str.lower, "upper": str.upper}.get(column.form, str)(text) for text in found)
