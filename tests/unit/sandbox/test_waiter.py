"""The few lines that wait in the script's container, run outside of it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from meta_agent.sandbox.script_container import WAITER

BECOMES = """
import os, signal, sys
print(os.getpid(), 40 < signal.alarm(0) <= 50, sys.flags.isolated, sys.argv, len(os.listdir("/dev/fd")))
"""


def start(folder: Path, patience: float) -> subprocess.Popen[str]:
    words = [str(folder / "script.py"), str(folder / "delivered"), str(patience), "50"]
    return subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", WAITER.read_text(), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_becomes_the_script_that_is_delivered_and_leaves_it_an_alarm(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("raise SystemExit('taken too early')")
    with start(tmp_path, 60) as waiter:
        time.sleep(0.3)  # long enough for it to have looked
        (tmp_path / "script.py").write_text(BECOMES)
        (tmp_path / "delivered").touch()
        said, complaints = waiter.communicate(timeout=60)
    assert complaints == ""
    bare = subprocess.run(
        [sys.executable, "-I", tmp_path / "script.py"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    ).stdout.split()
    words = said.split()
    assert words[:3] == [str(waiter.pid), "True", "1"]
    assert (
        words[3:] == bare[3:]
    )  # no argument and no open file more than a script has that is started plainly


def test_it_ends_where_no_script_comes(tmp_path: Path) -> None:
    with start(tmp_path, 0.05) as waiter:
        assert waiter.communicate(timeout=60) == ("", "no script came\n")
    assert waiter.returncode == 1
