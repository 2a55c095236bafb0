"""The figures of an evaluation: for the terminal, and as Markdown for docs/evaluation.md."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from meta_agent.errors import UsageError
from meta_agent.evaluation.results import ResultLine
from meta_agent.rendering import render

NEWEST_FIRST = "<!-- figures, newest first -->\n"
"""Where in the document a new table goes."""


@dataclass(frozen=True)
class Conditions:
    """Under which the figures were measured."""

    command: str
    model: str
    sha256: str | None
    """Of the model's file; None where it is not known."""
    started: datetime

    @property
    def machine(self) -> str:
        """Kind of machine and operating system."""
        return f"{platform.system()} {platform.machine()}"


@dataclass(frozen=True)
class Figures:
    """One system on some questions."""

    system: str
    lines: tuple[ResultLine, ...]

    @property
    def asked(self) -> int:
        """Answerable questions."""
        return sum(line.answerable for line in self.lines)

    @property
    def unanswerable(self) -> int:
        """Questions that the database cannot answer."""
        return len(self.lines) - self.asked

    @property
    def declined(self) -> int:
        """Unanswerable questions without an answer because the system said so."""
        return sum(line.outcome == "abstained" and not line.answerable for line in self.lines)

    def count(self, outcome: str) -> int:
        """Answerable questions with this outcome."""
        return sum(line.outcome == outcome and line.answerable for line in self.lines)

    @property
    def silently_wrong(self) -> int:
        """Confident answers that are wrong, to unanswerable questions too."""
        return sum(line.outcome == "wrong" and line.is_confident for line in self.lines)

    @property
    def executed(self) -> str:
        """Share of the questions with an attempt at an answer whose queries ran."""
        tried = [line for line in self.lines if line.outcome != "abstained"]
        return _percent(sum(line.outcome != "failed" for line in tried), len(tried))

    @property
    def seconds(self) -> tuple[float, float]:
        """Median and 90th percentile."""
        times = sorted(line.seconds for line in self.lines)
        return statistics.median(times), times[min(len(times) - 1, int(len(times) * 0.9))]

    def middle(self, quantity: str) -> int:
        """Median of a figure of the usage for one question."""
        counts: list[int] = [getattr(line.usage, quantity) for line in self.lines]
        return round(statistics.median(counts))

    @property
    def right_share(self) -> str:
        """Of the answerable questions."""
        return _percent(self.count("right"), self.asked)

    @property
    def silent_share(self) -> str:
        """Of all questions."""
        return _percent(self.silently_wrong, len(self.lines))


def markdown(lines: Sequence[ResultLine], conditions: Conditions) -> str:
    """One section with a table of the systems for each dataset, and one by category."""
    datasets = [
        {"name": name, "systems": by_system(chosen), "categories": _by_category(chosen)}
        for name, chosen in _grouped(lines, "dataset")
    ]
    return render("evaluation/report.md.j2", conditions=conditions, datasets=datasets)


def plain(lines: Sequence[ResultLine]) -> str:
    """The same in a few lines of text."""
    return "\n".join(
        f"{name} · {figures.system}: {_sentence(figures)}"
        for name, chosen in _grouped(lines, "dataset")
        for figures in by_system(chosen)
    )


def _sentence(one: Figures) -> str:
    median, slow = one.seconds
    counts = ", ".join(f"{one.count(outcome)} {outcome}" for outcome in ("wrong", "abstained", "failed"))
    return (
        f"{one.count('right')} of {one.asked} right ({one.right_share}), {counts};"
        f" {one.declined} of {one.unanswerable} unanswerable declined;"
        f" silently wrong {one.silent_share}; executes {one.executed};"
        f" {one.middle('llm_calls')} calls, {one.middle('prompt_tokens')}"
        f" ({one.middle('cached_prompt_tokens')} cached) + {one.middle('completion_tokens')} tokens;"
        f" {median:.1f} s (p90 {slow:.1f} s)"
    )


def write_into(document: Path, section: str) -> None:
    """Put a section where the document keeps its figures, above older ones. Raises UsageError."""
    try:
        text = document.read_text(encoding="utf-8")
        if NEWEST_FIRST not in text:
            raise UsageError(f"{document} has no place for figures.", f"Add the line {NEWEST_FIRST.strip()}")
        document.write_text(text.replace(NEWEST_FIRST, f"{NEWEST_FIRST}\n{section}", 1), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{document} cannot be written: {error.strerror}.", "Check its rights.") from error


def by_system(lines: Sequence[ResultLine]) -> list[Figures]:
    """The figures of every system, in the order in which they were asked."""
    return [Figures(name, tuple(chosen)) for name, chosen in _grouped(lines, "system")]


def _by_category(lines: Sequence[ResultLine]) -> list[dict[str, object]]:
    systems = [figures.system for figures in by_system(lines)]
    rows: list[dict[str, object]] = []
    for category, chosen in sorted(_grouped(lines, "category")):
        figures = {one.system: one for one in by_system(chosen)}
        rows.append({"name": category, "cells": [_category_cell(figures.get(name)) for name in systems]})
    return rows


def _category_cell(figures: Figures | None) -> str:
    if figures is None:
        return "–"
    if not figures.asked:
        return f"{figures.declined} of {figures.unanswerable} declined"
    counts = [figures.count(outcome) for outcome in ("right", "wrong", "abstained", "failed")]
    return " / ".join(map(str, counts))


def _grouped(lines: Iterable[ResultLine], field: str) -> list[tuple[str, list[ResultLine]]]:
    groups: dict[str, list[ResultLine]] = {}
    for line in lines:
        groups.setdefault(getattr(line, field), []).append(line)
    return list(groups.items())


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"
