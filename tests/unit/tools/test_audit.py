"""make audit against a service of this test's own: known vulnerabilities, none, and no usable answer."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
LOCK = """\
good==1.0 \\
    --hash=sha256:aa
bad==2.0 ; python_version < '3.12' \\
    --hash=sha256:bb
bad==2.1 ; python_version >= '3.12' \\
    --hash=sha256:bc
"""
KNOWN = {
    "id": "PYSEC-2026-7",
    "modified": "2026-01-01T00:00:00Z",
    "details": "It forgets who you are.",
    "aliases": [],
    "affected": [
        {
            "package": {"name": "bad", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}],
        }
    ],
}


class Service(ThreadingHTTPServer):
    """Speaks OSV's protocol: bad 2.0 is vulnerable; ``page`` is sent instead, where there is one."""

    page: bytes | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/query"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_bad = (asked["package"]["name"], asked["version"]) == ("bad", "2.0")
        assert isinstance(self.server, Service)
        body = self.server.page or json.dumps({"vulns": [KNOWN]} if is_bad else {}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


def audit(folder: Path, lock: str, url: str) -> subprocess.CompletedProcess[str]:
    file = folder / "some.lock"
    file.write_text(lock)
    command = [sys.executable, "-m", "tools.audit", str(file), "--service", url]
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)


def test_a_known_vulnerability_is_named(service: Service, tmp_path: Path) -> None:
    """Also of a version that this Python would not install."""
    done = audit(tmp_path, LOCK, service.url)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "bad==2.0  PYSEC-2026-7  fixed in 2.1\n"


def test_nothing_known_is_said_with_the_number_of_packages(service: Service, tmp_path: Path) -> None:
    done = audit(tmp_path, LOCK.replace("bad==2.0", "bad==2.2"), service.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 packages, no known vulnerability.\n", "")


def test_a_service_that_cannot_be_reached(service: Service, tmp_path: Path) -> None:
    url = service.url
    service.shutdown()
    service.server_close()
    done = audit(tmp_path, LOCK, url)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("3 of 3 packages could not be looked up: pip-audit ended with ")
    assert done.stderr.count("\n") == 1 and "--service" in done.stderr


def test_a_service_that_sends_web_pages(service: Service, tmp_path: Path) -> None:
    service.page = b"<html>Please log in</html>"
    done = audit(tmp_path, LOCK, service.url)
    assert done.returncode == 3
    assert "could not be looked up" in done.stderr
