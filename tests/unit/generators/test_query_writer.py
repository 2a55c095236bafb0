# ruff: noqa: E501 - examples stay on one line
from __future__ import annotations

import pytest
from script_examples import FakeExplain, analysis, generate, plan, python_block, sql_block
from scripted_model import ScriptedModel, cut

from meta_agent.contracts import Scenario
from meta_agent.errors import NoAnswer

GOOD = sql_block("SELECT property_name FROM properties")
FALL = Scenario(name="noi -10 %", quantity="noi", change_percent=-10.0)


def test_one_good_answer_takes_one_call() -> None:
    script, model = generate([GOOD], "Which properties?")
    assert len(model.requests) == 1
    assert script.repairs == script.warnings == ()
    assert [query.title for query in script.queries] == ["The report"]


def test_a_comment_above_the_query_is_its_title_and_leaves_it() -> None:
    script, _ = generate(
        [sql_block("-- All   properties\nSELECT property_name FROM properties")], "Which properties?"
    )
    assert script.queries[0].title == "All properties"
    assert "All" not in script.queries[0].sql


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("I am sorry, I cannot do that.", "There is no SQL in the answer."),
        (sql_block("SELECT FROM WHERE"), "does not parse"),
        (sql_block("DELETE FROM properties"), "Only SELECT queries are possible."),
        (sql_block("SELECT 1; DROP TABLE properties"), "Only SELECT queries are possible."),
        (sql_block("-- nothing"), "There is no SQL in the answer."),
        (cut("```sql\nSELECT property_name FROM properties"), "was cut"),
        (sql_block("SELECT property_name FROM properties WHERE city = 'Your City'"), "condition on 'Your City', which was not asked for"),
    ],
)  # fmt: skip
def test_a_bad_answer_goes_back_with_its_reason(reply: str, told: str) -> None:
    _, model = generate([reply, GOOD], "Which properties?")
    assert told in model.requests[1].last_user


def test_of_two_blocks_the_first_is_taken() -> None:
    script, _ = generate([f"{GOOD}\nor\n{sql_block('SELECT city FROM properties')}"], "Which properties?")
    assert [query.sql for query in script.queries] == ["SELECT\n  property_name\nFROM properties"]


def test_wrong_names_are_mended_without_a_second_call() -> None:
    explain = FakeExplain({"proprty_name": "column does not exist"})
    script, model = generate([sql_block("SELECT proprty_name FROM propertys")], "Which?", explain=explain)
    assert len(model.requests) == 1
    assert len(script.repairs) == 2
    assert "FROM properties" in script.queries[0].sql


def test_names_of_a_query_that_the_database_accepts_are_left_alone() -> None:
    script, _ = generate([sql_block("SELECT x FROM not_in_our_schema")], "Which?", explain=FakeExplain())
    assert script.queries[0].sql == "SELECT\n  x\nFROM not_in_our_schema"
    assert script.repairs == ()


def test_names_that_cannot_be_mended_go_back_with_the_tables_concerned() -> None:
    explain = FakeExplain({"happiness": "column does not exist"})
    _, model = generate([sql_block("SELECT happiness FROM properties"), GOOD], "Which?", explain=explain)
    assert "There is no column happiness." in model.requests[1].last_user
    assert "TABLES: properties" in model.requests[1].last_user


def test_the_databases_own_message_goes_back() -> None:
    explain = FakeExplain({"SUM": "aggregate functions are\nnot allowed here"})
    bad = sql_block("SELECT property_name FROM properties WHERE SUM(square_feet) > 1")
    _, model = generate([bad, GOOD], "Which?", explain=explain)
    assert "PostgreSQL says: aggregate functions are not allowed here" in model.requests[1].last_user


def test_three_bad_answers_are_no_answer() -> None:
    with pytest.raises(NoAnswer) as caught:
        generate(["no", "no", "no"], "Which properties?")
    assert "There is no SQL" in caught.value.cause


def test_the_problem_of_an_earlier_script_is_what_is_asked_about() -> None:
    _, model = generate([GOOD], "Which properties?", problem="division by zero at line 3")
    assert "division by zero at line 3" in model.requests[0].last_user
    assert "Which properties?" not in model.requests[0].last_user


