"""The page's only door: 127.0.0.1:PORT of this machine leads to a Unix socket, and nowhere else.

The script that shows a page runs without any network and listens on a socket in a volume.
``page_door.py serve``, in a container of its own, takes requests on PAGE_HOST:PAGE_PORT and
passes them on: GET and HEAD only, for this machine's own name only, one request to a
connection. Every answer gets the headers that keep a browser from loading or sending
anything elsewhere, whatever the script says. ``page_door.py health``, in the script's
container, tells Docker whether the page answers. Standard library only.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import signal
import socket
import sys

SOCKET = "/run/page/page.sock"
LONGEST_HEAD = 32_768
HEAD_SECONDS = 20
ANSWER_SECONDS = 120
MOST_CONNECTIONS = 64
HEALTH_SECONDS = 15
REQUEST = re.compile(rb"(GET|HEAD) (/[!-~]*) HTTP/1\.[01]\r\n")
OWN_NAMES = (b"127.0.0.1", b"localhost", b"[::1]")
DROPPED = (b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"upgrade", b"expect")
"""Of a request's headers: a request has no body, and its connection is not used again."""
POLICY = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:;"
    b" font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ADDED = (
    (b"Content-Security-Policy", POLICY),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"X-DNS-Prefetch-Control", b"off"),
    (b"Connection", b"close"),
)
"""To every answer, in place of its own."""
NOT_PASSED_ON = (b"location", b"refresh", b"link", b"set-cookie", b"keep-alive", b"report-to", b"nel")
"""Of an answer's headers: those that lead elsewhere, or leave something with the browser."""


class Refused(Exception):
    """A request or an answer that is not passed on."""

    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def request_for(head: bytes) -> bytes:
    """The request as it goes to the script. Raises Refused."""
    match = REQUEST.match(head)
    if match is None:
        raise Refused("405 Method Not Allowed", "This page takes GET requests only.")
    lines = head[match.end() :].split(b"\r\n")[:-2]
    headers = [line.partition(b":") for line in lines]
    hosts = [value.strip() for name, _, value in headers if name.lower() == b"host"]
    if len(hosts) != 1 or re.sub(rb":\d+$", b"", hosts[0]) not in OWN_NAMES:
        raise Refused("400 Bad Request", "This page answers to 127.0.0.1 and localhost only.")
    kept = [line for line, (name, _, _) in zip(lines, headers) if name.lower() not in DROPPED]  # noqa: B905
    first = match.group(1) + b" " + match.group(2) + b" HTTP/1.1"
    return b"\r\n".join([first, *kept, b"Connection: close", b"", b""])


def answer_for(head: bytes) -> bytes:
    """The head of the script's answer as the browser gets it. Raises Refused."""
    status, *lines = head.split(b"\r\n")[:-2]
    if not re.fullmatch(rb"HTTP/1\.[01] [2-5]\d\d [ -~]*", status):
        raise Refused("502 Bad Gateway", "The page answered with something that is not HTTP.")
    replaced = {name.lower() for name, _ in ADDED}.union(NOT_PASSED_ON)
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in replaced]
    return b"\r\n".join([status, *kept, *(name + b": " + value for name, value in ADDED), b"", b""])


def refusal(error: Refused) -> bytes:
    """An answer of our own."""
    body = f"{error}\n".encode()
    head = [f"HTTP/1.1 {error.status}", f"Content-Length: {len(body)}", "Content-Type: text/plain"]
    return "\r\n".join([*head, "Connection: close", "", ""]).encode() + body


class Door:
    """Passes requests on to the script's socket, MOST_CONNECTIONS at a time."""

    def __init__(self, path: str = SOCKET) -> None:
        self.path = path
        self.places = asyncio.Semaphore(MOST_CONNECTIONS)

    async def admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection: one request, one answer."""
        try:
            async with self.places:
                await asyncio.wait_for(self.pass_on(reader, writer), ANSWER_SECONDS)
        except Refused as error:
            writer.write(refusal(error))
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            pass  # either side may leave at any time
        finally:
            writer.close()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy a request to the script and its answer back. Raises Refused, OSError."""
        request = request_for(await asyncio.wait_for(read_head(reader), HEAD_SECONDS))
        try:
            answers, script = await asyncio.open_unix_connection(self.path, limit=2 * LONGEST_HEAD)
        except OSError as error:
            raise Refused("503 Service Unavailable", "The page is not running yet, or no more.") from error
        try:
            script.write(request)
            writer.write(answer_for(await read_head(answers)))
            while data := await answers.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            script.close()


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the empty line. Raises Refused where there is no end to it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise Refused("431 Request Header Fields Too Large", "The head is too long.") from error
    if len(head) > LONGEST_HEAD:
        raise Refused("431 Request Header Fields Too Large", "The head is too long.")
    return head


async def serve(host: str, port: int) -> None:
    """Listen until SIGTERM. Raises OSError where the port is taken."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    server = await asyncio.start_server(Door().admit, host, port, limit=2 * LONGEST_HEAD)
    say(f"ready on port {port}")
    await ended.wait()
    server.close()


def say(message: str) -> None:
    """One line for the container's log."""
    sys.stderr.write(f"page door: {message}\n")
    sys.stderr.flush()


class SocketConnection(http.client.HTTPConnection):
    """HTTP over the script's Unix socket."""

    def connect(self) -> None:
        """Replaces the connection over TCP."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


def health() -> str | None:
    """What is wrong with the page; None where it answers well."""
    connection = SocketConnection("127.0.0.1", timeout=HEALTH_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return None if answer.status == 200 else answer.read(500).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"the page does not answer: {error}"


def main(arguments: list[str]) -> None:
    """``serve`` or ``health``."""
    if arguments == ["health"]:
        sys.exit(health())
    try:
        asyncio.run(serve(os.environ.get("PAGE_HOST", "127.0.0.1"), int(os.environ["PAGE_PORT"])))
    except OSError as error:
        sys.exit(f"page door: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
