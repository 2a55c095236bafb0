"""What people see, letter by letter: on a terminal of 80 columns and in a pipe."""

from __future__ import annotations

import os
from collections.abc import Callable

import display_examples as examples
import pytest
from rich.console import Console

from meta_agent.display.answer import show_answer, show_run, show_warnings
from meta_agent.display.errors import show_error
from meta_agent.display.findings import show_check, show_validation


def answer(console: Console) -> None:
    show_answer(examples.record(), examples.glossary(), console)


def around(console: Console) -> None:
    record = examples.record()
    show_warnings(record.warnings, console)
    show_run(record, console, "python script_executor.py execute")


def error(console: Console) -> None:
    show_error(examples.ERROR, console)


def doctor(console: Console) -> None:
    for check in examples.CHECKS:
        show_check(check, console)


def validation(console: Console) -> None:
    show_validation(examples.verdict(is_valid=False), console)
    show_validation(examples.verdict(), console)


SHOWN = (answer, around, error, doctor, validation)


@pytest.mark.parametrize("show", SHOWN)
@pytest.mark.parametrize("place", ["terminal", "pipe"])
def test_golden(show: Callable[[Console], None], place: str) -> None:
    console = examples.terminal() if place == "terminal" else examples.pipe()
    show(console)
    file = examples.GOLDEN / f"{show.__name__}-{place}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(examples.text_of(console), encoding="utf-8")
    assert examples.text_of(console) == file.read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    expected = {f"{show.__name__}-{place}.txt" for show in SHOWN for place in ("terminal", "pipe")}
    assert {file.name for file in examples.GOLDEN.iterdir()} == expected
