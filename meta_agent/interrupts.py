"""Ctrl-C, and being told to end, in the middle of a run.

All three signals mean the same here: stop, take away what was started, write the record.
The first one raises KeyboardInterrupt where the program happens to be; clean-up is never
cut short, neither by the first signal nor by an impatient second one.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
REPEAT_SECONDS = 0.1
Handler = Callable[[int, FrameType | None], None]


class Terminated(KeyboardInterrupt):
    """The program was told to end (SIGTERM, or its terminal was closed), not only the run."""


@dataclass
class Interruption:
    """What has happened while a block was interruptible."""

    ends_program: bool = False
    """Whether the program was told to end."""


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """The first signal raises KeyboardInterrupt in the main thread; later ones are ignored in this block."""
    state, heard = Interruption(), threading.Event()

    def interrupt(number: int, _frame: FrameType | None) -> None:
        heard.set()
        _handle_with(_ignore)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        state.ends_program = True
        raise Terminated

    with _handled(interrupt), _repeated(heard):
        yield state


@contextmanager
def undisturbed() -> Iterator[None]:
    """A signal that comes during this block has its effect at the end of it."""
    waiting: list[int] = []
    try:
        with _handled(lambda number, _frame: waiting.append(number)):
            yield
    finally:
        if waiting:
            signal.raise_signal(waiting[0])


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    """Signals go to ``handler``; nothing changes outside the main thread, where no signal arrives."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [(number, signal.getsignal(number)) for number in SIGNALS]
    _handle_with(handler)
    try:
        yield
    finally:
        for number, earlier in before:
            signal.signal(number, earlier)


@contextmanager
def _repeated(heard: threading.Event) -> Iterator[None]:
    """Send the first signal to the main thread again until it was heard.

    Python looks for signals between instructions. One that comes after such a look and before a call
    that waits (or that the system hands to another thread) is not seen until that call returns.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    earlier = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    repeater = threading.Thread(target=_repeat, args=(reader, heard), daemon=True)
    repeater.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(earlier)
        heard.set()
        os.close(writer)
        repeater.join()
        os.close(reader)


def _repeat(reader: int, heard: threading.Event) -> None:
    while (number := os.read(reader, 1)) and number[0] not in SIGNALS:
        pass  # another signal for which somebody has a handler, such as a window's new size
    while number and not heard.wait(REPEAT_SECONDS):
        signal.pthread_kill(threading.main_thread().ident or 0, number[0])


def _handle_with(handler: Handler) -> None:
    for number in SIGNALS:
        signal.signal(number, handler)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Not SIG_IGN: programs that we start would inherit that."""
