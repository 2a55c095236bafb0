"""Work in a thread of its own, so that waiting for it can be bounded exactly.

A socket's read timeout starts anew with every byte: keep-alive comments, dripping
headers and slow name servers outlast it. A queue between two threads does not.
The threads are daemons: one that is stuck never keeps the program from ending.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")

CLOSING_SECONDS = 0.5
"""How long ``close`` waits for the source to let go of its connection."""


class Pump(Generic[T]):
    """Draws items from an iterator in the background; ``next`` waits for a bounded time."""

    def __init__(self, source: Callable[[], Iterator[T]]) -> None:
        self._items: queue.SimpleQueue[tuple[T] | BaseException | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._draw, args=(source,), daemon=True)
        self._thread.start()

    def next(self, seconds: float) -> tuple[T] | None:
        """The next item in a tuple, None at the end.

        Raises TimeoutError when ``seconds`` pass without one, and whatever the source raised.
        """
        try:
            item = self._items.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            raise TimeoutError(f"nothing within {seconds:.1f} s") from None
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        """Tell the source to stop at its next item, and give it a moment to do so."""
        self._stopped.set()
        self._thread.join(CLOSING_SECONDS)

    def __enter__(self) -> Pump[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _draw(self, source: Callable[[], Iterator[T]]) -> None:
        try:
            for item in source():
                self._items.put((item,))
                if self._stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._items.put(error)
        else:
            self._items.put(None)


class Background(Generic[T]):
    """One result, being made in the background from now on."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._pump: Pump[T] = Pump(lambda: iter((work(),)))
        self._made: tuple[T] | None = None

    def result(self, seconds: float) -> T:
        """What the work returned, every time. Raises TimeoutError; the first time what the work raised."""
        if self._made is None:
            self._made = self._pump.next(seconds)
        if self._made is None:
            raise RuntimeError("the work raised, and that was told already")
        return self._made[0]
