"""What went wrong: one sentence of cause, one of remedy."""

from __future__ import annotations

import textwrap
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.text import Text

from meta_agent.display.values import visible
from meta_agent.runs.secrets import mask

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.contracts import ErrorReport


def show_error(report: ErrorReport, console: Console) -> None:
    """An error with its title."""
    console.print(Text(f"✗ {visible(report.title)}", style="bold red"))
    console.print(Text(wrapped(report.cause, console, "  ")), soft_wrap=True)
    console.print(Text(wrapped(report.remedy, console, "  → ")), soft_wrap=True)


def show_traceback(error: BaseException, console: Console, secrets: Iterable[str]) -> None:
    """Where an internal error came from, for those who mend it; messages in it may quote ``secrets``."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    console.print(Text(visible(mask("".join(lines).rstrip(), secrets)), style="dim"), soft_wrap=True)


def wrapped(text: str, console: Console, lead: str) -> str:
    """A sentence over as many lines as it takes, indented below ``lead``; paths and words stay whole."""
    return textwrap.fill(
        visible(text),
        max(console.width, 20),
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )
