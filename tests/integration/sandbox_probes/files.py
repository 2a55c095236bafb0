"""The image, the host's files, what is written: sections 1 and 6 of the list of walls."""

import ctypes
import os
import socket
import stat
import subprocess
from pathlib import Path

from sandbox_probes.table import ALL_RIGHTS, call, probe

REMOUNT = 32


def written(place: str) -> str:
    Path(place).write_text("x")
    return place


@probe("write to /", "EROFS")
def write_root() -> str:
    return written("/new")


@probe("write to /etc", "EROFS")
def write_etc() -> str:
    return written("/etc/new")


@probe("write among the libraries", "EROFS")
def write_libraries() -> str:
    return written(f"{Path(os.__file__).parent}/new.py")


@probe("write to /dev", "EACCES")
def write_devices() -> str:
    return written("/dev/new")


@probe("change the script", "EROFS")
def change_script() -> str:
    return written("/app/script.py")


@probe("change the gateway", "EROFS")
def change_gateway() -> str:
    return written("/opt/gateway.py")


@probe("put something beside the script", "EROFS")
def beside_script() -> str:
    """Such as a folder in the place of the results."""
    os.symlink("/tmp", "/app/other")
    return "a link"


@probe("listen beside the door to the database", "EROFS")
def second_door() -> str:
    os.makedirs("/run/database", exist_ok=True)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind("/run/database/other")
    return "a socket of its own"


def ran(folder: str) -> str:
    tool = Path(folder, "tool")
    tool.write_text("#!/bin/sh\necho started")
    tool.chmod(0o755)
    return subprocess.run([tool], capture_output=True, text=True, check=True).stdout


@probe("start a program written to /tmp", "EACCES")
def run_from_tmp() -> str:
    return ran("/tmp")


@probe("start a program written to the results", "EACCES")
def run_from_results() -> str:
    return ran("/app/results")


@probe("start a program in /dev/shm", "EACCES", passes=ALL_RIGHTS)
def run_from_shared_memory() -> str:
    if os.getuid() == 0:
        call(165, 40, b"none", b"/dev/shm", None, ctypes.c_ulong(REMOUNT), None)
    return ran("/dev/shm")


@probe("start a program that is in no folder", "EPERM")
def run_from_memory() -> str:
    memory = call(319, 279, b"tool", 0)
    os.write(memory, b"#!/bin/sh\necho started")
    return subprocess.run([f"/proc/self/fd/{memory}"], pass_fds=[memory], check=True).returncode


def device(kind: int, number: str) -> str:
    """A name for the device with the number ``major:minor``."""
    name = f"/tmp/device-{number}"
    os.mknod(name, kind | 0o600, os.makedev(*map(int, number.split(":"))))
    return name


@probe("make a device", "EPERM")
def make_device() -> str:
    return device(stat.S_IFBLK, "254:0")


@probe("open a device of the host", "EPERM", passes=ALL_RIGHTS)
def open_device() -> str:
    """The kernel's log, opened to be written, and left alone."""
    os.open(device(stat.S_IFCHR, "1:11"), os.O_WRONLY)
    return "open for writing"


@probe("talk to the Docker engine", "ENOENT", passes=ALL_RIGHTS)
def reach_engine() -> str:
    with socket.socket(socket.AF_UNIX) as engine:
        engine.connect("/var/run/docker.sock")
    return "connected"


@probe("open a file by its handle", "EPERM", passes=ALL_RIGHTS)
def open_by_handle() -> str:
    """How containers were left that had CAP_DAC_READ_SEARCH: a handle names a file outside every root.

    Here one of the host's that the engine has put into the container.
    """
    handle = (ctypes.c_uint32 * 34)(128)
    call(303, 264, -100, b"/etc/hostname", ctypes.byref(handle), ctypes.byref(ctypes.c_int()), 0)
    file = call(304, 265, os.open("/etc/hostname", os.O_RDONLY), ctypes.byref(handle), 0)
    return os.read(file, 4).decode()


@probe("move pages between pipes", "EPERM")
def splice_pages() -> str:
    """The call behind CVE-2022-0847 (Dirty Pipe)."""
    _, writing = os.pipe()
    with open("/etc/passwd", "rb") as file:
        return call(275, 76, file.fileno(), None, writing, None, ctypes.c_size_t(1), 0)


@probe("give a file a second owner's name", "EPERM")
def change_owner() -> str:
    Path("/tmp/owned").write_text("x")
    os.chown("/tmp/owned", 12345, 12345)
    return "chown"


@probe("watch the files of others", "EPERM")
def watch_files() -> str:
    return f"descriptor {call(294, 26, 0)}"
