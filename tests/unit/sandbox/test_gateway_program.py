from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.errors import SandboxError
from meta_agent.sandbox.door import Door, certificate_files, database_door, with_own_authority
from meta_agent.sandbox.engine import Engine
from meta_agent.templates.package import gateway
from meta_agent.templates.package.gateway import (
    Target,
    cancel_key,
    first_packet,
    refusal,
    socket_url,
    target_of,
    tls_context,
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@localhost/db", Target("localhost", 5432, "prefer")),
        ("postgres://u:p@db.example.com:6000/db?sslmode=require", Target("db.example.com", 6000, "require")),
        ("postgresql+psycopg2://u@[::1]:5433/db", Target("::1", 5433, "prefer")),
        ("postgresql://u:p%40%2F@h", Target("h", 5432, "prefer")),
        ("postgresql://u:p#?$@h:1/db", Target("h", 1, "prefer")),
        ("postgresql:///db?host=/run/pg&port=7", Target("/run/pg", 7, "prefer")),
        ("postgresql://u@%2Frun%2Fpg/db", Target("/run/pg", 5432, "prefer")),
        ("postgresql://h/db?sslrootcert=system", Target("h", 5432, "verify-full")),
        ("postgresql://h/db?sslrootcert=/a%20b", Target("h", 5432, "prefer", "/a b")),
        ("postgresql://h/db?sslmode=require&sslrootcert=/ca", Target("h", 5432, "verify-ca", "/ca")),
        ("postgresql://h?sslmode=require&sslcert=/c&sslkey=/k", Target("h", 5432, "require", "", "/c", "/k")),
    ],
)
def test_where_a_url_leads(url: str, expected: Target) -> None:
    assert target_of(url) == expected
    assert target_of(expected.url()) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://u:hunter2@h/db",
        "postgresql://u:hunter2@/db",
        "postgresql://u:hunter2@a,b/db",
        "postgresql://u:hunter2@h:0/db",
        "postgresql://u:hunter2@h:x/db",
        "postgresql://u:hunter2@h/db?sslmode=perhaps",
    ],
)
def test_what_is_no_single_address_is_refused_without_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL") as caught:
        target_of(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40s@h:1/d%20b", "postgresql://u:p%40s@/d%20b?host=/run/database"),
        ("postgres://u@h/db?sslmode=require&sslrootcert=x", "postgresql://u@/db?host=/run/database"),
        (
            "postgresql+psycopg2://u@h/db?application_name=a%20b&port=7&channel_binding=require",
            "postgresql://u@/db?host=/run/database&application_name=a%20b",
        ),
        ("postgresql:///db?host=/run/pg", "postgresql:///db?host=/run/database"),
    ],
)
def test_the_url_over_the_socket(url: str, expected: str) -> None:
    assert socket_url(url) == expected


def test_the_sessions_name_stands_back_behind_that_of_the_url() -> None:
    named = "postgresql:///db?host=/run/database&application_name=meta-agent%20script_1"
    assert socket_url("postgresql://h/db", "meta-agent script_1") == named
    own = "postgresql:///db?host=/run/database&application_name=own"
    assert socket_url("postgresql://h/db?application_name=own", "meta-agent script_1") == own


@pytest.mark.parametrize(
    ("mode", "checks_certificate", "checks_name"),
    [
        ("prefer", False, False),
        ("require", False, False),
        ("verify-ca", True, False),
        ("verify-full", True, True),
    ],
)
def test_certificates_are_checked_as_libpq_does(
    mode: str, checks_certificate: bool, checks_name: bool
) -> None:
    context = tls_context(Target("h", 1, mode))
    assert (context.verify_mode != 0, context.check_hostname) == (checks_certificate, checks_name)


def test_a_certificate_file_that_is_no_longer_there_is_an_error_of_the_connection() -> None:
    with pytest.raises(OSError, match="certificate files cannot be used"):
        tls_context(Target("h", 1, "verify-full", sslrootcert="/nowhere/ca.pem"))


