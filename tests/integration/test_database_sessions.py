"""What a script has begun at the database ends with the script, however that ends."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from sandbox_support import Sandbox, estimate, left_behind, script
from tls_front import start_tls_front

from meta_agent.executors.container_executor import ContainerExecutor, SandboxOptions

pytestmark = [pytest.mark.docker, pytest.mark.database]

SECONDS = 60
"""Far more than anything here takes, far less than the query below."""
SHORT = SandboxOptions(time_limit_seconds=3)
ENDLESS = "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b"
LONG_QUERY = f"""
    import os, psycopg2
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    cursor = connection.cursor()
    print("begun", flush=True)
    cursor.execute("{ENDLESS}")
"""


@pytest.fixture
def url(server: RunningPostgres) -> Iterator[str]:
    """Of a role of the scripts' own."""
    server.create_role("scripts", "secret")
    yield server.url(user="scripts", password="secret")
    assert sessions(server) == []
    server.execute("postgres", "DROP ROLE scripts")


def sessions(server: RunningPostgres) -> list[tuple[object, ...]]:
    """Name and state of the sessions that scripts have at the server."""
    return server.fetch(
        "postgres", "SELECT application_name, state FROM pg_stat_activity WHERE usename = 'scripts'"
    )


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


class Watch:
    """Waits, when the script says that it has begun, for its session to be in a state; then acts."""

    def __init__(self, server: RunningPostgres, state: str = "active", act: Callable[[], None] = int) -> None:
        self.seen: list[tuple[object, ...]] = []
        self._server = server
        self._state = state
        self._act = act

    def __call__(self, text: str) -> None:
        if "begun" in text:
            until(lambda: self._state in [state for _, state in sessions(self._server)])
            self.seen = sessions(self._server)
            self._act()


def none_left(server: RunningPostgres) -> None:
    until(lambda: sessions(server) == [])


def of_this_process(kind: str) -> Container:
    """The script's or the gateway's container."""
    client = docker.from_env()
    (name,) = [name for name in left_behind() if name.endswith(kind)]
    return client.containers.get(name)


def test_a_session_carries_the_name_of_its_run(server: RunningPostgres, url: str, tmp_path: Path) -> None:
    watch = Watch(server)
    with ContainerExecutor(SHORT, watch, "script_20261124_234153") as executor:
        executor.execute(tmp_path, script(LONG_QUERY, needs_database=True), estimate(), url)
    assert watch.seen == [("meta-agent script_20261124_234153", "active")]
    none_left(server)


def test_a_query_ends_at_the_time_limit(server: RunningPostgres, url: str, tmp_path: Path) -> None:
    """Whatever the script calls itself."""
    watch = Watch(server)
    renamed = LONG_QUERY.replace('print("', 'cursor.execute("SET application_name = \'x\'"); print("')
    result = Sandbox(tmp_path).run(renamed, database_url=url, options=SHORT, on_output=watch)
    assert (result.status, watch.seen) == ("timeout", [("x", "active")])
    none_left(server)


