"""The program that leads from this machine to a page: what it passes on, and what it does not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from meta_agent.templates.package import page_door
from meta_agent.templates.package.page_door import Door, Refused, answer_for, request_for

GET = b"GET /api/data?sort=noi HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*\r\n\r\n"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok"


def exchange(folder: Path, request: bytes, answer: bytes | None) -> tuple[bytes, list[bytes]]:
    """What the browser gets for a request, and the requests that came to the page; None: no page runs."""
    came: list[bytes] = []

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer or b"")
        await writer.drain()
        writer.close()

    async def talk() -> bytes:
        path = str(folder / "page.sock")
        servers = [await asyncio.start_unix_server(page, path)] if answer is not None else []
        door = await asyncio.start_server(Door(path).admit, "127.0.0.1", 0, limit=2 * page_door.LONGEST_HEAD)
        reader, writer = await asyncio.open_connection(*door.sockets[0].getsockname())
        writer.write(request)
        got = await reader.read()
        writer.close()
        for server in (*servers, door):
            server.close()
        return got

    return asyncio.run(talk()), came


def test_a_request_and_its_answer_pass(tmp_path: Path) -> None:
    got, came = exchange(tmp_path, GET, GOOD)
    assert came == [GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")]
    assert got.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")
    assert got.endswith(b"\r\n\r\nok")


def test_the_answer_gets_our_headers_whatever_the_page_says(tmp_path: Path) -> None:
    loose = b"HTTP/1.1 200 OK\r\ncontent-security-policy: default-src *\r\nSet-Cookie: a=b\r\n\r\n"
    got, _ = exchange(tmp_path, GET, loose)
    assert got.lower().count(b"content-security-policy") == 1
    assert b"default-src 'none'" in got
    assert b"Set-Cookie" not in got


@pytest.mark.parametrize(
    "header", [b"Location: https://evil.example", b"Refresh: 0; url=https://evil.example"]
)
def test_the_page_cannot_send_the_browser_elsewhere(header: bytes) -> None:
    assert b"evil" not in answer_for(b"HTTP/1.1 302 Found\r\n" + header + b"\r\n\r\n")


def test_without_a_page_it_says_so(tmp_path: Path) -> None:
    got, _ = exchange(tmp_path, GET, None)
    assert got.startswith(b"HTTP/1.1 503 ")
    assert got.endswith(b"The page is not running yet, or no more.\n")


def test_what_is_no_http_is_not_passed_on(tmp_path: Path) -> None:
    got, _ = exchange(tmp_path, GET, b"SSH-2.0-OpenSSH\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 502 ")


def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    got, came = exchange(tmp_path, b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 200_000, GOOD)
    assert (got[:12], came) == (b"HTTP/1.1 431", [])


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", "400"),
    ],
)
def test_other_methods_and_other_hosts_are_refused(head: bytes, status: str) -> None:
    with pytest.raises(Refused) as refused:
        request_for(head)
    assert refused.value.status.startswith(status)


@pytest.mark.parametrize("host", [b"localhost", b"127.0.0.1:8080", b"[::1]:9000", b"localhost:80"])
def test_this_machine_has_several_names(host: bytes) -> None:
    assert request_for(b"HEAD / HTTP/1.0\r\nHost: " + host + b"\r\n\r\n").startswith(b"HEAD / HTTP/1.1\r\n")


def test_a_request_has_no_body() -> None:
    """A second request hidden behind a length would reach the page unseen."""
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert request_for(head) == b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
