"""The terminal: progress and errors on stderr, the answer on stdout."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.text import Text

from meta_agent.display.values import visible

if TYPE_CHECKING:
    from rich.status import Status

    from meta_agent.contracts import ErrorReport, RunRecord
    from meta_agent.glossary import Glossary

_WIDE = 10_000
"""Width of a stdout that is no terminal: nothing that goes into a file or pipe is ever cut."""

STAGES = {
    "start": "Starting",
    "model": "Checking the model",
    "schema": "Reading the schema",
    "analysis": "Analysing the request",
    "planning": "Planning",
    "generation": "Writing the script",
    "validation": "Validating the script",
    "packaging": "Writing the deployment package",
    "execution": "Running the script",
}


def stdout_console() -> Console:
    """Where the answer goes."""
    return Console(
        file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False, soft_wrap=False
    )


def stderr_console() -> Console:
    """Where everything but the answer goes."""
    return Console(file=sys.stderr, highlight=False)


class ConsoleProgress:
    """Shows the stages on stderr: a spinner on a terminal, one line a finished stage elsewhere."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._running: dict[str, float] = {}
        self._status: Status | None = None
        self._last_step: tuple[str, int | None] | None = None
        self._lock = threading.Lock()

    def stage_started(self, name: str) -> None:
        """Show that a stage is under way."""
        with self._lock:
            self._running[name] = time.monotonic()
            self._show()

    def stage_finished(self, name: str, seconds: float) -> None:
        """Leave a line for a stage that took noticeable time."""
        with self._lock:
            self._running.pop(name, None)
            if not self._quiet and (seconds >= 0.05 or name == "validation"):
                self._console.print(
                    Text.assemble(("✓ ", "green"), f"{STAGES.get(name, name)}  {seconds:.1f} s")
                )
            self._show()

    def preparing(self, message: str, share: float | None) -> None:
        """Show how far something that takes long has come; off a terminal, every tenth of it."""
        with self._lock:
            text = message if share is None else f"{message}  {share:4.0%}"
            if self._console.is_terminal and not self._quiet:
                self._running = {text: time.monotonic()}
                self._show()
                return
            step = (message, None if share is None else int(share * 10))
            if step != self._last_step:
                self._last_step = step
                if not self._quiet:
                    self._console.print(Text(text))

    def note(self, message: str) -> None:
        """Show a message between the stages."""
        if not self._quiet:
            with self._lock:
                self._console.print(Text(f"· {visible(message)}", style="yellow"))

    def close(self) -> None:
        """Take the spinner away."""
        with self._lock:
            self._running.clear()
            self._show()

    def _show(self) -> None:
        if self._quiet or not self._console.is_terminal:
            return
        if self._status is not None:
            self._status.stop()
            self._status = None
        if self._running:
            names = " · ".join(STAGES.get(name, name) for name in self._running)
            self._status = self._console.status(f"{names} …")
            self._status.start()


def show_answer(record: RunRecord, glossary: Glossary, console: Console) -> None:
    """The tables and the summary of a run."""
    from meta_agent.display.tables import show_summary, show_table

    result = record.execution.result if record.execution else None
    if result is None:
        if record.execution and record.execution.output.strip():
            console.print(Text(visible(record.execution.output.rstrip())))
        return
    for table in result.tables:
        show_table(table, glossary, console)
    show_summary(result.summary, console)


def show_run(record: RunRecord, console: Console) -> None:
    """What stands around the answer: warnings, assumptions, cost, and where the script lies."""
    for warning in record.warnings:
        console.print(Text(f"! {visible(warning)}", style="yellow"))
    if record.script is not None:
        for line in (*record.script.assumptions, *(f"mended: {repair}" for repair in record.script.repairs)):
            console.print(Text(f"  {visible(line)}", style="dim"))
    times = ", ".join(f"{name} {seconds:.1f}" for name, seconds in record.timings.items())
    total = (record.finished_at - record.started_at).total_seconds()
    console.print(Text(f"Took {total:.1f} s ({times})", style="dim"))
    used = record.usage
    if used.llm_calls:
        cached = f", {used.cached_prompt_tokens:,} of them cached" if used.cached_prompt_tokens else ""
        console.print(
            Text(
                f"Model: {used.llm_calls} calls, {used.prompt_tokens:,} prompt tokens{cached}, "
                f"{used.completion_tokens:,} completion tokens",
                style="dim",
            )
        )
    if record.script is not None and record.validation is not None and record.validation.is_valid:
        _show_commands(Path(record.run_dir), console)


def _show_commands(run_dir: Path, console: Console) -> None:
    with suppress(ValueError):
        run_dir = run_dir.relative_to(Path.cwd())
    script = run_dir / "script.py"
    console.print(Text(f"Script:       {script}"))
    console.print(Text(f"Run it again: python script_executor.py execute {script}"))
    console.print(Text(f"With Compose: cd {run_dir} && ./deploy.sh"))


def show_error(report: ErrorReport, console: Console) -> None:
    """One sentence of cause and one of remedy."""
    console.print(Text(f"✗ {report.title}", style="bold red"))
    console.print(Text(f"  {visible(report.cause)}"))
    console.print(Text(f"  → {visible(report.remedy)}"))


def write_text(text: str, stream: TextIO | None = None) -> None:
    """Text as it is, for machines; a reader that went away is not an error."""
    stream = stream or sys.stdout
    with suppress(BrokenPipeError):
        stream.write(text)
        stream.flush()
