"""The validator's verdict and the doctor's checks, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from meta_agent.display.errors import wrapped
from meta_agent.display.values import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.contracts import ValidationResult
    from meta_agent.doctor import Check

_SEVERITY = {"BLOCK": "bold red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "dim"}
_STATE = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "broken": ("✗", "red")}
_NAME_WIDTH = 11


def show_validation(verdict: ValidationResult, console: Console) -> None:
    """The findings in the order of the script, then the verdict."""
    places = [f"line {issue.line}" if issue.line else "script" for issue in verdict.issues]
    width = max(map(len, places), default=0)
    for issue, place in zip(verdict.issues, places, strict=True):
        lead = f"{issue.severity:<6} {place:<{width}}  "
        text = Text(wrapped(f"{issue.message} [{issue.rule}]", console, lead))
        text.stylize(_SEVERITY[issue.severity], 0, len(issue.severity))
        console.print(text, soft_wrap=True)
    word = ("Accepted", "green") if verdict.is_valid else ("Refused", "red")
    need = f"{verdict.estimated_memory_mb} MB of memory and {verdict.estimated_cpu_cores:g} CPU"
    console.print(
        Text.assemble(word, f": security score {verdict.security_score:.2f}; needs about {need}."),
        soft_wrap=True,
    )


def show_check(check: Check, console: Console) -> None:
    """One line of the doctor, with the remedy where one is needed."""
    sign, style = _STATE[check.state]
    remedy = f" → {check.remedy}" if check.remedy else ""
    lead = f"{sign} {check.name:<{_NAME_WIDTH}} "
    text = Text(wrapped(one_line(check.finding + remedy), console, lead))
    text.stylize(style, 0, 1)
    console.print(text, soft_wrap=True)
