"""A question becomes a script again: rendered from the template of all reports, or its own with other SQL."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlglot import exp

from meta_agent.contracts import GeneratedScript, SqlQuery
from meta_agent.errors import NoAnswer, UsageError
from meta_agent.generators.definitions import definition_lines
from meta_agent.generators.dockerfile_generator import pin_requirements
from meta_agent.generators.script_generator import (
    DatabaseAccess,
    assumption_lines,
    day_of,
    given_script,
    report_source,
    sql_block,
)
from meta_agent.generators.sql_parsing import to_sql
from meta_agent.glossary import Glossary, Metric
from meta_agent.planners.execution_planner import usual_dependencies
from meta_agent.python_literals import python_text
from meta_agent.questions.question import Question, Report
from meta_agent.questions.values import Values, checked, filled_sql, worded


@dataclass(frozen=True)
class FilledReport:
    """A report with values in its texts and queries."""

    title: str
    tree: exp.Query
    entry: dict[str, Any]
    """As it stands among the script's REPORTS."""

    @property
    def sql(self) -> str:
        """The query as the script has it."""
        return to_sql(self.tree)


class FilledQuestion:
    """A question with a value for each of its parameters."""

    def __init__(self, question: Question, values: Values) -> None:
        self.question = question
        self.values = dict(values)
        self.request = worded(question.request, question.parameters, values)
        self.title = worded(question.title, question.parameters, values)
        self._reports = [_filled(report, question, values) for report in question.reports]

    @property
    def needs_database(self) -> bool:
        """Whether there is something to read."""
        return bool(self._reports) or self._given().needs_database

    @property
    def requirements(self) -> tuple[str, ...]:
        """What the script will need, pinned."""
        return self._given().requirements if self.question.script is not None else _USUAL

    def script(self, database: DatabaseAccess | None, created: datetime) -> GeneratedScript:
        """The script. Raises NoAnswer where its queries do not fit the database."""
        if database is not None:
            self._check_fit(database)
        queries = tuple(SqlQuery(title=report.title, sql=report.sql) for report in self._reports)
        return GeneratedScript(
            source=self._source(created),
            template="console_report" if self._reports else "free_form",
            queries=queries,
            requirements=self.requirements,
            needs_database=self.needs_database,
            assumptions=self._assumptions(database),
        )

    def _source(self, created: datetime) -> str:
        if self.question.script is None:
            heading = {"title": self.title, "request": self.request, "created": day_of(created)}
            return report_source(heading, [report.entry for report in self._reports])
        return exchanged(self.question.script, dict(self._exchanges()))

    def _exchanges(self) -> Iterator[tuple[str, str]]:
        """SQL as it stands in the question's script, and what stands there now."""
        own = {p.name: checked(p, p.value) for p in self.question.parameters}
        for report, filled in zip(self.question.reports, self._reports, strict=True):
            before = _filled(report, self.question, own)
            yield before.entry["sql"], filled.entry["sql"]
            for old, new in zip(before.entry["scenarios"], filled.entry["scenarios"], strict=True):
                yield old["sql"], new["sql"]

    def _check_fit(self, database: DatabaseAccess) -> None:
        for report in self._reports:
            refusal = database.explain(report.sql)
            if refusal is not None:
                reason = " ".join(refusal.split())
                raise NoAnswer(
                    f"The question {self.question.name} does not fit this database: {reason}",
                    "Adapt the SQL in its file to your tables, or ask in your own words.",
                )

    def _assumptions(self, database: DatabaseAccess | None) -> tuple[str, ...]:
        said = [f"{name} = {value}" for name, value in self.values.items()]
        if database is None:
            return tuple(said)
        defined = definition_lines(self.question.glossary, database.schema, self.request)
        return assumption_lines([*said, *defined], (r.tree for r in self._reports), database.schema)

    def _given(self) -> GeneratedScript:
        return given_script(self.question.script or "")


_USUAL = pin_requirements(usual_dependencies(needs_data=True)).requirements


def with_its_words(glossary: Glossary, question: Question) -> Glossary:
    """The user's definitions with those of a question in the place of any that share a name with one."""
    names = {name for metric in question.glossary for name in metric.names}
    others = (metric for metric in glossary.metrics if not metric.names & names)
    return glossary.model_copy(update={"metrics": (*question.glossary, *others)})


def exchanged(source: str, texts: Mapping[str, str]) -> str:
    """A script with other texts in the place of some of its own. Raises UsageError where one is not there.

    Only whole literals are exchanged, each for a literal: nothing of a text can become code.
    """
    places: list[tuple[int, int, str]] = []
    lines = source.encode().splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in texts:
            end_line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
            begin = starts[node.lineno - 1] + node.col_offset
            places.append((begin, starts[end_line - 1] + end, python_text(texts[node.value])))
            found.add(node.value)
    if found != set(texts):
        raise UsageError(
            "A query of the question stands no more in its script as it was saved.",
            "Save the run again, or correct the file.",
        )
    data = source.encode()
    for begin, end, text in sorted(places, reverse=True):
        data = data[:begin] + text.encode() + data[end:]
    return data.decode()


def _filled(report: Report, question: Question, values: Values) -> FilledReport:
    tree = filled_sql(report.sql, question.parameters, values)
    title = worded(report.title, question.parameters, values)
    scenarios = [
        {
            "name": scenario.name,
            "changes": list(scenario.changes),
            "sql": sql_block(to_sql(filled_sql(scenario.sql, question.parameters, values))),
        }
        for scenario in report.scenarios
    ]
    entry = {
        "title": title,
        "sql": sql_block(to_sql(tree)),
        "keys": list(report.keys),
        "scenarios": scenarios,
        "totals": list(report.totals),
        "ratios": [ratio.model_dump() for ratio in report.ratios],
        "ratings": {column: _thresholds(column, question.glossary) for column in report.rated},
    }
    return FilledReport(title, tree, entry)


def _thresholds(column: str, glossary: tuple[Metric, ...]) -> list[tuple[float | None, str]]:
    metric = Glossary(metrics=glossary).metric_of_column(column)
    return [(t.at_least, t.label) for t in metric.thresholds] if metric is not None else []
