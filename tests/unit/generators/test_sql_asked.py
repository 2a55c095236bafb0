# ruff: noqa: E501 - queries stay on one line
"""A query shows what the request names, and what it shows already stays as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sample_schema import PORTFOLIO, database, table
from script_examples import GLOSSARY
from sqlglot import exp

from meta_agent.contracts import Column, DatabaseSchema
from meta_agent.generators.sql_asked import (
    aggregate_as_asked,
    leave_out_unasked,
    name_what_is_shown,
    percent_once,
    rank_as_asked,
    shorten_names,
)
from meta_agent.generators.sql_output import show_the_time
from meta_agent.generators.sql_parsing import parse_queries


def mended(sql: str, mend: Callable[[exp.Expr], list[str]]) -> str | None:
    """The query after ``mend``, None where it is the same; a change is told, and nothing without one."""
    tree = parse_queries(sql)[0]
    before = tree.sql(dialect="postgres")
    repairs = mend(tree)
    after = tree.sql(dialect="postgres")
    assert bool(repairs) == (after != before)
    return after if repairs else None


# --- averages and totals ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_text", "sql", "expected"),
    [
        (
            "What is the average interest rate by lender?",
            "SELECT lender, interest_rate FROM loans",
            "SELECT lender, AVG(interest_rate) FROM loans GROUP BY lender",
        ),
        (
            "Average annual rent",
            "SELECT annual_rent AS rent FROM leases WHERE annual_rent > 5",
            "SELECT AVG(annual_rent) AS rent FROM leases WHERE annual_rent > 5",
        ),
        (
            "How much rent do tenants pay on average?",
            "SELECT annual_rent FROM leases",
            "SELECT AVG(annual_rent) FROM leases",
        ),
        (
            "the five lenders with the largest total balance",
            "SELECT lender, current_balance FROM loans ORDER BY current_balance DESC LIMIT 5",
            "SELECT lender, SUM(current_balance) FROM loans GROUP BY lender ORDER BY SUM(current_balance) DESC LIMIT 5",
        ),
    ],
)
def test_the_average_or_total_that_is_asked_for_is_taken(request_text: str, sql: str, expected: str) -> None:
    assert mended(sql, lambda tree: aggregate_as_asked(tree, request_text, PORTFOLIO, GLOSSARY)) == expected


@pytest.mark.parametrize(
    ("request_text", "sql"),
    [
        ("The interest rate by lender", "SELECT lender, interest_rate FROM loans"),
        ("Interest rates of loans above the average rate", "SELECT lender, interest_rate FROM loans"),
        ("Lenders and rates, where the property has an above average NOI", "SELECT lender, interest_rate FROM loans"),
        ("Interest rates compared to the average rate", "SELECT lender, interest_rate FROM loans"),
        ("What do the rates mean?", "SELECT lender, interest_rate FROM loans"),
        ("The rate of each loan, and the average size of its property", "SELECT lender, interest_rate FROM loans"),
        ("The total interest rate", "SELECT lender, interest_rate FROM loans"),
        ("The average rate", "SELECT lender, AVG(interest_rate) FROM loans GROUP BY lender"),
        ("The average rate and balance", "SELECT interest_rate, current_balance FROM loans"),
        ("The highest balance of the total balance", "SELECT current_balance FROM loans ORDER BY current_balance DESC LIMIT 1"),
        ("The average property", "SELECT property_id FROM loans"),
        ("The average rent", "SELECT DISTINCT annual_rent FROM leases"),
        ("The average rent", "SELECT annual_rent, annual_rent / 12 FROM leases"),
        ("The average rent", "SELECT annual_rent FROM leases UNION SELECT 1"),
    ],
)  # fmt: skip
def test_what_only_speaks_of_an_average_changes_nothing(request_text: str, sql: str) -> None:
    assert mended(sql, lambda tree: aggregate_as_asked(tree, request_text, PORTFOLIO, GLOSSARY)) is None


def test_a_total_that_is_stored_for_each_row_is_not_added_up() -> None:
    orders = database(
        table("orders", "order_id:integer customer:text total_amount avg_price", key=("order_id",))
    )
    for sql, request_text in (
        ("SELECT customer, total_amount FROM orders", "the orders with customer and total amount"),
        ("SELECT customer, avg_price FROM orders", "customer and average price of the orders"),
    ):
        assert mended(sql, lambda tree: aggregate_as_asked(tree, request_text, orders, GLOSSARY)) is None  # noqa: B023


# --- what the first rows are ordered by ----------------------------------------------------


@pytest.mark.parametrize(
    ("request_text", "key"),
    [
        ("top 5 loans by interest rate", "loans.interest_rate"),
        ("top 5 loans by the original amount", "loans.original_amount"),
        ("the largest 5 by current balance, sorted by interest rate", None),
        ("top 5 loans by current balance", None),
        ("top 5 loans by lender", None),
        ("top 5 loans", None),
    ],
)
def test_the_first_rows_are_those_by_the_figure_named(request_text: str, key: str | None) -> None:
    sql = "SELECT lender FROM loans ORDER BY current_balance DESC LIMIT 5"
    after = mended(sql, lambda tree: rank_as_asked(tree, request_text, PORTFOLIO))
    assert after == (f"SELECT lender FROM loans ORDER BY {key} DESC LIMIT 5" if key else None)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT lender FROM loans ORDER BY current_balance DESC",
        "SELECT lender FROM loans ORDER BY origination_date DESC LIMIT 5",
        "SELECT lender FROM loans ORDER BY current_balance / interest_rate DESC LIMIT 5",
        "SELECT lender, SUM(current_balance) AS b FROM loans GROUP BY lender ORDER BY b DESC LIMIT 5",
        "SELECT f.noi FROM financial_metrics f JOIN loans l ON l.property_id = f.property_id ORDER BY f.interest_rate LIMIT 5",
    ],
)  # fmt: skip
def test_another_kind_of_order_is_left_alone(sql: str) -> None:
    assert mended(sql, lambda tree: rank_as_asked(tree, "top 5 by interest rate", PORTFOLIO)) is None


def test_a_figure_that_two_tables_have_says_no_order() -> None:
    sql = "SELECT f.noi FROM financial_metrics f JOIN monthly_income m ON m.property_id = f.property_id ORDER BY f.property_value LIMIT 5"
    assert mended(sql, lambda tree: rank_as_asked(tree, "top 5 by noi", PORTFOLIO)) is None


# --- names beside keys ----------------------------------------------------------------------

DEALS = database(
    table("people", "id:integer name:text", key=("id",)),
    table("profiles", "person:integer nick_name:text", key=("person",), references=(("person", "people", "id"),)),
    table("deals", "deal:integer buyer:integer seller:integer? price", key=("deal",),
          references=(("buyer", "people", "id"), ("seller", "people", "id"))),
)  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT property_id, lender FROM loans WHERE property_id > 3 ORDER BY property_id",
            "SELECT loans.property_id, loans.lender, properties.property_name FROM loans"
            " JOIN properties ON loans.property_id = properties.property_id"
            " WHERE loans.property_id > 3 ORDER BY loans.property_id",
        ),
        (
            "SELECT l.property_id FROM loans l JOIN properties p ON l.property_id = p.property_id",
            "SELECT l.property_id, p.property_name FROM loans AS l JOIN properties AS p ON l.property_id = p.property_id",
        ),
    ],
)
def test_a_name_is_shown_beside_the_key_of_another_table(sql: str, expected: str) -> None:
    assert mended(sql, lambda tree: name_what_is_shown(tree, "Show the loans", PORTFOLIO)) == expected


def test_a_key_that_may_be_missing_loses_no_rows() -> None:
    after = mended("SELECT seller FROM deals", lambda tree: name_what_is_shown(tree, "Who?", DEALS))
    assert after == "SELECT deals.seller, people.name FROM deals LEFT JOIN people ON deals.seller = people.id"


@pytest.mark.parametrize(
    ("sql", "request_text", "schema"),
    [
        ("SELECT property_id, lender FROM loans", "Show the property ids of the loans", PORTFOLIO),
        ("SELECT DISTINCT property_id FROM loans", "Show the loans", PORTFOLIO),
        ("SELECT l.property_id, p.property_name FROM loans l JOIN properties p ON p.property_id = l.property_id", "Show the loans", PORTFOLIO),
        ("SELECT property_id FROM properties", "Show all", PORTFOLIO),
        ("SELECT d.seller FROM deals d JOIN people p ON p.id = d.buyer", "Who sells?", DEALS),
        ("SELECT d.seller FROM deals d JOIN people p ON p.id = d.buyer JOIN people q ON q.id = d.seller", "Who?", DEALS),
        ("SELECT d.buyer, d.seller FROM deals d", "Who deals?", DEALS),
        ("SELECT id FROM people", "Who?", DEALS),
    ],
)  # fmt: skip
def test_no_name_is_shown_where_another_is_or_may_be_meant(
    sql: str, request_text: str, schema: DatabaseSchema
) -> None:
    assert mended(sql, lambda tree: name_what_is_shown(tree, request_text, schema)) is None


# --- percentages ------------------------------------------------------------------------------


def _stored(name: str, comment: str | None = None, highest: str | None = None) -> DatabaseSchema:
    schema = database(table("t", "id:integer area", key=("id",)))
    column = Column(name=name, type="numeric", comment=comment, highest=highest)
    stored = schema.tables[0]
    return schema.model_copy(
        update={"tables": (stored.model_copy(update={"columns": (*stored.columns, column)}),)}
    )


PERCENT = _stored("let", "share of the area, in percent", "97.5")


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("AVG(let) * 100", "AVG(let)"),
        ("100.0 * AVG(let)", "AVG(let)"),
        ("(SUM(let * area) / SUM(area)) * 100", "(SUM(let * area) / SUM(area))"),
        ("SUM(let * area) * 100 / SUM(area)", "SUM(let * area) / SUM(area)"),
        ("(100 * SUM(let * area)) / NULLIF(SUM(area), 0)", "(SUM(let * area)) / NULLIF(SUM(area), 0)"),
    ],
)
def test_a_mean_of_percentages_is_in_percent(figure: str, expected: str) -> None:
    after = mended(f"SELECT {figure} AS f FROM t", lambda tree: percent_once(tree, PERCENT))
    assert after == f"SELECT {expected} AS f FROM t"


@pytest.mark.parametrize(
    "figure",
    [
        "COUNT(CASE WHEN let > 90 THEN 1 END)::numeric / COUNT(*) * 100",
        "SUM(CASE WHEN let > 90 THEN 1 ELSE 0 END) / SUM(1) * 100",
        "AVG(CASE WHEN let > 90 THEN 1 ELSE 0 END) * 100",
        "AVG((let > 90)::int) * 100",
        "COUNT(let) / area * 100",
        "(let / 100.0) * 100",
        "AVG(let / 100) * 100",
        "(let - AVG(let) OVER ()) / AVG(let) OVER () * 100",
        "(area / let) * 100",
        "area * 100 / let",
        "SUM(let) * 100 / SUM(area)",
        "SUM(area * let) * 100 / SUM(let)",
        "let * 100",
        "AVG(area) * 100",
    ],
)
def test_a_share_of_what_has_a_percentage_is_still_to_be_multiplied(figure: str) -> None:
    assert mended(f"SELECT {figure} AS f FROM t", lambda tree: percent_once(tree, PERCENT)) is None


@pytest.mark.parametrize(
    ("name", "comment", "highest", "is_percent"),
    [
        ("let_percent", None, "88", True),
        ("let_percent", None, "0.88", False),
        ("let_percent", None, None, False),
        ("let", "in percent", None, True),
        ("let", None, "88", False),
    ],
)
def test_what_is_a_percentage_the_name_the_comment_and_the_rows_say(
    name: str, comment: str | None, highest: str | None, is_percent: bool
) -> None:
    schema = _stored(name, comment, highest)
    after = mended(f"SELECT AVG({name}) * 100 AS f FROM t", lambda tree: percent_once(tree, schema))
    assert (after is not None) is is_percent


def test_a_ratio_of_two_percentages_is_none() -> None:
    schema = _stored("let_percent", "in percent", "90")
    other = Column(name="sold_percent", type="numeric", comment="in percent", highest="90")
    stored = schema.tables[0]
    both = schema.model_copy(
        update={"tables": (stored.model_copy(update={"columns": (*stored.columns, other)}),)}
    )
    sql = "SELECT (let_percent / sold_percent) * 100 AS f FROM t"
    assert mended(sql, lambda tree: percent_once(tree, both)) is None


# --- columns that nobody asked for -----------------------------------------------------------

WIDE = "SELECT lender, loan_type, original_amount, current_balance, interest_rate FROM loans"


def test_columns_that_are_not_spoken_of_are_left_out_of_a_wide_table() -> None:
    request_text = "Lender and interest rate of the loans"
    sql = f"{WIDE} ORDER BY current_balance"
    after = mended(sql, lambda tree: leave_out_unasked(tree, request_text, GLOSSARY, PORTFOLIO))
    assert after == "SELECT lender, current_balance, interest_rate FROM loans ORDER BY current_balance"


@pytest.mark.parametrize(
    ("request_text", "sql"),
    [
        ("Lender and interest rate of the loans", WIDE.replace("loan_type, ", "")),
        ("Everything on the loans, with lender and rate", WIDE),
        ("The loans with all data, their lender and rate", WIDE),
        ("Details of the loans, with lender and rate", WIDE),
        ("Show the loans", WIDE),
        ("The number of loans by lender and rate", f"{WIDE.replace('original_amount', 'COUNT(*) AS n')} GROUP BY 1, 2, 4, 5"),
        ("Lender and interest rate", WIDE.replace("SELECT", "SELECT DISTINCT")),
        ("Lender and interest rate", "SELECT * FROM loans"),
    ],
)  # fmt: skip
def test_a_table_of_which_everything_may_be_wanted_stays_whole(request_text: str, sql: str) -> None:
    assert mended(sql, lambda tree: leave_out_unasked(tree, request_text, GLOSSARY, PORTFOLIO)) is None


def test_a_stored_column_goes_by_its_own_name() -> None:
    sql = "SELECT lender AS loans_lender, interest_rate AS rate FROM loans ORDER BY loans_lender"
    assert mended(sql, lambda tree: shorten_names(tree, PORTFOLIO)) == (
        "SELECT lender, interest_rate AS rate FROM loans ORDER BY lender"
    )
    taken = "SELECT lender AS loans_lender, loan_type AS lender FROM loans"
    assert mended(taken, lambda tree: shorten_names(tree, PORTFOLIO)) is None


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SELECT m.noi FROM monthly_income m ORDER BY m.month", "SELECT m.noi, m.month FROM"),
        ("SELECT noi FROM monthly_income ORDER BY month DESC", "SELECT noi, month FROM"),
        ("SELECT m.month, m.noi FROM monthly_income m ORDER BY m.month", None),
        ("SELECT EXTRACT(MONTH FROM m.month) AS nr, m.noi FROM monthly_income m ORDER BY m.month", None),
        ("SELECT m.noi FROM monthly_income m ORDER BY m.noi", None),
        ("SELECT SUM(m.noi) FROM monthly_income m GROUP BY m.month ORDER BY m.month", None),
        ("SELECT DISTINCT m.noi FROM monthly_income m ORDER BY m.noi", None),
    ],
)
def test_the_date_that_a_list_is_in_the_order_of_is_shown(sql: str, shown: str | None) -> None:
    tree = parse_queries(sql)[0]
    before = tree.sql(dialect="postgres")
    repairs = show_the_time(tree, PORTFOLIO)
    after = tree.sql(dialect="postgres")
    assert after.startswith(shown) and len(repairs) == 1 if shown else (after, repairs) == (before, [])


def test_a_group_by_key_gets_the_name_of_what_it_is_the_key_of() -> None:
    tree = parse_queries(
        "SELECT l.property_id, SUM(l.current_balance) AS debt FROM loans l GROUP BY l.property_id"
    )[0]
    assert name_what_is_shown(tree, "debt per property", PORTFOLIO) == [
        "property_name is shown beside property_id"
    ]
    assert tree.sql(dialect="postgres") == (
        "SELECT l.property_id, SUM(l.current_balance) AS debt, properties.property_name FROM loans AS l"
        " JOIN properties ON l.property_id = properties.property_id GROUP BY l.property_id, properties.property_name"
    )
    for sql in (
        "SELECT MAX(l.property_id), SUM(l.current_balance) FROM loans l GROUP BY l.lender",
        "SELECT COUNT(*) FROM loans l",
    ):
        tree = parse_queries(sql)[0]
        assert name_what_is_shown(tree, "debt", PORTFOLIO) == []
