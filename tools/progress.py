"""Shows the progress of a download or a start on standard error: a bar in a terminal, else a few lines."""

from __future__ import annotations

import sys
from typing import TextIO

BAR_WIDTH = 30


class ProgressLines:
    """Called with a message and the share done (0 to 1, or None where it is not known)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._is_terminal = self._stream.isatty()
        self._shown = ("", -1)
        self._bar_is_open = False

    def __call__(self, message: str, share: float | None) -> None:
        """Show it if it says something new: every percent in a terminal, every tenth elsewhere."""
        percent = -1 if share is None else int(share * 100)
        step = percent if self._is_terminal or percent < 0 else percent // 10 * 10
        if (message, step) == self._shown:
            return
        if self._bar_is_open and message != self._shown[0]:
            self.close()
        self._shown = (message, step)
        if self._is_terminal and share is not None:
            self._draw(message, percent)
        else:
            self._stream.write(f"{message}: {step} %\n" if share is not None else f"{message}\n")
        self._stream.flush()

    def close(self) -> None:
        """End an open bar's line."""
        if self._bar_is_open:
            self._stream.write("\n")
            self._bar_is_open = False

    def _draw(self, message: str, percent: int) -> None:
        filled = BAR_WIDTH * percent // 100
        self._stream.write(f"\r{message} [{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {percent:3d} %")
        self._bar_is_open = True
