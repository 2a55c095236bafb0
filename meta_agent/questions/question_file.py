"""A question as a YAML file: written for people, read with the care that a stranger's file needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from meta_agent.errors import UsageError
from meta_agent.generators.sql_parsing import NotAQuery, to_sql
from meta_agent.questions.question import Parameter, Question, Report
from meta_agent.questions.values import checked, filled_sql, filled_text, names_in
from meta_agent.validators.sql_statements import only_reads

MOST_BYTES = 256 * 1024
_HEADER = (
    "# A saved question: run it with `python script_executor.py run {name}`. In the SQL, :name stands for a\n"
    "# number and '{{name}}' for a text; both are the parameters below. README.md says what each part is.\n"
)


class _Loader(yaml.SafeLoader):
    """Plain YAML without aliases, of which a short text could make a very long one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "an alias", self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, lists set off from what is around them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def read_question(file: Path) -> Question:
    """Read and check a file. Raises UsageError that says what is wrong with it, in one sentence."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise _unusable(file, f"it has more than {MOST_BYTES // 1024} KB")
        content = yaml.load(data.decode("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
        question = Question.model_validate(content)
        return _checked(question)
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror or error}.", "Give the path of a question."
        ) from error
    except UnicodeDecodeError as error:
        raise _unusable(file, "it is not UTF-8 text") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise _unusable(file, f"{place}: {reason}" if place else reason) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise _unusable(file, f"it is not plain YAML{_line_of(error)}") from error
    except (NotAQuery, ValueError) as error:
        raise _unusable(file, " ".join(str(error).split())[:300] or type(error).__name__) from error


def question_text(question: Question) -> str:
    """The file's text."""
    content = question.model_dump(mode="json", exclude_defaults=True)
    ordered = {"format": question.format, **content}
    for parameter, entry in zip(question.parameters, ordered.get("parameters", ()), strict=True):
        entry["value"] = _plain(parameter)
    text: str = yaml.dump(ordered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return _HEADER.format(name=question.name) + text


def write_question(question: Question, folder: Path) -> Path:
    """Write the file of a question in one step, in the place of an earlier one. Raises UsageError."""
    target = folder / f"{question.name}.yaml"
    draft = folder / f".{question.name}.{os.getpid()}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(question_text(question), encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        raise UsageError(
            f"{target} cannot be written: {error.strerror or error}.",
            "Choose a QUESTIONS_DIR you may write to and that has space left.",
        ) from error
    return target


def _checked(question: Question) -> Question:
    """What the form alone does not say. Raises ValueError, NotAQuery."""
    values = {parameter.name: _value(parameter) for parameter in question.parameters}
    used: set[str] = set()
    for sql in _queries(question):
        unknown = (named := names_in(sql)) - values.keys()
        used |= named
        if unknown:
            raise ValueError(f"the SQL names {sorted(unknown)[0]!r}, which is no parameter")
        if not only_reads(to_sql(filled_sql(sql, question.parameters, values))):
            raise ValueError("the SQL does more than read")
    unused = values.keys() - used
    if unused:
        raise ValueError(f"the parameter {sorted(unused)[0]!r} stands nowhere in the SQL")
    if not filled_text(question.request, values).strip():
        raise ValueError("the request is empty")
    return question


def _queries(question: Question) -> Iterator[str]:
    for report in question.reports:
        yield report.sql
        yield from (scenario.sql for scenario in report.scenarios)
        _check_columns(report)


def _check_columns(report: Report) -> None:
    """Totals and ratios must be over columns that have names."""
    for ratio in report.ratios:
        if not {ratio.numerator, ratio.denominator} <= set(report.totals):
            raise ValueError(f"{ratio.column} divides columns that are not totalled")


def _value(parameter: Parameter) -> str:
    try:
        return checked(parameter, parameter.value)
    except ValueError as error:
        raise ValueError(f"the value of {parameter.name} cannot be used: {error}") from error


def _plain(parameter: Parameter) -> object:
    """A number as YAML writes numbers, where that loses nothing; everything else as text."""
    if parameter.type in ("year", "count", "integer", "number"):
        for number in (int, float):
            with suppress(ValueError):
                if str(number(parameter.value)) == parameter.value:
                    return number(parameter.value)
    return parameter.value


def _line_of(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" at line {mark.line + 1}" if mark is not None else ""


def _unusable(file: Path, reason: str) -> UsageError:
    return UsageError(
        f"{file.name} is no usable question: {reason.rstrip('.')}.",
        "Correct the file; README.md shows its form.",
    )
