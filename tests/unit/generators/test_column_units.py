"""Units of result columns: from comments and the glossary, through sums and ratios, none that is not sure."""

from __future__ import annotations

import pytest
from script_examples import GLOSSARY

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.generators.column_units import units_of
from meta_agent.generators.sql_parsing import parse_queries


def column(name: str, kind: str = "numeric(14,2)", comment: str | None = None) -> Column:
    return Column(name=name, type=kind, comment=comment)


SCHEMA = DatabaseSchema(
    database="d",
    default_schema="public",
    fingerprint="f",
    tables=(
        Table(
            schema_name="public",
            name="deals",
            columns=(
                column("deal_id", "integer"),
                column("price", comment="USD"),
                column("fee", comment="in $ per deal"),
                column("tax", comment="EUR"),
                column("area", "integer", "square feet"),
                column("share", comment="percent of the whole"),
                column("occupancy_rate"),
                column("note", "text", "100 % free text"),
            ),
        ),
        Table(
            schema_name="public",
            name="months",
            columns=(column("month", "date"), column("rental_income"), column("rank")),
            comment="Income by month; USD",
        ),
    ),
)
CASES = {
    "price": "USD",
    "fee AS x": "USD",
    "SUM(price) AS total": "USD",
    "ROUND(AVG(price), 2) AS middle": "USD",
    "price + fee AS both": "USD",
    "price - 100 AS less": "USD",
    "price * 12 AS yearly": "USD",
    "price / area AS per_foot": "USD",
    "COALESCE(tax, 0) AS tax": "EUR",
    "share": "%",
    "occupancy_rate": "%",
    "100.0 * price / fee AS ltv": "%",
    "price / fee AS dscr": None,
    "price + tax AS mixed": None,
    "price * share AS odd": None,
    "COUNT(price) AS deals": None,
    "area": None,
    "deal_id": None,
}


@pytest.mark.parametrize("shown", CASES)
def test_the_unit_of_a_column(shown: str) -> None:
    tree = parse_queries(f"SELECT {shown} FROM deals")[0]
    wanted = CASES[shown]
    assert units_of(tree, SCHEMA, GLOSSARY) == ({tree.named_selects[0]: wanted} if wanted else {})


def test_the_comment_of_a_table_is_about_its_amounts() -> None:
    tree = parse_queries("SELECT month, SUM(rental_income) AS income, rank FROM months GROUP BY 1, 3")[0]
    assert units_of(tree, SCHEMA, GLOSSARY) == {"income": "USD"}


def test_columns_of_subqueries_keep_their_units() -> None:
    tree = parse_queries("WITH d AS (SELECT price FROM deals) SELECT price FROM d")[0]
    assert units_of(tree, SCHEMA, GLOSSARY) == {"price": "USD"}
