from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables_with_rows import Rows, contained_in, inferred, joins, schema_of

from meta_agent.contracts import ForeignKey, Table
from meta_agent.databases.inferred_keys import infer_keys
from meta_agent.databases.key_names import family

SIX = [1, 2, 3, 4, 5, 6]
SOME = [1, 1, 2, 2, 3, None]
SUITES = ["a", "b", "c", "d", "e", "f"]


def ships(**columns: list[int | str | None]) -> Rows:
    kinds = (
        f"{n}:{'text' if any(isinstance(v, str) for v in vs) else 'integer'}" for n, vs in columns.items()
    )
    return Rows("ships", " ".join(kinds), columns)


@pytest.mark.parametrize(
    ("key", "parent", "child"),
    [
        ("captain_id", "captain", "captain_id"),
        ("captain_id", "captains", "captain_id"),
        ("id", "captains", "captain_id"),
        ("id", "captains", "captainId"),
        ("id", "Captains", "captain"),
        ("cid", "captains", "captain_id"),
        ("cid", "captains", "cid"),
        ("id", "captains", "first_captain_id"),
        ("captain_id", "captains", "former_captain_id"),
        ("id", "captains", "capt_id"),
        ("id", "companies", "company_id"),
        ("id", "people", "person_id"),
        ("id", "addresses", "address_id"),
        ("id", "dim_harbor", "harbor_id"),
        ("id", "harbor_master", "harbor_id"),
        ("harborkey", "harbors", "harborkey"),
        ("no", "berths", "berth_no"),
        ("id", "app_users", "user_id"),
    ],
)
def test_names_that_mean_a_table(key: str, parent: str, child: str) -> None:
    found = joins(inferred(Rows(parent, f"{key} note:text", {key: SIX}), ships(n=SIX, **{child: SOME})))
    assert found == {f"ships.{child} > {parent}.{key}"}


@pytest.mark.parametrize(
    ("key", "parent", "child"),
    [
        ("id", "captains", "id"),
        ("id", "captains", "status"),
        ("id", "captains", "rating"),
        ("id", "ratings", "rating"),
        ("id", "captains", "captains_count"),
        ("id", "captains", "hull_id"),
        ("id", "captains", "owner_id"),
        ("captain_id", "captains", "id"),
        ("year", "seasons", "year"),
        ("knots", "speeds", "knots"),
    ],
)
def test_names_that_mean_nothing(key: str, parent: str, child: str) -> None:
    assert (
        joins(inferred(Rows(parent, f"{key} note:text", {key: SIX}), ships(n=SIX, **{child: SOME}))) == set()
    )


class TestRows:
    PORTS = Rows("ports", "port_id name:text", {"port_id": SIX})

    def test_a_value_that_occurs_nowhere_speaks_against_a_key(self) -> None:
        assert joins(inferred(self.PORTS, ships(n=SIX, port_id=[1, 7]))) == set()

    def test_a_key_that_is_not_unique_is_none(self) -> None:
        ports = Rows("ports", "port_id name:text", {"port_id": [1, 1, 2]})
        assert joins(inferred(ports, ships(n=SIX, port_id=[1, 2]))) == set()

    def test_types_must_fit(self) -> None:
        ports = Rows("ports", "port_id:text name:text", {"port_id": SUITES})
        assert joins(inferred(ports, ships(n=SIX, port_id=SOME))) == set()

    def test_where_the_best_name_fails_a_weaker_one_is_chance(self) -> None:
        visits = Rows("port_calls", "port_id day", {"port_id": [1, 2, 3, 8]})
        ports = Rows("ports", "port_id name:text", {"port_id": [1, 2]})
        assert joins(inferred(ports, visits, ships(n=SIX, port_id=[1, 3]))) == set()

    @pytest.mark.parametrize(("child", "found"), [("port_id", True), ("port", True), ("home_port_id", False)])
    def test_without_values_only_whole_names_count(self, child: str, found: bool) -> None:
        assert bool(joins(inferred(self.PORTS, ships(n=SIX, **{child: [None]})))) is found

    @pytest.mark.parametrize(
        ("child", "found"), [("port_id", True), ("home_port_id", True), ("owner_id", False)]
    )
    def test_a_sample_of_many_rows_needs_clear_names(self, child: str, found: bool) -> None:
        users = Rows("users", "id name:text", {"id": SIX})
        schema = schema_of(self.PORTS, users, ships(n=SIX, **{child: SOME}))
        assert bool(joins(infer_keys(schema, lambda pairs: dict.fromkeys(pairs, "sample")))) is found

    def test_what_could_not_be_asked_is_not_inferred(self) -> None:
        schema = schema_of(self.PORTS, ships(n=SIX, port_id=[1]))
        assert joins(infer_keys(schema, lambda pairs: {})) == set()


