# ruff: noqa: E501 - queries stay on one line
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_schema import PORTFOLIO
from script_examples import FakeExplain, generate, sql_block
from stored_texts import StoredTexts

from meta_agent.errors import NoAnswer
from meta_agent.generators.sql_parsing import parse_queries, to_sql
from meta_agent.generators.sql_values import MOST_LOOKUPS, ValueCheck, mend_values

STORED = StoredTexts(
    {
        ("properties", "city"): ("Tampa", "Orlando", "O'Fallon"),
        ("properties", "state"): ("FL", "MO"),
        ("leases", "tenant_name"): ("Nike, Inc.", "Zara"),
    }
)


def mended(sql: str, stored: StoredTexts = STORED) -> tuple[str, ValueCheck]:
    tree = parse_queries(sql)[0]
    check = mend_values(tree, PORTFOLIO, stored)
    return " ".join(to_sql(tree).split()), check


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("city = 'tampa'", "city = 'Tampa'"),
        ("'tampa' = city", "'Tampa' = city"),
        ("city IN ('ORLANDO', 'Tampa')", "city IN ('Orlando', 'Tampa')"),
        ("city <> 'tampa '", "city <> 'Tampa'"),
        ("NOT city LIKE 'tampa'", "NOT city LIKE 'Tampa'"),
        ("city = 'o fallon'", "city = 'O''Fallon'"),
        ("LOWER(city) = 'Tampa'", "LOWER(city) = 'tampa'"),
        ("UPPER(city) = 'tampa'", "UPPER(city) = 'TAMPA'"),
        ("city = LOWER('Tampa')", "city = 'Tampa'"),
        ("property_id IN (SELECT property_id FROM leases l WHERE l.tenant_name = 'nike inc')", "l.tenant_name = 'Nike, Inc.'"),
    ],
)  # fmt: skip
def test_another_spelling_becomes_the_stored_one(condition: str, expected: str) -> None:
    sql, check = mended(f"SELECT property_name FROM properties WHERE {condition}")
    assert expected in sql
    assert len(check.repairs) == 1 and check.warnings == []


def test_the_repair_says_where_the_text_is_stored() -> None:
    _, check = mended("SELECT 1 FROM properties WHERE city = 'tampa'")
    assert check.repairs == ["'tampa' is written 'Tampa' in properties.city"]


@pytest.mark.parametrize(
    "sql",
    [
        "WITH c AS (SELECT city AS town FROM properties) SELECT town FROM c WHERE town = 'tampa'",
        "SELECT * FROM (SELECT city AS town FROM properties) AS c WHERE c.town = 'tampa'",
        "SELECT 1 FROM leases WHERE EXISTS(SELECT 1 FROM properties p WHERE p.city = 'tampa')",
        "SELECT COUNT(*) FILTER(WHERE city = 'tampa') FROM properties",
        "SELECT city FROM properties WHERE city = 'tampa' UNION SELECT lender FROM loans",
    ],
)
def test_the_column_is_found_through_subqueries(sql: str) -> None:
    assert "= 'Tampa'" in mended(sql)[0]


@pytest.mark.parametrize(
    "condition",
    [
        "city LIKE 'tam%'",
        "city ILIKE 'tampa'",
        "city || 'x' = 'tampa'",
        "property_id = '1'",
        "city = ''",
        "LOWER(city) = LOWER('TAMPA')",
        "CAST(year_built AS TEXT) = '1990'",
    ],
)
def test_what_may_hold_or_is_no_stored_text_is_left_alone(condition: str) -> None:
    sql, check = mended(f"SELECT 1 FROM properties WHERE {condition}")
    assert condition in sql and check == ValueCheck([], [], [])


def test_a_misspelling_is_mended_with_a_warning() -> None:
    sql, check = mended("SELECT 1 FROM properties WHERE city = 'Orlanda'")
    assert "city = 'Orlando'" in sql
    assert check.warnings == ["There is no 'Orlanda' in properties.city; the answer takes 'Orlando' instead."]


def test_of_a_column_read_in_part_no_misspelling_is_mended() -> None:
    partly = StoredTexts(STORED.texts, is_complete=False)
    sql, check = mended("SELECT 1 FROM properties WHERE city = 'Orlanda'", partly)
    assert "'Orlanda'" in sql
    assert check.warnings == ["There is no 'Orlanda' in properties.city; the nearest there: 'Orlando'."]


def test_a_text_of_another_column_is_compared_there() -> None:
    sql, check = mended("SELECT 1 FROM properties WHERE city = 'fl'")
    assert "properties.state = 'FL'" in sql
    assert check.repairs == ["'fl' stands in properties.state, not in properties.city"]
    sql, check = mended(
        "SELECT 1 FROM leases l JOIN properties p ON p.property_id = l.property_id WHERE l.tenant_name = 'Tampa'"
    )
    assert "p.city = 'Tampa'" in sql and check.warnings == []


