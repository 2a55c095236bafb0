"""Stage 1: the request becomes a TaskAnalysis.

The model reads the request; what it claims about tables, web pages and what-ifs is
then held against the schema and the request's own words, because small models tick
boxes freely.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from meta_agent.contracts import DatabaseSchema, TaskAnalysis, UserRequest
from meta_agent.rendering import render
from meta_agent.what_if import asks_what_if

if TYPE_CHECKING:
    from meta_agent.utils.llm_client import Conversation

_WEB = re.compile(
    r"\b(web\s?(site|page|app|application|dashboard|interface)|dashboard|flask)s?\b", re.IGNORECASE
)


class TaskAnalyzer:
    """Asks the model what a request wants, and checks what it says."""

    def __init__(self, conversation: Conversation, schema: DatabaseSchema | None) -> None:
        self._conversation = conversation
        self._schema = schema

    def analyze(self, request: UserRequest) -> TaskAnalysis:
        """The analysis of a request.

        Raises ModelError where three tries gave no valid one.
        """
        prompt = render("prompts/analyze.md.j2", request=request.text)
        claimed = self._conversation.ask_json(prompt, TaskAnalysis, max_tokens=400, attempts=3)
        return claimed.model_copy(
            update={
                "requires_web_interface": asks_for_web_page(request.text),
                "requires_simulation": asks_what_if(request.text),
                "data_sources": self._known_tables(claimed.data_sources),
                "key_entities": _mentioned(claimed.key_entities, request.text),
            }
        )

    def _known_tables(self, names: tuple[str, ...]) -> tuple[str, ...]:
        if self._schema is None:
            return ()
        known = {table.name.lower(): table.name for table in self._schema.tables}
        known.update({f"{t.schema_name}.{t.name}".lower(): t.name for t in self._schema.tables})
        found = (known.get(name.strip('"` ').lower()) for name in names)
        return tuple(dict.fromkeys(name for name in found if name is not None))


def asks_for_web_page(text: str) -> bool:
    """Whether the request itself speaks of a web page or dashboard."""
    return _WEB.search(text) is not None


def _mentioned(entities: tuple[str, ...], text: str) -> tuple[str, ...]:
    lowered = text.lower()
    return tuple(dict.fromkeys(entity for entity in entities if entity.strip() and entity.lower() in lowered))
