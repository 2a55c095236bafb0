"""A saved question: all that is needed to answer it again, elsewhere and with other values.

Saved questions and templates are the same thing in different folders. A parameter stands in the SQL as
``:name`` where a number is, and as ``{name}`` inside a quoted text; ``{name}`` in titles and in the
request, too. ``{year+1}`` is the year after it, for intervals that end before the next one begins.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

from pydantic import Field, field_validator, model_validator

from meta_agent.contracts import Contract
from meta_agent.glossary import Metric

FORMAT = 1
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
MOST_REPORTS, MOST_PARAMETERS = 20, 20
LONGEST_TEXT, LONGEST_REQUEST, LONGEST_SQL, LONGEST_SCRIPT = 300, 32_768, 30_000, 200_000

ParameterType = Literal["year", "date", "count", "integer", "number", "text"]


class Parameter(Contract):
    """A value of the question that may be another one next time."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    type: ParameterType
    value: str
    """What is taken where nobody says otherwise, as it is written after ``--param NAME=``."""
    about: str = Field(default="", max_length=LONGEST_TEXT)

    @field_validator("value", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """YAML reads dates and numbers as such."""
        if isinstance(value, date):
            return value.isoformat()
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class Ratio(Contract):
    """A column that is one column divided by another; over all rows it is the ratio of the sums."""

    column: str
    numerator: str
    denominator: str
    factor: float = 1.0


class WhatIf(Contract):
    """The same query with one quantity changed, shown beside it."""

    name: str = Field(max_length=LONGEST_TEXT)
    changes: tuple[str, ...]
    """The columns that are other ones then."""
    sql: str = Field(max_length=LONGEST_SQL)


class Report(Contract):
    """One table of the answer and what is shown of all its rows together."""

    title: str = Field(max_length=LONGEST_TEXT)
    sql: str = Field(max_length=LONGEST_SQL)
    totals: tuple[str, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    rated: tuple[str, ...] = ()
    """Columns that get a rating; the thresholds are those of ``glossary``."""
    keys: tuple[str, ...] = ()
    """Columns that tell the rows apart, for the what-ifs."""
    scenarios: tuple[WhatIf, ...] = ()


class Question(Contract):
    """What a file of a saved question or template holds."""

    format: Literal[1] = 1
    name: str
    title: str = Field(max_length=LONGEST_TEXT)
    about: str = Field(default="", max_length=LONGEST_TEXT)
    """What it is good for, and on which tables it rests, one sentence."""
    request: str = Field(max_length=LONGEST_REQUEST)
    parameters: tuple[Parameter, ...] = Field(default=(), max_length=MOST_PARAMETERS)
    reports: tuple[Report, ...] = Field(default=(), max_length=MOST_REPORTS)
    script: str | None = Field(default=None, max_length=LONGEST_SCRIPT)
    """The whole script where it is more than its reports; their SQL is exchanged in it."""
    glossary: tuple[Metric, ...] = ()
    """What its words mean. These hold for this question, whatever other definitions there are."""
    output: Literal["table"] = "table"
    """The form of the answer."""

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError("a name has small letters, digits and hyphens, at most 60 of them")
        return name

    @model_validator(mode="after")
    def _is_complete(self) -> Question:
        if not self.reports and self.script is None:
            raise ValueError("it needs reports or a script")
        names = [parameter.name for parameter in self.parameters]
        if len(set(names)) != len(names):
            raise ValueError("two parameters have the same name")
        known = {name for metric in self.glossary if metric.thresholds for name in metric.names}
        for column in (column for report in self.reports for column in report.rated):
            if column.replace("_", " ") not in known:
                raise ValueError(f"{column} is rated, but no entry of its glossary has thresholds for it")
        return self
