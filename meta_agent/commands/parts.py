"""What the program hands to a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meta_agent.contracts import RunRecord
    from meta_agent.display.reporter import Reporter
    from meta_agent.questions.library import Library
    from meta_agent.runs.index import RunIndex
    from meta_agent.sandbox.options import SandboxOptions
    from meta_agent.session import Session


@dataclass(frozen=True)
class Places:
    """Where things are, as the settings say."""

    runs_dir: Path
    cache_dir: Path
    questions_dir: Path
    glossary_path: Path
    sandbox: SandboxOptions
    secrets: tuple[str, ...]
    """Texts that must stand in no file."""


@dataclass(frozen=True)
class Parts:
    """All that a command needs; what is slow to make is made when it is asked for."""

    places: Places
    reporter: Reporter
    session: Callable[[], Session]
    program: tuple[str, ...]
    """The command that started this program, without arguments."""
    demo: bool = False
    """Whether it was told to use the sample portfolio."""

    @property
    def execute_command(self) -> str:
        """How the user would run a script, up to the script's path."""
        from meta_agent.display.answer import execute_command

        return execute_command(self.program[-1], demo=self.demo)

    @property
    def index(self) -> RunIndex:
        """The runs there are."""
        from meta_agent.runs.index import RunIndex

        return RunIndex(self.places.runs_dir, self.places.cache_dir)

    @property
    def library(self) -> Library:
        """The questions there are."""
        from meta_agent.questions.library import SHIPPED, Library

        return Library(self.places.questions_dir, SHIPPED)

    def record(self, run_id: str) -> RunRecord:
        """The record of a run. Raises UsageError."""
        from meta_agent.runs.store import load_record

        return load_record(self.places.runs_dir / run_id)