def test_an_improvement_that_the_database_refuses_is_left_out() -> None:
    explain = FakeExplain({"NULLIF": "no such operator"})
    sql = "SELECT noi / annual_debt_service AS dscr FROM financial_metrics"
    script, _ = generate([sql_block(sql)], "DSCR?", explain=explain)
    assert "NULLIF" not in script.queries[0].sql
    assert script.repairs == ()


REPEATED = """SELECT p.property_name FROM properties p JOIN monthly_income m ON m.property_id = p.property_id
ORDER BY m.noi DESC LIMIT 5"""


def test_rows_that_are_listed_several_times_are_questioned_once() -> None:
    _, model = generate([sql_block(REPEATED), GOOD], "Which five properties?")
    assert "once for each row of monthly_income, which is not shown" in model.requests[1].last_user
    script, _ = generate([sql_block(REPEATED), sql_block(REPEATED)], "Which five properties?")
    assert script.warnings == (
        "The same row is listed once for each row of monthly_income, which is not shown.",
    )


def test_a_join_that_only_repeats_rows_is_left_out() -> None:
    sql = """SELECT p.property_name, f.noi / f.annual_debt_service AS dscr FROM properties p
    JOIN financial_metrics f ON f.property_id = p.property_id JOIN leases l ON l.property_id = p.property_id
    ORDER BY dscr DESC"""
    script, model = generate([sql_block(sql)], "DSCR by property?")
    assert len(model.requests) == 1
    assert "left out the table leases, which the answer does not use" in script.repairs
    assert "JOIN financial_metrics" in script.queries[0].sql


def test_an_aggregate_in_a_subquery_does_not_keep_an_unused_join() -> None:
    sql = """SELECT p.property_name, f.noi FROM properties p
    JOIN financial_metrics f ON f.property_id = p.property_id JOIN leases l ON l.property_id = p.property_id
    WHERE f.as_of_date = (SELECT MAX(as_of_date) FROM financial_metrics)"""
    script, _ = generate([sql_block(sql)], "NOI by property?")
    assert "left out the table leases, which the answer does not use" in script.repairs


def test_several_queries_make_several_tables() -> None:
    script, _ = generate([sql_block("SELECT city FROM properties;\n\nSELECT lender FROM loans;")], "Which?")
    assert len(script.queries) == 2


# --- the function beside the query ---------------------------------------------------------

TRANSFORM = python_block("def transform(rows):\n    return rows[:1]")


def test_a_function_is_asked_for_and_taken_where_the_work_is_complex() -> None:
    script, model = generate([f"{GOOD}\n{TRANSFORM}"], "Which?", made_analysis=analysis(complexity="COMPLEX"))
    assert "def transform(rows)" in model.requests[0].last_user
    assert "stop" not in model.requests[0].body
    assert "def transform(rows):\n    return rows[:1]\n" in script.source


def test_elsewhere_the_answer_ends_with_its_first_block() -> None:
    script, model = generate([f"{GOOD}\n{TRANSFORM}"], "Which?")
    assert model.requests[0].body["stop"]
    assert "def transform" not in script.source


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def transform(rows):\n    return rows[", "SyntaxError at line 2"),
        ("def transform(rows, more):\n    return rows", "must take 1 argument"),
        ("def transform():\n    return []", "must take 1 argument"),
        ("def rating(x):\n    return x\n\ndef transform(rows):\n    return rows", "taken by the script"),
    ],
)
def test_a_function_that_cannot_be_used_goes_back(code: str, told: str) -> None:
    made = analysis(complexity="COMPLEX")
    _, model = generate([f"{GOOD}\n{python_block(code)}", GOOD], "Which?", made_analysis=made)
    assert told in model.requests[1].last_user


# --- what-ifs --------------------------------------------------------------------------------


def test_a_quantity_that_no_column_stands_for_is_no_answer() -> None:
    happy = Scenario(name="x", quantity="happiness", change_percent=1.0)
    with pytest.raises(NoAnswer, match="which column stands for 'happiness'"):
        generate([sql_block("SELECT noi FROM financial_metrics")], "What if?", made_plan=plan(happy))


def test_a_what_if_that_would_change_nothing_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match="computed from noi"):
        generate([sql_block("SELECT cap_rate FROM financial_metrics")], "What if?", made_plan=plan(FALL))


def test_a_change_that_the_database_refuses_is_no_answer() -> None:
    explain = FakeExplain({"* 0.9": "operator does not exist"})
    with pytest.raises(NoAnswer, match="operator does not exist"):
        generate(
            [sql_block("SELECT noi FROM financial_metrics")],
            "What if?",
            made_plan=plan(FALL),
            explain=explain,
        )


