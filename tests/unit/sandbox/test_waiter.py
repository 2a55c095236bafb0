"""The few lines that wait in the script's container, run outside of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from meta_agent.sandbox.script_container import WAITER

BECOMES = """
import os, signal, sys
print(os.getpid(), 40 < signal.alarm(0) <= 50, sys.flags.isolated, sys.argv, len(os.listdir("/dev/fd")))
"""


def start(folder: Path, patience: float) -> subprocess.Popen[str]:
    words = [str(folder / "script.py"), str(patience), "50"]
    return subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", WAITER.read_text(), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_becomes_the_script_that_is_delivered_and_leaves_it_an_alarm(tmp_path: Path) -> None:
    with start(tmp_path, 60) as waiter:
        (tmp_path / "draft").write_text(BECOMES)
        (tmp_path / "draft").rename(tmp_path / "script.py")
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
