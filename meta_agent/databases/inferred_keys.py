"""Foreign keys that a database does not declare, inferred from names and confirmed by rows.

A wrong key is worse than none: it joins what has nothing to do with one another. So a name
must say which table is meant, the column there must be unique, the types must fit, and every
value must occur there. Of several tables the names must favour one.

The names are weighed here; the rows are asked through ``Containment``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from meta_agent.contracts import Column, DatabaseSchema, ForeignKey, Table
from meta_agent.databases.key_names import (
    TableNames,
    common_prefix,
    family,
    glued,
    is_generic,
    is_junction,
    key_ending,
    root,
    words_of,
)


class Place(NamedTuple):
    """A column of a table."""

    schema: str
    table: str
    column: str


Pair = tuple[Place, Place]
"""A column that may refer, and the one it may refer to."""
Agreement = Literal["all", "sample", "empty"]
"""All values of the first column occur in the second, or all of a sample, or it has no value at all."""
Containment = Callable[[Collection[Pair]], Mapping[Pair, Agreement]]
"""How the rows agree with each pair; one they speak against, or that could not be asked, is missing."""

# How much a name says. What only a prefix or a role before it makes fit counts one less.
SURE, LIKELY, POSSIBLE, WEAK = 4, 3, 2, 1
_ENOUGH_WITH_A_SAMPLE = LIKELY

_PEOPLE_WORDS = "user person customer member employee staff client student worker teacher doctor player agent"
_PEOPLE = frozenset(_PEOPLE_WORDS.split())
_ROLE_WORDS = """
    sender receiver recipient owner creator author editor assignee reviewer approver buyer seller
    payer payee follower followee manager supervisor reporter requester host guest inviter invitee
    referrer created updated approved assigned reviewed reported requested
