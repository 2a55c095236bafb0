"""What the systems under test do with a model's reply, and how an answer is classed."""

from __future__ import annotations

import pytest

from meta_agent.contracts import Column, DatabaseSchema, ForeignKey, LlmUsage, Table
from meta_agent.databases.base import Rows
from meta_agent.evaluation.dataset import Question
from meta_agent.evaluation.judge import Expected
from meta_agent.evaluation.runner import outcome_of
from meta_agent.evaluation.systems.base import Answer
from meta_agent.evaluation.systems.langchain_chain import query_in, usage_of
from meta_agent.evaluation.systems.single_call import ddl, sql_in


@pytest.mark.parametrize(
    "reply",
    ["SELECT 1", "```sql\nSELECT 1\n```", "Here it is:\n```\nSELECT 1\n```\nIt counts.", "```sql\nSELECT 1"],
)
def test_the_single_call_reads_a_block_or_the_whole_reply(reply: str) -> None:
    assert sql_in(reply) == "SELECT 1"


@pytest.mark.parametrize(
    "reply",
    [
        "SELECT 1",
        "```sql\nSELECT 1\n```",
        "SQLQuery: SELECT 1",
        "Question: How many?\nSQLQuery: SELECT 1\nSQLResult: 7\nAnswer: 7",
        "SQLQuery:\n```sql\nSELECT 1\n```",
        "```sql\nSQLQuery: SELECT 1\n```",
    ],
)
def test_the_chain_is_read_in_every_form_its_prompt_leads_to(reply: str) -> None:
    assert query_in(reply) == "SELECT 1"


def test_an_answer_from_the_cache_is_no_call() -> None:
    asked = {"coder": {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}}
    assert (usage_of(asked).llm_calls, usage_of(asked).prompt_tokens) == (1, 7)
    assert usage_of({}).llm_calls == 1
    assert usage_of({"coder": {"total_cost": 0}}) == LlmUsage()


def test_the_baselines_schema_is_plain_ddl_with_keys_and_comments() -> None:
    city = Table(
        schema_name="geo",
        name="city",
        columns=(Column(name="id", type="integer", nullable=False),),
        primary_key=("id",),
    )
    shop = Table(
        schema_name="public",
        name="shop",
        columns=(Column(name="city_id", type="integer", comment="where\nit is"),),
        foreign_keys=(
            ForeignKey(
                columns=("city_id",), referred_schema="geo", referred_table="city", referred_columns=("id",)
            ),
        ),
    )
    schema = DatabaseSchema(database="d", default_schema="public", fingerprint="f", tables=(city, shop))
    assert ddl(schema).splitlines() == [
        "CREATE TABLE geo.city (",
        "  id integer NOT NULL,",
        "  PRIMARY KEY (id),",
        ");",
        "",
        "CREATE TABLE shop (",
        "  city_id integer, -- where it is",
        "  FOREIGN KEY (city_id) REFERENCES geo.city (id),",
        ");",
    ]


ONE = Rows(("n",), ((1,),))
ASKED = Question(
    id="q", db="d", question="?", category="c", ordered=False, answerable=True, gold_sql=("SELECT 1",)
)
UNANSWERABLE = ASKED.model_copy(update={"answerable": False, "gold_sql": ()})


@pytest.mark.parametrize(
    ("question", "answer", "outcome"),
    [
        (ASKED, Answer("answered", (ONE,)), "right"),
        (ASKED, Answer("answered", (Rows(("n",), ((2,),)),)), "wrong"),
        (ASKED, Answer("answered"), "wrong"),
        (ASKED, Answer("abstained"), "abstained"),
        (ASKED, Answer("failed"), "failed"),
        (UNANSWERABLE, Answer("answered", (Rows(("n",), ()),)), "wrong"),
        (UNANSWERABLE, Answer("abstained"), "abstained"),
        (UNANSWERABLE, Answer("failed"), "failed"),
    ],
)
def test_an_answer_is_classed_by_what_it_says(question: Question, answer: Answer, outcome: str) -> None:
    assert outcome_of(question, answer, [Expected(ONE)] if question.answerable else []) == outcome
