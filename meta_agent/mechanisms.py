"""What an answer rests on besides the model; the evaluation switches each off to see what it is worth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mechanisms:
    """All of them are on, except where an evaluation looks at what happens without one."""

    facts: bool = True
    """Few texts and ranges of columns stand in the prompt."""
    idioms: bool = True
    """The prompt says how PostgreSQL expresses what the request asks for."""
    names: bool = True
    """Wrong names are mended from the catalogue."""
    joins: bool = True
    """Joins that cannot be meant are rebuilt from the keys."""
    sense: bool = True
    """Types, groups and conditions that nobody can have meant are mended."""
    grain: bool = True
    """Figures that a join repeats are taken once, or summed up before it."""
    stored_texts: bool = True
    """Texts in conditions are held against the stored ones."""
    short_analysis: bool = True
    """The model is not asked what a request wants where its own words say it."""
    unrecorded: bool = True
    """A request for something that the database has no word for is doubted, or declined."""
    drafts: int = 2
    """Most drafts of a query whose results are compared; 1: the first is taken."""


ALL = Mechanisms()
