"""The settings every container of ours is made with. Constants: only the limits vary.

Root's powers, the network, other processes, the host's files, most system calls and
unbounded use of anything are taken away here, in one place, for the script and for the
gateway alike. The system calls that are left stand in ``templates/package/seccomp.json``,
the very file that every deployment package carries.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from meta_agent.sandbox.options import Limits

SCRIPT_USER = 10001
CPU_PERIOD = 100_000
"""Microseconds; the kernel's own default."""
TMP = "rw,noexec,nosuid,nodev,size=64m,nr_inodes=4k,mode=1777"
VOLUME_FLAGS = "noexec,nosuid,nodev"
SYSTEM_CALLS = Path(__file__).parent.parent / "templates" / "package" / "seccomp.json"


def hardened(
    limits: Limits,
    *,
    largest_file: int,
    user: str = f"{SCRIPT_USER}:{SCRIPT_USER}",
    runtime: str | None = None,
) -> dict[str, Any]:
    """Arguments for docker-py's ``containers.create``. ``largest_file`` is in bytes.

    There is no limit on the number of the user's processes (nproc): the kernel counts those over all
    containers of one user. The limit on pids counts one container's.
    """
    from docker.types import LogConfig, Ulimit

    return {
        **adjustable(limits),
        "user": user,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", f"seccomp={system_calls()}"],
        "read_only": True,
        "init": True,
        "ipc_mode": "private",
        "shm_size": "16m",
        "tmpfs": {"/tmp": TMP},  # noqa: S108 - a path inside the container
        "pids_limit": limits.pids,
        "ulimits": [
            Ulimit(name="nofile", soft=1024, hard=1024),
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="fsize", soft=largest_file, hard=largest_file),
        ],
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "1m", "max-file": "2"}),
        "tty": False,
        "stdin_open": False,
        "detach": True,
        "runtime": runtime,
    }


def adjustable(limits: Limits) -> dict[str, Any]:
    """The settings that a container which waits for its script can still be given."""
    memory = f"{limits.memory_mb}m"
    return {
        "mem_limit": memory,
        "memswap_limit": memory,
        "cpu_period": CPU_PERIOD,
        "cpu_quota": int(limits.cpus * CPU_PERIOD),
    }


@lru_cache(maxsize=1)
def system_calls() -> str:
    """The allow-list of system calls as the engine takes it: the content of the file, on one line."""
    return json.dumps(json.loads(SYSTEM_CALLS.read_text(encoding="utf-8")), separators=(",", ":"))


def memory_volume(size: str, owner: int, files: int) -> dict[str, str]:
    """Options of a volume that lives in memory: unlike a folder of the host it cannot outgrow its size."""
    settings = f"size={size},nr_inodes={files},uid={owner},gid={owner},mode=0755,{VOLUME_FLAGS}"
    return {"type": "tmpfs", "device": "tmpfs", "o": settings}
