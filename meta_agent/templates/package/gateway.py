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
import signal
import socket
import ssl
import struct
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote, unquote

FOLDER = "/run/database"
SOCKET = FOLDER + "/.s.PGSQL.5432"
CONNECT_SECONDS = 10
SCRIPT_SECONDS = 120
"""How long ``serve --until-done`` waits for the script to come."""
VERIFIED = ("verify-ca", "verify-full")
SSL_MODES = ("disable", "allow", "prefer", "require", *VERIFIED)
NOT_ON_SOCKETS = {"host", "hostaddr", "port", "channel_binding", "gssencmode", "requiressl"}
CERTIFICATE_FILES = ("sslrootcert", "sslcert", "sslkey")
SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
TERMINATE = b"X" + struct.pack("!i", 4)
LONGEST_OPENING = 10_000
"""Of a client's first packet, in bytes; PostgreSQL takes no longer one either."""
LONGEST_GREETING = 65_536
GREETING_KINDS = (b"R", b"S", b"N", b"v", b"K")
"""What a server says before its first ReadyForQuery: authentication, settings, notices, version, key."""
PATIENCE_SECONDS = 0.25
"""How long a server may take to notice that its client has gone before its query is cancelled."""
CANCELS = 12
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
    sslrootcert: str = ""
    """Files as this program sees them; "" where the URL names none."""
    sslcert: str = ""
    sslkey: str = ""

    @property
    def is_socket(self) -> bool:
        """Whether the server listens on a Unix socket."""
        return self.host.startswith("/")

    def url(self) -> str:
        """The target as a URL without login, as DATABASE_TARGET takes it."""
        given = {name: value for name, value in self._asdict().items() if value}
        return "postgresql:///?" + "&".join(f"{name}={quote(str(given[name]), safe='')}" for name in given)


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
    files = {name: unquote(parameters.get(name, "")) for name in CERTIFICATE_FILES}
    certain = "verify-full" if files["sslrootcert"] == "system" else "prefer"
    sslmode = parameters.get("sslmode") or certain
    if files["sslrootcert"] == "system":
        files["sslrootcert"] = ""
    elif files["sslrootcert"] and sslmode == "require":
        sslmode = "verify-ca"  # as libpq does where it has somebody to ask
    if not host:
        raise ValueError("DATABASE_URL names no host")
    if "," in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError("DATABASE_URL must name exactly one host and one port")
    if sslmode not in SSL_MODES:
        raise ValueError("the sslmode of DATABASE_URL is none of " + ", ".join(SSL_MODES))
    return Target(host, int(port), sslmode, **files)


def socket_url(url: str, application_name: str = "") -> str:
    """The same login, database and options as ``url``, over the socket.

    ``application_name`` is how its sessions call themselves where the URL does not say.
    """
    parts, parameters = parse_url(url)
    kept = {n: v for n, v in parameters.items() if n not in NOT_ON_SOCKETS and not n.startswith("ssl")}
    if application_name:
        kept.setdefault("application_name", quote(application_name, safe=""))
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
    connection.sendall(struct.pack("!ii", 8, SSL_REQUEST))
    if connection.recv(1) == b"S":
        return True
    if sslmode in ("allow", "prefer"):
        return False
    raise OSError(f"the server does not speak TLS, and sslmode is {sslmode}")


def tls_context(target: Target) -> ssl.SSLContext:
    """Encryption always; certificate and name are checked where libpq does in this mode. Raises OSError."""
    try:
        context = ssl.create_default_context(cafile=target.sslrootcert or None)
        if target.sslcert:
            context.load_cert_chain(target.sslcert, target.sslkey or None, password="")  # no prompt
    except OSError as error:
        raise OSError(f"the certificate files cannot be used: {error}") from error
    context.check_hostname = target.sslmode == "verify-full"
    context.verify_mode = ssl.CERT_REQUIRED if target.sslmode in VERIFIED else ssl.CERT_NONE
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # a company's own authority may be older than these rules
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
        ssl=tls_context(target),
        server_hostname=target.host,
        ssl_handshake_timeout=CONNECT_SECONDS,
    )


def refusal(message: str) -> bytes:
    """PostgreSQL's own error message, so that the script's driver reports the reason."""
    fields = b"SFATAL\0VFATAL\0C08001\0M" + message.encode() + b"\0\0"
    return b"E" + struct.pack("!i", len(fields) + 4) + fields


# --- ending what the script has begun --------------------------------------------


def cancel_key(greeting: bytes) -> bytes | None:
    """Process number and secret, as a cancel request repeats them, out of a server's first messages."""
    at = 0
    while at + 5 <= len(greeting):
        kind, length = greeting[at : at + 1], int.from_bytes(greeting[at + 1 : at + 5], "big")
        content = greeting[at + 5 : at + 1 + length]
        if kind not in GREETING_KINDS or len(content) != length - 4:
            return None
        if kind == b"K":
            return content
        at += 1 + length
    return None