"""
_ROLES = frozenset(_ROLE_WORDS.split())
_SUPERIORS = frozenset({"manager", "supervisor", "boss", "mentor"})


@dataclass(frozen=True)
class _Home:
    """A column that others may refer to: unique, and the key of its table by declaration, name or place."""

    table: Table
    column: Column
    strength: int
    """SURE where it is named after its table, LIKELY otherwise."""

    @property
    def place(self) -> Place:
        return Place(self.table.schema_name, self.table.name, self.column.name)

    @property
    def rank(self) -> tuple[int, int]:
        """Of two columns with one name the lower refers to the higher."""
        return (self.strength, self.table.row_count or 0)


@dataclass(frozen=True)
class _Candidate:
    """A column, one it may refer to, and how much the names say for it."""

    child: Place
    home: _Home
    score: int
    is_exact: bool
    """Whether the whole name says so; where there are no rows, nothing less will do."""

    @property
    def pair(self) -> Pair:
        return (self.child, self.home.place)


def infer_keys(schema: DatabaseSchema, contained: Containment) -> DatabaseSchema:
    """The schema with the foreign keys that names and rows agree on, in place of those inferred before."""
    bare = schema.model_copy(update={"tables": tuple(map(_declared_only, schema.tables))})
    names = _Names(bare)
    candidates = {child: found for child in names.children() if (found := names.candidates(child))}
    answers = contained({candidate.pair for found in candidates.values() for candidate in found})
    chosen = {child: home for child, found in candidates.items() if (home := _choice(found, answers))}
    chosen.update(_relations(names, chosen, contained))
    return bare.model_copy(update={"tables": tuple(_with_keys(table, chosen) for table in bare.tables)})


def _declared_only(table: Table) -> Table:
    return table.model_copy(
        update={"foreign_keys": tuple(key for key in table.foreign_keys if not key.inferred)}
    )


def _with_keys(table: Table, chosen: Mapping[Place, _Home]) -> Table:
    places = (Place(table.schema_name, table.name, column.name) for column in table.columns)
    keys = (*table.foreign_keys, *(_key(place, chosen[place]) for place in places if place in chosen))
    return table.model_copy(update={"foreign_keys": keys, "inferred_unique": tuple(_lasting(table, keys))})


def _lasting(table: Table, keys: Iterable[ForeignKey]) -> Iterator[tuple[str, ...]]:
    """The inferred unique keys without columns that refer to others and repeat nothing so far by chance.

    The first column may refer and be a key, as in a table that extends another one to one.
    """
    referring = {column for key in keys for column in key.columns}
    only_refers = is_junction(table) or all(column.name in referring for column in table.columns)
    for unique in table.inferred_unique:
        is_first = unique[0] == table.columns[0].name and not only_refers
        if len(unique) > 1 or is_first or not referring & {*unique}:
            yield unique


def _key(child: Place, home: _Home) -> ForeignKey:
    schema, table, column = home.place
    return ForeignKey(
        columns=(child.column,),
        referred_schema=schema,
        referred_table=table,
        referred_columns=(column,),
        inferred=True,
    )


def _choice(candidates: Iterable[_Candidate], answers: Mapping[Pair, Agreement]) -> _Home | None:
    """The one column that the best names and the rows favour.

    Where rows speak against the best names nothing is inferred: a weaker name that fits is chance.
    """
    ordered = sorted(candidates, key=_preference, reverse=True)
    best = [
        candidate
        for candidate in ordered
        if _preference(candidate) == _preference(ordered[0]) and _is_confirmed(candidate, answers)
    ]
    if len(best) > 1:
        best.sort(key=lambda candidate: candidate.home.table.row_count or 0, reverse=True)
        if not _is_clearly_larger(best[0].home, best[1].home):
            return None
    return best[0].home if best else None


def _preference(candidate: _Candidate) -> tuple[int, bool]:
    return (candidate.score, candidate.child.schema == candidate.home.table.schema_name)


def _is_confirmed(candidate: _Candidate, answers: Mapping[Pair, Agreement]) -> bool:
    agreement = answers.get(candidate.pair)
    if agreement == "sample":
        return candidate.score >= _ENOUGH_WITH_A_SAMPLE
    return agreement == "all" or (agreement == "empty" and candidate.is_exact)


def _is_clearly_larger(one: _Home, other: _Home) -> bool:
    """Of tables that share a key, the one with most rows is what the others extend."""
    shared = one.column.name == other.column.name and one.strength == other.strength == LIKELY
    return shared and (one.table.row_count or 0) > (other.table.row_count or 0)


_Evidence = tuple[int, bool]
"""A score, and whether the whole name has it."""


class _Names:
    """All names of a schema, and what they say about who refers to whom."""

    def __init__(self, schema: DatabaseSchema) -> None:
        tables = [table for table in schema.tables if table.kind == "table"]
        prefix = common_prefix(tables)
        self.tables = {(table.schema_name, table.name): table for table in tables}
        self._names = {key: TableNames(table, prefix) for key, table in self.tables.items()}
        self.homes = {home.place: home for table in tables for home in self._homes_of(table)}
        self._by_name: dict[str, dict[Place, int]] = defaultdict(dict)
        for home in self.homes.values():
            for name, score in self._called(home):
                known = self._by_name[name]
                known[home.place] = max(score, known.get(home.place, 0))
        # Whatever is short for a name shares its first two letters.
        self._by_beginning: dict[tuple[str, str], list[_Home]] = defaultdict(list)
        for home in filter(self._is_the_key, self.homes.values()):
            for name in {self.names_of(home.table).stem[:2], self.names_of(home.table).last_word[:2]}:
                self._by_beginning[key_ending(home.column.name), name].append(home)

    def names_of(self, table: Table) -> TableNames:
        """A table's names without shared prefixes."""
        return self._names[table.schema_name, table.name]

    def children(self) -> Iterator[Place]:
        """Every column that could refer and of which no key is declared."""
        for (schema, name), table in self.tables.items():
            declared = {column for key in table.foreign_keys for column in key.columns}
            for column in table.columns:
                if column.name not in declared and family(column.type) is not None:
                    yield Place(schema, name, column.name)

    def table_of(self, place: Place) -> Table:
        """The table that a column belongs to."""
        return self.tables[place.schema, place.table]

    def column_of(self, place: Place) -> Column:
        """A column by its place."""
        return next(column for column in self.table_of(place).columns if column.name == place.column)

    def candidates(self, child: Place) -> list[_Candidate]:
        """The columns that a column may refer to, going by names and types."""
        scores: dict[Place, _Evidence] = {}
        for reading, penalty in self._readings(child):
            for home, score in self._by_name.get(reading, {}).items():
                # A table's second id is no reference to its first, but ``parent_category_id`` is.
                if penalty or home[:2] != child[:2]:
                    scores[home] = max((score - penalty, not penalty), scores.get(home, (0, False)))
        found = list(self._usable(child, scores))
        return found or list(self._by_abbreviation(child)) or list(self._by_role(child))

    def _usable(self, child: Place, scores: Mapping[Place, _Evidence]) -> Iterator[_Candidate]:
        own = self.homes.get(child)
        for place, (score, is_exact) in scores.items():
            home = self.homes[place]
            if place == child or score < WEAK or not self.fits(child, home):
                continue
            # A key is what others refer to; one that others share may be that of a one-to-one extension.
            if own is None or (own.strength < SURE and (own.rank < home.rank or score > own.strength)):
                yield _Candidate(child, home, score, is_exact)

    def fits(self, child: Place, home: _Home) -> bool:
        """Whether the types are of one family."""
        return family(self.column_of(child).type) == family(home.column.type)

    # --- what a referring column may be called ---

    def _readings(self, child: Place) -> Iterator[tuple[str, int]]:
        """A column's names in the compared form, with what is to be taken off their evidence."""
        plain, *stripped = self.names_of(self.table_of(child)).readings(child.column)
        integer = family(self.column_of(child).type) == "integer"
        for reading, penalty in ((plain, 0), *((name, 1) for name in stripped)):
            if not is_generic(reading):
                yield reading, penalty
        words = words_of(child.column)
        for start in range(1, len(words)):
            reading = glued(words[start:])
            if not is_generic(reading) and (key_ending(child.column) or not integer):
                yield reading, 1

    # --- what a home may be called by others ---

    def _homes_of(self, table: Table) -> Iterator[_Home]:
        declared = {key[0] for key in (table.primary_key, *table.unique_keys) if len(key) == 1}
        unique = declared | {key[0] for key in table.inferred_unique if len(key) == 1}
        if is_junction(table):
            unique = declared
        for column in table.columns:
            if column.name not in unique or family(column.type) is None:
                continue
            if self._names[table.schema_name, table.name].is_named_by(column.name):
                yield _Home(table, column, SURE)
            elif column.name in {*table.primary_key, table.columns[0].name} or column.name in declared:
                yield _Home(table, column, LIKELY)

    def _called(self, home: _Home) -> Iterator[tuple[str, int]]:
        """The names by which other tables refer to a column, each with its evidence."""
        integer = family(home.column.type) == "integer"
        ending = key_ending(home.column.name)
        for name in self._own_names(home.place):
            if ending or not integer:
                yield name, home.strength
        names = self.names_of(home.table)
        if ending and self._is_the_key(home):
            for stem, score in ((names.stem, SURE), (names.last_word, LIKELY)):
                if stem:
                    yield stem + ending, score
                    if not is_generic(stem):
                        yield stem, score - 1

    def _own_names(self, place: Place) -> list[str]:
        readings = self.names_of(self.table_of(place)).readings(place.column)
        return [reading for reading in readings if not is_generic(reading)]

    def _is_the_key(self, home: _Home) -> bool:
        """Whether a column is what a reference by the table's name means."""
        return home.strength == SURE or home.table.primary_key == (home.column.name,)

    def _by_abbreviation(self, child: Place) -> Iterator[_Candidate]:
        """``dept_id`` for the key of ``department``."""
        ending = key_ending(child.column)
        stems = {r.removesuffix(ending) for r in self.names_of(self.table_of(child)).readings(child.column)}
        own = self.table_of(child)
        homes = [
            home.place
            for stem in stems
            for home in self._by_beginning.get((ending, stem[:2]), ())
            if home.table is not own and self.names_of(home.table).is_short(stem)
        ]
        return self._usable(child, dict.fromkeys(homes if ending else (), (POSSIBLE, False)))

    def _by_role(self, child: Place) -> Iterator[_Candidate]:
        """``parent_id`` for the table itself; ``owner_id`` for the only table of people."""
        words, table = words_of(child.column), self.table_of(child)
        if len(words) < 2 or (key_ending(child.column) != "id" and words[-1] != "by"):
            return iter(())
        keys = [home for home in self.homes.values() if self._is_the_key(home)]
        is_superior = bool(_SUPERIORS & {*words}) and bool(_PEOPLE & {*self.names_of(table).words})
        if words[0] == "parent" or is_superior:
            return self._usable(child, {home.place: (SURE, False) for home in keys if home.table is table})
        people = [home for home in keys if self.names_of(home.table).stem in _PEOPLE]
        is_role = bool(_ROLES & {*words[:-1]}) and not _has_discriminator(child, table)
        if not is_role or len({home.table.name for home in people}) != 1:
            return iter(())
        return self._usable(child, {home.place: (WEAK, False) for home in people})


