"""A schema of many tables, most of which no request of the tests is about."""

from __future__ import annotations

import random
import re

from meta_agent.contracts import Column, DatabaseSchema, ForeignKey, Table

_SYLLABLES = re.findall("..", "bacodifugahejikolumaneporasetivowaxeyuza")


def column(name: str, sql_type: str = "text", comment: str | None = None, *values: str) -> Column:
    return Column(name=name, type=sql_type, comment=comment, values=values)


def table(name: str, *columns: Column | str, comment: str | None = None, **references: str) -> Table:
    """A table with the key ``id``; ``references``: column and the table that it refers to."""
    given = [column(c) if isinstance(c, str) else c for c in columns]
    keys = [column("id", "integer"), *(column(name, "integer") for name in references)]
    return Table(
        schema_name="public",
        name=name,
        columns=(*keys, *given),
        primary_key=("id",),
        foreign_keys=tuple(
            ForeignKey(
                columns=(own,), referred_schema="public", referred_table=other, referred_columns=("id",)
            )
            for own, other in references.items()
        ),
        comment=comment,
        row_count=100,
    )


def schema(*tables: Table) -> DatabaseSchema:
    return DatabaseSchema(database="d", default_schema="public", fingerprint="f", tables=tables)


def fillers(number: int, columns: int = 10) -> list[Table]:
    """Tables with names that mean nothing."""
    dice = random.Random(7)

    def word() -> str:
        return "".join(dice.choice(_SYLLABLES) for _ in range(3))

    made: list[Table] = []
    for place in range(number):
        parent = made[dice.randrange(place)].name if place else None
        names = [f"{word()}_{word()}" for _ in range(columns)]
        keys = {"parent": parent} if parent else {}
        made.append(table(f"{word()}_{word()}_{place}", *names, **keys))
    return made


SHOP = (
    table("customers", "full_name", "city"),
    table("orders", column("status", "text", None, "open", "shipped"), "ordered_on", customer_id="customers"),
    table(
        "order_items", column("quantity", "integer"), "unit_price", order_id="orders", product_id="products"
    ),
    table("products", "title", category_id="categories"),
    table("categories", "label", comment="kinds of merchandise"),
    table("sbwarehouse", column("cap", "integer", "how many pallets it holds")),
)


def large(number: int = 494) -> DatabaseSchema:
    """The shop among ``number`` other tables."""
    others = fillers(number)
    half = number // 2
    return schema(*others[:half], *SHOP, *others[half:])
