"""The network: nothing is reached but the door, not even by name."""

import os
import socket

from sandbox_probes.table import HOST_ADDRESS, LOOPBACK_ADDRESS, ON_HOST_NETWORK, PEER, Stopped, probe


def reached(address: tuple[str, int]) -> str:
    with socket.create_connection(address, timeout=5) as connection:
        return connection.recv(5).decode()


@probe("reach the host at the bridge's address", "ENETUNREACH")
def reach_host() -> str:
    return reached(HOST_ADDRESS)


@probe("reach the host's own 127.0.0.1", "ECONNREFUSED", passes=ON_HOST_NETWORK)
def reach_loopback() -> str:
    return reached(LOOPBACK_ADDRESS)


@probe("have a way out", "ENETUNREACH")
def way_out() -> str:
    """Which own address the kernel would take for a way to 203.0.113.1; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect(("203.0.113.1", 443))
        return way.getsockname()[0]


@probe("see a network interface", "Stopped")
def interfaces() -> str:
    found = [name for name in os.listdir("/sys/class/net") if name.startswith(("eth", "en", "wl", "docker"))]
    if not found:
        raise Stopped
    return found[0]


@probe("look up a name", "gaierror")
def look_up() -> str:
    return socket.getaddrinfo(PEER, 1)[0][4][0]
