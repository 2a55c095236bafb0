"""Who the script is, what it may, whom it sees: users, processes, terminal, environment."""

import ctypes
import os
import sys
from pathlib import Path

from sandbox_probes.table import ALL_RIGHTS, CANARY, UNFILTERED, Stopped, call, probe, reach_kernel


def status(name: str) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)[name]


@probe("be root", "Stopped")
def be_root() -> str:
    if os.getuid() != 0:
        raise Stopped
    return "user 0"


@probe("become root", "EPERM")
def become_root() -> str:
    os.setuid(0)
    return "user 0"


@probe("have a capability", "Stopped")
def have_capability() -> str:
    """In any of the five sets: bounding and inheritable ones can be had by way of a program."""
    sets = [status(name) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    if not any(int(mask, 16) for mask in sets):
        raise Stopped
    return str(sets)


@probe("gain rights through a setuid program", "Stopped")
def gain_rights() -> str:
    if status("NoNewPrivs") == "1":
        raise Stopped
    return "no_new_privs is not set"


@probe("change the root folder", "EPERM")
def change_root() -> str:
    os.chroot("/tmp")
    return "chroot"


@probe("see processes outside", "Stopped", passes=ALL_RIGHTS)
def see_processes() -> str:
    own = {1, os.getpid(), os.getppid()}
    others = [name for name in os.listdir("/proc") if name.isdecimal() and int(name) not in own]
    if not others:
        raise Stopped
    return f"{len(others)} processes"


@probe("trace another process", "EPERM")
def trace() -> str:
    return call(101, 117, 0, 0, None, None)


def in_another_process(read) -> object:
    """Run ``read`` on a child that waits."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    try:
        return read(child)
    finally:
        os.close(writing)
        os.waitpid(child, 0)


@probe("read another process's memory", "EPERM", passes=UNFILTERED)
def read_memory() -> object:
    class Area(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    secret, copied = ctypes.create_string_buffer(b"secret"), ctypes.create_string_buffer(6)
    source = Area(ctypes.addressof(secret), 6)
    target = Area(ctypes.addressof(copied), 6)

    def read(child: int) -> bytes:
        areas = (ctypes.byref(target), ctypes.c_ulong(1), ctypes.byref(source), ctypes.c_ulong(1))
        call(310, 270, child, *areas, ctypes.c_ulong(0))
        return copied.raw

    return in_another_process(read)


@probe("take another process's open file", "EPERM", passes=ALL_RIGHTS)
def take_file() -> object:
    return in_another_process(lambda child: call(438, 438, call(434, 434, child, 0), 0, 0))


@probe("compare the kernel's objects of two processes", "EPERM", passes=ALL_RIGHTS)
def compare_processes() -> object:
    return in_another_process(
        lambda child: call(312, 272, os.getpid(), child, 1, ctypes.c_ulong(0), ctypes.c_ulong(0))
    )


@probe("change how memory is laid out", "EPERM", passes=ALL_RIGHTS)
def change_personality() -> str:
    """ADDR_NO_RANDOMIZE."""
    return f"was {call(135, 92, ctypes.c_ulong(0x0040000))}"


@probe("use memory shared with other programs", "EPERM")
def shared_memory() -> str:
    return reach_kernel(29, 194, 0x1234, ctypes.c_size_t(4096), 0o1600)


@probe("talk to a terminal", "ENXIO")
def terminal() -> str:
    with open("/dev/tty", "w") as there:
        return there.name


@probe("read the tool's secrets in the environment", "Stopped")
def environment() -> str:
    found = [name for name, value in os.environ.items() if value == CANARY]
    if not found:
        raise Stopped
    return found[0]


@probe("be misled by a module beside the script", "Stopped")
def module_beside() -> str:
    """What ``python -I`` is for: without it, a file called csv.py in the folder is imported as csv."""
    if str(Path(sys.argv[0]).parent) not in sys.path:
        raise Stopped
    return sys.path[0]
