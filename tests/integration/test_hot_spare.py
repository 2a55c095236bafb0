"""The container that waits for its script: started ahead, used once, given to nobody else."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from sandbox_support import REQUIREMENTS, Sandbox, estimate, left_behind, script

from meta_agent.errors import SandboxError
from meta_agent.executors.container_executor import ContainerExecutor, SandboxOptions
from meta_agent.sandbox.door import Door
from meta_agent.sandbox.engine import connect
from meta_agent.sandbox.images import base_image, environment_image
from meta_agent.sandbox.leftovers import remove_labelled
from meta_agent.sandbox.options import USUAL_LIMITS
from meta_agent.sandbox.owner import OWNER_LABEL, Owner
from meta_agent.sandbox.script_container import ScriptContainer
from meta_agent.sandbox.workspace import Workspace
from meta_agent.templates.package.gateway import Target

pytestmark = [pytest.mark.docker, pytest.mark.database]

SECONDS = 60
WHO = "import os; print(os.uname().nodename)"
"""A container's host name is the beginning of its id."""


def waiting() -> Container:
    """The container that waits, once it does."""
    client = docker.from_env()
    deadline = time.monotonic() + SECONDS
    while True:
        names = [name for name in left_behind() if name.endswith("-script")]
        if names and (container := client.containers.get(names[0])).status == "running":
            return container
        assert time.monotonic() < deadline, "no container waits"
        time.sleep(0.05)


def test_the_container_that_waited_runs_the_script_and_no_other_one(tmp_path: Path) -> None:
    with ContainerExecutor(SandboxOptions(), lambda text: None) as executor:
        executor.prepare(REQUIREMENTS, None)
        spare = waiting()
        first = executor.execute(tmp_path, script(WHO + "; 1 / 0"), estimate(), None)
        second = executor.execute(tmp_path, script(WHO), estimate(), None)
    assert (first.status, first.output) == ("failed", f"{spare.short_id}\n")
    assert second.status == "ok"
    assert second.output != first.output


def test_it_does_not_matter_which_container_is_there_first(tmp_path: Path) -> None:
    """They start side by side, and the engine would fill an empty volume for the first one."""
    options = SandboxOptions()
    engine = connect(options)
    image = environment_image(engine.client, base_image(engine.client, options.base_image), REQUIREMENTS)
    door = Door(Target(str(tmp_path), 5432, "prefer"))  # then the holder runs as whoever tests
    workspace = Workspace(engine, options)
    workspace.make_volumes(door)
    container = ScriptContainer(workspace, options)
    try:
        names = workspace.script_mounts(with_door=True)
        held = {name: {"bind": f"/held/{number}", "mode": "rw"} for number, name in enumerate(names)}
        command = ["sleep", "infinity"]  # a volume that nobody has mounted forgets what is put into it
        engine.client.containers.run(
            image, command, volumes=held, labels=workspace.labels, init=True, detach=True
        )
        container.start(image, USUAL_LIMITS, {}, with_door=True)
        workspace.open(image, door)
        look = "import os; print(os.readlink('/app/results'), sorted(os.listdir('/app/exports')))"
        ending = container.run(look, USUAL_LIMITS, lambda text: None)
    finally:
        workspace.remove()
        engine.client.close()
    assert (ending.exit_code, ending.output.text) == (0, "/run/output/results ['data', 'reports']\n")


def test_a_script_that_cannot_be_taken_in_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"could not be put into its container .*No space left"):
        Sandbox(tmp_path).run("#" * 5_000_000)
    assert left_behind() == []


def test_the_time_counts_from_the_delivery(tmp_path: Path) -> None:
    options = SandboxOptions(time_limit_seconds=1.5)
    with ContainerExecutor(options, lambda text: None) as executor:
        executor.prepare(REQUIREMENTS, None)
        waiting()
        since = time.monotonic()
        while time.monotonic() < since + options.time_limit_seconds:
            time.sleep(0.05)
        assert executor.execute(tmp_path, script("print(1)"), estimate(), None).output == "1\n"


