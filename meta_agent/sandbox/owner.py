"""Who a container belongs to: one process of one boot of one machine.

Written as a label on everything we start. A later run removes what belongs to a
process that is gone, and nothing else: neither what another run on this machine
still uses, nor what belongs to a machine that shares the engine.
"""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

RUN_LABEL = "meta-agent.run"
OWNER_LABEL = "meta-agent.owner"
GATEWAY_LABEL = "meta-agent.gateway"
"""On the container that may still have to end queries at the database."""
PAGE_LABEL = "meta-agent.page"
"""On everything of a page, which is to go on after its process has ended; its value tells the pages apart."""
PAGE_OWNER_LABEL = "meta-agent.page-owner"
"""The process that starts a page: it is a leftover if that ends before the page was kept."""


def page_container(page: str) -> str:
    """The name of the script's container of a page that was kept; while it starts, it has another one."""
    return f"meta-agent-page-{page}"


def page_tag(page: str) -> str:
    """The image with the script of a page."""
    return f"meta-agent/page:{page}"


@dataclass(frozen=True)
class Owner:
    """A process that can be told from a later one with the same number."""

    machine: str
    boot: str
    pid: int
    started: str

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        return cls(_machine(), _boot(), os.getpid(), _started(os.getpid()) or "")

    @classmethod
    def parse(cls, label: str) -> Owner | None:
        """Read a label back; None for one that is not ours."""
        parts = label.split("|")
        if len(parts) != 4 or not parts[2].isdecimal():
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3])

    def label(self) -> str:
        """The value of the label."""
        return f"{self.machine}|{self.boot}|{self.pid}|{self.started}"

    def is_gone(self) -> bool:
        """Whether the process is known to have ended. False where that cannot be known from here."""
        if self.machine != _machine():
            return False
        return self.boot != _boot() or _started(self.pid) != self.started


def _machine() -> str:
    """Process numbers mean something only within one process namespace of one host."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # not Linux
        namespace = ""
    return f"{platform.node()}/{namespace}".replace("|", "_")


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:  # not Linux: a process number with its start time says enough
        return ""


def _started(pid: int) -> str | None:
    """When the process started, in words that only it has; None where there is no such process."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _started_by_ps(pid) if not Path("/proc/self/stat").exists() else None
    # The second field, the program's name, may hold spaces and brackets; the 22nd is the start time.
    fields = status.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _started_by_ps(pid: int) -> str | None:
    asked = subprocess.run(  # noqa: S603 - a number is the only argument that varies
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return " ".join(asked.stdout.split()) or None
