"""What the embedded servers and the model file keep on this machine, and how processes share it.

The folder, the lock that lets one process at a time change something in it, and
the small private files that remember a running server. Used by the embedded
model server, the model files and the embedded database.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OnProgress = Callable[[str, "float | None"], None]
"""Told what is being done, and which share of it is done (0 to 1, or None where that is not known)."""


def ignore_progress(_message: str, _share: float | None) -> None:
    """The observer that is used where nobody wants to know."""


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where models and embedded servers live: META_AGENT_CACHE, else the user's cache folder."""
    if environ.get("META_AGENT_CACHE"):
        return Path(environ["META_AGENT_CACHE"]).expanduser().absolute()
    if environ.get("XDG_CACHE_HOME"):
        return Path(environ["XDG_CACHE_HOME"]).expanduser().absolute() / "meta-agent"
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / ".cache" / "meta-agent"


@contextmanager
def exclusive(lock_file: Path, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold a lock between processes while the block runs; ``on_wait`` is called once when another holds it.

    The operating system releases it when its holder dies, so that a lock never goes stale.
    """
    descriptor = open_lock(lock_file)
    try:
        if not try_lock(descriptor):
            if on_wait is not None:
                on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def open_lock(lock_file: Path) -> int:
    """A descriptor of the lock file, which is made with its folder where it does not exist."""
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    return os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)


def try_lock(descriptor: int) -> bool:
    """Take the lock if nobody holds it. A child process that inherits the descriptor keeps it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(lock_file: Path) -> bool:
    """Whether some process holds the lock now."""
    if not lock_file.exists():
        return False
    descriptor = open_lock(lock_file)
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def read_state(file: Path) -> dict[str, Any]:
    """A state file's content; empty where there is none or where it cannot be understood."""
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def write_private(file: Path, text: str) -> None:
    """Replace the file at once, readable by its owner only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    draft.replace(file)


def bare_environment() -> dict[str, str]:
    """For programs of ours that outlive the command: in the user's own environment passwords may stand."""
    return {"PATH": os.defpath, "HOME": str(Path.home()), "LANG": "C"}