def _has_discriminator(child: Place, table: Table) -> bool:
    """Whether another column says which table an id is of, as ``owner_type`` does for ``owner_id``."""
    stem = words_of(child.column)[:-1]
    return any(words_of(column.name) in ((*stem, "type"), (*stem, "kind")) for column in table.columns)


# --- tables that relate the rows of one table ------------------------------------


def _relations(names: _Names, chosen: Mapping[Place, _Home], contained: Containment) -> dict[Place, _Home]:
    """Both columns of tables such as ``follows(follower, followed)``, which name no table.

    They refer to a key that has all their values, where it is the only one, or the only one whose table
    counts or describes the relation, as ``users.followers_count`` does.
    """
    pairs = [pair for table in names.tables.values() if (pair := _relating(table, chosen))]
    homes = [home for home in names.homes.values() if home.strength == SURE]
    asked = {(p, home.place) for pair in pairs for p in pair for home in homes if names.fits(p, home)}
    answers = contained(asked) if asked else {}
    found: dict[Place, _Home] = {}
    for pair in pairs:
        possible = [home for home in homes if all(answers.get((p, home.place)) == "all" for p in pair)]
        if len(possible) > 1 or not all(key_ending(place.column) for place in pair):
            possible = [home for home in possible if _speaks_of(home.table, pair[0])]
        if len(possible) == 1:
            found.update((place, possible[0]) for place in pair)
    return found


def _relating(table: Table, chosen: Mapping[Place, _Home]) -> tuple[Place, Place] | None:
    """The two columns of a table that has no others, both named after the same word."""
    if len(table.columns) != 2 or table.foreign_keys:
        return None
    one, other = (Place(table.schema_name, table.name, column.name) for column in table.columns)
    if one in chosen or other in chosen or family(table.columns[0].type) != family(table.columns[1].type):
        return None
    return (one, other) if _verb(one) and _verb(one) == _verb(other) else None


def _verb(place: Place) -> str:
    words = words_of(place.column)
    return root(words[0]) if words else ""


def _speaks_of(table: Table, place: Place) -> bool:
    """Whether a table, or a column of it, is named after a relation."""
    names = (table.name, *(column.name for column in table.columns))
    return any(root(word) == _verb(place) for name in names for word in words_of(name))
