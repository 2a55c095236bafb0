"""What is left of a schema that is too large to be shown."""

from __future__ import annotations

import pytest
from large_schema import SHOP, column, large, schema, table

from meta_agent.contracts import Table
from meta_agent.schema_cut import CutSchema, cut_schema, narrow_tables
from meta_agent.schema_relevance import Asked

LARGE = large()


def cost(one: Table) -> int:
    return 10 * len(one.columns)


def names(cut: CutSchema) -> list[str]:
    return [one.name for one in cut.schema.tables]


def test_what_fits_is_not_cut() -> None:
    small = schema(*SHOP)
    assert cut_schema(small, Asked("customers"), sum(map(cost, SHOP)), cost) == CutSchema(small)


def test_a_large_schema_is_cut_to_the_tables_that_matter() -> None:
    cut = cut_schema(LARGE, Asked("open orders of every customer"), 500, cost)
    assert {"customers", "orders"} <= set(names(cut))
    assert sum(map(cost, cut.schema.tables)) <= 500
    assert len(cut.left_out) + len(cut.schema.tables) == len(LARGE.tables)
    assert cut.hidden_columns == {}


def test_tables_keep_the_order_of_the_catalogue() -> None:
    every = [one.name for one in LARGE.tables]
    shown = names(cut_schema(LARGE, Asked("open orders of every customer"), 500, cost))
    assert shown == sorted(shown, key=every.index)


def test_tables_on_the_way_between_two_are_shown() -> None:
    shown = names(cut_schema(LARGE, Asked("label of a category, city of a customer"), 190, cost))
    assert {"categories", "products", "order_items", "orders", "customers"} <= set(shown)


def test_keys_to_tables_that_are_not_shown_are_left_out() -> None:
    cut = cut_schema(LARGE, Asked("quantity of order items"), 60, cost)
    assert names(cut) == ["order_items"]
    assert cut.schema.tables[0].foreign_keys == ()
    assert [one.name for one in cut.schema.tables[0].columns][:3] == ["id", "order_id", "product_id"]


def test_one_table_stays_whatever_it_costs() -> None:
    assert len(cut_schema(LARGE, Asked("customers"), 1, cost).schema.tables) == 1


def test_a_request_about_nothing_here_is_shown_what_fits() -> None:
    assert sum(map(cost, cut_schema(LARGE, Asked("Zwölf Boxkämpfer"), 500, cost).schema.tables)) > 300


WIDE = table("machines", *(f"reading_{n}" for n in range(200)), column("temperature"), plant_id="plants")


def test_of_a_wide_table_keys_stay_and_the_columns_that_matter() -> None:
    cut = cut_schema(schema(WIDE), Asked("average temperature by plant"), 200, cost)
    (shown,) = cut.schema.tables
    assert len(shown.columns) == 20
    assert {"id", "plant_id", "temperature", "reading_0"} <= {one.name for one in shown.columns}
    assert cut.hidden_columns == {("public", "machines"): 183}


def test_a_wide_table_leaves_room_for_others() -> None:
    cut = cut_schema(schema(WIDE, *SHOP), Asked("temperature of machines"), 600, cost)
    assert len(names(cut)) > 4 and cut.hidden_columns


def test_keys_stay_even_where_they_cost_too_much() -> None:
    keyed = WIDE.model_copy(update={"unique_keys": (tuple(f"reading_{n}" for n in range(50)),)})
    (shown,) = cut_schema(schema(keyed), Asked("x"), 100, cost).schema.tables
    assert len(shown.columns) == 52


@pytest.mark.parametrize("budget", [20, 300, 5000])
def test_tables_of_a_correction_are_narrowed_but_all_stay(budget: int) -> None:
    cut = narrow_tables(schema(WIDE, SHOP[0]), Asked("temperature"), budget, cost)
    assert names(cut) == ["machines", "customers"]
    assert bool(cut.hidden_columns) == (budget < 2000)