def test_a_change_in_the_query_is_not_applied_twice() -> None:
    script, _ = generate(
        [sql_block("SELECT noi * 0.9 AS noi FROM financial_metrics")], "What if?", made_plan=plan(FALL)
    )
    assert "0.9" not in script.queries[0].sql
    assert script.source.count("* 0.9") == 1


# --- free-form functions ------------------------------------------------------------------------

FREE = plan(database=False), analysis(tables=())
COMPUTE = python_block("def compute():\n    return [{'n': 1 + 2}]")


def free_form(replies: list[object], problem: str | None = None) -> tuple[str, ScriptedModel]:
    script, model = generate(replies, "One?", made_plan=FREE[0], made_analysis=FREE[1], problem=problem)  # type: ignore[arg-type]
    return script.source, model


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (python_block("def compute():\n    x = 1\n    return [x"), "SyntaxError at line 3"),
        (python_block("def compute(:\n    return 1"), "1: def compute(:"),
        (python_block("x = 1"), "no function `compute`"),
        (python_block("def compute(n):\n    return n"), "must take no arguments"),
        (python_block("def main():\n    pass\n\ndef compute():\n    return 1"), "choose others: main"),
        (cut("```python\ndef compute():\n    values = [1,"), "SyntaxError"),
        ("I cannot.", "no function `compute`"),
        (python_block("def compute():\n    return 1\nreturn 2"), "outside function"),
    ],
)
def test_a_function_that_cannot_run_goes_back_with_its_line(reply: object, told: str) -> None:
    source, model = free_form([reply, COMPUTE])
    assert told in model.requests[1].last_user
    assert "return [{'n': 1 + 2}]" in source


def test_three_bad_functions_are_no_answer() -> None:
    with pytest.raises(NoAnswer, match="no function that can be used in 3 tries"):
        free_form(["no way", "not possible", "sorry"])


def test_a_failed_function_is_asked_for_again_with_its_error() -> None:
    _, model = free_form([COMPUTE], problem="ZeroDivisionError: division by zero")
    assert "ZeroDivisionError" in model.requests[0].last_user


def test_trials_are_left_out_and_imports_go_to_the_top() -> None:
    code = """from __future__ import annotations
import datetime
import math, json

LIMIT = 3


def helper(x):
    return math.sqrt(x)


def compute():
    return [{"day": datetime.date.today(), "x": json.dumps(helper(LIMIT))}]


result = compute()
for row in result:
    print(row)
if __name__ == "__main__":
    print(compute())"""
    source, _ = free_form([python_block(code)])
    body = source.split("# --- what the request asks for")[1].split("# --- output")[0]
    assert "import" not in body
    assert "print(" not in body
    assert "result" not in body
    assert "LIMIT = 3" in body
    assert source.index("import datetime") < source.index("import json") < source.index("import logging")
    assert source.count("__main__") == 1


IN_OCALA = sql_block("SELECT property_name FROM properties WHERE city = 'Ocala'")


def test_a_doubtful_query_that_stays_the_best_is_shown_with_its_doubts() -> None:
    nonsense = sql_block("SELECT FROM WHERE")
    script, model = generate([IN_OCALA, nonsense], "Which properties?")
    assert "Ocala" in script.queries[0].sql
    assert script.warnings == ("The query has a condition on 'Ocala', which was not asked for.",)
    assert len(model.requests) == 2


def test_a_model_that_repeats_itself_is_not_asked_a_third_time() -> None:
    explain = FakeExplain({"happiness": "column does not exist"})
    bad = sql_block("SELECT happiness FROM properties")
    with pytest.raises(NoAnswer, match="no column happiness"):
        generate([bad, bad], "Which?", explain=explain)


def test_rows_that_a_join_repeats_are_counted_once() -> None:
    script, model = generate(
        [
            sql_block(
                "SELECT p.city, COUNT(p.property_id) AS n FROM properties p"
                " JOIN leases l ON l.property_id = p.property_id GROUP BY p.city"
            )
        ],
        "How many properties with leases are in each city?",
    )
    assert "COUNT(DISTINCT p.property_id) AS n" in script.queries[0].sql
    assert len(model.requests) == 1
    assert script.warnings == ()
    assert script.repairs == ("counted every row of properties once, however often the join repeats it",)
