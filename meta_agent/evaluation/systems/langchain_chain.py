"""The strongest simple peer: LangChain's SQL query chain, with all its defaults.

The chain shows the model every table with three sample rows and asks once. Its packages are
needed here only (tools/requirements-eval.txt). It is given what its users give it: the name of
the schema that holds the tables, and a reading of the fences that models put around SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from meta_agent.contracts import LlmUsage
from meta_agent.errors import ModelError, UsageError
from meta_agent.evaluation.databases import EvaluatedDatabase
from meta_agent.evaluation.systems.base import Answer, run_queries
from meta_agent.evaluation.systems.single_call import SQL_TOKENS, sql_in
from meta_agent.llm.answer_store import AnswerStore
from meta_agent.llm.chat import ChatModel
from meta_agent.llm.options import ModelOptions

# The chain's own prompt asks for "Question: … SQLQuery: … SQLResult: … Answer: …" as the reply.
_BEFORE = re.compile(r"\A.*?\bSQLQuery:\s*", re.IGNORECASE | re.DOTALL)
_AFTER = re.compile(r"^\s*(SQLResult|Answer):.*\Z", re.IGNORECASE | re.DOTALL | re.MULTILINE)


class LangChainChain:
    """``create_sql_query_chain`` over ``SQLDatabase``, as their documentation calls them."""

    name = "langchain-chain"

    def __init__(self, options: ModelOptions, answers: AnswerStore | None = None) -> None:
        """Raises UsageError where the packages of the evaluation are not installed."""
        _check_installed()
        # LangChain's own ChatOpenAI, with our address, temperature and seed.
        self._chat = ChatModel(options, answers).ready()
        self._chains: dict[str, Callable[[str], tuple[str, LlmUsage]]] = {}

    def answer(self, asked: str, database: EvaluatedDatabase) -> Answer:
        """Ask the chain once and run what comes back. Raises ModelError."""
        if database.url not in self._chains:
            self._chains[database.url] = self._chain(database)
        reply, usage = self._chains[database.url](asked)
        return run_queries(database, [query_in(reply)], usage, schema=database.only_schema)

    def _chain(self, database: EvaluatedDatabase) -> Callable[[str], tuple[str, LlmUsage]]:
        from langchain_classic.chains import create_sql_query_chain
        from langchain_community.utilities import SQLDatabase
        from langchain_core.callbacks import get_usage_metadata_callback

        # SQLAlchemy 2.1 takes psycopg 3 unless told; the driver here is psycopg2.
        url = database.url.replace("postgresql://", "postgresql+psycopg2://", 1)
        tables = SQLDatabase.from_uri(url, schema=database.only_schema)
        chain = create_sql_query_chain(self._chat.bind(extra_body={"max_tokens": SQL_TOKENS}), tables)

        def ask(question: str) -> tuple[str, LlmUsage]:
            import openai
            from langsmith.run_helpers import tracing_context

            try:
                with tracing_context(enabled=False), get_usage_metadata_callback() as callback:
                    reply = chain.invoke({"question": question})
            except openai.OpenAIError as error:
                raise ModelError(
                    f"The model server did not answer the chain ({type(error).__name__}).",
                    "Check the model server and its context length.",
                ) from error
            return reply, usage_of(callback.usage_metadata)

        return ask


def query_in(reply: str) -> str:
    """The SQL of a reply in the chain's own form, with or without its labels and a fenced block."""
    return _AFTER.sub("", _BEFORE.sub("", sql_in(reply))).strip()


def _check_installed() -> None:
    if any(find_spec(name) is None for name in ("langchain_classic", "langchain_community")):
        raise UsageError(
            "LangChain's SQL chain is not installed.",
            "Run make eval, or pip install -r tools/requirements-eval.txt.",
        )


def usage_of(reported: dict[str, Any]) -> LlmUsage:
    """One call with its tokens; none for an answer from a cache, which comes with a cost of 0 only."""
    if any("input_tokens" not in one for one in reported.values()):
        return LlmUsage()
    total = LlmUsage(llm_calls=1)
    for one in reported.values():
        details = one.get("input_token_details") or {}
        total = LlmUsage(
            llm_calls=1,
            prompt_tokens=total.prompt_tokens + one["input_tokens"],
            cached_prompt_tokens=total.cached_prompt_tokens + (details.get("cache_read") or 0),
            completion_tokens=total.completion_tokens + one["output_tokens"],
        )
    return total
