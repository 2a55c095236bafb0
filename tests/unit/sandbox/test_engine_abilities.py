"""What an engine has and can, as it tells itself. One without limits cannot be had here: it is imitated."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from meta_agent.doctor import Check, _check_docker
from meta_agent.errors import SandboxError
from meta_agent.sandbox.engine import connect
from meta_agent.sandbox.options import SandboxOptions

ABLE = {
    **{"ServerVersion": "29.0.0", "OperatingSystem": "Debian", "DefaultRuntime": "runc"},
    **{"Runtimes": {"runc": {}, "runsc": {}}, "MemoryLimit": True, "SwapLimit": True},
    **{"CpuCfsQuota": True, "PidsLimit": True, "DockerRootDir": "/"},
}


@contextmanager
def engine(**about: object) -> Iterator[str]:
    """The address of an engine that tells this about itself, and has no images."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {"version": {"ApiVersion": "1.44"}, "info": {**ABLE, **about}}
            answer = known.get(self.path.rpartition("/")[2])
            content = json.dumps(answer or {"message": "no such image"}).encode()
            self.send_response(200 if answer else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_port}"
        server.shutdown()


def checks(options: SandboxOptions) -> dict[str, Check]:
    return {check.name: check for check in _check_docker(options)}


def test_a_runtime_the_engine_has() -> None:
    with engine() as address:
        assert connect(SandboxOptions(docker_host=address, runtime="runsc")).runtime == "runsc"
        assert connect(SandboxOptions(docker_host=address)).runtime == "runc"


def test_a_runtime_the_engine_does_not_have() -> None:
    with engine() as address, pytest.raises(SandboxError) as caught:
        connect(SandboxOptions(docker_host=address, runtime="kata"))
    assert caught.value.cause == "The Docker engine has no runtime called kata; it has runc, runsc."
    assert "daemon.json" in caught.value.remedy


def test_the_doctor_shows_the_runtime_and_is_silent_on_limits_that_hold() -> None:
    with engine() as address:
        found = checks(SandboxOptions(docker_host=address, runtime="runsc"))
    assert found["Docker"].finding == "engine 29.0.0 on Debian, runtime runsc"
    assert "Limits" not in found


def test_the_doctor_warns_of_limits_that_do_not_hold() -> None:
    """As a rootless engine has it without cgroup v2: it takes the settings, and does not keep to them."""
    with engine(MemoryLimit=False, SwapLimit=False, CpuCfsQuota=False, PidsLimit=False) as address:
        limits = checks(SandboxOptions(docker_host=address))["Limits"]
    assert limits.state == "warning"
    assert limits.finding == "The engine cannot limit a script's use of memory, swap, CPU, processes."
    assert "cgroup v2" in limits.remedy
