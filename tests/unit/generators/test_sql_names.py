# ruff: noqa: E501 - queries and replies stay on one line
from __future__ import annotations

import pytest
from sample_schema import AWKWARD, PORTFOLIO, database, table
from script_examples import GLOSSARY

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.metric_formulas import formulas_of
from meta_agent.generators.sql_joins import siblings
from meta_agent.generators.sql_names import NameCheck, mend_names
from meta_agent.generators.sql_parsing import parse_queries
from meta_agent.generators.sql_similar import nearest_name, prefixed_name


def mended(sql: str, schema: DatabaseSchema = PORTFOLIO) -> tuple[str, NameCheck]:
    tree = parse_queries(sql)[0]
    check = mend_names(tree, schema)
    return tree.sql(dialect="postgres"), check


SOUND = [
    "SELECT property_name FROM properties",
    "SELECT P.property_name FROM properties P",
    "SELECT public.properties.city FROM public.properties",
    "SELECT p.property_name, f.noi / f.annual_debt_service AS DSCR FROM properties p"
    " JOIN financial_metrics f ON p.property_id = f.property_id ORDER BY dscr DESC, DSCR",
    "SELECT property_id, noi, lender FROM financial_metrics JOIN loans USING (property_id)",
    "SELECT property_id FROM financial_metrics NATURAL JOIN properties",
    "SELECT a.city FROM properties a JOIN properties b ON a.city = b.city AND a.property_id <> b.property_id",
    "WITH m AS (SELECT property_id, SUM(noi) AS total FROM monthly_income GROUP BY property_id)"
    " SELECT p.city, m.total FROM properties p JOIN m ON m.property_id = p.property_id",
    "WITH m(pid, total) AS (SELECT property_id, SUM(noi) FROM monthly_income GROUP BY 1) SELECT pid, total FROM m",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n",
    "WITH leases AS (SELECT 1 AS x) SELECT x FROM leases",
    "SELECT t.total FROM (SELECT SUM(noi) AS total FROM monthly_income) t",
    "SELECT t.a FROM (SELECT SUM(noi) FROM monthly_income) AS t(a)",
    "SELECT property_name FROM properties p WHERE EXISTS (SELECT 1 FROM loans l WHERE l.property_id = p.property_id)",
    "SELECT property_name, (SELECT MAX(noi) FROM monthly_income m WHERE m.property_id = p.property_id) FROM properties p",
    "SELECT city FROM properties UNION SELECT lender FROM loans ORDER BY city",
    "SELECT city, COUNT(*) AS n FROM properties GROUP BY city HAVING COUNT(*) > 1 ORDER BY n",
    "SELECT state AS region, COUNT(*) FROM properties GROUP BY region",
    "SELECT noi, RANK() OVER (PARTITION BY property_id ORDER BY noi DESC) AS place FROM monthly_income",
    "SELECT noi, SUM(noi) OVER w FROM monthly_income WINDOW w AS (ORDER BY month)",
    "SELECT p.city, x.top FROM properties p"
    " CROSS JOIN LATERAL (SELECT MAX(noi) AS top FROM monthly_income m WHERE m.property_id = p.property_id) x",
    "SELECT p.city, x.top FROM properties p LEFT JOIN LATERAL"
    " (SELECT l.annual_rent AS top FROM leases l WHERE l.property_id = p.property_id LIMIT 1) x ON true",
    "SELECT * FROM properties",
    "SELECT p.* FROM properties p",
    "SELECT n FROM generate_series(1, 3) AS n",
    "SELECT g.n FROM generate_series(1, 3) AS g(n) LEFT JOIN properties p ON p.property_id = g.n",
    "SELECT v.a FROM (VALUES (1, 'x'), (2, 'y')) AS v(a, b)",
    "SELECT COUNT(p) FROM properties p",
    "SELECT CURRENT_DATE, 1",
    "SELECT CASE WHEN noi > 0 THEN 'good' ELSE 'bad' END AS kind FROM monthly_income",
    "SELECT EXTRACT(YEAR FROM month) AS year, SUM(noi) FROM monthly_income GROUP BY EXTRACT(YEAR FROM month)",
]  # fmt: skip