def test_a_declared_key_is_left_alone() -> None:
    declared = ForeignKey(
        columns=("port_id",), referred_schema="public", referred_table="harbors", referred_columns=("id",)
    )
    ports = Rows("ports", "port_id name:text", {"port_id": SIX})
    calls = Rows("calls", "n port_id", {"n": SIX, "port_id": SOME}, references=(declared,))
    schema = inferred(ports, calls)
    assert schema.tables[1].foreign_keys == (declared,)


def test_a_junction_gets_all_of_its_keys() -> None:
    schema = inferred(
        Rows("sailors", "sid name:text", {"sid": SIX}),
        Rows("boats", "bid name:text", {"bid": SIX}),
        Rows("sailor_boat", "sid bid", {"sid": [1, 2, 3], "bid": [3, 4, 5]}),
        Rows("reserves", "bid sid", {"sid": [1, 1, 2], "bid": [1, 2, 2]}),
    )
    assert joins(schema) == {
        f"{table}.{key} > {parent}.{key}"
        for table in ("sailor_boat", "reserves")
        for key, parent in (("sid", "sailors"), ("bid", "boats"))
    }
    # That its columns repeat nothing so far is chance; that no pair does is not.
    assert schema.tables[2].inferred_unique == (("sid", "bid"),)


def test_shared_prefixes_are_seen_through() -> None:
    schema = inferred(
        Rows("qzclient", "qzcliid:text qzcliname:text qzclicity:text", {"qzcliid": SUITES}),
        Rows("qzitem", "qzitemid:text qzitemname:text qzitemsize", {"qzitemid": SUITES}),
        Rows(
            "qzorder",
            "qzorid:text qzorcliid:text qzoritemid:text qzorcount",
            {"qzorid": SUITES, "qzorcliid": ["a", "a"], "qzoritemid": ["b", "c"]},
        ),
    )
    assert joins(schema) == {"qzorder.qzorcliid > qzclient.qzcliid", "qzorder.qzoritemid > qzitem.qzitemid"}


def test_every_table_with_a_letter_of_its_own() -> None:
    schema = inferred(
        Rows("land", "l_landkey l_name:text l_area", {"l_landkey": SIX}),
        Rows("city", "c_citykey c_name:text c_landkey", {"c_citykey": SIX, "c_landkey": SOME}),
    )
    assert joins(schema) == {"city.c_landkey > land.l_landkey"}


def test_texts_can_be_keys() -> None:
    schema = inferred(
        Rows("places", "town_name:text county:text", {"town_name": SUITES, "county": list("aabbcc")}),
        Rows("inns", "id name:text town_name:text county:text", {"id": SIX, "town_name": ["a", "b", "a"]}),
    )
    assert joins(schema) == {"inns.town_name > places.town_name"}


def test_the_table_itself_comes_before_those_that_extend_it() -> None:
    inns = Rows("inn", "id name:text", {"id": SIX})
    kitchens = Rows("kitchen", "inn_id chef:text", {"inn_id": [1, 2, 3, 4]})
    reviews = Rows("review", "n inn_id", {"n": SIX, "inn_id": SOME})
    assert joins(inferred(inns, kitchens, reviews)) == {"kitchen.inn_id > inn.id", "review.inn_id > inn.id"}
    # Without it, the one with most rows stands for it.
    cellars = Rows("cellar", "inn_id wine:text", {"inn_id": [1, 2, 3]})
    assert joins(inferred(kitchens, cellars, reviews)) == {
        "cellar.inn_id > kitchen.inn_id",
        "review.inn_id > kitchen.inn_id",
    }


def test_of_two_tables_that_fit_alike_none() -> None:
    one = Rows("crew", "cid name:text", {"cid": SIX})
    other = Rows("cargo", "cid name:text", {"cid": SIX})
    calls = Rows("calls", "n cid", {"n": SIX, "cid": SOME})
    assert joins(inferred(one, other, calls)) == set()
    # A value that only one of them has decides.
    larger = Rows("cargo", "cid name:text", {"cid": [*SIX, 7]})
    calls = Rows("calls", "n cid", {"n": SIX, "cid": [*SOME, 7]})
    assert joins(inferred(one, larger, calls)) == {"calls.cid > cargo.cid"}