def test_a_query_ends_when_the_run_is_interrupted(server: RunningPostgres, url: str, tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Sandbox(tmp_path).run(LONG_QUERY, database_url=url, on_output=Watch(server, act=interrupt))
    none_left(server)
    assert left_behind() == []


def test_a_query_ends_when_the_script_is_killed(server: RunningPostgres, url: str, tmp_path: Path) -> None:
    """While the run goes on, too."""
    watch = Watch(server, act=lambda: of_this_process("script").kill())
    with ContainerExecutor(SandboxOptions(), watch) as executor:
        result = executor.execute(tmp_path, script(LONG_QUERY, needs_database=True), estimate(), url)
        none_left(server)
    assert (result.status, result.exit_code) == ("failed", 137)
    assert "The script was killed from outside." in result.warnings


def test_an_open_transaction_ends(server: RunningPostgres, url: str, tmp_path: Path) -> None:
    source = LONG_QUERY.replace('print("', 'cursor.execute("SELECT 1"); print("')
    source = source.replace(f'cursor.execute("{ENDLESS}")', "import time; time.sleep(600)")
    watch = Watch(server, "idle in transaction")
    result = Sandbox(tmp_path).run(source, database_url=url, options=SHORT, on_output=watch)
    assert result.status == "timeout"
    assert [state for _, state in watch.seen] == ["idle in transaction"]
    none_left(server)


def test_statements_that_wait_in_line_end_too(server: RunningPostgres, url: str, tmp_path: Path) -> None:
    source = f"""
        import os, psycopg2, struct
        connection = psycopg2.connect(os.environ["DATABASE_URL"])
        statement = b"{ENDLESS}\\0"
        message = b"Q" + struct.pack("!i", len(statement) + 4) + statement
        os.write(connection.fileno(), message * 3)
        print("begun", flush=True)
        import time; time.sleep(600)
    """
    watch = Watch(server)
    assert Sandbox(tmp_path).run(source, database_url=url, options=SHORT, on_output=watch).status == "timeout"
    none_left(server)


def test_a_query_ends_with_its_gateway(server: RunningPostgres, url: str, tmp_path: Path) -> None:
    """As under ``docker compose down``."""

    def stop_gateway() -> None:
        of_this_process("gateway").stop(timeout=30)
        none_left(server)

    watch = Watch(server, act=stop_gateway)
    result = Sandbox(tmp_path).run(LONG_QUERY, database_url=url, on_output=watch)
    assert result.status == "failed"
    assert "server closed the connection unexpectedly" in result.error_output


def test_a_query_over_an_encrypted_connection_ends(server: RunningPostgres, url: str, tmp_path: Path) -> None:
    with start_tls_front(tmp_path, server.port) as front:
        encrypted = url.replace(f":{server.port}/", f":{front.port}/") + "?sslmode=require"
        watch = Watch(server)
        result = Sandbox(tmp_path).run(LONG_QUERY, database_url=encrypted, options=SHORT, on_output=watch)
        assert (result.status, len(watch.seen)) == ("timeout", 1)
        none_left(server)


def test_a_session_that_is_left_idle_is_not_cancelled(
    server: RunningPostgres, url: str, tmp_path: Path
) -> None:
    """No needless connection, no needless line in the server's log."""
    source = """
        import os, psycopg2
        connection = psycopg2.connect(os.environ["DATABASE_URL"])
        connection.cursor().execute("SELECT 1")
        os._exit(0)
    """
    with start_tls_front(tmp_path, server.port) as front:
        through_front = url.replace(f":{server.port}/", f":{front.port}/") + "?sslmode=require"
        assert Sandbox(tmp_path).run(source, database_url=through_front).status == "ok"
        none_left(server)
        assert front.connections == 1


def test_nothing_can_be_hidden_from_the_gateway(url: str, tmp_path: Path) -> None:
    """Encryption inside the door would hide the key that ends a query."""
    source = """
        import socket, struct
        def said(data):
            with socket.socket(socket.AF_UNIX) as door:
                door.connect("/run/database/.s.PGSQL.5432")
                door.sendall(data)
                return door.recv(200)
        print(said(struct.pack("!ii", 8, 80877103)), said(struct.pack("!ii", 8, 80877104)))
        print(said(b"\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01"))
    """
    first, second = Sandbox(tmp_path).run(source, database_url=url).output.splitlines()
    assert first == "b'N' b'N'"
    assert "takes PostgreSQL's protocol 3 only" in second


RUNNER = """
import sys
sys.path[:0] = ["tests/integration", "."]
from pathlib import Path
from sandbox_support import Sandbox
from meta_agent.executors.container_executor import SandboxOptions
folder, source, url, limit = sys.argv[1:]
options = SandboxOptions(time_limit_seconds=float(limit))
Sandbox(Path(folder)).run(source, database_url=url, options=options)
"""


@pytest.mark.parametrize("limit", ["600", "1"], ids=["the next run sweeps", "the script ends by itself"])
def test_a_query_ends_after_its_tool_was_killed(
    limit: str, server: RunningPostgres, url: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", RUNNER, str(tmp_path), LONG_QUERY, url, limit]
    with subprocess.Popen(command) as runner:
        until(lambda: "active" in [state for _, state in sessions(server)])
        os.kill(runner.pid, signal.SIGKILL)
    if limit == "600":
        assert [state for _, state in sessions(server)] == ["active"]
        assert Sandbox(tmp_path).run("print(1)").status == "ok"
    none_left(server)
    Sandbox(tmp_path).run("print(1)")
