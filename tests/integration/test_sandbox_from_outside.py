"""Walls that show only from outside: how long a script runs, what it prints and leaves, how it was started.

As in ``test_sandbox_walls.py``, what the sandbox stops gets through where the same program runs as others
start it. A script's children end with their container everywhere, so theirs runs without one.
"""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import docker
import pytest
from plain_docker import run_plain
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from sandbox_support import Sandbox, left_behind

from meta_agent.executors.container_executor import SandboxOptions
from meta_agent.sandbox.hardening import TMP, system_calls
from meta_agent.sandbox.owner import OWNER_LABEL, Owner

pytestmark = [pytest.mark.docker, pytest.mark.database]

LOOP = """
import time
began = time.monotonic()
while time.monotonic() - began < 5:
    pass
print("went on for 5 s")
"""
FLOOD = "for _ in range(50):\n    print('x' * 99_999)\n"
CHILD = """
import subprocess, sys
nowhere = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
waiting = [sys.executable, "-c", "import time; time.sleep(60)"]
child = subprocess.Popen(waiting, start_new_session=True, **nowhere)
print(child.pid)
"""
TRAPS = """
import os
os.symlink("/etc/secret", "/app/results/result.json")
os.symlink("/", "/app/results/root")
open("/app/results/tool", "w").close()
os.chmod("/app/results/tool", 0o4755)
"""


def test_an_endless_loop_ends() -> None:
    assert run_plain(LOOP).strip() == "went on for 5 s"


def test_an_endless_loop_is_stopped_in_the_sandbox(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run(LOOP, options=SandboxOptions(time_limit_seconds=2))
    assert (result.status, result.output) == ("timeout", "")


def test_a_flood_gets_through_elsewhere() -> None:
    assert len(run_plain(FLOOD)) == 5_000_000


def test_a_flood_is_cut_in_the_sandbox(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run(FLOOD)
    assert (result.status, len(result.output)) == ("ok", 1024 * 1024)


def test_a_child_outlives_its_script_elsewhere() -> None:
    printed = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True).stdout
    os.kill(int(printed), signal.SIGKILL)  # raises where it is gone


def test_a_child_ends_with_its_script_in_the_sandbox(tmp_path: Path) -> None:
    assert Sandbox(tmp_path).run(CHILD).status == "ok"
    assert left_behind() == []


def test_links_lead_to_the_host_elsewhere(tmp_path: Path) -> None:
    """From a bind mount: the reader follows the link on the host, where /etc is another."""
    results = tmp_path / "results"
    results.mkdir()
    run_plain(TRAPS.replace("/etc/secret", str(tmp_path / "secret")), ["--volume", f"{results}:/app/results"])
    (tmp_path / "secret").write_text("of the host")
    assert (results / "result.json").read_text() == "of the host"
    assert (results / "root" / "etc" / "passwd").samefile("/etc/passwd")
    assert (results / "tool").stat().st_mode & 0o4111 == 0o4111


def test_links_lead_nowhere_from_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the host")
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    result = Sandbox(run_dir).run(TRAPS.replace("/etc/secret", str(tmp_path / "secret")))
    assert (result.status, result.result, result.files) == ("ok", None, ("results/tool",))
    assert not any(path.is_symlink() for path in run_dir.rglob("*"))
    assert (run_dir / "results/tool").stat().st_mode & 0o4111 == 0


def test_what_lies_in_the_results_cannot_hurt(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run(
        """
        import os
        os.symlink("/etc/passwd", "/app/results/result.json")
        os.symlink("/", "/app/exports/root")
        open("/app/results/two\\nlines", "w").close()
        open("/app/results/plain.txt", "w").write("ok")
        os.link("/app/results/plain.txt", "/app/results/second")
        """
    )
    assert (result.status, result.result) == ("ok", None)
    assert len(result.files) == 1
    assert len(result.warnings) == 4 + ("takes its place" in " ".join(result.warnings))
    assert all(path.is_dir() or not path.is_symlink() for path in tmp_path.rglob("*"))


WAITING = """
import os, psycopg2
psycopg2.connect(os.environ["DATABASE_URL"]).close()
print("now", flush=True)
import time; time.sleep(1)
"""


@pytest.fixture
def seen(server: RunningPostgres, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """What the engine says of both containers while a script runs, by ``script`` and ``gateway``."""
    server.create_role("careful", "canary")
    client, seen = docker.from_env(), {}

    def look(text: str) -> None:
        own = {"label": f"{OWNER_LABEL}={Owner.current().label()}"}
        for container in client.containers.list(filters=own, ignore_removed=True):
            seen[str(container.name).rpartition("-")[2]] = container.attrs

    try:
        url = server.url(user="careful", password="canary")
        result = Sandbox(tmp_path).run(WAITING, database_url=url, on_output=look)
    finally:
        client.close()
    assert result.status == "ok", result.error_output
    assert set(seen) == {"script", "gateway"}
    return seen


def test_the_password_is_in_the_scripts_container_only(seen: dict[str, dict[str, Any]]) -> None:
    holding = [name for name, about in seen.items() if "canary" in json.dumps(about)]
    assert holding == ["script"]


@pytest.mark.parametrize("name", ["script", "gateway"])
def test_both_containers_are_started_behind_the_same_walls(
    name: str, seen: dict[str, dict[str, Any]]
) -> None:
    settings, start = seen[name]["HostConfig"], seen[name]["Config"]
    assert (start["User"], start["Tty"]) == ("10001:10001", False)
    assert start["OpenStdin"] == (name == "gateway")  # by which the script is handed over
    assert start["Entrypoint"][:3] == ["python", "-I", "-B"]
    assert (settings["CapDrop"], settings["CapAdd"], settings["Privileged"]) == (["ALL"], None, False)
    assert settings["SecurityOpt"] == ["no-new-privileges:true", f"seccomp={system_calls()}"]
    assert (settings["ReadonlyRootfs"], settings["Init"]) == (True, True)
    assert (settings["IpcMode"], settings["PidMode"]) == ("private", "")
    assert 0 < settings["PidsLimit"] <= 256
    assert 0 < settings["Memory"] == settings["MemorySwap"]
    assert settings["NanoCpus"] or settings["CpuQuota"]
    assert {limit["Name"]: limit["Hard"] for limit in settings["Ulimits"]} == {
        **{"nofile": 1024, "core": 0},
        "fsize": SandboxOptions().result_limit_bytes,
    }
    assert settings["Tmpfs"] == {"/tmp": TMP}
    assert settings["ShmSize"] == 16 << 20
    assert settings["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}
    assert {mount["Type"] for mount in seen[name]["Mounts"]} == {"volume"}
    assert not settings["Devices"]
    assert (settings["NetworkMode"] == "none") == (name == "script")
