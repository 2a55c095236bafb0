"""Memory, processes, disk, CPU: everything has an end. Where it has none, these go only so far."""

import os
import resource
import signal
from pathlib import Path

from sandbox_probes.table import Stopped, probe

MEGABYTE = 1 << 20


def fill(folder: str, megabytes: int) -> str:
    """In files small enough for the limit on one file; removed afterwards."""
    names = [Path(folder, f"fill-{number}") for number in range(megabytes // 4)]
    try:
        for name in names:
            name.write_bytes(b"x" * (4 * MEGABYTE))
        return f"{megabytes} MB"
    finally:
        for name in names:
            name.unlink(missing_ok=True)


def litter(folder: str, count: int) -> str:
    names = [Path(folder, f"litter-{number}") for number in range(count)]
    try:
        for name in names:
            name.touch()
        return f"{count} files"
    finally:
        for name in names:
            name.unlink(missing_ok=True)


@probe("take more memory than any script is given", "SIGKILL")
def memory() -> str:
    taken = [bytearray(os.urandom(1) * (64 * MEGABYTE)) for _ in range(24)]
    return f"{len(taken) * 64} MB"


@probe("start processes without end", "EAGAIN")
def fork() -> str:
    children = []
    try:
        for _ in range(300):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
        return f"{len(children)} processes"
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


@probe("fill the results", "ENOSPC")
def fill_results() -> str:
    return fill("/app/results", 80)


@probe("fill the results with names", "ENOSPC")
def litter_results() -> str:
    return litter("/app/results", 5000)


@probe("fill /tmp", "ENOSPC")
def fill_tmp() -> str:
    return fill("/tmp", 80)


@probe("fill /tmp with names", "ENOSPC")
def litter_tmp() -> str:
    return litter("/tmp", 5000)


@probe("fill the shared memory", "ENOSPC")
def fill_shared_memory() -> str:
    return fill("/dev/shm", 32)


@probe("write one very large file", "EFBIG")
def large_file() -> str:
    """A terabyte of nothing: a file with a hole, which takes no space."""
    with open("/app/results/hole", "wb") as file:
        file.truncate(1 << 40)
    os.unlink("/app/results/hole")
    return "1 TB"


@probe("open files without end", "EMFILE")
def open_files() -> str:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    copies = [os.dup(1) for _ in range(1100)]
    return f"{len(copies)} files"


@probe("leave a picture of its memory", "ValueError")
def core_file() -> str:
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    return "a core file"


@probe("use the CPU without end", "Stopped")
def processor() -> str:
    """What the kernel was told of a quota: measured on a busy machine, nobody would know who held it back."""
    places = (Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), Path("/sys/fs/cgroup/cpu.max"))
    quota = next(path for path in places if path.exists()).read_text().split()[0]
    if quota not in ("-1", "max"):
        raise Stopped
    return f"quota {quota}"
