"""Scripts that hang, take too much, print too much, or try to steer the terminal; run with ``execute``.

What gets past the validator only by other ways is run in tests/integration/test_sandbox_endings.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fault_support import Arrange, Fault, Place, given

from meta_agent.errors import ExitCode

pytestmark = [pytest.mark.docker, pytest.mark.database]

EXECUTE = ("execute", "scripts/given.py")
AGREED = (*EXECUTE, "--yes")
"""Also where the validator would have asked."""


def script(source: str, **settings: str) -> Arrange:
    """A user's own script."""

    @contextmanager
    def arrange(place: Place) -> Iterator[None]:
        write(place, source)
        with given(**settings)(place):
            yield

    return arrange


def write(place: Place, source: str) -> None:
    (place.folder / "scripts").mkdir(exist_ok=True)
    (place.folder / "scripts" / "given.py").write_text(source)


FLOODS = """
import sys

for _ in range(1024):
    sys.stdout.write(("x" * 1023 + "\\n") * 1024)
"""
HANGS = "n = 0\nwhile n >= 0:\n    n += 1\n"
IGNORES_SIGNALS = """
import signal

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
"""
BACKGROUND = """
import threading
import time

threading.Thread(target=time.sleep, args=(600,)).start()
print("done")
"""
CHILDREN = "import multiprocessing\n\nmultiprocessing.Process(target=print).start()\n"
GREEDY = "blocks = []\nfor _ in range(4096):\n    blocks.append(bytearray(1 << 20))\n"

FAULTS = [
    *(
        Fault(name, ExitCode.TIMEOUT, "was stopped after", "raise SCRIPT_TIMEOUT", hanging, AGREED)
        for name, hanging in {
            "hangs": script(HANGS, SCRIPT_TIMEOUT="2"),
            "ignores SIGTERM": script(IGNORES_SIGNALS + HANGS, SCRIPT_TIMEOUT="2"),
            "goes on in the background": script(BACKGROUND, SCRIPT_TIMEOUT="2"),
        }.items()
    ),
    Fault("starts children", ExitCode.REFUSED, "starts more processes", "Correct", script(CHILDREN), EXECUTE),
    Fault("out of memory", ExitCode.SCRIPT_FAILED, "more memory", "Correct it", script(GREEDY), EXECUTE),
    Fault(
        "prints a gigabyte",
        ExitCode.SCRIPT_FAILED,
        "It printed far more than it may and was stopped",
        "Correct it",
        script(FLOODS),
        EXECUTE,
    ),
    Fault(
        "fails without a word",
        ExitCode.SCRIPT_FAILED,
        "ended with exit status 3",
        "Correct it",
        script("import sys\n\nsys.exit(3)\n"),
        EXECUTE,
    ),
    Fault("no Python", ExitCode.REFUSED, "Line 1", "Correct", script("def broken(:\n"), EXECUTE),
    Fault(
        "reads a database that is not set",
        ExitCode.DATABASE,
        "reads DATABASE_URL, which is not set",
        "Set DATABASE_URL",
        script('import os\n\nprint("there" if os.environ["DATABASE_URL"] else "empty")\n', DATABASE_URL=""),
        EXECUTE,
    ),
    Fault("is not there", ExitCode.USAGE, "cannot be read", "path", given(), EXECUTE, leaves_record=False),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_and_the_next_run_works(fault: Fault, meet: Callable[[Fault], None]) -> None:
    meet(fault)


def test_a_line_of_fifty_megabytes_is_cut(place: Place) -> None:
    write(place, 'import sys\n\nfor _ in range(50):\n    sys.stdout.write("x" * 1_000_000)\n')
    told = place.end(place.program.start(*EXECUTE))
    assert told.code == 0, told.err
    assert told.out.strip() == "x" * 2**20
    assert f"{50_000_000 - 2**20} bytes of its output were dropped" in told.err


def test_what_would_steer_the_terminal_is_shown(place: Place) -> None:
    """Sequences, invalid UTF-8 and reversed text: on both streams, and in the record."""
    steering = rb"\x1b]0;owned\x07\x1b[2J \xff\xfe caf\xc3\xa9 \xe2\x80\xae\r\n"
    write(
        place,
        f'import sys\n\nsys.stdout.buffer.write(b"{steering.decode()}")\n'
        f'sys.stderr.buffer.write(b"{steering.decode()}")\nsys.exit(4)\n',
    )
    told = place.end(place.program.start(*EXECUTE))
    shown = "\\x1b]0;owned\\x07\\x1b[2J \ufffd\ufffd café \\u202e"
    assert told.code == ExitCode.SCRIPT_FAILED
    assert told.out == f"{shown}\n"
    assert f"  │ {shown}\n" in told.err
    assert all(c.isprintable() or c == "\n" for c in told.out + told.err)
    (record,) = place.records()
    assert record["execution"]["output"] == f"{shown}\n"
