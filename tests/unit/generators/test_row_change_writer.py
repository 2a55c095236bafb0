"""The one statement that a model may write to change rows: what is mended, refused, and asked again."""

from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO
from script_examples import GLOSSARY, FakeExplain, sql_block
from scripted_model import ScriptedModel

from meta_agent.errors import NoAnswer
from meta_agent.generators.row_change_writer import RowChangeWriter, WrittenChange
from meta_agent.utils.llm_client import LLMClient
from meta_agent.validators.row_changes import row_change

REQUEST = "Set the city of Maple Court to Tampa"
GOOD = "UPDATE properties SET city = 'Tampa' WHERE property_name = 'Maple Court'"


def written(*replies: str, refused: dict[str, str] | None = None) -> tuple[WrittenChange | None, list[str]]:
    """The statement, and the questions the model got."""
    with ScriptedModel(list(map(sql_block, replies))) as model:
        conversation = LLMClient(model.options(max_tokens=2000)).conversation("You are careful.")
        writer = RowChangeWriter(
            conversation, PORTFOLIO, FakeExplain(refused or {}), lambda sql: row_change(sql, 1) is not None
        )
        change = writer.write(REQUEST, GLOSSARY)
        return change, [request.last_user for request in model.requests]


def test_a_statement_that_runs_is_taken_as_it_is() -> None:
    change, questions = written(f"{GOOD};")
    assert change is not None and change.repairs == ()
    assert " ".join(change.sql.split()) == GOOD
    assert REQUEST in questions[0] and "INSERT, UPDATE or DELETE" in questions[0]


def test_misspelt_names_are_mended() -> None:
    wrong = "UPDATE propertys SET citty = 'Tampa' WHERE propertyname = 'Maple Court'"
    change, questions = written(wrong, refused={"citty": "no column"})
    assert change is not None and len(questions) == 1
    assert "city = 'Tampa'" in change.sql and "property_name = 'Maple Court'" in change.sql
    assert "column citty is city" in change.repairs and any("propertys" in line for line in change.repairs)


def test_columns_of_an_insert_are_mended() -> None:
    wrong = "INSERT INTO properties (property_id, propertyname) VALUES (99, 'New')"
    change, _ = written(wrong, refused={"propertyname": "no column"})
    assert change is not None and "property_name" in change.sql


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("DROP TABLE properties", "Only an INSERT, UPDATE or DELETE"),
        (f"{GOOD}; {GOOD}", "exactly one statement"),
        ("UPDATE properties SET WHERE (", "does not parse"),
        ("UPDATE properties SET city = pg_sleep(9)", "plain INSERT, UPDATE or DELETE"),
        ("WITH x AS (DELETE FROM leases RETURNING 1) " + GOOD, "plain INSERT, UPDATE or DELETE"),
        ("UPDATE properties SET city = 'Nowhere'", "PostgreSQL says: no such town"),
    ],
)
def test_anything_else_goes_back_with_the_reason(reply: str, told: str) -> None:
    change, questions = written(reply, GOOD, refused={"Nowhere": "no such town"})
    assert change is not None and told in questions[1]


def test_a_select_changes_nothing() -> None:
    assert written("SELECT city FROM properties")[0] is None


def test_after_three_tries_there_is_none() -> None:
    with pytest.raises(NoAnswer, match="Only an INSERT"):
        written(*["DROP TABLE properties"] * 3)
