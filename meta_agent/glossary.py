"""The user's definitions: what a metric means, how it is computed, what counts as good.

Read from ``glossary.yaml``. Only the entries that a request mentions go into a
prompt; thresholds travel into the generated script, so that it rates its figures
without us.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from meta_agent.contracts import Contract
from meta_agent.errors import UsageError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER_ADDED = _words(
    """
    average avg mean median rate ratio percent pct per psf year id change growth difference diff yield
    margin multiple share index factor score rank min max minimum maximum lowest highest cumulative
    running ytd
    """
)
"""Words of a column that must not be totalled, whatever else its name says."""
_ENDINGS = ((r"ies$", "y"), (r"(x|ch|sh|ss)es$", r"\1"), (r"(?<![su])s$", ""))
"""Of plurals, and what they become."""
_SHORTEST_PLURAL = 4


class Threshold(Contract):
    """A figure at or above ``at_least`` earns ``label``; None takes what is left."""

    at_least: float | None = None
    label: str
    colour: Literal["green", "yellow", "red", "blue", "white"] = "white"


class Metric(Contract):
    """One defined figure, such as DSCR."""

    name: str
    meaning: str
    formula: str
    synonyms: tuple[str, ...] = ()
    unit: Literal["ratio", "percent", "currency"] = "ratio"
    better: Literal["high", "low"] | None = None
    """Which end is the better one; None where that is open."""
    thresholds: tuple[Threshold, ...] = ()

    @field_validator("name")
    @classmethod
    def _has_a_word(cls, name: str) -> str:
        if not normalise(name):
            raise ValueError("a name needs at least one letter or digit")
        return name

    @field_validator("thresholds")
    @classmethod
    def _highest_first(cls, thresholds: tuple[Threshold, ...]) -> tuple[Threshold, ...]:
        bounds = [t.at_least for t in thresholds]
        figures = [bound for bound in bounds if bound is not None]
        if None in bounds[:-1] or figures != sorted(set(figures), reverse=True):
            raise ValueError(
                "thresholds must go from the highest to the lowest, only the last without at_least"
            )
        return thresholds

    @cached_property
    def names(self) -> frozenset[str]:
        """Every way to write the metric, normalised as :func:`normalise` does."""
        words = (normalise(word) for word in (self.name, self.meaning, *self.synonyms))
        return frozenset(word for word in words if word)


class Glossary(Contract):
    """All definitions, and which columns may be added up."""

    metrics: tuple[Metric, ...] = ()
    additive_words: frozenset[str] = Field(default_factory=frozenset)

    @field_validator("additive_words")
    @classmethod
    def _in_one_form(cls, words: frozenset[str]) -> frozenset[str]:
        return frozenset(normalise(word) for word in words)

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Glossary:
        owners: dict[str, str] = {}
        for metric in self.metrics:
            for name in sorted(metric.names):
                if name in owners:
                    raise ValueError(f"{name!r} stands for both {owners[name]} and {metric.name}")
                owners[name] = metric.name
        return self

    def mentioned_in(self, text: str) -> tuple[Metric, ...]:
        """The metrics that a request speaks of, in the order of the file."""
        words = f" {normalise(text)} "
        return tuple(m for m in self.metrics if any(f" {name} " in words for name in m.names))

    def metric_of_column(self, column: str) -> Metric | None:
        """The metric that a result column of this name holds, or None."""
        name = normalise(column)
        return next((m for m in self.metrics if name in m.names), None)

    def is_additive(self, column: str) -> bool:
        """Whether a total of this column means something."""
        words = set(normalise(column).split())
        return bool(words & self.additive_words) and not words & _NEVER_ADDED


NO_GLOSSARY = Glossary()


def normalise(text: str) -> str:
    """Words in lower case and singular: ``Debt-Service_Coverages`` → ``debt service coverage``."""
    return " ".join(_singular(word) for word in re.findall(r"[^\W_]+", text.lower()))


def _singular(word: str) -> str:
    if len(word) < _SHORTEST_PLURAL:
        return word
    ending = next((pair for pair in _ENDINGS if re.search(pair[0], word)), None)
    return re.sub(ending[0], ending[1], word) if ending is not None else word


def load_glossary(path: Path) -> Glossary:
    """Read a glossary file.

    Raises UsageError where the file is missing, is not YAML, or has entries of another form.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Glossary.model_validate(content or {})
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The glossary {path} cannot be read.", "Correct GLOSSARY_PATH, or restore glossary.yaml."
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(
            f"The glossary {path} is not valid YAML{_line_of(error)}.", "Correct the file there."
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(
            f"The glossary {path} has a wrong entry{f' at {place}' if place else ''}: {reason}.",
            "Correct that entry; glossary.yaml says at its top what an entry has.",
        ) from error


def _line_of(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" at line {mark.line + 1}" if mark is not None else ""
