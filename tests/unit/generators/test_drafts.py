"""Several drafts of a query: which is taken, how many are asked for, and what a correction refers to."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from sample_schema import PORTFOLIO
from script_examples import (
    CREATED,
    GLOSSARY,
    FakeExplain,
    analysis,
    describe,
    generate,
    plan,
    sql_block,
)
from scripted_model import ScriptedModel
from stored_texts import StoredTexts

from meta_agent.contracts import GeneratedScript, UserRequest
from meta_agent.databases.base import Rows
from meta_agent.errors import NoAnswer
from meta_agent.generators.query_writer import NO_AGREEMENT
from meta_agent.generators.script_generator import DatabaseAccess, ScriptGenerator
from meta_agent.mechanisms import Mechanisms
from meta_agent.utils.llm_client import LLMClient
from meta_agent.validators.sql_statements import only_reads

CITIES = sql_block("SELECT city FROM properties")
STATES = sql_block("SELECT state FROM properties")
TYPES = sql_block("SELECT property_type FROM properties")
IN_OCALA = sql_block("SELECT city FROM properties WHERE state = 'Ocala'")
REFUSED = sql_block("SELECT happiness FROM properties")
BROKEN = sql_block("SELECT FROM WHERE")
REFUSES = FakeExplain({"happiness": "column does not exist"})
A, B, C = (Rows(("x",), ((text,),)) for text in "abc")


@dataclass
class DraftRows(StoredTexts):
    """A lookup that also returns rows, by a text in the query; of any other query they are not known."""

    by_text: dict[str, Rows | None] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)

    def rows(self, sql: str, most: int) -> Rows | None:
        self.read.append(sql)
        return next((rows for text, rows in self.by_text.items() if text in sql), None)


def drafted(
    *replies: str, rows: dict[str, Rows | None], request: str = "Which properties?", drafts: int = 3
) -> tuple[GeneratedScript, ScriptedModel]:
    """The scripted model checks that exactly these replies are asked for."""
    lookup = DraftRows({("properties", "state"): ("Ocala",)}, by_text=rows)
    return generate(replies, request, lookup=lookup, drafts=drafts, explain=REFUSES)


def sql_of(script: GeneratedScript) -> str:
    return " ".join(script.queries[0].sql.split())


def test_two_that_agree_are_taken_without_a_third() -> None:
    script, model = drafted(CITIES, STATES, rows={"city": A, "state": A})
    assert sql_of(script) == "SELECT city FROM properties"
    assert script.warnings == ()
    assert len(model.requests) == 2


def test_two_agree_whichever_shows_more_columns() -> None:
    more = Rows(("y", "x"), (("z", "a"),))
    for first, second in ((A, more), (more, A)):
        script, _ = drafted(CITIES, STATES, rows={"city": first, "state": second})
        assert script.warnings == ()


@pytest.mark.parametrize(("third", "taken"), [(B, "state"), (A, "city")])
def test_where_two_differ_the_third_decides(third: Rows, taken: str) -> None:
    script, _ = drafted(CITIES, STATES, TYPES, rows={"city": A, "state": B, "property_type": third})
    assert sql_of(script) == f"SELECT {taken} FROM properties"
    assert script.warnings == ()


def test_where_all_differ_the_first_is_shown_with_a_warning() -> None:
    script, _ = drafted(CITIES, STATES, TYPES, rows={"city": A, "state": B, "property_type": C})
    assert sql_of(script) == "SELECT city FROM properties"
    assert script.warnings == (NO_AGREEMENT,)


def test_rows_that_are_not_known_agree_with_none() -> None:
    script, _ = drafted(CITIES, CITIES, CITIES, rows={})
    assert script.warnings == (NO_AGREEMENT,)
    script, _ = drafted(CITIES, STATES, TYPES, rows={"state": B, "property_type": B})
    assert sql_of(script) == "SELECT state FROM properties"


def test_cut_rows_agree_with_none() -> None:
    cut = Rows(("x",), (("a",),), is_cut=True)
    script, _ = drafted(CITIES, STATES, TYPES, rows={"city": cut, "state": cut, "property_type": cut})
    assert script.warnings == (NO_AGREEMENT,)


def test_a_doubted_pair_does_not_beat_a_single_one_without_doubts() -> None:
    script, _ = drafted(IN_OCALA, IN_OCALA, TYPES, rows={"Ocala": A, "property_type": B})
    assert sql_of(script) == "SELECT property_type FROM properties"
    assert script.warnings == (NO_AGREEMENT,)


def test_a_doubt_about_one_of_two_that_agree_asks_for_a_third() -> None:
    script, _ = drafted(CITIES, IN_OCALA, TYPES, rows={"Ocala": A, "city": A, "property_type": B})
    assert sql_of(script) == "SELECT property_type FROM properties"


def test_doubted_drafts_that_agree_are_shown_with_the_doubt() -> None:
    script, model = drafted(IN_OCALA, IN_OCALA, IN_OCALA, rows={"Ocala": A})
    assert len(model.requests) == 3
    assert script.warnings == ("The query has a condition on 'Ocala', which was not asked for.",)


def test_a_draft_that_does_not_run_leaves_the_others_to_agree() -> None:
    script, model = drafted(REFUSED, STATES, TYPES, rows={"state": A, "property_type": A})
    assert sql_of(script) == "SELECT state FROM properties"
    assert script.warnings == ()
    assert "happiness" not in str(model.requests[1].body) + str(model.requests[2].body)


def test_the_one_draft_that_runs_is_taken_as_one_that_nothing_confirms() -> None:
    script, _ = drafted(REFUSED, BROKEN, TYPES, rows={"property_type": A})
    assert sql_of(script) == "SELECT property_type FROM properties"
    assert script.warnings == (NO_AGREEMENT,)


def test_where_nothing_runs_the_correction_is_of_the_first_draft() -> None:
    script, model = drafted(REFUSED, BROKEN, "no", CITIES, rows={})
    assert sql_of(script) == "SELECT city FROM properties"
    correction = model.requests[3]
    assert "There is no column happiness." in correction.last_user
    assert [turn["content"] for turn in correction.messages if turn["role"] == "assistant"] == [REFUSED]


def test_a_correction_that_says_the_first_draft_again_is_the_last() -> None:
    with pytest.raises(NoAnswer, match="no column happiness"):
        drafted(REFUSED, BROKEN, "no", REFUSED, rows={})


def test_a_draft_about_a_text_that_no_row_has_comes_last() -> None:
    absent = sql_block("SELECT city FROM properties WHERE city = 'Quux'")
    lookup = DraftRows(
        {("properties", "city"): ("Tampa",)}, by_text={"Quux": Rows(("x",), ()), "property_type": A}
    )
    script, _ = generate([absent, absent, TYPES], "What is in Quux?", lookup=lookup, drafts=3)
    assert sql_of(script) == "SELECT property_type FROM properties"
    with pytest.raises(NoAnswer, match="There is no 'Quux'"):
        generate([absent, absent, absent], "What is in Quux?", lookup=lookup, drafts=3)


def test_each_draft_is_asked_for_in_its_own_way() -> None:
    _, model = drafted(CITIES, STATES, TYPES, rows={"city": A, "state": B, "property_type": C})
    temperatures = [request.body.get("temperature") for request in model.requests]
    assert temperatures[2] == 0.8
    assert 0.8 not in temperatures[:2]
    prompts = [request.last_user for request in model.requests]
    assert prompts[0] == prompts[2] != prompts[1]
    assert len({len(request.messages) for request in model.requests}) == 1


@pytest.mark.parametrize("drafts", [1, 2])
def test_no_more_drafts_than_wanted_are_asked_for(drafts: int) -> None:
    lookup = DraftRows(by_text={"city": A, "state": B})
    script, model = generate([CITIES, STATES][:drafts], "Which?", lookup=lookup, drafts=drafts)
    assert len(model.requests) == drafts
    assert script.warnings == ((NO_AGREEMENT,) if drafts == 2 else ())
    assert len(lookup.read) == (2 if drafts == 2 else 0)


def test_without_rows_to_compare_one_draft_is_enough() -> None:
    _, model = generate([CITIES], "Which?", drafts=3)
    assert len(model.requests) == 1
    code = "```python\ndef transform(rows):\n    return rows\n```"
    made = analysis(complexity="COMPLEX")
    _, model = generate([f"{CITIES}\n{code}"], "Which?", made_analysis=made, lookup=DraftRows(), drafts=3)
    assert len(model.requests) == 1


def test_a_correction_of_a_failed_script_goes_on_from_the_draft_taken() -> None:
    lookup = DraftRows(by_text={"city": A, "state": B, "property_type": B, "lender": C})
    with ScriptedModel([CITIES, STATES, TYPES, sql_block("SELECT lender FROM loans")]) as model:
        conversation = LLMClient(model.options(max_tokens=2000)).conversation("You are careful.")
        access = DatabaseAccess(PORTFOLIO, FakeExplain(), describe, lookup)
        generator = ScriptGenerator(conversation, GLOSSARY, access, Mechanisms(drafts=3))
        request = UserRequest(text="Which?", source="argument")
        first = generator.generate(request, analysis(), plan(), created=CREATED)
        second = generator.generate(
            request, analysis(), plan(), created=CREATED, problem="It divides by zero."
        )
    assert "state" in sql_of(first)
    assert "lender" in sql_of(second)
    said = [turn["content"] for turn in model.requests[3].messages]
    assert STATES in said
    assert CITIES not in said
    assert "It divides by zero." in said[-1]


def test_a_draft_that_a_script_could_not_run_is_not_run_to_compare_it() -> None:
    lookup = DraftRows(by_text={"city": A})
    hostile = sql_block("SELECT city, pg_sleep(9) FROM properties")
    with ScriptedModel([hostile, hostile]) as model:
        conversation = LLMClient(model.options(max_tokens=2000)).conversation("You are careful.")
        access = DatabaseAccess(PORTFOLIO, FakeExplain(), describe, lookup, may_read=only_reads)
        ScriptGenerator(conversation, GLOSSARY, access, Mechanisms(drafts=2)).generate(
            UserRequest(text="Which?", source="argument"), analysis(), plan(), created=CREATED
        )
    assert lookup.read == []


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT city, COUNT(*) FROM properties GROUP BY city", True),
        ("WITH p AS (SELECT 1 AS x) SELECT x FROM p", True),
        ("SELECT pg_sleep(9)", False),
        ("SELECT pg_read_file('/etc/passwd')", False),
        ("SELECT lo_export(1, '/tmp/x')", False),
        ("SELECT dblink('host=x', 'SELECT 1')", False),
        ("SELECT set_config('transaction_read_only', 'off', true)", False),
        ("WITH d AS (DELETE FROM loans RETURNING 1) SELECT * FROM d", False),
        ("SELECT 1; DROP TABLE loans", False),
    ],
)
def test_only_what_only_reads_may_be_run_outside_the_sandbox(sql: str, reads: bool) -> None:
    assert only_reads(sql) is reads
