"""Takes away what is old: run folders, and what Docker still holds of them. Saved questions stay."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from meta_agent.errors import SandboxError, UsageError
from meta_agent.runs.index import RunSummary
from meta_agent.runs.store import half_removed, remove_folder
from meta_agent.runs.unfinished import is_going_on
from meta_agent.sandbox.options import SandboxOptions

if TYPE_CHECKING:
    from meta_agent.sandbox.holdings import Holding, Holdings

_AGE = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class OldFolder:
    """A folder that goes."""

    path: Path
    bytes: int
    is_run: bool = True
    """False for what an earlier cleaning left that was cut short."""


@dataclass(frozen=True)
class CleaningPlan:
    """What would be removed, and what it frees."""

    before: datetime
    folders: tuple[OldFolder, ...]
    holdings: tuple[Holding, ...]
    running: tuple[str, ...] = ()
    """Old runs that stay, because they go on, or a container of theirs is running."""
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """All that is freed."""
        return sum(f.bytes for f in self.folders) + sum(h.bytes for h in self.holdings)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        return not self.folders and not self.holdings


def age_of(text: str) -> timedelta:
    """``30d``, ``12h``, ``8w``. Raises UsageError."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no age.", "Write hours, days or weeks: 12h, 30d, 8w.")
    return int(found[1]) * _UNITS[found[2]]


class Cleaner:
    """Plans a cleaning and carries it out; Docker may be away, then only folders go."""

    def __init__(self, runs_dir: Path, options: SandboxOptions) -> None:
        self._runs_dir = runs_dir
        self._notes: list[str] = []
        self._docker = self._connected(options)

    def close(self) -> None:
        """End the connection to the engine."""
        if self._docker is not None:
            self._docker.close()

    def plan(self, runs: Sequence[RunSummary], age: timedelta) -> CleaningPlan:
        """What is older than ``age``. Raises SandboxError where the engine fails half-way."""
        before = datetime.now().astimezone() - age
        old = {run.run_id for run in runs if run.moment < before}
        running = {name for name in old if is_going_on(self._runs_dir / name)}
        running |= self._docker.running(self._runs_dir, old) if self._docker else set()
        going = old - running
        folders = [
            OldFolder(self._runs_dir / name, folder_bytes(self._runs_dir / name)) for name in sorted(going)
        ]
        folders += [
            OldFolder(path, folder_bytes(path), is_run=False) for path in half_removed(self._runs_dir)
        ]
        needed = frozenset(run.image for run in runs if run.run_id not in going and run.image)
        return CleaningPlan(
            before,
            tuple(folders),
            self._holdings(going, before, needed),
            tuple(sorted(running)),
            tuple(self._notes),
        )

    def carry_out(self, plan: CleaningPlan) -> list[str]:
        """Remove everything of a plan; a sentence for each thing that could not be removed."""
        problems = []
        for holding in plan.holdings:
            try:
                if self._docker is not None:
                    self._docker.remove(holding)
            except SandboxError as error:
                problems.append(error.cause)
        for folder in plan.folders:
            try:
                if folder.is_run:
                    remove_folder(folder.path)
                else:
                    shutil.rmtree(folder.path)
            except OSError as error:
                problems.append(f"{folder.path} could not be removed: {error.strerror or error}.")
        return problems

    def _connected(self, options: SandboxOptions) -> Holdings | None:
        from meta_agent.sandbox.holdings import Holdings

        try:
            return Holdings(options)
        except SandboxError as error:
            self._notes.append(f"{error.cause} What it holds of these runs stays.")
            return None

    def _holdings(
        self, going: Iterable[str], before: datetime, needed: frozenset[str]
    ) -> tuple[Holding, ...]:
        if self._docker is None:
            return ()
        from meta_agent.sandbox.holdings import Old

        return tuple(self._docker.of(Old(self._runs_dir, frozenset(going), before, needed)))


def folder_bytes(folder: Path) -> int:
    """What the files of a folder take; what cannot be looked at counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_size if not path.is_dir() or path.is_symlink() else 0
    return total
