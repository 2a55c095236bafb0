"""The tables of a database as a graph whose edges are keys: which joins lead from table to table.

Small models know which tables a question needs and often not how they hang together. The
keys, declared or inferred, say it: of all ways between the tables the one with the
fewest joins, or none where two are equally short and nothing in the query tells them apart.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from meta_agent.contracts import DatabaseSchema, Table

TableKey = tuple[str, str]
"""(schema, name)."""
ColumnKey = tuple[str, str, str]
"""(schema, table, column)."""

_STEP = 1.0
_UNMENTIONED = 0.25
"""Extra cost of a table that neither the query nor the request speaks of."""
_NAMED = 0.05
"""Bonus of a key whose column the query itself joins by: which of sender and receiver is meant."""
_EQUAL = 1e-9


def key_of(table: Table) -> TableKey:
    """What identifies a table in its database."""
    return (table.schema_name, table.name)


@dataclass(frozen=True)
class Link:
    """A foreign key: some columns of ``child`` refer to those of ``parent``."""

    child: TableKey
    parent: TableKey
    pairs: tuple[tuple[str, str], ...]
    """(column of the child, column of the parent)."""

    def other(self, end: TableKey) -> TableKey:
        """The table at the other end."""
        return self.parent if end == self.child else self.child

    def pairs_from(self, end: TableKey) -> tuple[tuple[str, str], ...]:
        """(column of ``end``, column of the other table)."""
        return self.pairs if end == self.child else tuple((theirs, ours) for ours, theirs in self.pairs)

    def is_named_by(self, columns: Collection[ColumnKey]) -> bool:
        """Whether one of the child's columns is among ``columns``."""
        return any((self.child[0], self.child[1], ours) in columns for ours, _ in self.pairs)


class JoinGraph:
    """The foreign keys of a schema, to walk along."""

    def __init__(self, schema: DatabaseSchema) -> None:
        known = {key_of(table) for table in schema.tables}
        self._links: dict[TableKey, list[Link]] = {key: [] for key in known}
        self._refers: dict[ColumnKey, ColumnKey] = {}
        self._keys: set[ColumnKey] = set()
        for table in schema.tables:
            self._add_keys_of(table)

    def _add_keys_of(self, table: Table) -> None:
        child = key_of(table)
        unique = [*table.unique_keys, *table.inferred_unique, table.primary_key]
        self._keys |= {(*child, key[0]) for key in unique if len(key) == 1}
        for key in table.foreign_keys:
            parent = (key.referred_schema, key.referred_table)
            if parent not in self._links:
                continue
            link = Link(child, parent, tuple(zip(key.columns, key.referred_columns, strict=True)))
            if child != parent:
                self._links[child].append(link)
                self._links[parent].append(link)
            if len(link.pairs) == 1:
                ours, theirs = link.pairs[0]
                referred = (*parent, theirs)
                self._refers.update({(*child, ours): referred})
                self._keys.add(referred)

    def referent(self, column: ColumnKey) -> ColumnKey | None:
        """The key that a column refers to in the end, itself where it is one; None for other columns."""
        seen = {column}
        while (further := self._refers.get(column)) is not None and further not in seen:
            column = further
            seen.add(column)
        return column if len(seen) > 1 or column in self._keys else None

    def links_of(self, table: TableKey) -> Sequence[Link]:
        """The keys that lead from or to a table."""
        return self._links.get(table, ())

    def connect(
        self,
        required: Collection[TableKey],
        mentioned: Collection[TableKey] = (),
        named: Collection[ColumnKey] = (),
    ) -> tuple[Link, ...] | None:
        """The fewest keys that join all ``required`` tables; None where there is no way, or no single best.

        ``mentioned``: tables to prefer on the way. ``named``: columns the query joins by.
        """
        found = [self._grow(start, set(required), {*mentioned, *required}, named) for start in required]
        ways = [way for way in found if way is not None]
        return min(ways, key=len) if ways else None

    def _grow(
        self,
        start: TableKey,
        required: set[TableKey],
        liked: Collection[TableKey],
        named: Collection[ColumnKey],
    ) -> tuple[Link, ...] | None:
        """Add the nearest missing table again and again."""
        joined, links = {start}, []
        while missing := required - joined:
            path = self._nearest(joined, missing, liked, named)
            if path is None:
                return None
            links += path
            joined |= {end for link in path for end in (link.child, link.parent)}
        return tuple(links)

    def _nearest(
        self,
        joined: set[TableKey],
        missing: set[TableKey],
        liked: Collection[TableKey],
        named: Collection[ColumnKey],
    ) -> list[Link] | None:
        """Dijkstra's algorithm; None where the cheapest way to the nearest table is not the only one."""
        cost = dict.fromkeys(joined, 0.0)
        came: dict[TableKey, list[Link]] = {}
        queue = [(0.0, table) for table in sorted(joined)]
        while queue:
            so_far, table = heapq.heappop(queue)
            if so_far > cost[table] + _EQUAL:
                continue
            if table in missing:
                return _path(table, joined, came)
            for link, step in self._steps(table, liked, named):
                there, total = link.other(table), so_far + step
                if total < cost.get(there, float("inf")) - _EQUAL:
                    cost[there], came[there] = total, [link]
                    heapq.heappush(queue, (total, there))
                elif abs(total - cost[there]) <= _EQUAL and there not in joined and link not in came[there]:
                    came[there].append(link)
        return None

    def _steps(
        self, table: TableKey, liked: Collection[TableKey], named: Collection[ColumnKey]
    ) -> Iterator[tuple[Link, float]]:
        for link in self._links[table]:
            extra = 0.0 if link.other(table) in liked else _UNMENTIONED
            yield link, _STEP + extra - (_NAMED if link.is_named_by(named) else 0.0)


def _path(table: TableKey, joined: set[TableKey], came: dict[TableKey, list[Link]]) -> list[Link] | None:
    path: list[Link] = []
    while table not in joined:
        if len(came[table]) != 1:
            return None
        path.append(came[table][0])
        table = came[table][0].other(table)
    return path[::-1]
