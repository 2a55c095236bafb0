"""What the script prints, made fit to be shown: decoded, escaped, cut at a limit.

The bytes come from an untrusted program: they may be no text at all, one line of
50 MB, or sequences that would drive the user's terminal.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable

LONGEST_WAIT = 8192
"""A line without an end is handed on in pieces of about this many characters."""

_DANGEROUS = (
    *(code for code in range(0x20) if code not in (0x09, 0x0A)),
    *range(0x7F, 0xA0),
    *(0x061C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF),
)
_ESCAPES = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _DANGEROUS}


def escape_controls(text: str) -> str:
    """Control and direction-changing characters spelled out; line ends and tabs stay."""
    return text.replace("\r\n", "\n").translate(_ESCAPES)


class OutputLog:
    """One output stream. Whole lines go to ``on_output`` as they come, without their last line end."""

    def __init__(self, limit_bytes: int, on_output: Callable[[str], None]) -> None:
        self._room = limit_bytes
        self._on_output = on_output
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = ""
        self._shown: list[str] = []
        self.dropped_bytes = 0

    @property
    def text(self) -> str:
        """Everything that was shown."""
        return "".join(self._shown)

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        taken = data[: self._room]
        self._room -= len(taken)
        self.dropped_bytes += len(data) - len(taken)
        if taken:
            self._show(self._waiting + self._decoder.decode(taken))

    def close(self) -> None:
        """The stream has ended: show what waits for its line end."""
        rest = self._waiting + self._decoder.decode(b"", final=True)
        self._waiting = ""
        self._hand_on(rest)

    def _show(self, text: str) -> None:
        whole, line_end, self._waiting = text.rpartition("\n")
        if not line_end and len(self._waiting) > LONGEST_WAIT:
            # a carriage return at the very end may be the first half of a line end
            cut = len(self._waiting) - self._waiting.endswith("\r")
            line_end, self._waiting = self._waiting[:cut], self._waiting[cut:]
        self._hand_on(whole + line_end)

    def _hand_on(self, text: str) -> None:
        if text:
            safe = escape_controls(text)
            self._shown.append(safe)
            self._on_output(safe.removesuffix("\n"))