@pytest.mark.parametrize("sql", SOUND)
def test_a_sound_query_is_left_as_it_is(sql: str) -> None:
    before = parse_queries(sql)[0].sql(dialect="postgres")
    after, check = mended(sql)
    assert (after, check.repairs, check.problems) == (before, [], [])


def test_quoted_and_mixed_case_names_are_exact() -> None:
    sound = 'SELECT o."Net_Total", o.type, o."order" FROM "Sales Order" o'
    sql, check = mended(sound, AWKWARD)
    assert check.repairs == check.problems == []
    assert '"Net_Total"' in sql


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ('SELECT o.net_total FROM "Sales Order" o', 'SELECT o."Net_Total" FROM "Sales Order" AS o'),
        ('SELECT net_total FROM "sales order"', 'SELECT "sales order"."Net_Total" FROM "Sales Order" AS "sales order"'),
        ("SELECT amount FROM ledger", "SELECT amount FROM fin.ledger"),
        ("SELECT LEDGER.amount FROM Ledger", "SELECT ledger.amount FROM fin.ledger"),
        ("SELECT name FROM customer", "SELECT name FROM customers AS customer"),
        ("SELECT customer.name FROM customer", "SELECT customer.name FROM customers AS customer"),
    ],
)  # fmt: skip
def test_case_schema_and_plural_are_mended(sql: str, wanted: str) -> None:
    after, check = mended(sql, AWKWARD)
    assert (after, check.problems) == (wanted, [])
    assert check.repairs


def test_a_column_under_the_wrong_alias_moves_to_its_table() -> None:
    sql, check = mended(
        "SELECT p.noi FROM properties p JOIN financial_metrics f ON p.property_id = f.property_id"
    )
    assert sql.startswith("SELECT f.noi FROM")
    assert check.repairs == ["column p.noi is f.noi"]


def test_an_ambiguous_column_that_the_join_equates_is_taken_from_the_first_table() -> None:
    sql, check = mended(
        "SELECT property_id, lender FROM properties p JOIN loans l ON p.property_id = l.property_id"
    )
    assert sql.startswith("SELECT p.property_id, lender FROM")
    assert check.problems == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT noi FROM financial_metrics f JOIN monthly_income m ON f.property_id = m.property_id",
        "SELECT property_id FROM properties p RIGHT JOIN loans l ON p.property_id = l.property_id",
    ],
)
def test_an_ambiguous_column_that_may_mean_two_things_is_reported(sql: str) -> None:
    before = parse_queries(sql)[0].sql(dialect="postgres")
    after, check = mended(sql)
    assert after == before
    assert "say which" in check.problems[0]


def test_a_guessed_join_column_is_replaced_by_the_foreign_keys() -> None:
    sql, check = mended('SELECT c.name FROM "Sales Order" o JOIN customers c ON o.customer = c.id', AWKWARD)
    assert "ON o.customer = c.custid" in sql
    assert check.problems == []


@pytest.mark.parametrize("clause", ["WHERE dscr < 1.2", "WHERE DSCR < 1.2"])
def test_where_may_name_an_output(clause: str) -> None:
    sql, check = mended(f"SELECT noi / annual_debt_service AS DSCR FROM financial_metrics {clause}")
    assert sql.endswith("WHERE (noi / annual_debt_service) < 1.2")
    assert check.problems == []


def test_having_and_other_outputs_may_name_an_output() -> None:
    sql, _ = mended("SELECT city, COUNT(*) AS n, n * 2 AS twice FROM properties GROUP BY city HAVING n > 1")
    assert (
        sql
        == "SELECT city, COUNT(*) AS n, (COUNT(*)) * 2 AS twice FROM properties GROUP BY city HAVING (COUNT(*)) > 1"
    )


def test_where_may_not_get_an_aggregate() -> None:
    _, check = mended("SELECT city, COUNT(*) AS n FROM properties WHERE n > 1 GROUP BY city")
    assert check.problems


# --- the table that was not joined ------------------------------------------------------


