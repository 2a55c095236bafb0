"""Command-line options that say where an answer goes. Light: ``--help`` loads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

Form = Annotated[
    Literal["table", "json", "csv", "markdown"],
    typer.Option("--format", metavar="FORM", show_default=False, help="table, json, csv or markdown."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the answer to a .csv .json .md .xlsx file."),
]
Email = Annotated[
    list[str] | None,
    typer.Option("--email", metavar="ADDRESS", help="Send the answer and its files there."),
]


@dataclass(frozen=True)
class Destination:
    """Where an answer goes: to stdout in some form, and to a file and by e-mail where that is asked for."""

    form: Literal["table", "json", "csv", "markdown"] = "table"
    output: Path | None = None
    email: tuple[str, ...] = ()

    @classmethod
    def of(cls, *, json: bool) -> Destination:
        """Only stdout, for people or as JSON."""
        return cls("json" if json else "table")

    @property
    def is_beyond_the_screen(self) -> bool:
        """Whether an answer is to be written or sent."""
        return self.output is not None or bool(self.email)


TO_SCREEN = Destination()
