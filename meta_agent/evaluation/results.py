"""The lines of an evaluation: one for each question and system, kept as they come.

A file that was cut in the middle of a line by a crash stays usable: the broken line is asked again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

from pydantic import ValidationError

from meta_agent.contracts import Contract, LlmUsage
from meta_agent.errors import UsageError

Outcome = Literal["right", "wrong", "abstained", "failed"]
FILE_NAME = "results.jsonl"


class ResultLine(Contract):
    """How one system did on one question."""

    dataset: str
    question: str
    """The question's id."""
    category: str
    answerable: bool
    system: str
    model: str
    outcome: Outcome
    is_confident: bool
    sql: tuple[str, ...]
    seconds: float
    usage: LlmUsage
    error: str
    """Why there is no answer, in one sentence; empty where there is one."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes a line the same work as another."""
        return (self.dataset, self.question, self.system)


class ResultFile:
    """``results.jsonl`` in an output folder, growing line by line."""

    def __init__(self, stream: TextIO, lines: list[ResultLine]) -> None:
        self._stream = stream
        self._lines = lines

    @property
    def lines(self) -> tuple[ResultLine, ...]:
        """All lines so far, those of an earlier run that is resumed included."""
        return tuple(self._lines)

    def has(self, dataset: str, question: str, system: str) -> bool:
        """Whether this work is done."""
        return any(line.key == (dataset, question, system) for line in self._lines)

    def add(self, line: ResultLine) -> None:
        """Append a line and let it reach the disk."""
        self._stream.write(json.dumps(line.model_dump(mode="json"), ensure_ascii=False) + "\n")
        self._stream.flush()
        self._lines.append(line)


@contextmanager
def result_file(folder: Path, *, resume: bool) -> Iterator[ResultFile]:
    """The file of an output folder; with ``resume`` its good lines are kept.

    Raises UsageError where there is a file already and it is not to be resumed, or where
    nothing can be written.
    """
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lines = list(read_lines(path)) if path.exists() else []
        if lines and not resume:
            raise UsageError(
                f"There are results in {folder} already.", "Add --resume, or name another --output folder."
            )
        with path.open("w", encoding="utf-8") as stream:
            file = ResultFile(stream, [])
            for line in lines:
                file.add(line)
            yield file
    except OSError as error:
        raise UsageError(
            f"The results cannot be written to {folder}: {error.strerror or error}.",
            "Name a folder that can be written with --output.",
        ) from error


def read_lines(path: Path) -> Iterator[ResultLine]:
    """The lines of a result file that can be read."""
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            yield ResultLine.model_validate_json(text)
        except ValidationError:
            continue
