"""Saved questions and templates: the list of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from meta_agent.display.console import write_text
from meta_agent.display.errors import wrapped
from meta_agent.display.values import one_line, visible
from meta_agent.questions.values import filled_text

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from meta_agent.questions.library import Entry
    from meta_agent.questions.question import Question


def show_library(entries: Sequence[Entry], console: Console) -> None:
    """One line a question, and what can be changed in it."""
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        lead = f"{entry.name:<{width}}  {entry.origin:<7}  "
        if entry.question is None:
            console.print(Text(wrapped(entry.problem or "", console, lead), style="red"), soft_wrap=True)
            continue
        told = _told(entry.question)
        console.print(Text(wrapped(one_line(told), console, lead)), soft_wrap=True)


def library_as_json(entries: Sequence[Entry]) -> dict[str, Any]:
    """The object that ``template list --json`` prints."""
    return {
        "questions": [
            {
                "name": entry.name,
                "origin": entry.origin,
                "problem": entry.problem,
                "title": entry.question.title if entry.question else None,
                "request": entry.question.request if entry.question else None,
                "parameters": [p.model_dump() for p in entry.question.parameters] if entry.question else [],
            }
            for entry in entries
        ]
    }


def show_saved(question: Question, file: Path, console: Console) -> None:
    """Where a question was written, and what can be changed in it."""
    console.print(Text(f"Saved {visible(str(file))}"), soft_wrap=True)
    for parameter in question.parameters:
        line = f"{parameter.name} ({parameter.type}), now {parameter.value}"
        console.print(Text(wrapped(one_line(line), console, "  - ")), soft_wrap=True)
    if not question.parameters:
        console.print(Text("  Nothing in its conditions stands in the request: it has no parameters."))


def saved_as_json(question: Question, file: Path) -> dict[str, Any]:
    """The object that ``save --json`` and ``template add --json`` print."""
    return {"name": question.name, "file": file, "parameters": [p.model_dump() for p in question.parameters]}


def show_verbatim(text: str, console: Console) -> None:
    """A text to be copied: escaped on a terminal, as it is for a file or another program."""
    write_text(visible(text) if console.is_terminal else text, console.file)


def _told(question: Question) -> str:
    values = {parameter.name: parameter.value for parameter in question.parameters}
    parameters = ", ".join(f"{name}={value}" for name, value in values.items())
    text = question.about or filled_text(question.title, values)
    return f"{text} ({parameters})" if parameters else text
