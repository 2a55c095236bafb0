"""The validator's verdict and the doctor's checks, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from meta_agent.display.values import visible

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.contracts import ValidationResult
    from meta_agent.doctor import Check

_SEVERITY = {"BLOCK": "bold red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "dim"}
_STATE = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "broken": ("✗", "red")}


def show_validation(verdict: ValidationResult, console: Console) -> None:
    """The findings in the order of the script, then the verdict."""
    for issue in verdict.issues:
        place = f"line {issue.line}" if issue.line else "script"
        console.print(
            Text.assemble(
                (f"{issue.severity:6} ", _SEVERITY[issue.severity]), f"{place}: {visible(issue.message)} "
            )
            + Text(f"[{issue.rule}]", style="dim")
        )
    word = ("accepted", "green") if verdict.is_valid else ("refused", "red")
    console.print(
        Text.assemble(
            word,
            f" · security score {verdict.security_score:.2f} · needs about {verdict.estimated_memory_mb} MB and "
            f"{verdict.estimated_cpu_cores:g} CPU",
        )
    )


def show_check(check: Check, console: Console) -> None:
    """One line of the doctor."""
    sign, style = _STATE[check.state]
    remedy = f" → {visible(check.remedy)}" if check.remedy else ""
    console.print(Text.assemble((f"{sign} ", style), f"{check.name:<11} {visible(check.finding)}{remedy}"))
