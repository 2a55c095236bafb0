"""The settings every container of ours is made with. Constants: only the limits vary.

Root's powers, the network, other processes, the host's files and unbounded use of
anything are taken away here, in one place, for the script and for the gateway alike.
A stricter system call filter would be one more entry of ``security_opt``.
"""

from __future__ import annotations

from typing import Any

from meta_agent.sandbox.options import Limits

SCRIPT_USER = 10001
TMP = "rw,noexec,nosuid,nodev,size=64m,mode=1777"
CPU_PERIOD = 100_000
"""Microseconds; the kernel's own default."""
VOLUME_FLAGS = "noexec,nosuid,nodev"


def hardened(
    limits: Limits, *, largest_file: int, user: str = f"{SCRIPT_USER}:{SCRIPT_USER}"
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
        "security_opt": ["no-new-privileges:true"],
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


def memory_volume(size: str, owner: int, files: int) -> dict[str, str]:
    """Options of a volume that lives in memory: unlike a folder of the host it cannot outgrow its size."""
    settings = f"size={size},nr_inodes={files},uid={owner},gid={owner},mode=0755,{VOLUME_FLAGS}"
    return {"type": "tmpfs", "device": "tmpfs", "o": settings}
