"""The table of probes, and the program that runs them inside a container.

A probe returns what it got, or raises what stopped it. It says what must stop it in the
sandbox, and in which other container the same code gets through: without that, nobody
would know that it can detect anything. This file and the probes are sent into the
containers as one program, so they import nothing but Python and what the image has.
"""

import ctypes
import errno
import json
import os
import platform
import select
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

PLAIN = "docker run"
"""As root, with a terminal, in a network as Compose makes one: what others start by default."""
UNFILTERED = "docker run, without Docker's own filter"
"""For what Docker's standard filter stops as well, in one version or another."""
ALL_RIGHTS = "docker run, with all rights"
"""For what every container is kept from unless somebody wants it otherwise: what --privileged means, the
host's processes and the engine's socket."""
ON_HOST_NETWORK = "docker run, on the host's network"
"""For what listens on 127.0.0.1; with the database's owner for what is done in the database."""

ENDLESS = 60
"""Seconds after which a probe is given up."""

HOST_ADDRESS = ("", 0)
"""Where the test listens on the address of the host that containers see. The test sets it and the next."""
LOOPBACK_ADDRESS = ("", 0)
PEER = ""
"""The name of another container in the same network as the plain one."""
CANARY = ""
"""A secret in the environment of the tool."""


@dataclass(frozen=True)
class Probe:
    """One line of the table."""

    name: str
    action: Callable[[], object]
    stopped_by: tuple[str, ...]
    """What the sandbox answers: the name of an errno, an exception or a signal."""
    passes: str
    """The container in which it gets through."""


PROBES: list[Probe] = []


def probe(name: str, *stopped_by: str, passes: str = PLAIN):
    """Enter a function into the table."""

    def enter(action: Callable[[], object]) -> Callable[[], object]:
        PROBES.append(Probe(name, action, stopped_by, passes))
        return action

    return enter


class Stopped(Exception):
    """The probe itself found that it got nothing."""


def outcome(action: Callable[[], object]) -> str:
    """``got …``, or the name of what stopped it."""
    try:
        return f"got {action()}"
    except socket.gaierror:
        return "gaierror"
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
    except BaseException as error:
        return type(error).__name__


def in_a_child(action: Callable[[], object]) -> str:
    """The outcome of a process of its own: it may lose its rights, its memory or its life."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, outcome(action).encode())
        os._exit(0)
    os.close(writing)
    answered, _, _ = select.select([reading], [], [], ENDLESS)
    if not answered:
        os.kill(child, signal.SIGKILL)
    said = os.read(reading, 65536).decode() if answered else "no answer"
    os.close(reading)
    _, status = os.waitpid(child, 0)
    return said or signal.Signals(os.WTERMSIG(status)).name


def run(names: list[str]) -> None:
    """Run the named probes, and print one JSON list of name and outcome for each."""
    for line in PROBES:
        if line.name in names:
            sys.stdout.write(json.dumps([line.name, in_a_child(line.action)]) + "\n")
            sys.stdout.flush()


# --- for probes of the kernel ----------------------------------------------------

LIBC = ctypes.CDLL(None, use_errno=True)


def call(x86_64: int, aarch64: int, *arguments: object) -> int:
    """Make a system call by its number. Raises OSError."""
    number = {"x86_64": x86_64, "aarch64": aarch64}[platform.machine()]
    result = LIBC.syscall(ctypes.c_long(number), *arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), "")
    return result


def reach_kernel(x86_64: int, aarch64: int, *arguments: object) -> str:
    """Make a call with arguments that nothing can come of: any answer but EPERM is the kernel's own."""
    try:
        return f"the answer {call(x86_64, aarch64, *arguments)}"
    except OSError as error:
        if error.errno == errno.EPERM:
            raise
        return f"the kernel's {errno.errorcode[error.errno]}"
