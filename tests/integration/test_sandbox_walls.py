"""Every wall of the sandbox, tried from inside: the table of probes in ``sandbox_probes``.

Each probe runs twice: in the real sandbox, where it must be stopped by what the table says, and in a
container as others start it, where it must get through; else nobody would know that it can detect
anything. All probes of one kind of container run in one container, so that five do for all.
"""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import docker
import psycopg2
import pytest
from plain_docker import run_plain
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from psycopg2 import sql
from sandbox_probes import database, files, identity, kernel, limits, network, table
from sandbox_probes.table import ALL_RIGHTS, ON_HOST_NETWORK, PLAIN, PROBES, UNFILTERED, Probe
from sandbox_support import Sandbox

from meta_agent.databases.embedded import READER_FILE
from meta_agent.executors.container_executor import SandboxOptions

pytestmark = [pytest.mark.docker, pytest.mark.database]

SANDBOX = "the sandbox"
CONTAINERS = (PLAIN, UNFILTERED, ALL_RIGHTS, ON_HOST_NETWORK)
MODULES: tuple[ModuleType, ...] = (table, files, identity, kernel, limits, network, database)
ENGINE_SOCKET = "/var/run/docker.sock"
AS_PRIVILEGED = (
    *("--network", "none"),
    *("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--device-cgroup-rule", "a *:* rwm", "--pid", "host"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--security-opt", "systempaths=unconfined", "--volume", "/sys:/sys"),
    *("--volume", f"{ENGINE_SOCKET}:{ENGINE_SOCKET}"),
)
"""What --privileged comes to; that itself fails where root is not given every capability, as in some virtual
machines. No probe needs SYS_RESOURCE."""
READER_PASSWORD = "reader"

LOADER = """
import json, sys, types
for name, text in json.loads({modules!r}):
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec"), vars(module))
    if name == "sandbox_probes.table":
        table = module
        vars(table).update(json.loads({settings!r}))
table.run(json.loads({names!r}))
"""

Outcomes = dict[str, str]


def program(settings: dict[str, object], kind: str | None = None) -> str:
    """The probes that get through in one kind of container as one script; all of them without a kind."""
    modules = [("sandbox_probes", "")]
    modules += [(module.__name__, Path(str(module.__file__)).read_text()) for module in MODULES]
    names = [line.name for line in PROBES if kind in (None, line.passes)]
    return LOADER.format(modules=json.dumps(modules), settings=json.dumps(settings), names=json.dumps(names))


def outcomes(printed: str) -> Outcomes:
    return dict(json.loads(line) for line in printed.splitlines() if line.startswith("["))


class Greeting(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"hello")


@contextmanager
def listening(host: str) -> Iterator[tuple[str, int]]:
    """A service of this machine."""
    with socketserver.ThreadingTCPServer((host, 0), Greeting) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield host, service.server_address[1]
        service.shutdown()


@contextmanager
def own_network(name: str) -> Iterator[str]:
    """A network as Compose makes one; the host's address in it."""
    client = docker.from_env()
    network = client.networks.create(name, driver="bridge")
    try:
        network.reload()
        yield network.attrs["IPAM"]["Config"][0]["Gateway"]
    finally:
        network.remove()
        client.close()


@pytest.fixture(scope="module")
def reader_url(server: RunningPostgres) -> str:
    """The login that the demo gives to scripts, made by the very statements of the demo."""
    server.create_database("probes", "CREATE TABLE kept (number integer)", "INSERT INTO kept VALUES (1)")
    server.create_role("reader", READER_PASSWORD)
    connection = psycopg2.connect(server.url("probes"))
    with connection, connection.cursor() as cursor:
        names = {"reader": sql.Identifier("reader"), "database": sql.Identifier("probes")}
        statements = sql.SQL(READER_FILE.read_text(encoding="utf-8"))
        cursor.execute(statements.format(**names, password=sql.Literal(READER_PASSWORD)))
    connection.close()
    return server.url("probes", "reader", READER_PASSWORD)


@pytest.fixture(scope="module")
def found(
    server: RunningPostgres, reader_url: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcomes]:
    """What became of every probe, by container."""
    peer, canary = f"probe-{uuid4().hex[:8]}", uuid4().hex
    options = {
        PLAIN: ("--tty", "--network", peer, "--name", peer, "--env", f"LLM_API_KEY={canary}"),
        UNFILTERED: ("--network", "none", "--security-opt", "seccomp=unconfined"),
        ALL_RIGHTS: AS_PRIVILEGED,
        ON_HOST_NETWORK: ("--network", "host", "--env", f"DATABASE_URL={server.url('probes')}"),
    }
    with ExitStack() as stack:
        host_address = stack.enter_context(own_network(peer))
        settings: dict[str, object] = {
            "HOST_ADDRESS": stack.enter_context(listening(host_address)),
            "LOOPBACK_ADDRESS": stack.enter_context(listening("127.0.0.1")),
            "PEER": peer,
            "CANARY": canary,
        }
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("LLM_API_KEY", canary)
        printed = {kind: run_plain(program(settings, kind), arguments) for kind, arguments in options.items()}
        result = Sandbox(tmp_path_factory.mktemp("run")).run(
            program(settings),
            database_url=reader_url,
            memory_mb=256,
            cpus=2.0,
            options=SandboxOptions(result_limit_bytes=8 << 20),
        )
    assert result.error_output == ""
    return {kind: outcomes(text) for kind, text in {**printed, SANDBOX: result.output}.items()}


def test_no_line_of_the_table_is_lost() -> None:
    names = [line.name for line in PROBES]
    assert len(set(names)) == len(names) > 80
    assert {line.passes for line in PROBES} == set(CONTAINERS)


@pytest.mark.parametrize("line", PROBES, ids=lambda line: line.name)
def test_the_sandbox_stops_it(line: Probe, found: dict[str, Outcomes]) -> None:
    assert found[SANDBOX].get(line.name) in line.stopped_by


@pytest.mark.parametrize("line", PROBES, ids=lambda line: f"{line.name}: {line.passes}")
def test_it_gets_through_elsewhere(line: Probe, found: dict[str, Outcomes]) -> None:
    assert str(found[line.passes].get(line.name)).startswith("got ")


def test_nothing_was_changed_in_the_database(found: dict[str, Outcomes], server: RunningPostgres) -> None:
    assert server.fetch("probes", "SELECT number FROM kept") == [(1,)]
