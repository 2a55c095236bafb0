"""The questions there are: those that the user saved or added, and those that come with the tool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from meta_agent.errors import UsageError
from meta_agent.questions.question import NAME, Question
from meta_agent.questions.question_file import read_question, write_question

SHIPPED = Path(__file__).resolve().parents[2] / "questions" / "shipped"
Origin = Literal["saved", "shipped"]


@dataclass(frozen=True)
class Entry:
    """A file in one of the two folders."""

    name: str
    origin: Origin
    file: Path
    question: Question | None
    problem: str | None = None
    """Why the file cannot be used; None where it can."""


@dataclass(frozen=True)
class Library:
    """Two folders; a name stands for one question."""

    saved: Path
    shipped: Path

    def entries(self) -> list[Entry]:
        """All of them by name; a file that cannot be used is there with its reason."""
        files: dict[str, tuple[Origin, Path]] = {}
        for origin, folder in (("shipped", self.shipped), ("saved", self.saved)):
            for file in sorted(folder.glob("*.yaml")):
                if NAME.fullmatch(file.stem):
                    files[file.stem] = (origin, file)  # type: ignore[assignment]
        return [_entry(name, *files[name]) for name in sorted(files)]

    def find(self, name: str) -> Question:
        """The question of this name, the user's own before one that is shipped. Raises UsageError."""
        for folder in (self.saved, self.shipped):
            file = folder / f"{name}.yaml"
            if NAME.fullmatch(name) and file.is_file():
                return _named(read_question(file), file)
        names = ", ".join(entry.name for entry in self.entries()) or "none"
        raise UsageError(f"There is no question {name!r}.", f"There are: {names}.")

    def add(self, question: Question, *, replace: bool = False) -> Path:
        """Write a question into the user's folder. Raises UsageError where the name is taken."""
        if (self.shipped / f"{question.name}.yaml").exists():
            raise UsageError(f"{question.name} is the name of a shipped template.", "Choose another name.")
        if not replace and (self.saved / f"{question.name}.yaml").exists():
            raise UsageError(
                f"There is a question {question.name!r} already.", "Choose another name, or add --replace."
            )
        return write_question(question, self.saved)


def check_name(name: str) -> str:
    """A name that a question may have. Raises UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a question.",
            "Use small letters, digits and hyphens, such as monthly-dscr.",
        )
    return name


def _entry(name: str, origin: Origin, file: Path) -> Entry:
    try:
        return Entry(name, origin, file, _named(read_question(file), file))
    except UsageError as error:
        return Entry(name, origin, file, None, error.cause)


def _named(question: Question, file: Path) -> Question:
    if question.name != file.stem:
        raise UsageError(
            f"{file.name} holds a question named {question.name!r}.",
            "Give the file the name of its question.",
        )
    return question
