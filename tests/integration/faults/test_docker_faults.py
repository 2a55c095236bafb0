"""The engine is away, locked, without image or network, full, or ends in the middle of a run.

What would harm others happens to a dockerd of these tests' own, with its data on a small disk in
memory and no network for containers; the machine's engine is never touched.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
from command_line import LONGEST
from fault_support import AS_A_USER, WAITS, Fault, Place, given, needs_root, read_until
from pipeline_support import BASE_IMAGE, COMPARED

from meta_agent.errors import ExitCode
from meta_agent.generators.dockerfile_generator import pin_requirements
from meta_agent.planners.execution_planner import usual_dependencies
from meta_agent.sandbox.images import base_image, environment_image

pytestmark = [pytest.mark.docker, pytest.mark.database]

SANDBOX = ExitCode.SANDBOX
EXECUTE = ("execute", "scripts/given.py")
BRIDGE = "meta-agent0"
"""The network of our own engine: told to have none, it would take the machine's engine its docker0 away."""


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """A socket that lets nobody in."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as engine:
        path = Path(folder) / "docker.sock"
        engine.bind(str(path))
        engine.listen()
        path.chmod(0)
        place.program.prefix = AS_A_USER
        with model_writes(place), given(DOCKER_HOST=f"unix://{path}")(place):
            yield
        place.program.prefix = ()


@contextmanager
def away(place: Place) -> Iterator[None]:
    """An address where nothing is."""
    with model_writes(place), given(DOCKER_HOST=f"unix://{place.folder}/docker.sock")(place):
        yield


@contextmanager
def model_writes(place: Place) -> Iterator[None]:
    """What the model would say, should it be asked: without an engine no script is written."""
    yield
    assert place.model.requests == []


FAULTS = [
    Fault("not running", SANDBOX, "Docker is not running here", "Start Docker", away),
    Fault("no right on the socket", SANDBOX, "its socket does not let this user in", "group docker", locked),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_and_the_next_run_works(fault: Fault, meet: Callable[[Fault], None]) -> None:
    meet(fault)


# --- an engine of our own ----------------------------------------------------------


@dataclass
class OwnEngine:
    """A dockerd on a small disk."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"unix://{self.folder}/docker.sock"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start it where it does not run, and wait until it answers."""
        if self.process is not None:
            return
        pid_file = self.folder / "pid"
        for left in (pid_file, self.folder / "exec" / "containerd" / "containerd.pid"):
            left.unlink(missing_ok=True)  # of one that was killed
        command = ["dockerd", "--host", self.host, "--data-root", str(self.data), "--pidfile", str(pid_file)]
        command += ["--exec-root", str(self.folder / "exec"), "--iptables=false", "--ip-masq=false"]
        command += ["--bridge", BRIDGE, "--dns", "127.0.0.1", "--shutdown-timeout", "1"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + LONGEST
        while self.docker("version").returncode != 0:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log_end()
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(LONGEST)
            self.process = None

    def docker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["docker", "--host", self.host, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def load(self, *images: str) -> None:
        """Have these images, and no others, as the machine's own engine has them."""
        self._forget_images()
        if not images:
            return
        saved = subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE)
        subprocess.run(
            ["docker", "--host", self.host, "load"], stdin=saved.stdout, capture_output=True, check=True
        )
        assert saved.wait() == 0

    def _forget_images(self) -> None:
        images = self.docker("images", "--quiet").stdout.split()
        if images:
            self.docker("rmi", "--force", *images)

    def leftovers(self) -> str:
        """Containers, those of builds included, and volumes."""
        return self.docker("ps", "--all", "--quiet").stdout + self.docker("volume", "ls", "--quiet").stdout

    def log_end(self) -> str:
        return (self.folder / "log").read_text()[-2000:]


@pytest.fixture(scope="module")
def machine() -> Iterator[OwnEngine]:
    """A dockerd that is started by the first test; its folder is near the root, as socket paths are short."""
    engine = OwnEngine(Path(tempfile.mkdtemp(prefix="meta-agent-docker-")))
    engine.data.mkdir()
    name = ["--opt", f"com.docker.network.bridge.name={BRIDGE}"]
    subprocess.run(["docker", "network", "create", "--internal", *name, BRIDGE], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", str(engine.data)], check=True)
    try:
        yield engine
    finally:
        engine.stop()
        for pid in processes_named(str(engine.folder)):
            os.kill(pid, signal.SIGKILL)  # a dockerd that was killed has left its containers' keepers
        for mount in reversed(mounts_below(engine.folder)):
            subprocess.run(["umount", "--lazy", mount], check=True)
        subprocess.run(["docker", "network", "rm", BRIDGE], check=True)
        shutil.rmtree(engine.folder)


def processes_named(words: str) -> list[int]:
    """Numbers of the processes that have these words among their arguments."""
    shown = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True
    )
    return [int(line.split()[0]) for line in shown.stdout.splitlines() if words in line]


def mounts_below(folder: Path) -> list[str]:
    """Where something is mounted in a folder, in the order in which that was done."""
    points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return [point for point in points if Path(point).is_relative_to(folder)]


@pytest.fixture(scope="module")
def images() -> tuple[str, ...]:
    """The base image and what scripts run in, with a database and without, as the machine has them."""
    client = docker.from_env()
    try:
        base = base_image(client, BASE_IMAGE)
        packages = [pin_requirements(usual_dependencies(needs_data=True)).requirements, ()]
        return (base.reference, *(environment_image(client, base, needed) for needed in packages))
    finally:
        client.close()


@pytest.fixture
def engine(machine: OwnEngine, place: Place) -> Iterator[OwnEngine]:
    """The dockerd, running, as the engine of a place."""
    machine.start()
    place.program.settings["DOCKER_HOST"] = machine.host
    (place.folder / "scripts").mkdir()
    (place.folder / "scripts" / "given.py").write_text(WAITS)
    yield machine
    machine.start()
    assert machine.leftovers() == ""


@needs_root
def test_no_image_and_no_network(place: Place, engine: OwnEngine, images: tuple[str, ...]) -> None:
    fault = Fault(
        "no image", SANDBOX, "is not on this machine, and no image registry", "make base-image", given()
    )
    engine.load()
    place.model.say(*COMPARED)
    with given(BASE_IMAGE="registry.invalid/python:3.12-slim", LLM_CACHE="off")(place):
        place.check(fault, place.run())
    assert engine.leftovers() == ""
    engine.load(*images)
    place.next_run_works()


@needs_root
def test_a_build_that_fails(place: Place, engine: OwnEngine, images: tuple[str, ...]) -> None:
    """The package index cannot be reached from containers."""
    fault = Fault("build", SANDBOX, "The script's environment could not be built", "package index", given())
    engine.load(images[0])
    place.model.say(*COMPARED)
    with given(LLM_CACHE="off")(place):
        place.check(fault, place.run())
    assert engine.leftovers() == ""
    engine.load(*images)
    place.next_run_works()


@needs_root
def test_a_disk_that_is_full(place: Place, engine: OwnEngine, images: tuple[str, ...]) -> None:
    fault = Fault("full", SANDBOX, "disk is full", "docker system prune", given())
    engine.load(*images)
    with given(LLM_CACHE="off")(place):
        with suppress(OSError), (engine.data / "filler").open("wb", buffering=0) as filler:
            while filler.write(b"x" * 2**20):
                pass
        place.model.say(*COMPARED)
        place.check(fault, place.run())
        assert engine.leftovers() == ""
        (engine.data / "filler").unlink()
    place.next_run_works()


@needs_root
@pytest.mark.parametrize("comes_back", [False, True], ids=["and stays away", "and comes back"])
def test_an_engine_that_ends_in_the_middle(
    place: Place, engine: OwnEngine, images: tuple[str, ...], comes_back: bool
) -> None:
    """What it has left of the run is gone after the next one."""
    fault = Fault("ended", SANDBOX, "Docker", "Start Docker", given())
    engine.load(*images)
    process = place.program.start(*EXECUTE, "--json", "--debug")
    read_until(process, "script: running")
    if comes_back:
        engine.stop(signal.SIGKILL)
        engine.start()
    else:
        engine.stop()
    told = place.end(process)
    place.check(fault, told)
    engine.start()
    place.next_run_works()
