"""Nothing stays: after an exception, an interrupt, a kill; and nobody else's run is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest
from sandbox_support import REQUIREMENTS, Sandbox, estimate, left_behind, script

from meta_agent.executors.container_executor import ContainerExecutor, SandboxOptions
from meta_agent.sandbox.owner import OWNER_LABEL

pytestmark = pytest.mark.docker

RUNNER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
sys.path[:0] = ["tests/integration", "."]
from pathlib import Path
from sandbox_support import Sandbox
from meta_agent.sandbox.owner import Owner
print(Owner.current().label(), flush=True)
try:
    Sandbox(Path(sys.argv[1])).run(
        "print('running')\\nimport time\\ntime.sleep(600)", on_output=lambda text: print(text, flush=True))
except KeyboardInterrupt:
    print("interrupted")
"""


def start_runner(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A tool of its own process that runs a long script; its owner's label. Returns when the script runs."""
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(folder)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert runner.stdout is not None
    label = runner.stdout.readline().strip()
    assert runner.stdout.readline() == "running\n"
    return runner, label


def end(runner: subprocess.Popen[str], number: signal.Signals) -> str:
    os.kill(runner.pid, number)
    said, _ = runner.communicate(timeout=60)
    return said


def test_a_killed_run_is_swept_by_the_next_one_and_a_living_one_is_not(tmp_path: Path) -> None:
    killed, killed_label = start_runner(tmp_path)
    living, living_label = start_runner(tmp_path)
    try:
        end(killed, signal.SIGKILL)
        assert len(left_behind(killed_label)) == 4  # two containers, two volumes
        assert Sandbox(tmp_path).run("print(1)").status == "ok"
        assert left_behind(killed_label) == []
        assert len(left_behind(living_label)) == 4
    finally:
        said = end(living, signal.SIGINT)
    assert said == "interrupted\n"
    assert left_behind(living_label) == []


def test_an_exception_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def break_down(text: str) -> None:
        raise RuntimeError("the display broke")

    with pytest.raises(RuntimeError, match="the display broke"):
        Sandbox(tmp_path).run("print('x', flush=True)\nwhile True: pass", on_output=break_down)
    assert left_behind() == []


def test_a_prepared_run_that_never_executes_leaves_nothing() -> None:
    for _ in range(2):
        with ContainerExecutor(SandboxOptions(), lambda text: None) as executor:
            executor.prepare(REQUIREMENTS, None)
        assert left_behind() == []


def test_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    def run(number: int) -> str:
        folder = tmp_path / str(number)
        folder.mkdir()
        source = f"open('/app/results/n', 'w').write('{number}'); print({number})"
        return Sandbox(folder).run(source).output + (folder / "results/n").read_text()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(run, range(3))) == ["0\n0", "1\n1", "2\n2"]
    assert left_behind() == []


def test_other_peoples_containers_are_left_alone(tmp_path: Path) -> None:
    client = docker.from_env()
    volume = client.volumes.create("meta-agent-test-foreign", labels={OWNER_LABEL: "elsewhere|boot|1|1"})
    try:
        Sandbox(tmp_path).run("print(1)")
        assert client.volumes.get("meta-agent-test-foreign")
    finally:
        volume.remove()
        client.close()


def test_another_set_of_requirements_than_prepared(tmp_path: Path) -> None:
    with ContainerExecutor(SandboxOptions(), lambda text: None) as executor:
        executor.prepare((), None)
        result = executor.execute(tmp_path, script("import psycopg2; print('there')"), estimate(), None)
    assert result.output == "there\n"
    assert left_behind() == []