async def end_session(
    target: Target, upstream: asyncio.StreamReader, server: asyncio.StreamWriter, key: bytes | None
) -> None:
    """Make the server end a session whose client has gone, and the query that it may be running.

    An idle server takes its leave at once. A busy one does not notice that nobody listens: it is asked to
    cancel, and again for each statement that still stands in the line.
    """
    server.write(TERMINATE)
    if server.can_write_eof():
        server.write_eof()
    for _ in range(CANCELS):
        if await has_ended(upstream, PATIENCE_SECONDS) or key is None:
            return
        try:
            await cancel_query(target, key)
        except OSError as error:
            say(f"the query of a script that has gone may go on: {error}")
            return
    say("a session of a script that has gone does not end")


async def has_ended(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Whether the other side closes within this time. What it still sends is nobody's."""

    async def discard() -> None:
        while await reader.read(65536):
            pass

    try:
        await asyncio.wait_for(discard(), seconds)
    except asyncio.TimeoutError:
        return False
    except OSError:
        return True
    return True


async def cancel_query(target: Target, key: bytes) -> None:
    """PostgreSQL's CancelRequest: it reaches the statement of this one session, and no other."""
    reader, writer = await connect(target)
    writer.write(struct.pack("!ii", 8 + len(key), CANCEL_REQUEST) + key)
    await has_ended(reader, CONNECT_SECONDS)  # the server closes when it has passed the request on
    writer.close()


# --- towards the script ----------------------------------------------------------


async def first_packet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The packet that opens a session or asks for a cancel; nothing where the client just leaves.

    Encryption is declined, as PostgreSQL does on a Unix socket: a session that the gateway cannot read
    it could not end. Raises ValueError for what is not PostgreSQL's protocol.
    """
    try:
        for _ in range(3):  # two kinds of encryption may be asked for before the session
            head = await reader.readexactly(8)
            length, code = struct.unpack("!ii", head)
            if length == 8 and code in (SSL_REQUEST, GSS_REQUEST):
                writer.write(b"N")
            elif 8 <= length <= LONGEST_OPENING and (code >> 16 == 3 or code == CANCEL_REQUEST):
                return head + await reader.readexactly(length - 8)
            else:
                break
    except asyncio.IncompleteReadError:
        return b""
    raise ValueError("the database gateway takes PostgreSQL's protocol 3 only")


class Gateway:
    """Forwards connections and knows when the last one has gone."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.clients: set[asyncio.StreamWriter] = set()
        self.came = asyncio.Event()
        self.gone = asyncio.Event()
        self.gone.set()

    async def admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection. The server is called only once the client has said something."""
        self.clients.add(writer)
        self.came.set()
        self.gone.clear()
        try:
            if opening := await first_packet(reader, writer):
                await self.forward(opening, reader, writer)
        except ValueError as error:
            writer.write(refusal(str(error)))
        except ConnectionError:
            pass  # either side may leave at any time
        finally:
            writer.close()
            self.clients.discard(writer)
            if not self.clients:
                self.gone.set()

    async def forward(
        self, opening: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Copy bytes both ways until one side ends; where the client does, the server's session ends, too."""
        try:
            upstream, server = await connect(self.target)
        except OSError as error:
            place = f"{self.target.host}:{self.target.port}"
            reason = f"cannot reach {place} through the database gateway: {error}"
            say(reason)
            writer.write(refusal(reason))
            await writer.drain()
            return
        greeting = bytearray()
        server.write(opening)
        inbound = asyncio.ensure_future(copy(reader, server))
        outbound = asyncio.ensure_future(copy(upstream, writer, greeting))
        try:
            await asyncio.wait([inbound, outbound], return_when=asyncio.FIRST_COMPLETED)
            server_has_ended = outbound.done() and outbound.result()
            for task in (inbound, outbound):
                task.cancel()
            await asyncio.gather(inbound, outbound, return_exceptions=True)
            if not server_has_ended:
                await end_session(self.target, upstream, server, cancel_key(bytes(greeting)))
        finally:
            server.transport.abort()

    async def close(self) -> None:
        """Let every client go; return when the server's sessions have ended, too."""
        for writer in self.clients:
            writer.close()
        await self.gone.wait()

    async def script_has_gone(self) -> None:
        """Return when it has come and gone. Raises TimeoutError where it does not come."""
        await asyncio.wait_for(self.came.wait(), SCRIPT_SECONDS)
        await self.gone.wait()


async def copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytearray | None = None
) -> bool:
    """Copy until one side ends or is lost: True where it is the side that is read from.

    The first bytes are kept in ``first``.
    """
    while True:
        try:
            data = await reader.read(65536)
        except OSError:
            return True
        if not data:
            return True
        if first is not None:
            first += data[: LONGEST_GREETING - len(first)]
        writer.write(data)
        try:
            await writer.drain()
        except OSError:
            return False


async def serve(target: Target, until_done: bool) -> None:
    """Listen until SIGTERM; with ``until_done``, until the script and all its connections have gone."""
    gateway = Gateway(target)
    told_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_end.set)
    server = await asyncio.start_unix_server(gateway.admit, SOCKET)
    Path(SOCKET).chmod(0o666)  # the script runs as another user where the server asks who we are
    say("ready")
    reasons: list[asyncio.Future[Any]] = [asyncio.ensure_future(told_to_end.wait())]
    if until_done:
        reasons.append(asyncio.ensure_future(gateway.script_has_gone()))
    first, _ = await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
    server.close()
    await gateway.close()
    for reason in first:
        reason.result()


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
