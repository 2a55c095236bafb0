"""The script's only door: a Unix socket that leads to one PostgreSQL server.

The script runs without any network. ``gateway.py serve``, in a container of its own,
listens on a socket in a volume both containers share and forwards every connection to
the server named in DATABASE_URL (or DATABASE_TARGET, the same without login), with TLS
as the URL's ``sslmode`` asks. ``gateway.py run script.py``, in the script's container,
points DATABASE_URL at that socket and becomes the script. Standard library only.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import struct
import sys
import time
from pathlib import Path
from typing import NamedTuple, NoReturn
from urllib.parse import quote, unquote

FOLDER = "/run/database"
SOCKET = FOLDER + "/.s.PGSQL.5432"
CONNECT_SECONDS = 10
SCRIPT_SECONDS = 120
"""How long ``serve --until-done`` waits for the script to come."""
VERIFIED = ("verify-ca", "verify-full")
SSL_MODES = ("disable", "allow", "prefer", "require", *VERIFIED)
NOT_ON_SOCKETS = {"host", "hostaddr", "port", "channel_binding", "gssencmode", "requiressl"}
URL = re.compile(
    r"postgres(?:ql)?(?:\+\w+)?://(?:(?P<login>[^@/]*)@)?"
    r"(?P<host>\[[^\]]*\]|[^:/?]*)(?::(?P<port>\d*))?(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)


class Target(NamedTuple):
    """The one address behind the door. A ``host`` that is a path is a folder with a socket."""

    host: str
    port: int
    sslmode: str

    @property
    def is_socket(self) -> bool:
        """Whether the server listens on a Unix socket."""
        return self.host.startswith("/")

    def url(self) -> str:
        """The target as a URL without login, as DATABASE_TARGET takes it."""
        return f"postgresql:///?host={quote(self.host, safe='')}&port={self.port}&sslmode={self.sslmode}"


def parse_url(url: str) -> tuple[dict[str, str], dict[str, str]]:
    """The parts and the parameters of a database URL, percent-encoded as they were.

    Raises ValueError, without the URL in its message, for what is no PostgreSQL URL.
    """
    match = URL.fullmatch(url)
    if match is None:
        raise ValueError("DATABASE_URL is not of the form postgresql://user:password@host:port/database")
    parts = {name: value or "" for name, value in match.groupdict().items()}
    pairs = (pair.partition("=") for pair in parts["query"].split("&") if pair)
    return parts, {name: value for name, _, value in pairs}


def target_of(url: str) -> Target:
    """Where a database URL leads. Raises ValueError when that is not exactly one known address."""
    parts, parameters = parse_url(url)
    host = unquote(parameters.get("host") or parameters.get("hostaddr") or parts["host"]).strip("[]")
    port = parameters.get("port") or parts["port"] or "5432"
    certain = "verify-full" if parameters.get("sslrootcert") == "system" else "prefer"
    sslmode = parameters.get("sslmode") or certain
    if not host:
        raise ValueError("DATABASE_URL names no host")
    if "," in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError("DATABASE_URL must name exactly one host and one port")
    if sslmode not in SSL_MODES:
        raise ValueError("the sslmode of DATABASE_URL is none of " + ", ".join(SSL_MODES))
    return Target(host, int(port), sslmode)


def socket_url(url: str) -> str:
    """The same login, database and options as ``url``, over the socket."""
    parts, parameters = parse_url(url)
    kept = {n: v for n, v in parameters.items() if n not in NOT_ON_SOCKETS and not n.startswith("ssl")}
    query = "&".join(f"{name}={value}" for name, value in {"host": FOLDER, **kept}.items())
    login = parts["login"] + "@" if parts["login"] else ""
    return f"postgresql://{login}/{parts['database']}?{query}"


# --- towards the server ----------------------------------------------------------


def dial(target: Target) -> socket.socket:
    """A connection to the target; this machine's own name is tried as Docker Desktop spells it, too."""
    hosts = [target.host]
    if target.host in ("localhost", "127.0.0.1", "::1"):
        hosts.append("host.docker.internal")
    failures = []
    for host in hosts:
        try:
            return socket.create_connection((host, target.port), timeout=CONNECT_SECONDS)
        except OSError as error:
            failures.append(error)
    raise failures[0]


def server_takes_tls(connection: socket.socket, sslmode: str) -> bool:
    """Ask as PostgreSQL's protocol wants it. Raises OSError where TLS is a must and is not to be had."""
    if sslmode == "disable":
        return False
    connection.sendall(struct.pack("!ii", 8, 80877103))
    if connection.recv(1) == b"S":
        return True
    if sslmode in ("allow", "prefer"):
        return False
    raise OSError(f"the server does not speak TLS, and sslmode is {sslmode}")


