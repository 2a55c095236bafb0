"""A run becomes a question: what its script asks, with names for the values that may change."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from meta_agent.contracts import GeneratedScript, RunRecord, SqlQuery
from meta_agent.errors import UsageError
from meta_agent.generators.script_generator import sql_block
from meta_agent.generators.sql_parsing import NotAQuery, to_sql
from meta_agent.glossary import Glossary, Metric, Threshold
from meta_agent.questions.library import check_name
from meta_agent.questions.parameters import Parametrised, parametrise
from meta_agent.questions.question import Question, Ratio, Report, WhatIf
from meta_agent.questions.question_file import question_text
from meta_agent.questions.script import exchanged
from meta_agent.questions.values import one_query
from meta_agent.runs.secrets import mask

_REMEDY = "Save a run that answered; `history --status ok` lists them."
_SHORTEST_PATH = 4


def question_of(record: RunRecord, source: str, name: str, glossary: Glossary) -> Question:
    """The question that a run has answered; ``source`` is its script as it was recorded.

    Raises UsageError where it answered none, or one that cannot be asked again.
    """
    script = _answering_script(record)
    try:
        entries = report_entries(source) if script.template == "console_report" else []
        named = parametrise(record.request, list(_all_queries(entries)))
        return Question(
            name=check_name(name),
            title=_titled(record, named),
            request=named.request,
            parameters=named.parameters,
            reports=tuple(_reports(entries, named)),
            script=_own_script(source, script, entries),
            glossary=_entries_needed(entries, record.request, glossary),
        )
    except (NotAQuery, SyntaxError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"The script of {record.run_id} has a form that cannot be saved: {reason}", _REMEDY
        ) from error


def check_shareable(question: Question, secrets: Iterable[str], private_paths: Iterable[Path]) -> None:
    """See that a file tells nothing of this machine. Raises UsageError."""
    text = question_text(question)
    if mask(text, tuple(secrets)) != text:
        raise UsageError(
            "The question has a password in it, which a file to share must not hold.", "Ask it without."
        )
    for path in map(str, private_paths):
        if len(path) >= _SHORTEST_PATH and path in text:
            raise UsageError(
                f"The question names {path}, a place on this machine only.", "Ask it without that path."
            )


def report_entries(source: str) -> list[dict[str, Any]]:
    """The REPORTS of a script of ours. Raises ValueError where it has none."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["REPORTS"]:
            entries: list[dict[str, Any]] = ast.literal_eval(node.value)
            return entries
    raise ValueError("it has no reports")


def _answering_script(record: RunRecord) -> GeneratedScript:
    script = record.script
    if script is None or record.status != "ok" or record.execution is None:
        raise UsageError(f"The run {record.run_id} has no answer.", _REMEDY)
    if script.template == "given":
        raise UsageError(
            f"The run {record.run_id} was of a script of your own.", "Keep the file; `execute FILE` runs it."
        )
    if script.template not in ("console_report", "free_form"):
        raise UsageError(f"The run {record.run_id} changed rows, which is not done unasked.", _REMEDY)
    return script


def _titled(record: RunRecord, named: Parametrised) -> str:
    """The plan's name, with the names that stand in the request where it says the same."""
    title = record.plan.plan_name if record.plan else record.request
    return named.worded(" ".join(title.split())[:200])


def _all_queries(entries: list[dict[str, Any]]) -> Iterable[SqlQuery]:
    for entry in entries:
        yield SqlQuery(title=entry["title"], sql=entry["sql"])
        for scenario in entry.get("scenarios", ()):
            yield SqlQuery(title=scenario["name"], sql=scenario["sql"])


def _reports(entries: list[dict[str, Any]], named: Parametrised) -> Iterable[Report]:
    queries = iter(named.queries)
    for entry in entries:
        query = next(queries)
        yield Report(
            title=query.title,
            sql=query.sql,
            totals=tuple(entry.get("totals", ())),
            ratios=tuple(Ratio(**ratio) for ratio in entry.get("ratios", ())),
            rated=tuple(entry.get("ratings", ())),
            keys=tuple(entry.get("keys", ())),
            scenarios=tuple(
                WhatIf(name=s["name"], changes=tuple(s["changes"]), sql=next(queries).sql)
                for s in entry.get("scenarios", ())
            ),
        )


def _own_script(source: str, script: GeneratedScript, entries: list[dict[str, Any]]) -> str | None:
    """The script itself, where the template of all reports would not make it anew.

    Its SQL is written as it will be found again.
    """
    functions = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    if script.template == "console_report" and "transform" not in functions:
        return None
    texts = [
        text for entry in entries for text in (entry["sql"], *(s["sql"] for s in entry.get("scenarios", ())))
    ]
    return exchanged(source, {text: sql_block(to_sql(one_query(text))) for text in texts})


def _entries_needed(entries: list[dict[str, Any]], request: str, glossary: Glossary) -> tuple[Metric, ...]:
    """The definitions that the request speaks of, and the thresholds that the script rates by."""
    needed = {metric.name: metric for metric in glossary.mentioned_in(request)}
    for column, bounds in ((c, b) for entry in entries for c, b in entry.get("ratings", {}).items()):
        known = glossary.metric_of_column(column)
        thresholds = _thresholds(bounds, known)
        metric = known or Metric(name=column, meaning=column, formula=column)
        needed[metric.name] = metric.model_copy(update={"thresholds": thresholds})
    return tuple(needed.values())


def _thresholds(bounds: list[tuple[float | None, str]], known: Metric | None) -> tuple[Threshold, ...]:
    """Those of the script, in the colours of the glossary."""
    colours = {threshold.label: threshold.colour for threshold in known.thresholds} if known else {}
    return tuple(
        Threshold(at_least=at_least, label=label, colour=colours.get(label, "white"))
        for at_least, label in bounds
    )