def test_a_parent_is_joined_and_adds_no_rows() -> None:
    sql, check = mended("SELECT l.lender, l.city FROM loans l")
    assert sql == (
        "SELECT l.lender, properties.city FROM loans AS l JOIN properties ON l.property_id = properties.property_id"
    )
    assert check.repairs == ["joined properties, which has the column city"]


def test_two_columns_of_the_same_neighbour_join_it_once() -> None:
    sql, check = mended("SELECT lender, city, state FROM loans WHERE year_built > 1990")
    assert sql.count("JOIN") == 1
    assert check.problems == []


def test_names_that_a_join_would_make_ambiguous_are_pinned_first() -> None:
    sql, _ = mended("SELECT property_id, city FROM loans ORDER BY property_id")
    assert sql.startswith("SELECT loans.property_id, properties.city FROM loans JOIN")


def test_a_star_keeps_its_columns_when_a_table_is_joined_for_a_filter() -> None:
    sql, _ = mended("SELECT * FROM loans WHERE city = 'Orlando'")
    assert sql.startswith("SELECT loans.* FROM loans JOIN properties")


def test_a_one_to_one_child_is_joined_without_losing_rows() -> None:
    sql, check = mended("SELECT property_name, annual_debt_service FROM properties")
    assert "LEFT JOIN financial_metrics ON" in sql
    assert check.problems == []


def test_rows_of_a_child_are_listed_where_they_are_asked_for() -> None:
    sql, check = mended("SELECT property_name, tenant_name FROM properties")
    assert "LEFT JOIN leases ON" in sql
    assert "one row for each of its rows" in check.repairs[0]


def test_an_aggregate_over_the_child_alone_is_joined() -> None:
    sql, check = mended("SELECT city, SUM(annual_rent) AS rent FROM properties GROUP BY city")
    assert "LEFT JOIN leases ON" in sql
    assert check.problems == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT SUM(square_feet), SUM(annual_rent) FROM properties",
        "SELECT COUNT(*), SUM(annual_rent) FROM properties",
        "SELECT SUM(square_feet) FROM properties WHERE tenant_name = 'Sportsland'",
        "SELECT property_name FROM properties WHERE tenant_name = 'Sportsland'",
        "SELECT property_name, tenant_name FROM properties ORDER BY square_feet DESC LIMIT 5",
        "SELECT DISTINCT city, tenant_name FROM properties",
        "SELECT tenant_name, RANK() OVER (ORDER BY square_feet) FROM properties",
    ],
)
def test_a_join_that_would_repeat_counted_rows_is_not_made_but_reported(sql: str) -> None:
    before = parse_queries(sql)[0].sql(dialect="postgres")
    after, check = mended(sql)
    assert after == before
    assert any("leases" in problem for problem in check.problems)
    assert "leases" in [t.name for t in check.tables]


def test_a_column_of_two_neighbours_is_reported_not_guessed() -> None:
    after, check = mended("SELECT state, SUM(noi) FROM properties GROUP BY state")
    assert "JOIN" not in after
    assert "financial_metrics, monthly_income" in check.problems[0]


def test_of_two_neighbours_the_one_with_a_single_row_is_the_figure_of_each_row() -> None:
    after, check = mended("SELECT property_name, noi FROM properties")
    assert "LEFT JOIN financial_metrics" in after
    assert check.problems == []


def test_two_keys_to_the_same_table_leave_the_join_open() -> None:
    schema = database(
        table("people", "id:integer name:text", key=("id",)),
        table("deals", "id:integer buyer:integer seller:integer", key=("id",),
              references=(("buyer", "people", "id"), ("seller", "people", "id"))),
    )  # fmt: skip
    after, check = mended("SELECT name FROM deals", schema)
    assert "JOIN" not in after
    assert check.problems


def test_a_subquery_does_not_join_what_its_outer_query_has() -> None:
    after, check = mended(
        "SELECT property_name FROM properties p WHERE EXISTS (SELECT 1 FROM leases l WHERE l.city = 'x')"
    )
    assert "JOIN" not in after
    assert check.problems