def tls_context(sslmode: str) -> ssl.SSLContext:
    """Encryption always; the certificate and the name only where the mode says so, as libpq does."""
    context = ssl.create_default_context()
    context.check_hostname = sslmode == "verify-full"
    context.verify_mode = ssl.CERT_REQUIRED if sslmode in VERIFIED else ssl.CERT_NONE
    return context


async def connect(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stream to the server, encrypted as the target asks. Raises OSError."""
    if target.is_socket:
        return await asyncio.open_unix_connection(f"{target.host}/.s.PGSQL.{target.port}")
    connection = await asyncio.to_thread(dial, target)
    encrypted = await asyncio.to_thread(server_takes_tls, connection, target.sslmode)
    connection.setblocking(False)
    if not encrypted:
        return await asyncio.open_connection(sock=connection)
    return await asyncio.open_connection(
        sock=connection,
        ssl=tls_context(target.sslmode),
        server_hostname=target.host,
        ssl_handshake_timeout=CONNECT_SECONDS,
    )


def refusal(message: str) -> bytes:
    """PostgreSQL's own error message, so that the script's driver reports the reason."""
    fields = b"SFATAL\0VFATAL\0C08001\0M" + message.encode() + b"\0\0"
    return b"E" + struct.pack("!i", len(fields) + 4) + fields


# --- towards the script ----------------------------------------------------------


class Gateway:
    """Forwards connections and knows when the last one has gone."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.clients = 0
        self.came = asyncio.Event()
        self.gone = asyncio.Event()

    async def admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection. The server is called only once the client has said something."""
        self.clients += 1
        self.came.set()
        try:
            if first := await reader.read(65536):
                await self.forward(first, reader, writer)
        except ConnectionError:
            pass  # either side may leave at any time
        finally:
            writer.close()
            self.clients -= 1
            if not self.clients:
                self.gone.set()

    async def forward(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy bytes both ways until one side ends."""
        try:
            upstream, server = await connect(self.target)
        except OSError as error:
            reason = (
                f"cannot reach {self.target.host}:{self.target.port} through the database gateway: {error}"
            )
            say(reason)
            writer.write(refusal(reason))
            await writer.drain()
            return
        server.write(first)
        copies = [asyncio.ensure_future(copy(reader, server)), asyncio.ensure_future(copy(upstream, writer))]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in copies:
                task.cancel()
            server.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end of the stream; a lost connection is an end as well."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        return


async def serve(target: Target, until_done: bool) -> None:
    """Listen; with ``until_done``, end when the script and all its connections have gone."""
    gateway = Gateway(target)
    server = await asyncio.start_unix_server(gateway.admit, SOCKET)
    Path(SOCKET).chmod(0o666)  # the script runs as another user where the server asks who we are
    say("ready")
    async with server:
        if until_done:
            await asyncio.wait_for(gateway.came.wait(), SCRIPT_SECONDS)
        await gateway.gone.wait() if until_done else await asyncio.Event().wait()


def say(message: str) -> None:
    """One line for the container's log."""
    sys.stderr.write(f"gateway: {message}\n")
    sys.stderr.flush()


def hold_open() -> None:
    """Keep one connection through ``execv``: the gateway sees it end when the script has ended."""
    deadline = time.monotonic() + SCRIPT_SECONDS
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    while door.connect_ex(SOCKET) != 0:
        if time.monotonic() > deadline:
            sys.exit("gateway: the database gateway did not start")
        time.sleep(0.05)
    door.set_inheritable(True)
    door.detach()


def run(script: str) -> NoReturn:
    """Become the script. What it writes may be changed by whoever owns the results folder."""
    if url := os.environ.get("DATABASE_URL"):
        hold_open()
        os.environ["DATABASE_URL"] = socket_url(url)
    os.umask(0)
    os.execv(sys.executable, [sys.executable, "-I", "-B", "-u", script])  # noqa: S606 - no shell wanted


def main(arguments: list[str]) -> None:
    """``serve [--until-done]`` or ``run SCRIPT``."""
    try:
        if arguments[0] == "run":
            run(arguments[1])
        target = target_of(os.environ.get("DATABASE_TARGET") or os.environ["DATABASE_URL"])
        asyncio.run(serve(target, "--until-done" in arguments))
    except ValueError as error:
        sys.exit(f"gateway: {error}")
    except asyncio.TimeoutError:
        sys.exit("gateway: no script came")


if __name__ == "__main__":
    main(sys.argv[1:])