def test_a_refusal_is_a_message_of_the_protocol() -> None:
    message = refusal("no way")
    assert message[:1] == b"E"
    assert int.from_bytes(message[1:5], "big") == len(message) - 1
    assert b"Mno way\0\0" in message


def test_a_bad_url_ends_the_program_with_one_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-I", gateway.__file__, "serve"],
        env={**os.environ, "DATABASE_URL": "nonsense://u:hunter2@h", "DATABASE_TARGET": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("gateway: DATABASE_URL is not of the form")
    assert "hunter2" not in ended.stderr


def engine(operating_system: str) -> Engine:
    return Engine(None, "1", operating_system, "x86_64", 2, "/")  # type: ignore[arg-type]


def test_docker_desktop_cannot_pass_on_a_socket() -> None:
    url = "postgresql:///db?host=/run/pg"
    assert database_door(engine("Debian"), url) == Door(Target("/run/pg", 5432, "prefer"))
    with pytest.raises(SandboxError, match="Docker Desktop"):
        database_door(engine("Docker Desktop"), url)


def test_the_certificate_files_of_a_url_are_taken_along(tmp_path: Path) -> None:
    (tmp_path / "ca bank.pem").write_bytes(b"authority")
    (tmp_path / "key").write_bytes(b"key")
    files = f"sslrootcert={quote(str(tmp_path))}/ca%20bank.pem&sslkey={tmp_path}/key"
    door = database_door(engine("Debian"), f"postgresql://u@h/db?sslmode=verify-full&{files}")
    assert door is not None
    assert door.files == {"sslrootcert": b"authority", "sslkey": b"key"}
    places = {"sslrootcert": "/run/certificates/sslrootcert", "sslkey": "/run/certificates/sslkey"}
    assert door.target == Target("h", 5432, "verify-full", **places)
    assert "authority" not in repr(door)


def test_a_certificate_of_the_systems_own_authorities_needs_no_file() -> None:
    assert database_door(engine("Debian"), "postgresql://u@h/db?sslrootcert=system") == Door(
        Target("h", 5432, "verify-full")
    )


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("postgresql://u@h/db?sslmode=verify-full", True),
        ("postgresql://u@h/db?application_name=x&sslmode=require", True),
        ("postgresql://u@h/db?sslmode=prefer", False),
        ("postgresql://u@h/db", False),
        ("postgresql://u@h/db?sslmode=verify-ca&sslrootcert=/other.pem", False),
        ("postgresql://u@h/db?sslrootcert=system", False),
        ("postgresql:///db?host=/run/pg&sslmode=require", False),
        ("no url", False),
    ],
)
def test_the_authorities_of_the_users_home_count_where_libpq_would_ask_them(url: str, taken: bool) -> None:
    assert with_own_authority(url) == url
    file = Path.home() / ".postgresql" / "root.crt"
    file.parent.mkdir()
    file.write_text("authority")
    assert with_own_authority(url) == (f"{url}&sslrootcert={quote(str(file))}" if taken else url)


def test_the_files_of_a_url_are_those_the_gateway_reads() -> None:
    url = "postgresql://u@h/db?sslmode=verify-full&sslrootcert=/a%20b.pem&sslkey=/k"
    assert certificate_files(url) == ("/a b.pem", "/k")
    assert certificate_files("postgresql://u@h/db?sslrootcert=system") == ()
    assert certificate_files("postgresql:///db?host=/run/pg&sslrootcert=/x") == ()


@pytest.mark.parametrize(
    ("parameters", "cause"),
    [
        ("sslrootcert=/nowhere/ca.pem", "sslrootcert of its URL cannot be used: No such file"),
        ("sslrootcert=ca.pem", "its path is not absolute"),
        ("sslcert=/dev/zero", "it is larger than 256 KB"),
        ("sslkey=/tmp", "Is a directory"),
        ("sslcrl=/crl.pem", "does not know sslcrl"),
        ("sslpassword=hunter2", "does not know sslpassword"),
    ],
)
def test_certificate_files_that_cannot_be_used_are_named(parameters: str, cause: str) -> None:
    with pytest.raises(SandboxError, match=cause) as caught:
        database_door(engine("Debian"), f"postgresql://u:hunter2@h/db?sslmode=verify-full&{parameters}")
    assert "hunter2" not in caught.value.cause + caught.value.remedy