def test_the_own_schema_comes_first() -> None:
    ports = [Rows("ports", "port_id name:text", {"port_id": SIX}, schema=name) for name in ("a", "b")]
    calls = Rows("calls", "n port_id", {"n": SIX, "port_id": SOME}, schema="b")
    (key,) = inferred(*ports, calls).tables[2].foreign_keys
    assert key.referred_schema == "b"


class TestRoles:
    USERS = Rows("users", "uid name:text", {"uid": SIX})

    @pytest.mark.parametrize("child", ["sender_id", "receiver_id", "created_by", "ownerId"])
    def test_a_role_means_the_only_table_of_people(self, child: str) -> None:
        assert joins(inferred(self.USERS, ships(n=SIX, **{child: SOME}))) == {f"ships.{child} > users.uid"}

    def test_of_two_tables_of_people_none(self) -> None:
        staff = Rows("staff", "id name:text", {"id": SIX})
        assert joins(inferred(self.USERS, staff, ships(n=SIX, owner_id=SOME))) == set()

    def test_an_id_whose_table_another_column_tells_is_no_key(self) -> None:
        assert joins(inferred(self.USERS, ships(n=SIX, owner_id=SOME, owner_type=SOME))) == set()

    def test_parents_and_superiors_are_of_the_same_table(self) -> None:
        areas = Rows("areas", "area_id parent_id", {"area_id": SIX, "parent_id": SOME})
        workers = Rows("employees", "id manager_id salary", {"id": SIX, "manager_id": SOME})
        assert joins(inferred(areas, workers)) == {
            "areas.parent_id > areas.area_id",
            "employees.manager_id > employees.id",
        }

    def test_a_second_id_of_a_table_is_no_reference_to_its_first(self) -> None:
        assert joins(inferred(Rows("users", "id user_no user_id", {"id": SIX, "user_id": SIX}))) == set()


class TestRelations:
    BOOKS = Rows("books", "bid citations_count", {"bid": SIX})
    WRITERS = Rows("writers", "wid name:text", {"wid": SIX})
    QUOTES = Rows("cites", "citing cited", {"citing": [1, 2, 3], "cited": [4, 5, 6]})

    def test_a_table_that_speaks_of_the_relation(self) -> None:
        assert joins(inferred(self.BOOKS, self.WRITERS, self.QUOTES)) == {
            "cites.citing > books.bid",
            "cites.cited > books.bid",
        }

    def test_nothing_speaks_for_one(self) -> None:
        books = Rows("books", "bid pages", {"bid": SIX})
        assert joins(inferred(books, self.WRITERS, self.QUOTES)) == set()
        assert joins(inferred(books, self.QUOTES)) == set()

    def test_two_numbers_are_no_relation(self) -> None:
        points = Rows("points", "x y", {"x": [1, 2], "y": [3, 4]})
        assert joins(inferred(self.BOOKS, points)) == set()


NAMES = [
    *("id", "name", "user_id", "uid", "users", "cid", "city_name", "owner_id"),
    *("parent_id", "code", "a", "b", "user", "type", "book_id"),
]


@st.composite
def rows(draw: st.DrawFn, name: str) -> Rows:
    columns = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    count = draw(st.integers(0, 6))
    value = st.one_of(st.none(), st.integers(1, 5))
    return Rows(
        name,
        " ".join(f"{c}:{draw(st.sampled_from(['integer', 'bigint', 'text', 'date']))}" for c in columns),
        {c: draw(st.lists(value, min_size=count, max_size=count)) for c in columns},
    )


@given(st.tuples(*(rows(name) for name in ("users", "books", "city", "user_book"))))
def test_whatever_is_inferred_holds_in_the_rows(tables: tuple[Rows, ...]) -> None:
    schema = inferred(*tables)
    by_name: dict[str, tuple[Rows, Table]] = {
        t.name: (t, found) for t, found in zip(tables, schema.tables, strict=True)
    }
    for rows_, table in by_name.values():
        for key in table.foreign_keys:
            (own,), (theirs,) = key.columns, key.referred_columns
            parent_rows, parent = by_name[key.referred_table]
            kinds = [
                next(c.type for c in t.columns if c.name == n) for t, n in ((table, own), (parent, theirs))
            ]
            assert len({family(kind) for kind in kinds}) == 1
            values = parent_rows.of(theirs)
            assert len(set(values)) == len(values) and None not in values
            assert {v for v in rows_.of(own) if v is not None} <= set(values)
            assert own not in ("id", "name", "type", "code")
            assert (table.name, own) != (parent.name, theirs)
        assert len({key.columns for key in table.foreign_keys}) == len(table.foreign_keys)
    assert infer_keys(schema, contained_in(tables)) == schema
