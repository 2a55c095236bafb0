"""The ranking of tables: which ones a request is about, among many that it is not about."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest
from large_schema import column, large, schema, table

from meta_agent.contracts import DatabaseSchema
from meta_agent.glossary import Metric, load_glossary
from meta_agent.schema_relevance import Asked, Relevance

LARGE = large()
GLOSSARY = load_glossary(Path(__file__).resolve().parents[2] / "glossary.yaml")


def best(
    request: str, database: DatabaseSchema = LARGE, **asked: tuple[Metric, ...] | tuple[str, ...]
) -> str:
    return Relevance(database, Asked(request, **asked)).ranked()[0].name  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        ("How many customers are there?", "customers"),
        ("How many custmers are there?", "customers"),
        ("List every OrderItem", "order_items"),
        ("orderitems with the largest quantity", "order_items"),
        ("which orders are there", "orders"),
        ("what has shipped", "orders"),
        ("kinds of merchandise", "categories"),
        ("which warehouses are full", "sbwarehouse"),
        ("pallets", "sbwarehouse"),
        ("capacity", "sbwarehouse"),
    ],
)
def test_the_best_table(request_: str, name: str) -> None:
    assert best(request_) == name


def test_a_table_whose_whole_name_is_said_comes_before_one_with_more_in_its_name() -> None:
    database = schema(table("orders_archive_2019"), table("orders"), table("order_log"))
    assert best("all orders", database) == "orders"


def test_words_of_a_metrics_definition_count() -> None:
    database = schema(*large(20).tables, table("metrics", column("noi"), column("annual_debt_service")))
    request = "Which buildings have a weak DSCR?"
    assert best(request, database, metrics=GLOSSARY.mentioned_in(request)) == "metrics"
    assert Relevance(database, Asked(request)).score(("public", "metrics")) == 0


def test_tables_of_the_analysis_count() -> None:
    assert best("Who owes us most?", sources=("customers",)) == "customers"


def test_a_table_that_a_key_joins_to_a_meant_one_counts_a_little() -> None:
    relevance = Relevance(LARGE, Asked("order items"))
    scores = [
        relevance.score(("public", n)) for n in ("order_items", "products", "categories", "sbwarehouse")
    ]
    assert scores == sorted(scores, reverse=True) and scores[2] > scores[3] == 0


def test_a_word_that_all_tables_have_tells_little() -> None:
    database = schema(
        *(table(f"t{n}", "name", "region") for n in range(50)), table("shops", "name", "region", "turnover")
    )
    assert best("name and turnover of every region", database) == "shops"


def test_an_empty_request_and_an_empty_schema_are_ranked_too() -> None:
    assert len(Relevance(LARGE, Asked("")).ranked()) == 500
    assert Relevance(schema(), Asked("customers")).ranked() == []


def test_a_long_request_over_500_tables_takes_little_time() -> None:
    """50 ms of processor time are allowed on an idle machine; a loaded one is given five times as long."""
    request = "open orders of custmers by city, with unit price, quantity and category " * 10
    assert len(LARGE.tables) == 500 and len(LARGE.tables[300].columns) == 12
    gc.collect()
    begin = time.process_time()
    Relevance(LARGE, Asked(request)).ranked()
    assert time.process_time() - begin < 0.25
