"""The kernel's doors: namespaces, mounts, and the interfaces that break-outs were made of."""

import ctypes
import errno
import mmap
import os
import platform
import socket
from pathlib import Path

from sandbox_probes.table import ALL_RIGHTS, PLAIN, UNFILTERED, Stopped, call, probe, reach_kernel

NEW_USER, NEW_FILES = 0x10000000, 0x00020000


@probe("mount a file system", "EPERM", passes=ALL_RIGHTS)
def mount() -> int:
    return call(165, 40, b"none", b"/tmp", b"tmpfs", ctypes.c_ulong(0), None)


@probe("mount the new way", "EPERM", passes=ALL_RIGHTS)
def mount_new() -> int:
    return call(430, 430, b"tmpfs", 0)


@probe("make a user namespace", "EPERM", passes=ALL_RIGHTS)
def unshare() -> int:
    return call(272, 97, NEW_USER)


@probe("make a namespace by clone", "EPERM", passes=ALL_RIGHTS)
def clone() -> str:
    """The flags are the first argument on both architectures; 17 is SIGCHLD."""
    child = call(56, 220, ctypes.c_ulong(NEW_FILES | 17), None, None, None, None)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "a mount namespace"


@probe("make a namespace by clone3", "ENOSYS", passes=ALL_RIGHTS)
def clone3() -> str:
    arguments = (ctypes.c_uint64 * 8)(NEW_FILES, 0, 0, 0, 17, 0, 0, 0)
    child = call(435, 435, ctypes.byref(arguments), ctypes.c_size_t(ctypes.sizeof(arguments)))
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "a mount namespace"


@probe("enter a namespace", "EPERM", passes=ALL_RIGHTS)
def enter_namespace() -> int:
    return call(308, 268, os.open("/proc/self/ns/ipc", os.O_RDONLY), 0)


@probe("submit work to io_uring", "EPERM", passes=UNFILTERED)
def io_uring() -> str:
    return reach_kernel(425, 425, 0, None)


@probe("use the kernel's keyrings", "EPERM", passes=UNFILTERED)
def keyctl() -> str:
    return reach_kernel(250, 219, 0, -3, 0)


@probe("add a key", "EPERM", passes=UNFILTERED)
def add_key() -> str:
    return reach_kernel(248, 217, None, None, None, ctypes.c_size_t(0), -3)


@probe("ask for a key", "EPERM", passes=UNFILTERED)
def request_key() -> str:
    return reach_kernel(249, 218, None, None, None, -3)


@probe("load a BPF program", "EPERM", passes=ALL_RIGHTS)
def bpf() -> str:
    return reach_kernel(321, 280, 5, None, 0)


@probe("handle page faults", "EPERM", passes=ALL_RIGHTS)
def userfaultfd() -> str:
    return reach_kernel(323, 282, 0)


@probe("measure the kernel with perf", "EPERM", passes=ALL_RIGHTS)
def perf() -> str:
    return reach_kernel(298, 241, None, 0, -1, -1, ctypes.c_ulong(0))


@probe("load a kernel module", "EPERM", passes=ALL_RIGHTS)
def load_module() -> str:
    return reach_kernel(313, 273, -1, b"", 0)


@probe("read the kernel's log", "EPERM", passes=ALL_RIGHTS)
def kernel_log() -> str:
    return f"{call(103, 116, 10, None, 0)} bytes"


@probe("do asynchronous input and output", "EPERM")
def old_aio() -> str:
    return reach_kernel(206, 0, 0, None)


@probe("change a setting under /proc/sys", "EROFS", passes=ALL_RIGHTS)
def proc_sys() -> str:
    setting = Path("/proc/sys/kernel/hostname")
    setting.write_text(setting.read_text())
    return "written"


@probe("change a setting under /sys", "EROFS", passes=ALL_RIGHTS)
def sys_setting() -> str:
    """Opened to be written, and left as it is."""
    os.open("/sys/module/kernel/parameters/panic", os.O_WRONLY)
    return "open for writing"


@probe("change its own limits", "EROFS", passes=ALL_RIGHTS)
def cgroup() -> str:
    """A cgroup of one's own: the way out of CVE-2022-0492."""
    place = next(p for p in map(Path, ("/sys/fs/cgroup/pids", "/sys/fs/cgroup")) if p.is_dir()) / "probe"
    place.mkdir()
    place.rmdir()
    return str(place)


@probe("read what the kernel keeps to itself", "Stopped", passes=ALL_RIGHTS)
def kernel_memory() -> str:
    """Its memory; a kernel built without that file has its timers."""
    place = next(path for path in map(Path, ("/proc/kcore", "/proc/timer_list")) if path.exists())
    with place.open("rb") as memory:
        if not (start := memory.read(4)):
            raise Stopped
        return f"{start!r} of {place}"


def sock(family: int, kind: int, protocol: int = 0) -> str:
    """Any answer but EPERM is the kernel's own: it may lack that protocol."""
    try:
        socket.socket(family, kind, protocol).close()
    except OSError as error:
        if error.errno == errno.EPERM:
            raise
        return f"the kernel's {errno.errorcode[error.errno]}"
    return "a socket"


@probe("open a raw socket", "EPERM")
def raw_socket() -> str:
    return sock(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@probe("open a raw IPv6 socket", "EPERM")
def raw_socket_6() -> str:
    return sock(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)


@probe("open a packet socket", "EPERM")
def packet_socket() -> str:
    return sock(17, socket.SOCK_RAW, 3)


@probe("talk netlink to the kernel", "EPERM")
def netlink_socket() -> str:
    return sock(16, socket.SOCK_RAW)


@probe("talk to the hypervisor (vsock)", "EPERM", passes=UNFILTERED)
def vsock_socket() -> str:
    return sock(40, socket.SOCK_STREAM)


@probe("use the kernel's ciphers (AF_ALG)", "EPERM", passes=UNFILTERED)
def cipher_socket() -> str:
    return sock(38, socket.SOCK_SEQPACKET)


@probe("send a ping", "EPERM")
def ping_socket() -> str:
    return sock(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)


@probe("speak SCTP", "EPERM")
def sctp_socket() -> str:
    return sock(socket.AF_INET, socket.SOCK_STREAM, 132)


@probe("speak MPTCP", "EPERM")
def mptcp_socket() -> str:
    return sock(socket.AF_INET, socket.SOCK_STREAM, 262)


@probe("push what is typed into a terminal", "EPERM")
def push_input() -> str:
    """TIOCSTI, the way out of CVE-2017-5226: here with something that is no terminal."""
    with open("/dev/null") as nothing:
        return reach_kernel(16, 29, nothing.fileno(), ctypes.c_ulong(0x5412), b"x")


if platform.machine() == "x86_64":

    @probe("make 32-bit system calls", "SIGSYS", passes=PLAIN)
    def calls_of_32_bits() -> str:
        """getpid by ``int 0x80``: the other table of calls, which a filter for 64 bits does not know."""
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
        function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
        if function() != os.getpid():
            raise Stopped
        return "a process number"
