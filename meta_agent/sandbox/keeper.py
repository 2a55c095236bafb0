"""Runs in the trusted container beside the script's: runs the gateway and takes the script in.

Handed to Python as text (``-c``), so it imports the standard library only. The script comes
over standard input, which takes a tenth of the time of the engine's archive calls, and
appears on the script's volume all at once.
"""

import signal
import subprocess
import sys
import threading
from pathlib import Path

TAKEN, REFUSED = "keeper: taken in", "keeper: not taken in"


def take_in(place: Path) -> None:
    """Put the script there that comes as its length in a line, then itself; say what came of it."""
    length = int(sys.stdin.buffer.readline() or 0)
    content = sys.stdin.buffer.read(length)
    try:
        if len(content) < length:
            raise OSError("it was cut on the way")
        draft = place.with_name(f".{place.name}")
        draft.write_bytes(content)
        draft.chmod(0o444)
        draft.rename(place)
    except OSError as error:
        say(f"{REFUSED} ({error})")
    else:
        say(TAKEN)


def say(words: str) -> None:
    """To the tool, which listens at the other end."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def keep(place: Path, command: list[str]) -> int:
    """Take the script in while ``command`` runs. Ends with it, and with its exit code."""
    companion = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the gateway, or sleep
    signal.signal(signal.SIGTERM, lambda *_: companion.terminate())
    threading.Thread(target=take_in, args=(place,), daemon=True).start()
    return companion.wait()


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1]), sys.argv[2:]))
