"""Asks a person at the terminal. What is piped in is never taken for an answer."""

from __future__ import annotations

import sys
import termios
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.text import Text

from meta_agent.display.errors import wrapped
from meta_agent.display.values import visible
from meta_agent.runs.secrets import mask

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.consent import Question, Reply
    from meta_agent.display.progress import ConsoleProgress

_YES = frozenset({"y", "yes"})


class TerminalConsent:
    """A ``Consent`` over stderr and the keyboard."""

    def __init__(
        self, console: Console, progress: ConsoleProgress, *, agrees: bool = False, may_ask: bool = True
    ) -> None:
        """``agrees``: everything was agreed to beforehand (--yes). ``may_ask`` False: --no-input."""
        self._console = console
        self._progress = progress
        self._agrees = agrees
        self._may_ask = may_ask

    def ask(self, question: Question) -> Reply:
        """Show everything that is asked about; then wait for an answer where one can be given."""
        self._progress.close()
        self._show(question)
        if self._agrees:
            return "--yes"
        if not (self._may_ask and _is_terminal()):
            return "nobody"
        return "terminal" if self._confirmed(question.question) else "no"

    def _show(self, question: Question) -> None:
        self._console.print(Text(wrapped(question.title, self._console, ""), style="bold"), soft_wrap=True)
        for text in question.shown:
            for line in visible(mask(text, self._progress.secrets)).splitlines():
                self._console.print(Text(f"    {line}"), soft_wrap=True)
        for warning in question.warnings:
            told = wrapped(mask(warning, self._progress.secrets), self._console, "! ")
            self._console.print(Text(told, style="yellow"), soft_wrap=True)

    def _confirmed(self, question: str) -> bool:
        with suppress(termios.error):  # what was typed before the question was there is no answer to it
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
        self._console.print(Text(f"{question} [y/N] "), end="", soft_wrap=True)
        answer = sys.stdin.readline()
        if not answer.endswith("\n"):  # Ctrl-D
            self._console.print()
        return answer.strip().lower() in _YES


def _is_terminal() -> bool:
    """Whether the question can be seen and answered."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
