"""The kept answers as LangChain's own cache, for calls that LangChain makes without a stream.

Our own calls never come here (see ``answer_store.py``); chains built on our model do.
Imported only together with LangChain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation

from meta_agent.llm.answer_store import AnswerStore
from meta_agent.llm.stream import Reply


class LangChainCache(BaseCache):
    """An ``AnswerStore`` behind LangChain's interface."""

    def __init__(self, answers: AnswerStore) -> None:
        self._answers = answers

    def lookup(self, prompt: str, llm_string: str) -> Sequence[Generation] | None:
        """The kept answer, without usage: nothing was spent on it now."""
        reply = self._answers.lookup(prompt, llm_string)
        if reply is None:
            return None
        details = {"finish_reason": "stop", "model_name": reply.model}
        return [ChatGeneration(message=AIMessage(reply.text, response_metadata=details))]

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Keep a single complete answer in words."""
        if len(return_val) != 1 or not isinstance(return_val[0], ChatGeneration):
            return
        message = return_val[0].message
        if isinstance(message.content, str):
            details = message.response_metadata
            reply = Reply(message.content, details.get("finish_reason"), details.get("model_name"))
            self._answers.update(prompt, llm_string, reply)

    def clear(self, **_options: Any) -> None:
        """Forget everything."""
        self._answers.clear()
