"""How much each table and column of a schema has to do with a request: a ranking without a model.

The words of the request and of the glossary's metrics it mentions are looked up among the words of
table names (weight 4), column names (2), table comments (1.5), stored texts (1.5) and column comments (1).
A word counts for less the more tables have it: ln(1 + tables / tables with the word), the usual inverse
document frequency. Longer words may stand inside a name (``customer`` in ``sbcustomer``), names may
abbreviate them (``prop``), and a word that is nowhere may be misspelt. Tables that the analysis
names count like a name that stands in the request. What a key joins to a table shares a quarter
of its score.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rapidfuzz import fuzz, process

from meta_agent.contracts import Column, DatabaseSchema, Table, TaskAnalysis
from meta_agent.glossary import Glossary, Metric
from meta_agent.join_graph import JoinGraph, TableKey, key_of
from meta_agent.mentions import stem

_NAME, _COLUMN, _TABLE_COMMENT, _VALUE, _COLUMN_COMMENT = 4.0, 2.0, 1.5, 1.5, 1.0
_INSIDE, _ABBREVIATED, _MISSPELT = 0.7, 0.5, 0.8
"""What a word counts that is not the very word of the name."""
_LEAST_ALIKE = 80.0
_SHORTEST, _SHORTEST_INSIDE = 3, 5
_DEFINED = 0.8
"""What a word of a metric's definition counts beside one of the request."""
_SHARED = 0.25
_MOST_WORDS = 120
"""Of a request; further ones are not looked at."""

_WORD = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_GRAMMAR = frozenset(
    word
    for line in (
        "about all also and any are been but can could did does each every few for from get give had has",
        "have her his how into its list many may more most much not our out over per shall should show some",
        "such tell than that the their them then there these they this those under until use used using was",
        "were what when where which while who whose why will with would you your",
    )
    for word in line.split()
)
"""Words that stand in comments and requests and name nothing."""


@dataclass(frozen=True)
class Asked:
    """What is known of a request when its tables are chosen."""

    request: str
    metrics: tuple[Metric, ...] = ()
    """The definitions that it mentions."""
    sources: tuple[str, ...] = ()
    """Names of the tables that the analysis found."""

    def words(self) -> dict[str, float]:
        """The words to look up, with their weight."""
        found: dict[str, float] = {}
        for words, weight in self._texts():
            for word in words:
                found.setdefault(word, weight)
        return found

    def pairs(self) -> dict[str, float]:
        """Two words in a row as one: names run words together."""
        found: dict[str, float] = {}
        for words, weight in self._texts():
            for one, other in pairwise(words):
                found.setdefault(one + other, weight)
        return found

    def _texts(self) -> Iterator[tuple[list[str], float]]:
        for text, weight in [(self.request, 1.0), *((_definition(m), _DEFINED) for m in self.metrics)]:
            words = [word for word in _words(text) if len(word) >= _SHORTEST and word not in _GRAMMAR]
            yield words[:_MOST_WORDS], weight


def asked_about(request: str, analysis: TaskAnalysis, glossary: Glossary) -> Asked:
    """A request with what its analysis and the glossary say about it."""
    return Asked(request, glossary.mentioned_in(request), analysis.data_sources)


class Relevance:
    """The scores of a schema's tables and columns for one request."""

    def __init__(self, schema: DatabaseSchema, asked: Asked) -> None:
        self._schema = schema
        self._index = _index(schema.tables)
        self._matches = _matches(asked, self._index)
        own = self._own_scores(asked)
        self.graph = JoinGraph(schema)
        """The keys between the tables."""
        self._scores = self._with_neighbours(self._with_neighbours(own))

    def score(self, table: TableKey) -> float:
        """How much a table has to do with the request; 0 for nothing."""
        return self._scores[table]

    def ranked(self) -> list[Table]:
        """The tables, best first; of equal ones that with more keys, then in the catalogue's order."""
        return sorted(
            self._schema.tables,
            key=lambda table: (-self.score(key_of(table)), -len(self.graph.links_of(key_of(table)))),
        )

    def column_score(self, column: Column) -> float:
        """How much a column has to do with the request; 0 for nothing."""
        weights: dict[str, float] = {}
        for text, weight in _texts_of_column(column):
            weights.update({word: max(weight, weights.get(word, 0.0)) for word in _words(text)})
        return self._sum(weights)

    def _own_scores(self, asked: Asked) -> dict[TableKey, float]:
        tables = self._schema.tables
        sources = {name.lower() for name in asked.sources}
        named = _NAME * _rarity(len(tables), sum(table.name.lower() in sources for table in tables))
        touched = {key for word in self._matches for key in self._index[word]}
        scores: dict[TableKey, float] = {}
        for table in tables:
            key = key_of(table)
            scores[key] = self._sum(self._weights(table)) if key in touched else 0.0
            if table.name.lower() in sources:
                scores[key] += named
        return scores

    def _weights(self, table: Table) -> dict[str, float]:
        """Weights of a table's words; its name counts in full where the request says all of it."""
        key, parts = key_of(table), _words(table.name)
        share = sum(part in self._matches for part in parts) / max(len(parts), 1)
        weights = {word: self._index[word][key] for word in self._matches if key in self._index[word]}
        weights.update({part: _NAME * (0.5 + share / 2) for part in parts if part in self._matches})
        return weights

    def _sum(self, weights: Mapping[str, float]) -> float:
        """For every word of the request its best match."""
        best: dict[str, float] = {}
        for word, weight in weights.items():
            for asked, quality in self._matches.get(word, {}).items():
                value = weight * quality * _rarity(len(self._schema.tables), len(self._index[word]))
                best[asked] = max(best.get(asked, 0.0), value)
        return sum(best.values())

    def _with_neighbours(self, scores: Mapping[TableKey, float]) -> dict[TableKey, float]:
        return {
            key: max([own, *(_SHARED * scores[link.other(key)] for link in self.graph.links_of(key))])
            for key, own in scores.items()
        }


