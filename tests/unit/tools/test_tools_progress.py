"""What is shown while something large is fetched."""

from __future__ import annotations

import io

from tools.progress import ProgressLines


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_each_tenth_is_one_line() -> None:
    stream = io.StringIO()
    progress = ProgressLines(stream)
    for percent in range(101):
        progress("Fetching", percent / 100)
    progress("Loading", None)
    progress("Loading", None)
    lines = stream.getvalue().splitlines()
    assert lines == [f"Fetching: {percent} %" for percent in range(0, 101, 10)] + ["Loading"]


def test_in_a_terminal_a_bar_grows_on_its_line() -> None:
    stream = Terminal()
    progress = ProgressLines(stream)
    progress("Fetching", 0.5)
    progress("Fetching", 0.501)
    progress("Fetching", 1.0)
    progress("Loading", None)
    bars, last = stream.getvalue().split("\n", 1)
    assert bars.split("\r")[1:] == [
        "Fetching [###############...............]  50 %",
        "Fetching [##############################] 100 %",
    ]
    assert last == "Loading\n"


def test_closing_ends_an_open_bar_once() -> None:
    stream = Terminal()
    progress = ProgressLines(stream)
    progress("Fetching", 0.1)
    progress.close()
    progress.close()
    assert stream.getvalue().count("\n") == 1
