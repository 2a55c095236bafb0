"""What a script needs to write the files that a request asks for: functions, facts about columns, names.

Columns are described by their names in the result: their unit, the glossary's thresholds,
whether the request wants them coloured or drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from meta_agent.contracts import AskedFiles, DatabaseSchema, FileFormat
from meta_agent.generators.column_units import units_of
from meta_agent.glossary import NO_GLOSSARY, Glossary, normalise
from meta_agent.python_literals import LINE_LENGTH

Origin = tuple[tuple[str, str], ...]
"""Names and values of where a script comes from, for a report's last page."""
COMMON = ("is_figure", "as_json", "as_text")
"""What every script uses of its parts."""
_LONGEST_NAME = 40
_NO_NAME_WORDS = frozenset({"total", "sum", "average", "avg", "overall", "of", "the"})
_DRAWINGS = {"line": "draw_lines", "scatter": "draw_points", "pie": "draw_pie", "histogram": "draw_histogram"}
_SUBJECT = {"csv": "data"}
"""Where files of a format usually go; the others are reports."""


@dataclass(frozen=True)
class ColumnFacts:
    """What is known of the result's columns, by name."""

    names: tuple[str, ...] = ()
    units: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ScriptFiles:
    """The values that the templates need."""

    about: dict[str, Any]
    """Empty where no file tells more than the table itself."""
    makers: tuple[str, ...]
    """Lines of a dictionary: path to a function that gives the content."""
    drawings: str
    """Kinds of charts to the functions that draw them, as source; empty where none is drawn."""
    has_queries: bool
    entries: tuple[str, ...]
    """The functions of the parts that these lines call."""


def facts_of(trees: Iterable[exp.Expr], schema: DatabaseSchema, glossary: Glossary) -> ColumnFacts:
    """Columns of several queries together; one that has two units has none."""
    names: dict[str, None] = {}
    units: dict[str, str | None] = {}
    for tree in trees:
        names.update(dict.fromkeys(getattr(tree, "named_selects", ())))
        for name, unit in units_of(tree, schema, glossary).items():
            units[name] = unit if units.get(name, unit) == unit else None
    return ColumnFacts(tuple(names), tuple((name, unit) for name, unit in units.items() if unit))


def script_files(
    asked: AskedFiles,
    heading: dict[str, str],
    titles: Iterable[str],
    origin: Origin,
    assumptions: tuple[str, ...] = (),
    facts: ColumnFacts | None = None,
    glossary: Glossary = NO_GLOSSARY,
) -> ScriptFiles | None:
    """What the script's templates need; None where no file was asked for.

    ``titles``: those of the result's tables, in their order; ``heading``: the script's.
    """
    if not asked.formats:
        return None
    facts = facts or ColumnFacts()
    about = about_columns(asked, facts, glossary)
    if {"xlsx", "pdf"} & set(asked.formats):  # pages that tell what they rest on
        said = {"title": heading["title"], "request": heading["request"]}
        written = [("Script written", heading["created"]), *origin]
        about = {**said, "origin": written, "assumptions": list(assumptions), **about}
    draws = bool({"pdf", "png", "svg"} & set(asked.formats))
    kinds = {"bar": "draw_bars", **_kinds(asked)} if draws else {}
    calls = [*_calls(asked, list(titles), heading["title"])]
    return ScriptFiles(
        about={} if set(asked.formats) == {"csv"} else about,
        makers=tuple(_maker(*call) for call in calls),
        drawings="{" + ", ".join(f'"{kind}": {name}' for kind, name in kinds.items()) + "}" if draws else "",
        has_queries="pdf" in asked.formats,
        entries=("write_files", *kinds.values(), *_called(calls)),
    )


def about_columns(asked: AskedFiles, facts: ColumnFacts, glossary: Glossary) -> dict[str, Any]:
    """What the parts that write files want to know of the columns."""
    rated = {name: glossary.metric_of_column(name) for name in facts.names}
    words = {word for name in facts.names for word in name.split("_")}
    short = {m.name.lower(): m.name for m in glossary.metrics if m.name.isupper()}
    thresholds = {
        name: [(t.at_least, t.label, t.colour) for t in metric.thresholds]
        for name, metric in rated.items()
        if metric is not None and metric.thresholds
    }
    return {
        "units": dict(facts.units),
        "words": {word: name for word, name in short.items() if word in words},
        "thresholds": thresholds,
        "scales": [name for name in _named(asked.coloured, facts) if name not in thresholds],
        "chart": asked.chart or "fitting",
        "charted": [*_named(asked.charted, facts)],
    }


def _named(sentence: str, facts: ColumnFacts) -> Iterator[str]:
    """The columns that a sentence names; of words that only count or sum up nothing depends."""
    said = set(normalise(sentence).split())
    for name in facts.names:
        words = set(normalise(name).split()) - _NO_NAME_WORDS
        if words and words <= said:
            yield name


def _kinds(asked: AskedFiles) -> dict[str, str]:
    """Drawings besides bars, which are the last resort."""
    kind = asked.chart or "fitting"
    wanted = "line" if kind == "fitting" else kind
    return {wanted: _DRAWINGS[wanted]} if wanted in _DRAWINGS else {}


def _calls(asked: AskedFiles, titles: list[str], title: str) -> Iterator[tuple[str, str, str]]:
    """Path, function and arguments of each file."""
    usual = _slug(asked.name or title)
    for kind in asked.formats:
        folder = asked.folder or _SUBJECT.get(kind, "reports")
        if kind == "xlsx":
            finish = "[colour_rules, native_chart]" if asked.chart else "[colour_rules]"
            yield f"{folder}/{usual}.xlsx", "excel_file", f"result, ABOUT, {finish}"
        elif kind == "pdf":
            yield f"{folder}/{usual}.pdf", "pdf_file", "result, ABOUT, queries, drawings"
        else:
            yield from _table_calls(kind, folder, usual, titles)


def _table_calls(
    kind: FileFormat, folder: str, usual: str, titles: list[str]
) -> Iterator[tuple[str, str, str]]:
    """A file for each table, named by its title where there are several."""
    taken: set[str] = set()
    for number, title in enumerate(titles):
        name = usual if len(titles) < 2 else _slug(title)
        while name in taken:
            name = f"{name[: _LONGEST_NAME - 3]}_{number + 1}"
        taken.add(name)
        table = f'result["tables"][{number}]'
        if kind == "csv":
            yield f"{folder}/{name}.csv", "csv_file", table
        else:
            yield f"{folder}/{name}.{kind}", "chart_file", f'{table}, ABOUT, drawings, "{kind}"'


def _called(calls: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    for _, function, arguments in calls:
        yield function
        yield from re.findall(r"colour_rules|native_chart", arguments)


def _maker(path: str, function: str, arguments: str) -> str:
    """An entry of the dictionary, laid out as a formatter would leave it."""
    start = f'"{path}": lambda: {function}('
    line = f"{start}{arguments}),"
    return line if len(line) + 8 <= LINE_LENGTH else f"{start}\n            {arguments}\n        ),"


def _slug(title: str) -> str:
    """A plain file name for any title."""
    words = re.findall(r"[a-z0-9]+", title.lower().replace("'", ""))
    name = "_".join(words)
    if len(name) > _LONGEST_NAME:
        name = name[: _LONGEST_NAME + 1].rpartition("_")[0] or name[:_LONGEST_NAME]
    return name or "answer"
