"""What a hostile script cannot do. One script tries everything of a kind and reports what it got."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import json
from pathlib import Path

import pytest
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from sandbox_support import Sandbox

from meta_agent.executors.container_executor import SandboxOptions

pytestmark = [pytest.mark.docker, pytest.mark.database]

TRY = """
import ctypes, json, os, socket, subprocess, sys
from pathlib import Path
got = {}
def attempt(name, action):
    try:
        got[name] = action()
    except BaseException as error:
        got[name] = type(error).__name__
"""


def tried(sandbox: Sandbox, source: str, database_url: str | None = None) -> dict[str, object]:
    result = sandbox.run(f"{TRY}\n{source}\nprint(json.dumps(got))", database_url=database_url)
    assert result.status == "ok", result.error_output
    found: dict[str, object] = json.loads(result.output)
    return found


def test_the_network_is_not_there(server: RunningPostgres, tmp_path: Path) -> None:
    got = tried(
        Sandbox(tmp_path),
        f"""
def reach(host, port={server.port}):
    socket.create_connection((host, port), timeout=3).close()
    return "reached"
attempt("loopback", lambda: reach("127.0.0.1"))
attempt("bridge", lambda: reach("172.17.0.1"))
attempt("outside", lambda: reach("192.0.2.1", 443))
attempt("name", lambda: socket.getaddrinfo("localhost.localdomain", 1))
attempt("interfaces", lambda: os.listdir("/sys/class/net"))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).fileno())
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3).fileno())
attempt("door", lambda: os.listdir("/run/database"))
""",
        server.url(),
    )
    assert got.pop("door") == [".s.PGSQL.5432"]
    interfaces = got.pop("interfaces")
    assert isinstance(interfaces, list)
    assert "lo" in interfaces
    assert not [name for name in interfaces if name.startswith(("eth", "docker"))]
    assert set(got.values()) <= {"ConnectionRefusedError", "OSError", "gaierror", "PermissionError"}


def test_there_is_no_door_without_a_database(tmp_path: Path) -> None:
    assert tried(Sandbox(tmp_path), 'attempt("door", lambda: os.listdir("/run/database"))') == {
        "door": "FileNotFoundError"
    }


def test_nothing_of_the_system_can_be_changed(server: RunningPostgres, tmp_path: Path) -> None:
    got = tried(
        Sandbox(tmp_path),
        """
for place in ("/", "/app", "/etc", "/opt", "/usr/bin", "/run", "/run/database", "/home/app", "/dev"):
    attempt(place, lambda: Path(place, "new").write_text("x"))
attempt("script", lambda: Path("/app/script.py").write_text("x"))
attempt("socket", lambda: os.unlink("/run/database/.s.PGSQL.5432"))
attempt("replace folder", lambda: os.rename("/app/results", "/app/gone"))
attempt("chmod", lambda: os.chmod("/app/script.py", 0o777))
attempt("sysctl", lambda: Path("/proc/sys/kernel/hostname").write_text("x"))
attempt("cgroup", lambda: Path("/sys/fs/cgroup/new").mkdir())
""",
        server.url(),
    )
    assert set(got.values()) <= {"OSError", "PermissionError", "FileNotFoundError"}, got


def test_the_script_is_nobody(tmp_path: Path) -> None:
    got = tried(
        Sandbox(tmp_path),
        """
