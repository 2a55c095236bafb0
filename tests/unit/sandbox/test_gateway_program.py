from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meta_agent.errors import SandboxError
from meta_agent.sandbox.door import database_target
from meta_agent.sandbox.engine import Engine
from meta_agent.templates.package import gateway
from meta_agent.templates.package.gateway import Target, refusal, socket_url, target_of, tls_context


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


def test_certificates_are_checked_as_libpq_does() -> None:
    checks = {mode: tls_context(mode) for mode in ("prefer", "require", "verify-ca", "verify-full")}
    assert [context.verify_mode != 0 for context in checks.values()] == [False, False, True, True]
    assert [context.check_hostname for context in checks.values()] == [False, False, False, True]


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
    assert database_target(engine("Debian"), url) == Target("/run/pg", 5432, "prefer")
    with pytest.raises(SandboxError, match="Docker Desktop"):
        database_target(engine("Docker Desktop"), url)


def test_files_of_this_machine_are_not_seen_by_the_gateway() -> None:
    with pytest.raises(SandboxError, match="sslrootcert"):
        database_target(engine("Debian"), "postgresql://u@h/db?sslrootcert=/home/me/ca.pem")


def test_a_bad_url_is_a_sandbox_error_without_the_password() -> None:
    with pytest.raises(SandboxError) as caught:
        database_target(engine("Debian"), "postgresql://u:hunter2@a,b/db")
    assert "hunter2" not in caught.value.cause + caught.value.remedy


def test_no_database_has_no_target() -> None:
    assert database_target(engine("Debian"), None) is None
