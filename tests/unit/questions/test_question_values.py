"""Values are checked by their type and become literals; nothing in them can become SQL."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import sqlglot
from hypothesis import given
from sqlglot import exp

from meta_agent.errors import UsageError
from meta_agent.generators.sql_parsing import NotAQuery, to_sql
from meta_agent.questions.question import Parameter, ParameterType, Question, Report
from meta_agent.questions.values import checked, filled_sql, filled_text, values_for, worded

SQL = (
    "SELECT a FROM t WHERE y = :year AND d >= '{year}-01-01' AND d < '{year+1}-01-01'"
    " AND c = '{city}' LIMIT :limit"
)
PARAMETERS = (
    Parameter(name="year", type="year", value="2026"),
    Parameter(name="city", type="text", value="Orlando"),
    Parameter(name="limit", type="count", value="5"),
)
QUESTION = Question(
    name="q", title="t", request="{year}?", parameters=PARAMETERS, reports=(Report(title="t", sql=SQL),)
)


def test_values_take_the_places_of_their_names() -> None:
    values = values_for(QUESTION, ["year=2030", " city = St. John's "])
    assert values == {"year": "2030", "city": "St. John's", "limit": "5"}
    assert " ".join(to_sql(filled_sql(SQL, PARAMETERS, values)).split()) == (
        "SELECT a FROM t WHERE y = 2030 AND d >= '2030-01-01' AND d < '2031-01-01'"
        " AND c = 'St. John''s' LIMIT 5"
    )


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("year", ["1999", " 2026 "], ["26", "20260", "0999", "2026.0", "year", "", "٢٠٢٦", "-2026"]),
        ("date", ["2026-02-28"], ["2026-02-29", "28.02.2026", "20260228", "2026-W01-1", "today", "2026-2-8"]),
        ("count", ["1", "1000000"], ["0", "-1", "1000001", "1.5", "five"]),
        ("integer", ["0", "-7"], ["1.5", "1e3", "--7", "1 OR 1=1"]),
        ("number", ["1.25", "-3", "0"], ["1,5", "1e3", "nan", "inf", ".5", "1.", "1; DROP TABLE t"]),
        ("text", ["Orlando", "St. John's", "a%_b"], ["", "a\nb", "a\x00b", "x" * 201, "\u202e"]),
    ],
)
def test_each_type_takes_what_it_says(kind: ParameterType, good: list[str], bad: list[str]) -> None:
    parameter = Parameter(name="p", type=kind, value="")
    for value in good:
        assert checked(parameter, value) == value.strip()
    for value in bad:
        with pytest.raises(ValueError, match="it must be"):
            checked(parameter, value)


@pytest.mark.parametrize(
    ("given_value", "said"),
    [("yaer=2026", "no parameter 'yaer'"), ("year", "has no value"), ("year=soon", "a year of four digits")],
)
def test_what_cannot_be_used_is_told_with_what_can(given_value: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        values_for(QUESTION, [given_value])
    assert "year (year, now 2026), city (text, now Orlando), limit (count, now 5)" in refused.value.remedy


def test_a_question_without_parameters_says_so() -> None:
    plain = QUESTION.model_copy(update={"parameters": ()})
    with pytest.raises(UsageError) as refused:
        values_for(plain, ["year=2026"])
    assert refused.value.remedy == "It has no parameters."


@pytest.mark.parametrize("sql", ["SELECT :other", "SELECT :city", "SELECT 1; SELECT 2", "DELETE FROM t", ""])
def test_sql_that_is_no_query_of_these_parameters_is_refused(sql: str) -> None:
    with pytest.raises(NotAQuery):
        filled_sql(sql, PARAMETERS, {"year": "2026", "city": "x", "limit": "1"})


@given(city=st.text(min_size=1, max_size=60))
def test_a_text_is_a_literal_whatever_it_says(city: str) -> None:
    tree = filled_sql(SQL, PARAMETERS, {"year": "2026", "city": city, "limit": "5"})
    (again,) = sqlglot.parse(to_sql(tree), dialect="postgres")
    assert again is not None
    texts = [node.name for node in again.find_all(exp.Literal) if node.is_string]
    assert sorted(texts) == sorted(["2026-01-01", "2027-01-01", city])
    shape = [type(node) for node in tree.walk()]
    assert [type(node) for node in again.walk()] == shape


def test_other_braces_are_text() -> None:
    assert filled_text("{year} {other} {city+1} {{year}}", {"year": "2026", "city": "x"}) == (
        "2026 {other} {city+1} {2026}"
    )


def test_figures_are_written_as_people_write_them() -> None:
    number = Parameter(name="above", type="number", value="1")
    shown = worded("above {above} in {year}", (*PARAMETERS, number), {"above": "1500000.50", "year": "2026"})
    assert shown == "above 1,500,000.50 in 2026"
