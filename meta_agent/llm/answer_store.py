"""Answers of the model that were complete, kept on this machine and given again to the same question.

The interface is that of LangChain's ``BaseCache``: lookup, update, clear, by a prompt and a
text of everything else that makes the answer what it is. It is no subclass, because importing
LangChain takes longer than a whole answer from here; ``langchain_cache.py`` is the subclass
over it. ``ChatCalls`` asks here itself, before LangChain is needed: LangChain looks nothing
up for a stream, and all our answers are streamed.

Prompts are kept as hashes only. Nothing here raises: what cannot be read is asked anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from meta_agent.llm.stream import Reply
from meta_agent.llm.usage import CallUsage
from meta_agent.local_store import LocalStore, key_of
from meta_agent.runs.secrets import holds

FILE_NAME = "model-answers.sqlite"
MOST_BYTES = 50 * 2**20


class AnswerStore:
    """The answers in one file of the cache folder."""

    def __init__(
        self,
        folder: Path,
        *,
        reads: bool = True,
        secrets: tuple[str, ...] = (),
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """``reads`` False: nothing is found, but new answers take the place of old ones.

        ``secrets``: an answer with one of them in it, because somebody wrote it into a request, is not kept.
        """
        self._store = LocalStore(folder / FILE_NAME, most_bytes)
        self._reads = reads
        self._secrets = secrets

    def lookup(self, prompt: str, llm_string: str) -> Reply | None:
        """The answer to this prompt with these settings, with the tokens it cost when it was given."""
        content = self._store.find(key_of(prompt, llm_string)) if self._reads else None
        return _reply(content) if content is not None else None

    def update(self, prompt: str, llm_string: str, reply: Reply) -> None:
        """Keep a complete answer; one that is cut, empty or came without an end is not kept."""
        is_complete = reply.finish_reason == "stop" and not reply.overran and bool(reply.text.strip())
        if is_complete and not holds(reply.text, self._secrets):
            self._store.keep(key_of(prompt, llm_string), _content(reply))

    def forget(self, prompt: str, llm_string: str) -> None:
        """Take one answer away."""
        self._store.forget(key_of(prompt, llm_string))

    def clear(self) -> None:
        """Forget everything."""
        self._store.clear()


def _content(reply: Reply) -> str:
    usage = reply.usage or CallUsage(0, 0, reply.pieces, estimated=True)
    return json.dumps(
        {
            "text": reply.text,
            "model": reply.model,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "estimated": usage.estimated,
        }
    )


def _reply(content: str) -> Reply | None:
    """None for what is no answer: somebody else's file, or a half-written one."""
    try:
        kept = json.loads(content)
        tokens = int(kept["completion_tokens"])
        usage = CallUsage(int(kept["prompt_tokens"]), 0, tokens, bool(kept["estimated"]))
        model = kept["model"]
        return Reply(
            text=str(kept["text"]),
            finish_reason="stop",
            model=None if model is None else str(model),
            usage=usage,
            pieces=tokens,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