def _rarity(tables: int, having: int) -> float:
    return math.log(1 + tables / max(having, 1))


# --- the words of a schema -------------------------------------------------------

_Index = Mapping[str, Mapping[TableKey, float]]
"""Of every word the tables that have it, with the weight of the place where it stands."""


def _index(tables: Iterable[Table]) -> _Index:
    index: defaultdict[str, dict[TableKey, float]] = defaultdict(dict)
    for table in tables:
        key = key_of(table)
        for text, weight in _texts_of(table):
            for word in _words(text):
                having = index[word]
                if having.get(key, 0.0) < weight:
                    having[key] = weight
    return index


def _texts_of(table: Table) -> Iterator[tuple[str, float]]:
    """All that is known of a table, and what a word of each counts."""
    yield table.name, _NAME
    if table.comment:
        yield table.comment, _TABLE_COMMENT
    for column in table.columns:
        yield from _texts_of_column(column)


def _texts_of_column(column: Column) -> list[tuple[str, float]]:
    texts = [(column.name, _COLUMN), *((value, _VALUE) for value in column.values)]
    return [*texts, (column.comment, _COLUMN_COMMENT)] if column.comment else texts


@lru_cache(maxsize=20_000)
def _words(text: str) -> tuple[str, ...]:
    """The words of a name or text in lower case, ``camelCase`` taken apart, without plural endings."""
    apart = text if text.islower() else _HUMP.sub(" ", text).lower()
    return tuple(map(stem, _WORD.findall(apart)))


def _definition(metric: Metric) -> str:
    return " ".join([metric.name, metric.meaning, *metric.synonyms, metric.formula])


# --- which of them the request means ---------------------------------------------


def _matches(asked: Asked, index: _Index) -> dict[str, dict[str, float]]:
    """Of every word of the schema that is meant the words of the request that mean it, and how surely."""
    vocabulary = [word for word in index if len(word) >= _SHORTEST]
    text = "\n".join(["", *vocabulary, ""])
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for word, weight in asked.words().items():
        meant = {**_abbreviations(word, index), **_names_with(word, index, text)}
        if not meant and len(word) >= _SHORTEST_INSIDE:
            meant = _misspelt(word, vocabulary)
        for name, quality in meant.items():
            found[name][word] = weight * quality
    for pair, weight in asked.pairs().items():
        for name, quality in _names_with(pair, index, text).items():
            found[name][pair] = weight * quality
    return dict(found)


def _abbreviations(word: str, index: _Index) -> dict[str, float]:
    beginnings = (word[:end] for end in range(_SHORTEST, len(word)))
    return {beginning: _ABBREVIATED for beginning in beginnings if beginning in index}


def _names_with(word: str, index: _Index, text: str) -> dict[str, float]:
    """Words of the schema that are the word or have it inside; ``text``: all of them, each on a line."""
    found = dict.fromkeys(_lines_with(word, text), _INSIDE) if len(word) >= _SHORTEST_INSIDE else {}
    return {**found, word: 1.0} if word in index else found


def _lines_with(word: str, text: str) -> Iterator[str]:
    place = text.find(word)
    while place >= 0:
        begin, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
        yield text[begin:end]
        place = text.find(word, end)


def _misspelt(word: str, vocabulary: Sequence[str]) -> dict[str, float]:
    found = process.extract(word, vocabulary, scorer=fuzz.ratio, limit=3, score_cutoff=_LEAST_ALIKE)
    return {name: _MISSPELT * score / 100 for name, score, _ in found}