def test_a_bad_url_is_a_sandbox_error_without_the_password() -> None:
    with pytest.raises(SandboxError) as caught:
        database_door(engine("Debian"), "postgresql://u:hunter2@a,b/db")
    assert "hunter2" not in caught.value.cause + caught.value.remedy


def test_no_database_has_no_door() -> None:
    assert database_door(engine("Debian"), None) is None


def message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!i", len(content) + 4) + content


GREETING = message(b"R", b"\0\0\0\0") + message(b"S", b"server_version\x0018\0")
KEY = b"\0\0\0\7secret__"


class TestTheKeyThatCancels:
    @pytest.mark.parametrize("key", [b"\0\0\0\7scrt", b"\0\0\0\7" + b"s" * 256])
    def test_it_is_found_in_the_greeting(self, key: bytes) -> None:
        assert cancel_key(GREETING + message(b"K", key) + message(b"Z", b"I")) == key

    @pytest.mark.parametrize(
        "said",
        [
            b"",
            GREETING,
            (GREETING + message(b"K", KEY))[:-1],
            message(b"Z", b"I") + message(b"K", KEY),
            b"S" + message(b"K", KEY),
            b"S\0\0\0\0" + message(b"K", KEY),
            b"HTTP/1.1 200 OK\r\n\r\n" + message(b"K", KEY),
        ],
        ids=["nothing", "not yet", "cut", "after the greeting", "encrypted", "no length", "another protocol"],
    )
    def test_nothing_else_is_taken_for_it(self, said: bytes) -> None:
        assert cancel_key(said) is None

    @given(st.binary(max_size=300))
    def test_no_bytes_are_too_odd(self, said: bytes) -> None:
        assert cancel_key(said) is None or b"K" in said


class TestTheFirstPacket:
    @staticmethod
    def opened(data: bytes) -> tuple[bytes, bytes]:
        """What is taken for the first packet, and what was answered meanwhile."""

        async def read() -> tuple[bytes, bytes]:
            reader, writer = asyncio.StreamReader(), Answered()
            reader.feed_data(data)
            reader.feed_eof()
            return await first_packet(reader, writer), writer.said  # type: ignore[arg-type]

        return asyncio.run(read())

    STARTUP = struct.pack("!ii", 12, 196608) + b"x\0\0\0"

    def test_a_session_may_ask_for_encryption_first_and_is_told_no(self) -> None:
        ssl, gss = struct.pack("!ii", 8, 80877103), struct.pack("!ii", 8, 80877104)
        assert self.opened(self.STARTUP + b"more") == (self.STARTUP, b"")
        assert self.opened(ssl + gss + self.STARTUP) == (self.STARTUP, b"NN")

    def test_a_cancel_request_is_let_through(self) -> None:
        packet = struct.pack("!ii", 16, 80877102) + b"12345678"
        assert self.opened(packet) == (packet, b"")

    def test_a_client_that_leaves_has_said_nothing(self) -> None:
        assert self.opened(self.STARTUP[:-1]) == (b"", b"")

    @pytest.mark.parametrize(
        "data",
        [
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01",
            struct.pack("!ii", 10_001, 196608),
            struct.pack("!ii", 4, 196608),
            struct.pack("!ii", 8, 80877103) * 3 + STARTUP,
        ],
    )
    def test_anything_else_is_refused(self, data: bytes) -> None:
        with pytest.raises(ValueError, match="protocol 3 only"):
            self.opened(data)


class Answered:
    """Takes what the gateway says to its client."""

    def __init__(self) -> None:
        self.said = b""

    def write(self, data: bytes) -> None:
        self.said += data
