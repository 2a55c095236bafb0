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
from pydantic import Field, ValidationError, field_validator

from meta_agent.contracts import Contract
from meta_agent.errors import UsageError


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
    thresholds: tuple[Threshold, ...] = ()

    @field_validator("thresholds")
    @classmethod
    def _highest_first(cls, thresholds: tuple[Threshold, ...]) -> tuple[Threshold, ...]:
        bounds = [t.at_least for t in thresholds[:-1]]
        if None in bounds or bounds != sorted(bounds, reverse=True, key=lambda bound: bound or 0.0):
            raise ValueError(
                "thresholds must go from the highest to the lowest, only the last without at_least"
            )
        return thresholds

    @cached_property
    def names(self) -> frozenset[str]:
        """Every way to write the metric, normalised as :func:`normalise` does."""
        return frozenset(normalise(word) for word in (self.name, self.meaning, *self.synonyms))


class Glossary(Contract):
    """All definitions, and which columns may be added up."""

    metrics: tuple[Metric, ...] = ()
    additive_words: frozenset[str] = Field(default_factory=frozenset)

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
        never = {
            "average",
            "avg",
            "mean",
            "rate",
            "ratio",
            "percent",
            "pct",
            "per",
            "year",
            "id",
            "change",
            "min",
            "max",
        }
        return bool(words & self.additive_words) and not words & never


def normalise(text: str) -> str:
    """Lower case words separated by one blank: ``Debt-Service_Coverage`` → ``debt service coverage``."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


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
    except yaml.YAMLError as error:
        raise UsageError(f"The glossary {path} is not valid YAML: {error}.", "Correct the file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"The glossary {path} has a wrong entry at {place}: {first['msg']}.", "Correct that entry."
        ) from error
