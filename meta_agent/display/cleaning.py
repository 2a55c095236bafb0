"""What a cleaning would remove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from meta_agent.display.errors import wrapped
from meta_agent.display.values import visible

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.cleaning import CleaningPlan

_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000


def show_plan(plan: CleaningPlan, console: Console) -> None:
    """Everything that goes, one line each, and what that frees."""
    for note in plan.notes:
        console.print(Text(wrapped(note, console, "! "), style="yellow"), soft_wrap=True)
    for run_id in plan.running:
        line = f"{run_id} stays: it is still running."
        console.print(Text(wrapped(line, console, "! "), style="yellow"), soft_wrap=True)
    if plan.is_empty:
        console.print(Text(f"There is nothing from before {plan.before:%Y-%m-%d %H:%M}."))
        return
    for folder in plan.folders:
        console.print(
            Text(f"{'folder':<10} {size(folder.bytes):>9}  {visible(str(folder.path))}"), soft_wrap=True
        )
    for thing in plan.holdings:
        console.print(Text(f"{thing.kind:<10} {size(thing.bytes):>9}  {visible(thing.name)}"), soft_wrap=True)
    count = len(plan.folders) + len(plan.holdings)
    things = "1 thing" if count == 1 else f"{count:,} things"
    console.print(
        Text(f"{things} from before {plan.before:%Y-%m-%d %H:%M}, {size(plan.bytes)}", style="bold")
    )


def plan_as_json(plan: CleaningPlan, *, removed: bool, problems: Sequence[str]) -> dict[str, Any]:
    """The object that ``clean --json`` prints."""
    return {
        "before": plan.before,
        "bytes": plan.bytes,
        "folders": [{"path": folder.path, "bytes": folder.bytes} for folder in plan.folders],
        "docker": [{"kind": thing.kind, "name": thing.name, "bytes": thing.bytes} for thing in plan.holdings],
        "running": list(plan.running),
        "notes": list(plan.notes),
        "removed": removed,
        "problems": list(problems),
    }


def size(count: int) -> str:
    """Bytes as people read them."""
    figure, unit = float(count), 0
    while figure >= _STEP and unit < len(_UNITS) - 1:
        figure, unit = figure / _STEP, unit + 1
    return f"{figure:.0f} {_UNITS[unit]}" if unit == 0 else f"{figure:.1f} {_UNITS[unit]}"
