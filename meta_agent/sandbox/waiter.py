"""Runs in the script's container ahead of the script: waits for it, then becomes it.

Handed to Python as text (``-c``), so it imports the standard library only. It looks at nothing
but one name on the script's volume, which is read-only for it, too; once it has become the
script (``execv``), nothing of it is left but an alarm.
"""

import os
import signal
import sys
import time
from pathlib import Path

LOOK_SECONDS = 0.004


def wait_and_become(script: str, patience_seconds: float, backstop_seconds: int) -> None:
    """Become ``script`` when it is there; end where nobody comes for it.

    The alarm survives ``execv``: where the tool that keeps the time was killed, the script still ends,
    after ``backstop_seconds``.
    """
    deadline = time.monotonic() + patience_seconds
    while not Path(script).exists():
        if time.monotonic() > deadline:
            sys.exit("no script came")
        time.sleep(LOOK_SECONDS)
    signal.alarm(backstop_seconds)
    os.execv(sys.executable, [sys.executable, "-I", "-B", "-u", script])  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    wait_and_become(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
