"""Which values of a question get a name: those that both the request and the query's conditions say."""

from __future__ import annotations

import pytest

from meta_agent.contracts import SqlQuery
from meta_agent.questions.parameters import parametrise
from meta_agent.questions.values import filled_sql, one_query


def named(request: str, *conditions: str) -> tuple[list[tuple[str, str, str]], str, list[str]]:
    """Name, type and value of every parameter; the request; what stands in each query after WHERE."""
    queries = [SqlQuery(title=request, sql=f"SELECT a FROM t AS p WHERE {text}") for text in conditions]
    found = parametrise(request, queries)
    shown = [" ".join(query.sql.split()).partition(" WHERE ")[2] for query in found.queries]
    return [(p.name, p.type, p.value) for p in found.parameters], found.request, shown


@pytest.mark.parametrize(
    ("request_text", "condition", "parameter", "written"),
    [
        (
            "due in 2026",
            "EXTRACT(YEAR FROM p.d) = 2026",
            ("year", "year", "2026"),
            "EXTRACT(YEAR FROM p.d) = :year",
        ),
        ("built in 2001", "year_built = 2001", ("year", "year", "2001"), "year_built = :year"),
        ("in 2026", "TO_CHAR(d, 'YYYY') = '2026'", ("year", "year", "2026"), "TO_CHAR(d, 'YYYY') = '{year}'"),
        ("over 2000 feet", "square_feet > 2000", ("above", "number", "2000"), "square_feet > :above"),
        ("at least 1.25", "dscr >= 1.25", ("at_least", "number", "1.25"), "dscr >= :at_least"),
        ("at least 1.25", "1.25 <= dscr", ("at_least", "number", "1.25"), ":at_least <= dscr"),
        ("5 million", "noi < 5000000", ("below", "number", "5000000"), "noi < :below"),
        ("$1,500,000.50", "noi <= 1500000.50", ("at_most", "number", "1500000.50"), "noi <= :at_most"),
        ("below 85 %", "occ < 85", ("below", "number", "85"), "occ < :below"),
        ("below 85 %", "occ < 0.85", ("below", "number", "85"), "occ < ( :below / 100.0 )"),
        ("in orlando", "city = 'Orlando'", ("city", "text", "Orlando"), "city = '{city}'"),
        (
            "in Orlando",
            "LOWER(p.city) = 'orlando'",
            ("city", "text", "Orlando"),
            "LOWER(p.city) = LOWER('{city}')",
        ),
        ("like Star", "tenant ILIKE '%star%'", ("tenant", "text", "star"), "tenant ILIKE '%{tenant}%'"),
        ("since 2024-03-01", "d >= '2024-03-01'", ("from_date", "date", "2024-03-01"), "d >= '{from_date}'"),
        (
            "by March 1, 2024",
            "d <= '2024-03-01'",
            ("until_date", "date", "2024-03-01"),
            "d <= '{until_date}'",
        ),
        (
            "on 1 Mar 2024",
            "d = CAST('2024-03-01' AS DATE)",
            ("date", "date", "2024-03-01"),
            "d = CAST('{date}' AS DATE)",
        ),
    ],
)
def test_a_value_that_both_say_gets_a_name(
    request_text: str, condition: str, parameter: tuple[str, str, str], written: str
) -> None:
    parameters, request, conditions = named(request_text, condition)
    assert parameters == [parameter]
    assert conditions == [written]
    assert f"{{{parameter[0]}}}" in request


@pytest.mark.parametrize(
    ("request_text", "condition"),
    [
        ("strong coverage", "dscr >= 1.25"),
        ("in 2026", "noi > 1.1 AND x = 2025"),
        ("NOI by city", "noi * 12 > rent"),
        ("in 20266 or B2026", "EXTRACT(YEAR FROM d) = 2026"),
        ("in Orlandoville", "city = 'Orlando'"),
        ("a list", "city = 'a'"),
        ("5 loans", "n = CASE WHEN x THEN 5 ELSE 1 END"),
        ("of 2025", "d >= '2027-01-01'"),
        ("on 2024-02-30", "d = '2024-02-28'"),
    ],
)
def test_anything_else_stays_as_it_is(request_text: str, condition: str) -> None:
    parameters, request, conditions = named(request_text, condition)
    assert (parameters, request) == ([], request_text)
    assert conditions == [" ".join(condition.split())]


def test_a_year_is_one_parameter_wherever_it_stands() -> None:
    parameters, request, (whole, ends) = named(
        "Leases of 2026: which end in 2026?",
        "EXTRACT(YEAR FROM d) = 2026",
        "d >= '2026-01-01' AND d < '2027-01-01'",
    )
    assert parameters == [("year", "year", "2026")]
    assert request == "Leases of {year}: which end in {year}?"
    assert (whole, ends) == ("EXTRACT(YEAR FROM d) = :year", "d >= '{year}-01-01' AND d < '{year+1}-01-01'")


def test_several_values_have_names_of_their_own() -> None:
    parameters, request, (conditions,) = named(
        "From 2024 to 2025, above 10 and above 20 in Miami or Tampa",
        "y_year BETWEEN 2024 AND 2025 AND a > 10 AND b > 20 AND city IN ('Miami', 'Tampa')",
    )
    names = {name for name, _, _ in parameters}
    assert names == {"year", "year_2", "above", "above_2", "city", "city_2"}
    assert conditions == (
        "y_year BETWEEN :year AND :year_2 AND a > :above AND b > :above_2 AND city IN ('{city}', '{city_2}')"
    )
    assert request == "From {year} to {year_2}, above {above} and above {above_2} in {city} or {city_2}"


@pytest.mark.parametrize(
    ("request_text", "said"),
    [("Top 5 by NOI", "Top {limit} by NOI"), ("The five largest", "The {limit} largest")],
)
def test_how_many_rows_are_wanted(request_text: str, said: str) -> None:
    found = parametrise(
        request_text, [SqlQuery(title=request_text, sql="SELECT a FROM t ORDER BY a LIMIT 5")]
    )
    assert [(p.name, p.type, p.value) for p in found.parameters] == [("limit", "count", "5")]
    assert found.request == found.queries[0].title == said
    assert found.queries[0].sql.endswith("LIMIT :limit")


def test_the_values_put_back_give_the_same_query() -> None:
    sql = "SELECT a FROM t WHERE city = 'O''Fallon' AND d < '2027-01-01' AND noi > 5000000 LIMIT 3"
    found = parametrise("Top 3 in O'Fallon of 2026 above 5 million", [SqlQuery(title="t", sql=sql)])
    values = {parameter.name: parameter.value for parameter in found.parameters}
    assert set(values) == {"limit", "city", "year", "above"}
    assert filled_sql(found.queries[0].sql, found.parameters, values) == one_query(sql)
