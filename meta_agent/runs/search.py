"""Which run is meant: by its id, the beginning of one, or ``last``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from meta_agent.errors import UsageError
from meta_agent.runs.index import RunSummary

LAST = "last"
_SHOWN = 3
_PREFIX = "script_"


def find_run(wanted: str, runs: Sequence[RunSummary]) -> RunSummary:
    """The run that is meant; ``runs`` have the newest first. Raises UsageError where it is none, or several.

    Besides an id or its beginning, a folder's path will do, as completion in a shell gives it.
    """
    name = PurePath(wanted.strip()).name
    if not runs:
        raise UsageError("There is no run yet.", "Ask something first.")
    if name == LAST:
        return runs[0]
    exact = [run for run in runs if run.run_id == name]
    begun = [run for run in runs if name and run.run_id.startswith((name, f"{_PREFIX}{name}"))]
    found = exact or begun
    if not found:
        raise UsageError(
            f"There is no run {wanted!r}.", "`history` lists the runs there are; `last` is the newest."
        )
    if len(found) > 1:
        some = ", ".join(run.run_id for run in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise UsageError(
            f"{wanted!r} is the beginning of several runs: {some}{more}.", "Give more of the id."
        )
    return found[0]


def last_with(script_sha256: str | None, runs: Sequence[RunSummary]) -> RunSummary | None:
    """The newest run of a script that answered; None where there is none."""
    found = (run for run in runs if run.has_answered and run.script_sha256 is not None)
    return next((run for run in found if run.script_sha256 == script_sha256), None)


def last_answer(question: str, values: dict[str, str], runs: Sequence[RunSummary]) -> RunSummary | None:
    """The newest run that answered a saved question with these values; None where there is none."""
    found = (run for run in runs if run.has_answered and run.question == question)
    return next((run for run in found if run.parameters == values), None)