def test_a_reserved_word_is_quoted_where_it_is_put_in() -> None:
    sql, _ = mended('SELECT o."ORDER" FROM "Sales Order" o', AWKWARD)
    assert sql == 'SELECT o."order" FROM "Sales Order" AS o'


# --- what is not there --------------------------------------------------------------------


def test_an_unknown_table_is_reported_with_those_there_are() -> None:
    _, check = mended("SELECT x FROM spaceships")
    assert "no table spaceships" in check.problems[0]
    assert "public.leases" in check.problems[0]


def test_a_table_of_two_schemas_is_reported() -> None:
    schema = database(table("t", "a", schema="one"), table("t", "a", schema="two"))
    _, check = mended("SELECT a FROM t", schema)
    assert check.problems == ["The table t is in more than one schema: one.t, two.t. Say which."]


def test_an_unknown_column_is_reported_with_similar_ones() -> None:
    _, check = mended("SELECT p.property_colour FROM properties p")
    assert "no column p.property_colour" in check.problems[0]


@pytest.mark.parametrize(
    ("written", "names", "wanted"),
    [
        ("proprty_name", ["property_name", "city"], "property_name"),
        ("squarefeet", ["square_feet"], "square_feet"),
        ("Square Feet", ["square_feet"], "square_feet"),
        ("tenants_name", ["tenant_name"], "tenant_name"),
        ("year_2022", ["year_2023"], None),
        ("paid", ["unpaid"], None),
        ("active", ["inactive"], None),
        ("min_annual_rent", ["max_annual_rent"], None),
        ("debit_amount", ["credit_amount"], None),
        ("annual_rental_income_total", ["annual_retail_income_total"], None),
        ("amount", ["amount_a", "amount_b"], None),
        ("noi", [], None),
    ],
)
def test_only_misspellings_are_mended(written: str, names: list[str], wanted: str | None) -> None:
    assert nearest_name(written, names) == wanted


def test_a_join_to_an_invented_table_is_left_out() -> None:
    sql, check = mended(
        "SELECT t.property_type, AVG(p.square_feet) FROM properties p"
        " JOIN property_kinds_lookup t ON t.property_id = p.property_id GROUP BY t.property_type"
    )
    assert sql == "SELECT p.property_type, AVG(p.square_feet) FROM properties AS p GROUP BY p.property_type"
    assert check.repairs == [
        "left out property_kinds_lookup, which does not exist: properties has what it was for"
    ]
    assert not check.problems


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT t.happiness FROM properties p JOIN moods t ON t.property_id = p.property_id",
        "SELECT p.city FROM properties p JOIN moods t ON t.property_id = p.property_id",
        "SELECT property_type FROM moods",
        "SELECT t.property_id FROM properties p JOIN loans l ON l.property_id = p.property_id"
        " JOIN moods t ON t.property_id = p.property_id",
    ],
)
def test_an_invented_table_that_may_mean_anything_is_a_problem(sql: str) -> None:
    _, check = mended(sql)
    assert not check.repairs
    assert "There is no table moods" in check.problems[0]


def test_a_join_condition_never_compares_a_column_with_itself() -> None:
    sql, check = mended(
        "SELECT f.noi FROM properties p JOIN financial_metrics f ON p.metric_id = f.metric_id"
    )
    assert "f.metric_id = f.metric_id" not in sql
    assert check.problems


def test_a_table_that_several_joined_ones_refer_to_is_one_meaning() -> None:
    sql, check = mended(
        "SELECT l.tenant_name, l.property_name FROM monthly_income AS m JOIN leases AS l ON m.property_id = l.property_id"
    )
    assert not check.problems
    assert "JOIN properties ON" in sql and "properties.property_name" in sql


def test_a_table_that_is_meant_in_two_ways_is_reported() -> None:
    _, check = mended(
        "SELECT l.tenant_name, l.property_name FROM monthly_income AS m JOIN leases AS l ON m.noi = l.annual_rent"
    )
    assert check.problems


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("country", "custcountry"),
        ("cucountry", "custcountry"),
        ("custcountry", "custcountry"),
        ("name", "custname"),
        ("mycountry", None),
        ("id", None),
        ("phone", None),
    ],
)
def test_a_column_without_its_table_s_prefix(written: str, meant: str | None) -> None:
    assert prefixed_name(written, ["custid", "custname", "custcountry"]) == meant


