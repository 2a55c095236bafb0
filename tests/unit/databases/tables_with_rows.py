"""Small tables with rows, as the schema that a reading of these rows gives."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from meta_agent.contracts import Column, DatabaseSchema, ForeignKey, Table
from meta_agent.databases.inferred_keys import Agreement, Containment, Pair, Place, infer_keys
from meta_agent.databases.key_names import is_junction, looks_like_key

Value = int | str | None


@dataclass(frozen=True)
class Rows:
    """A table: ``columns`` as ``name:type`` by blanks (integer where none is given), and values by column."""

    name: str
    columns: str
    values: Mapping[str, Sequence[Value]]
    schema: str = "public"
    key: tuple[str, ...] = ()
    references: tuple[ForeignKey, ...] = ()

    def of(self, column: str) -> Sequence[Value]:
        return self.values.get(column, ())

    @property
    def count(self) -> int:
        return max(map(len, self.values.values()), default=0)

    def table(self) -> Table:
        written = (column.partition(":") for column in self.columns.split())
        bare = Table(
            schema_name=self.schema,
            name=self.name,
            columns=tuple(Column(name=name, type=kind or "integer") for name, _, kind in written),
            primary_key=self.key,
            unique_keys=(self.key,) if self.key else (),
            foreign_keys=self.references,
            row_count=self.count,
        )
        unique: list[tuple[str, ...]] = [
            (column.name,) for column in bare.columns if looks_like_key(bare, column) and self._is_key(column)
        ]
        names = tuple(column.name for column in bare.columns)
        if is_junction(bare) and len(set(zip(*map(self.of, names), strict=True))) == self.count > 1:
            unique.append(names)
        return bare.model_copy(update={"inferred_unique": tuple(k for k in unique if k != self.key)})

    def _is_key(self, column: Column) -> bool:
        values = self.of(column.name)
        return self.count > 1 and None not in values and len(set(values)) == self.count == len(values)


def schema_of(*tables: Rows) -> DatabaseSchema:
    return DatabaseSchema(
        database="d", default_schema="public", fingerprint="f", tables=tuple(t.table() for t in tables)
    )


def contained_in(tables: Collection[Rows]) -> Containment:
    """Answers from the rows."""
    by_name = {(table.schema, table.name): table for table in tables}

    def values(place: Place) -> set[Value]:
        return {v for v in by_name[place.schema, place.table].of(place.column) if v is not None}

    def contained(pairs: Collection[Pair]) -> dict[Pair, Agreement]:
        return {(a, b): "all" if values(a) else "empty" for a, b in pairs if values(a) <= values(b)}

    return contained


def inferred(*tables: Rows) -> DatabaseSchema:
    return infer_keys(schema_of(*tables), contained_in(tables))


def joins(schema: DatabaseSchema) -> set[str]:
    """The inferred keys as ``table.column > table.column``."""
    return {
        f"{table.name}.{key.columns[0]} > {key.referred_table}.{key.referred_columns[0]}"
        for table in schema.tables
        for key in table.foreign_keys
        if key.inferred
    }
