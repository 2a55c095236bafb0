"""Stage 1: the request becomes a TaskAnalysis.

The model reads the request and nothing else: shown the schema, a small one finds a use for it in
every request. What data it says it needs is then held against the schema; web pages and
what-ifs are read from the request's own words, because small models tick boxes freely.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from meta_agent.analyzers.grounding import tables_meant
from meta_agent.analyzers.plain_requests import is_plain, plain_analysis, without_bounds
from meta_agent.contracts import DatabaseSchema, Table, TaskAnalysis, UserRequest
from meta_agent.errors import NoAnswer
from meta_agent.glossary import Glossary, normalise
from meta_agent.ranking import without_counts
from meta_agent.rendering import render
from meta_agent.what_if import asks_what_if

if TYPE_CHECKING:
    from meta_agent.utils.llm_client import Conversation

_WEB = re.compile(
    r"\b(web\s?(site|page|app|application|dashboard|interface)|dashboard|flask)s?\b", re.IGNORECASE
)
_FIGURE = re.compile(r"\b(?!(?:19|20)\d\d\b)\d")
_NOTHING = ("", "none", "null", "n a", "no table", "nothing")
"""What models write where they mean an empty list."""
_TEXTS = ("text", "character", "varchar", "citext")
_SECONDS = {"SIMPLE": 5, "MEDIUM": 15, "COMPLEX": 60}


class AnalysisDraft(BaseModel):
    """What the model is asked for; the rest of the analysis follows from the request itself.

    Servers without JSON schemas may send more: it does no harm.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    primary_goal: str
    task_type: Literal["calculation", "data_processing", "reporting"]
    data_sources: tuple[str, ...]
    key_entities: tuple[str, ...]
    complexity: Literal["SIMPLE", "MEDIUM", "COMPLEX"]


class TaskAnalyzer:
    """Asks the model what a request wants, and checks what it says."""

    def __init__(
        self,
        conversation: Conversation,
        schema: DatabaseSchema | None,
        glossary: Glossary | None = None,
        *,
        asks_always: bool = True,
    ) -> None:
        """``asks_always``: whether the model is asked even where the request's own words say it all."""
        self._asks_always = asks_always
        self._conversation = conversation
        self._schema = schema
        self._glossary = glossary or Glossary()

    def analyze(self, request: UserRequest) -> TaskAnalysis:
        """The analysis of a request.

        Raises ModelError where three tries gave no valid one, NoAnswer where it needs data that the
        database does not hold.
        """
        plain = None if self._asks_always else self._by_words(request.text)
        if plain is not None:
            return plain
        prompt = render("prompts/analyze.md.j2", request=request.text)
        claimed = self._conversation.ask_json(prompt, AnalysisDraft, max_tokens=300, attempts=3)
        return TaskAnalysis(
            primary_goal=_as_heading(claimed.primary_goal),
            task_type=claimed.task_type,
            requires_web_interface=asks_for_web_page(request.text),
            requires_simulation=asks_what_if(request.text),
            data_sources=self._known_tables(claimed.data_sources, request.text),
            key_entities=_mentioned(claimed.key_entities, request.text),
            complexity=claimed.complexity,
            estimated_execution_time_seconds=_SECONDS[claimed.complexity],
        )

    def _by_words(self, text: str) -> TaskAnalysis | None:
        """The analysis without the model; None where the words do not say enough."""
        if self._schema is None or not is_plain(text, self._schema.tables, self._glossary):
            return None
        tables = self._known_tables((), text)
        if not tables and not gives_figures(without_bounds(text)):
            tables = tables_meant((), text, self._schema, self._glossary)
        if not tables:
            return None
        return plain_analysis(text, tables, web=asks_for_web_page(text), simulation=asks_what_if(text))

    def _known_tables(self, claimed: tuple[str, ...], text: str) -> tuple[str, ...]:
        """The tables that are meant, as the catalogue spells them; the model's own words without a catalogue.

        A request that names a table, or gives no figures to compute anything from and speaks of a metric
        or of what the tables hold, needs the database whatever the model says.
        """
        said = [name for name in claimed if normalise(name) not in _NOTHING]
        wanted = tuple(name for name in said if not _is_proper_name(name, text))
        if self._schema is None:
            return wanted
        tables = self._schema.tables
        found = [table.name for name in wanted for table in tables if _is_named(table, name)]
        found = found or [table.name for table in tables if _stands_in(table.name, text)]
        if not found and (wanted or asks_what_if(text) or not gives_figures(text)):
            found = list(tables_meant(wanted, text, self._schema, self._glossary))
        if said and not wanted and not found:  # only names: some row may be called so
            found = [t.name for t in tables if any(c.type.startswith(_TEXTS) for c in t.columns)]
        if wanted and not found:
            raise NoAnswer(
                f"The request needs {', '.join(wanted)[:200]}, and no table or column is named like that.",
                "Name the tables or columns you mean, or connect the database that has them.",
            )
        return tuple(dict.fromkeys(found))


def _is_proper_name(written: str, text: str) -> bool:
    """Whether a claimed source is a name out of the request: a mall is a row, no kind of record."""
    is_inside = text.find(written.strip()) > 0
    return is_inside and all(word[:1].isupper() for word in written.split()) and " " in written.strip()


def _is_named(table: Table, written: str) -> bool:
    """Whether a name as a model writes it means this table: in quotes, with a schema, in the singular."""
    parts = [normalise(part) for part in re.sub(r"[\s\"'`\[\]]+", " ", written).split(".")]
    if parts[-1] not in (normalise(table.name), f"{normalise(table.name)} table"):
        return False
    return len(parts) < 2 or parts[-2] == normalise(table.schema_name)


def _stands_in(name: str, text: str) -> bool:
    """Whether the request has the table's own name, in the very form of the catalogue."""
    words = r"[\s_-]+".join(map(re.escape, re.findall(r"[^\W_]+", name.lower())))
    return bool(words) and re.search(rf"(?<!\w){words}(?!\w)", text.lower()) is not None


def gives_figures(text: str) -> bool:
    """Whether a request has numbers that something can be computed from: neither a year nor how many."""
    return _FIGURE.search(without_counts(text)) is not None


def asks_for_web_page(text: str) -> bool:
    """Whether the request itself speaks of a web page or dashboard."""
    return _WEB.search(text) is not None


def _as_heading(goal: str) -> str:
    """What is to be done, as a heading: "To list the leases." becomes "List the leases"."""
    shown = re.sub(r"^to\s+(?=\w)", "", " ".join(goal.split()), flags=re.IGNORECASE).removesuffix(".")
    return shown[:1].upper() + shown[1:]


def _mentioned(entities: tuple[str, ...], text: str) -> tuple[str, ...]:
    lowered = text.lower()
    return tuple(dict.fromkeys(entity for entity in entities if entity.strip() and entity.lower() in lowered))
