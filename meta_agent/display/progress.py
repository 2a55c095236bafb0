"""Progress on stderr: a spinner and the finished stages on a terminal, a line for each stage elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from meta_agent.display.values import visible
from meta_agent.runs.secrets import mask

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

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
    "delivery": "Handing over the answer",
}
NOTICEABLE_SECONDS = 0.05


class ConsoleProgress:
    """Shows what happens. May be told from several threads."""

    def __init__(self, console: Console, *, quiet: bool = False, animated: bool = True) -> None:
        """``animated`` False: plain lines on a terminal, too, as other lines come in between."""
        self._console = console
        self._quiet = quiet
        self._animated = animated and console.is_terminal
        self.secrets: Sequence[str] = ()
        """Texts that must not be shown."""
        self._running: list[str] = []
        self._status: Status | None = None
        self._last_step: tuple[str, int | None] | None = None
        self._lock = threading.Lock()

    def stage_started(self, name: str) -> None:
        """Show that a stage is under way."""
        with self._lock:
            self._begin(STAGES.get(name, name))

    def stage_finished(self, name: str, seconds: float) -> None:
        """Leave a line for a stage that took noticeable time."""
        with self._lock:
            title = STAGES.get(name, name)
            if title not in self._running:  # of a run that was given up meanwhile
                return
            self._running.remove(title)
            if self._animated and not self._quiet and seconds >= NOTICEABLE_SECONDS:
                self._console.print(Text.assemble(("✓ ", "green"), f"{title}  {seconds:.1f} s"))
            self._show()

    def preparing(self, message: str, share: float | None) -> None:
        """Show how far something that takes long has come; off a terminal, every tenth of it."""
        with self._lock:
            shown = visible(mask(message, self.secrets))
            text = shown if share is None else f"{shown}  {share:4.0%}"
            if self._animated:
                self._running = [text]
                self._show()
                return
            step = (message, None if share is None else int(share * 10))
            if step != self._last_step:
                self._last_step = step
                self._print(Text(text))

    def note(self, message: str) -> None:
        """Show a message between the stages."""
        with self._lock:
            self._print(Text(f"· {visible(mask(message, self.secrets))}", style="yellow"))

    def close(self) -> None:
        """Take the spinner away."""
        with self._lock:
            self._running = []
            self._show()

    def _begin(self, title: str) -> None:
        if title in self._running:
            return
        self._running = [name for name in self._running if name != STAGES["start"]] + [title]
        if self._animated:
            self._show()
        else:
            self._print(Text(f"{title}…"))

    def _print(self, text: Text) -> None:
        if not self._quiet:
            self._console.print(text, soft_wrap=True)

    def _show(self) -> None:
        if self._quiet or not self._animated:
            return
        names = Text(" · ".join(self._running) + " …")
        if not self._running:
            if self._status is not None:
                self._status.stop()
            self._status = None
        elif self._status is None:
            self._status = self._console.status(names)
            self._status.start()
        else:
            self._status.update(names)