def test_a_container_that_no_longer_waits_is_replaced(tmp_path: Path) -> None:
    with ContainerExecutor(SandboxOptions(), lambda text: None) as executor:
        executor.prepare(REQUIREMENTS, None)
        waiting().kill()
        killed = executor.execute(tmp_path, script("print(1)"), estimate(), None)
        executor.prepare(REQUIREMENTS, None)
        waiting().remove(force=True)
        removed = executor.execute(tmp_path, script("print(2)"), estimate(), None)
    assert (killed.output, removed.output) == ("1\n", "2\n")
    assert left_behind() == []


def test_a_script_without_a_database_is_not_given_a_place_with_a_door(
    server: RunningPostgres, tmp_path: Path
) -> None:
    look = "import os; print('DATABASE_URL' in os.environ, os.path.exists('/run/database'))"
    with ContainerExecutor(SandboxOptions(), lambda text: None) as executor:
        executor.prepare(REQUIREMENTS, server.url())
        assert executor.execute(tmp_path, script(look), estimate(), None).output == "False False\n"


@pytest.mark.parametrize(
    ("memory_mb", "taken_mb", "status"),
    [(64, 90, "out_of_memory"), (128, 90, "ok"), (128, 160, "out_of_memory"), (300, 200, "ok")],
)
def test_it_is_given_the_memory_that_this_script_needs(
    memory_mb: int, taken_mb: int, status: str, tmp_path: Path
) -> None:
    result = Sandbox(tmp_path).run(f"x = bytearray({taken_mb} << 20)", memory_mb=memory_mb)
    assert result.status == status


def test_it_is_given_the_processors_that_this_script_needs(tmp_path: Path) -> None:
    seen = []
    with ContainerExecutor(
        SandboxOptions(), lambda text: seen.append(waiting().attrs["HostConfig"])
    ) as executor:
        for cpus in (0.25, 0.5, 2.0):
            executor.execute(
                tmp_path,
                script("print(1, flush=True)\nimport time; time.sleep(1)"),
                estimate(cpus=cpus),
                None,
            )
    assert [settings["CpuQuota"] / settings["CpuPeriod"] for settings in seen] == [0.25, 0.5, 2.0]


class Interceptor:
    """Stands between the tool and the engine, and can fall silent."""

    def __init__(self, address: str, engine: str) -> None:
        self.answers = threading.Event()
        self.answers.set()
        self._engine = engine
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen()

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(self._engine)
                for source, target in ((client, engine), (engine, client)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.answers.wait()
                target.sendall(data)
            self.answers.wait()
            target.shutdown(socket.SHUT_WR)


@contextmanager
def intercepted(folder: Path) -> Iterator[tuple[Interceptor, str]]:
    client = connect(SandboxOptions()).client
    adapter = client.api.get_adapter(client.api.base_url)
    between = Interceptor(str(folder / "engine"), adapter.socket_path)
    thread = threading.Thread(target=between.serve, daemon=True)
    thread.start()
    try:
        yield between, f"unix://{folder}/engine"
    finally:
        between.answers.set()
        between.listener.shutdown(socket.SHUT_RDWR)
        between.listener.close()
        thread.join()
        remove_labelled(client, f"{OWNER_LABEL}={Owner.current().label()}")
        client.close()


def test_an_engine_that_falls_silent_keeps_nobody_waiting(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with intercepted(tmp_path_factory.mktemp("e")) as (engine, address):
        options = SandboxOptions(time_limit_seconds=2, engine_seconds=5, docker_host=address)
        with pytest.raises(SandboxError, match="the engine does not answer"):
            Sandbox(tmp_path).run(
                "print(1, flush=True)\nwhile True: pass",
                options=options,
                on_output=lambda text: engine.answers.clear(),
            )
    assert left_behind() == []