@pytest.mark.parametrize(
    ("condition", "is_absent"),
    [
        ("city = 'Quux'", True),
        ("city = 'Quux' AND state = 'FL'", True),
        ("city IN ('Quux')", True),
        ("city = 'Quux' OR state = 'FL'", False),
        ("NOT city = 'Quux'", False),
        ("city <> 'Quux'", False),
        ("city IN ('Quux', 'Tampa')", False),
    ],
)
def test_a_text_that_no_row_has_leaves_nothing_where_it_is_required(condition: str, is_absent: bool) -> None:
    _, check = mended(f"SELECT 1 FROM properties WHERE {condition}")
    assert check.warnings and bool(check.absent) is is_absent


def test_a_text_like_no_other_is_told() -> None:
    _, check = mended("SELECT 1 FROM leases WHERE tenant_name = 'Quux'")
    assert check.warnings == ["There is no 'Quux' in leases.tenant_name."]


def test_stored_texts_with_hidden_characters_never_get_into_a_query() -> None:
    hostile = StoredTexts({("properties", "city"): ("Tam\u202epa", "Tampa\n", "Tampa\\")})
    sql, check = mended("SELECT 1 FROM properties WHERE city = 'tampa'", hostile)
    assert "'tampa'" in sql
    assert check.warnings == ["There is no 'tampa' in properties.city."]


def test_a_slow_database_is_asked_once() -> None:
    slow = StoredTexts(STORED.texts, is_slow=True)
    _, check = mended("SELECT 1 FROM properties WHERE city = 'tampa' AND state = 'fl'", slow)
    assert check == ValueCheck([], [], []) and len(slow.asked) == 1


def test_only_so_many_texts_are_looked_up() -> None:
    asked = StoredTexts({("properties", "city"): ("Tampa",)})
    many = ", ".join(["'Tampa'"] * 30)
    mended(f"SELECT 1 FROM properties WHERE city IN ({many})", asked)
    assert len(asked.asked) == MOST_LOOKUPS


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), min_size=1, max_size=5),
    st.data(),
)
def test_a_text_that_occurs_is_never_changed(texts: list[str], data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(texts))
    quoted = text.replace("'", "''")
    query = f"SELECT 1 FROM properties WHERE city = '{quoted}'"
    stored = StoredTexts({("properties", "city"): tuple(texts)})
    before = " ".join(to_sql(parse_queries(query)[0]).split())
    assert mended(query, stored) == (before, ValueCheck([], [], []))


class TestInTheGenerator:
    def test_stored_texts_reach_the_script_and_never_a_prompt(self) -> None:
        draft = sql_block("SELECT property_name FROM properties WHERE city = 'tampa'")
        script, model = generate([draft], "Which properties are in tampa?", lookup=STORED)
        assert "city = 'Tampa'" in script.queries[0].sql
        assert script.repairs == ("'tampa' is written 'Tampa' in properties.city",)
        assert all("Tampa" not in str(request.body) for request in model.requests)

    def test_a_doubted_draft_goes_back_in_the_models_own_words(self) -> None:
        """The doubt is about what the model wrote, not about what is stored."""
        draft = sql_block("SELECT property_name FROM properties WHERE city = 'tampa'")
        script, model = generate([draft, draft], "Which properties?", lookup=STORED)
        assert "city = 'Tampa'" in script.queries[0].sql
        assert all("Tampa" not in str(request.body) for request in model.requests)

    def test_an_answer_about_a_text_that_no_row_has_is_none(self) -> None:
        draft = sql_block("SELECT property_name FROM properties WHERE city = 'Quux'")
        with pytest.raises(NoAnswer, match=r"There is no 'Quux' in properties\.city"):
            generate([draft], "Which properties are in Quux?", lookup=STORED)

    def test_a_repair_that_postgresql_refuses_is_not_kept(self) -> None:
        draft = sql_block("SELECT property_name FROM properties WHERE city = 'tampa'")
        explain = FakeExplain({"'Tampa'": "no"})
        script, _ = generate([draft], "Which properties are in tampa?", explain=explain, lookup=STORED)
        assert "city = 'tampa'" in script.queries[0].sql and script.repairs == ()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("city <> 'fl'", "properties.state <> 'FL'"),
        ("'fl' <> city", "'FL' <> properties.state"),
        ("NOT city = 'fl'", "NOT properties.state = 'FL'"),
        ("city LIKE 'fl'", "properties.state LIKE 'FL'"),
    ],
)
def test_a_text_of_another_column_is_moved_there_in_any_plain_comparison(
    condition: str, expected: str
) -> None:
    sql, check = mended(f"SELECT 1 FROM properties WHERE {condition}")
    assert expected in sql
    assert check.warnings == []


@pytest.mark.parametrize("condition", ["city IN ('fl')", "city <> 'Quux'", "city = 'f l'"])
def test_a_text_that_is_not_clearly_of_one_other_column_is_not_moved(condition: str) -> None:
    sql, check = mended(f"SELECT 1 FROM properties WHERE {condition}")
    assert condition in sql
    assert check.warnings


def test_a_text_that_two_other_columns_hold_is_not_moved() -> None:
    both = StoredTexts({("properties", "state"): ("FL",), ("properties", "property_type"): ("FL",)})
    sql, check = mended("SELECT 1 FROM properties WHERE city <> 'FL'", both)
    assert "city <> 'FL'" in sql
    assert check.warnings and not check.absent