def test_a_beginning_that_not_all_columns_share_is_no_prefix() -> None:
    assert prefixed_name("country", ["custid", "custcountry", "place"]) is None
    assert prefixed_name("country", ["custid", "custcountry"]) is None


def test_a_column_without_its_table_s_prefix_is_mended_in_a_query() -> None:
    schema = database(table("customers", "custid:integer custname:text custcountry:text"))
    sql, check = mended("SELECT c.country, COUNT(*) FROM customers AS c GROUP BY c.country", schema)
    assert sql == "SELECT c.custcountry, COUNT(*) FROM customers AS c GROUP BY c.custcountry"
    assert check.repairs


# --- aliases that two tables share -----------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        (
            "SELECT p.city, p.lender FROM properties p JOIN loans p ON p.property_id = p.property_id",
            "SELECT p.city, loans.lender FROM properties AS p JOIN loans ON p.property_id = loans.property_id",
        ),
        (
            "SELECT p.city, p.lender FROM loans l JOIN properties p ON l.property_id = p.property_id JOIN loans p ON l.loan_id = p.loan_id",
            "SELECT p.city, loans.lender FROM loans AS l JOIN properties AS p ON l.property_id = p.property_id JOIN loans ON l.loan_id = loans.loan_id",
        ),
    ],
)
def test_of_two_tables_with_one_alias_the_second_goes_by_its_name(sql: str, wanted: str) -> None:
    after, check = mended(sql)
    assert (after, check.problems) == (wanted, [])
    assert any("had the same alias" in repair for repair in check.repairs)


def test_a_join_of_two_tables_with_one_alias_joins_by_what_each_has() -> None:
    schema = database(table("a", "a_id:integer b:integer"), table("bs", "b_id:integer x:text"))
    for condition in ("t.b = t.b_id", "t.b_id = t.b"):
        after, _ = mended(f"SELECT t.x FROM a t JOIN bs t ON {condition}", schema)
        assert after == f"SELECT bs.x FROM a AS t JOIN bs ON {condition.replace('t.b_id', 'bs.b_id')}"


# --- metrics written as columns ----------------------------------------------------------------


def with_formulas(sql: str) -> tuple[str, NameCheck]:
    tree = parse_queries(sql)[0]
    check = mend_names(tree, PORTFOLIO, formulas_of(GLOSSARY, PORTFOLIO))
    return tree.sql(dialect="postgres"), check


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        (
            "SELECT property_id, dscr FROM financial_metrics ORDER BY dscr",
            "SELECT property_id, (financial_metrics.noi / financial_metrics.annual_debt_service) AS dscr FROM financial_metrics"
            " ORDER BY (financial_metrics.noi / financial_metrics.annual_debt_service)",
        ),
        (
            "SELECT p.city, AVG(f.dscr) AS d FROM properties p JOIN financial_metrics f ON f.property_id = p.property_id GROUP BY p.city",
            "SELECT p.city, AVG((f.noi / f.annual_debt_service)) AS d FROM properties AS p"
            " JOIN financial_metrics AS f ON f.property_id = p.property_id GROUP BY p.city",
        ),
        (
            "SELECT p.property_name FROM properties p WHERE p.dscr < 1.2",
            "SELECT p.property_name FROM properties AS p"
            " LEFT JOIN financial_metrics ON p.property_id = financial_metrics.property_id"
            " WHERE (financial_metrics.noi / annual_debt_service) < 1.2",
        ),
    ],
)
def test_a_metric_written_as_a_column_is_computed(sql: str, wanted: str) -> None:
    after, check = with_formulas(sql)
    assert (after, check.problems) == (wanted, [])
    assert any("is computed" in repair for repair in check.repairs)