lines = Path("/proc/self/status").read_text().splitlines()
status = dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
got["ids"] = [os.getuid(), os.geteuid(), os.getgid(), os.getgroups()]
got["capabilities"] = [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
got["no_new_privs"] = status["NoNewPrivs"]
got["seccomp"] = status["Seccomp"]
libc = ctypes.CDLL(None, use_errno=True)
attempt("setuid", lambda: os.setuid(0))
attempt("mount", lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
attempt("unshare", lambda: libc.unshare(0x10000000))
attempt("processes", lambda: sum(name.isdecimal() for name in os.listdir("/proc")))
devices = ("sd", "vd", "mem", "kmsg")
attempt("devices", lambda: [name for name in os.listdir("/dev") if name.startswith(devices)])
attempt("docker", lambda: Path("/var/run/docker.sock").exists())
tool = Path("/tmp/tool")
tool.write_text("#!/bin/sh\\necho run")
tool.chmod(0o755)
attempt("exec in tmp", lambda: subprocess.run([tool]).returncode)
result = Path("/app/results/tool")
result.write_text("#!/bin/sh\\necho run")
result.chmod(0o755)
attempt("exec in results", lambda: subprocess.run([result]).returncode)
got["stdin"] = sys.stdin.read()
got["path"] = sys.path[0]
""",
    )
    assert got.pop("ids") == [10001, 10001, 10001, [10001]]
    assert got.pop("capabilities") == ["0000000000000000"] * 5
    assert (got.pop("no_new_privs"), got.pop("seccomp")) == ("1", "2")
    assert (got.pop("mount"), got.pop("unshare")) == (-1, -1)
    assert got.pop("processes") == 2  # the init process and the script
    assert (got.pop("devices"), got.pop("docker"), got.pop("stdin")) == ([], False, "")
    assert got.pop("path") != "/app"
    assert got == dict.fromkeys(("setuid", "exec in tmp", "exec in results"), "PermissionError")


def test_memory_disk_and_processes_are_bounded(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    result = sandbox.run(
        TRY
        + """
import time
def fill(folder, size=1 << 20):
    written = 0
    with open(folder + "/big", "wb") as file:
        while True:
            written += file.write(b"x" * size)
            file.flush()
            if written > 200 << 20:
                return "unbounded"
def fork():
    children = []
    try:
        for _ in range(500):
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            children.append(pid)
        return "unbounded"
    finally:
        got["children"] = len(children)
def sparse():
    with open("/app/results/hole", "wb") as file:
        file.truncate(1 << 40)
attempt("results", lambda: fill("/app/results"))
attempt("tmp", lambda: fill("/tmp"))
attempt("sparse", sparse)
attempt("fork", fork)
os.unlink("/app/results/big")
print(json.dumps(got))
""",
        memory_mb=512,
        options=SandboxOptions(result_limit_bytes=8 << 20),
    )
    got = json.loads(result.output)
    children = got.pop("children")
    assert 50 < children < 128
    assert got == {"results": "OSError", "tmp": "OSError", "sparse": "OSError", "fork": "BlockingIOError"}
    assert result.status == "ok"


def test_what_lies_in_the_results_cannot_hurt(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run(
        """
        import os
        os.symlink("/etc/passwd", "/app/results/result.json")
        os.symlink("/", "/app/exports/root")
        os.mkfifo("/app/logs/pipe")
        open("/app/results/two\\nlines", "w").close()
        open("/app/results/plain.txt", "w").write("ok")
        os.link("/app/results/plain.txt", "/app/results/second")
        """
    )
    assert (result.status, result.result) == ("ok", None)
    assert len(result.files) == 1
    assert len(result.warnings) == 5 + ("takes its place" in " ".join(result.warnings))
    assert all(path.is_dir() or not path.is_symlink() for path in tmp_path.rglob("*"))


def test_the_password_is_in_the_scripts_container_only(server: RunningPostgres, tmp_path: Path) -> None:
    import docker

    client = docker.from_env()
    seen: list[str] = []

    def look(text: str) -> None:
        for container in client.containers.list(filters={"label": "meta-agent.run"}, ignore_removed=True):
            if any("canary" in entry for entry in container.attrs["Config"]["Env"]):
                seen.append(str(container.name).rpartition("-")[2])

    server.create_role("careful", "canary")
    try:
        result = Sandbox(tmp_path).run(
            """
            import os, psycopg2
            psycopg2.connect(os.environ["DATABASE_URL"]).close()
            print("now", flush=True)
            import time; time.sleep(1)
            """,
            database_url=server.url(user="careful", password="canary"),
            on_output=look,
        )
    finally:
        client.close()
    assert result.status == "ok", result.error_output
    assert seen == ["script"]