@pytest.mark.parametrize(
    "sql",
    [
        # noi there is that of a month, not of the year
        "SELECT l.debt_yield FROM loans l JOIN monthly_income m ON m.property_id = l.property_id",
        # of which of the two is open
        "SELECT dscr FROM financial_metrics a JOIN financial_metrics b ON a.metric_id < b.metric_id",
        "SELECT goodness FROM financial_metrics",
    ],
)
def test_a_metric_is_not_computed_from_other_figures_of_that_name(sql: str) -> None:
    after, check = with_formulas(sql)
    assert after == parse_queries(sql)[0].sql(dialect="postgres")
    assert check.problems


def test_an_output_of_the_metric_s_name_is_no_column_to_compute() -> None:
    sql = "SELECT x.dscr FROM (SELECT noi / annual_debt_service AS dscr FROM financial_metrics) AS x ORDER BY dscr"
    after, check = with_formulas(sql)
    assert (after, check.repairs) == (sql, [])


# --- other names for what is there ----------------------------------------------------------------


def test_a_table_s_name_stands_for_its_alias() -> None:
    after, check = mended("SELECT loans.lender FROM loans AS l")
    assert (after, check.repairs) == ("SELECT l.lender FROM loans AS l", ["column loans.lender is l.lender"])
    _, check = mended("SELECT loans.lender FROM loans AS a JOIN loans AS b ON a.loan_id < b.loan_id")
    assert check.problems


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("noi / annual_debt_service", "f.noi / annual_debt_service"),
        ("noi - other_income", "m.noi - other_income"),
        ("noi - operating_expenses", None),
        ("noi", None),
        ("noi * 12", None),
    ],
)
def test_an_ambiguous_column_goes_with_those_it_is_calculated_with(sql: str, wanted: str | None) -> None:
    joins = " FROM financial_metrics AS f JOIN monthly_income AS m ON m.property_id = f.property_id"
    after, check = mended(f"SELECT {sql} AS x{joins}")
    assert after == f"SELECT {wanted or sql} AS x{joins}"
    assert bool(check.problems) is (wanted is None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("loan_balance", "current_balance"),
        ("loan_rate", "interest_rate"),
        ("loan_name", "name"),
        ("loan_amount", None),
        ("loan_status", None),
        ("loan_day", None),
        ("loan", None),
        ("balance", None),
    ],
)
def test_a_column_named_with_its_table_is_its_only_figure_with_that_word(
    written: str, meant: str | None
) -> None:
    schema = database(
        table(
            "loans",
            "loan_id:integer name:text current_balance interest_rate first_amount second_amount"
            " payment_status:text due_day:date balance_growth",
            key=("loan_id",),
        )
    )
    after, check = mended(f"SELECT l.{written} FROM loans AS l", schema)
    assert after == f"SELECT l.{meant or written} FROM loans AS l"
    assert bool(check.problems) is (meant is None)


# --- figures of the same parent ----------------------------------------------------------------------


def test_a_sibling_with_one_row_for_the_parent_is_joined_and_loses_no_rows() -> None:
    after, check = mended("SELECT lender, annual_debt_service FROM loans")
    assert after == (
        "SELECT loans.lender, financial_metrics.annual_debt_service FROM loans"
        " LEFT JOIN financial_metrics ON loans.property_id = financial_metrics.property_id"
    )
    assert check.problems == []


def test_a_sibling_with_several_rows_is_not_joined() -> None:
    after, check = mended("SELECT lender, tenant_name FROM loans")
    assert "JOIN" not in after
    assert check.problems
    loans = next(t for t in PORTFOLIO.tables if t.name == "loans")
    assert [n.table.name for n in siblings("l", loans, PORTFOLIO)] == ["financial_metrics"]


def test_a_sibling_by_either_of_two_keys_is_open() -> None:
    schema = database(
        table("people", "id:integer", key=("id",)),
        table("wealth", "person:integer fortune", unique=(("person",),), references=(("person", "people", "id"),)),
        table("deals", "deal:integer buyer:integer seller:integer", key=("deal",),
              references=(("buyer", "people", "id"), ("seller", "people", "id"))),
    )  # fmt: skip
    after, check = mended("SELECT deal, fortune FROM deals", schema)
    assert "JOIN" not in after
    assert check.problems
