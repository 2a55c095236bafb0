"""The shell scripts on machines that this one is not: a PATH of fakes decides what is installed.

Every fake writes its name and arguments to a log, so that a test can say what was changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest

PROJECT = Path(__file__).resolve().parents[3]
REAL_COMMANDS = (
    "bash",
    "sh",
    "cat",
    "date",
    "mkdir",
    "mktemp",
    "rm",
    "tail",
    "dirname",
    "sleep",
    "env",
    "ln",
    "grep",
)


@dataclass
class FakeMachine:
    """A folder of commands, and nothing else on the PATH."""

    folder: Path
    log: Path

    def has(self, command: str, script: str = "exit 0") -> FakeMachine:
        """Add a fake command with this body."""
        file = self.folder / command
        file.write_text(f'#!/bin/sh\necho "{command} $*" >> "{self.log}"\n{script}\n')
        file.chmod(0o755)
        return self

    def run(self, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of the project's scripts there, without a terminal."""
        environment = {"PATH": str(self.folder), "HOME": str(self.folder), **variables}
        return subprocess.run(
            [shutil.which("bash") or "bash", str(PROJECT / "tools" / script), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    folder = tmp_path / "bin"
    folder.mkdir()
    for command in REAL_COMMANDS:
        found = shutil.which(command)
        assert found is not None
        (folder / command).symlink_to(found)
    return FakeMachine(folder, tmp_path / "calls.log").has("uname", "echo Linux").has("id", "echo 1000")


def changes(machine: FakeMachine) -> list[str]:
    """The calls that would have changed the machine."""
    harmless = ("uname", "id", "docker info", "docker image inspect")
    return [line for line in machine.calls().splitlines() if not line.startswith(harmless)]


# --- docker-up.sh ------------------------------------------------------------------


def test_a_daemon_that_answers_is_left_alone(machine: FakeMachine) -> None:
    machine.has("docker").has("apt-get").has("id", "echo 0")
    done = machine.run("docker-up.sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert changes(machine) == []


def test_an_ordinary_user_is_told_how_to_start_docker(machine: FakeMachine) -> None:
    machine.has("docker", "exit 1").has("apt-get")
    done = machine.run("docker-up.sh")
    assert done.returncode == 3
    assert "sudo systemctl start docker" in done.stderr
    assert "Nothing was changed" in done.stderr
    assert changes(machine) == []


def test_macos_is_told_about_docker_desktop(machine: FakeMachine) -> None:
    machine.has("uname", "echo Darwin").has("id", "echo 0")
    done = machine.run("docker-up.sh")
    assert done.returncode == 3
    assert "Docker Desktop" in done.stderr
    assert changes(machine) == []


def test_root_without_apt_is_told_what_to_do(machine: FakeMachine) -> None:
    machine.has("id", "echo 0")
    done = machine.run("docker-up.sh")
    assert done.returncode == 3
    assert "docs.docker.com/engine/install" in done.stderr


def test_zero_forbids_installing_even_to_root(machine: FakeMachine) -> None:
    machine.has("id", "echo 0").has("apt-get").has("dockerd")
    done = machine.run("docker-up.sh", META_AGENT_START_DOCKER="0", CI="true")
    assert done.returncode == 3
    assert changes(machine) == []


def test_a_docker_host_that_does_not_answer_is_named(machine: FakeMachine) -> None:
    machine.has("docker", "exit 1").has("id", "echo 0").has("apt-get")
    done = machine.run("docker-up.sh", DOCKER_HOST="tcp://nowhere:1", META_AGENT_START_DOCKER="1")
    assert done.returncode == 3
    assert "tcp://nowhere:1" in done.stderr
    assert changes(machine) == []


def test_root_on_debian_gets_a_daemon_after_one_line(machine: FakeMachine, tmp_path: Path) -> None:
    up = tmp_path / "up"
    machine.has("id", "echo 0").has("apt-get").has("systemctl", f"touch {up}").has("touch", f": > {up}")
    machine.has("docker", f'[ -e "{up}" ]').has("dockerd", f": > {up}").has("setsid", 'exec "$@"')
    done = machine.run("docker-up.sh", META_AGENT_DOCKER_STATE=str(tmp_path / "state"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == "docker-up: no Docker daemon answers; starting dockerd\n"
    assert "apt-get" not in machine.calls()


def test_in_a_terminal_root_is_asked_and_no_means_no(machine: FakeMachine) -> None:
    machine.has("id", "echo 0").has("apt-get").has("docker", "exit 1")
    environment = {"PATH": str(machine.folder), "HOME": str(machine.folder)}
    script = str(PROJECT / "tools" / "docker-up.sh")
    terminal = pexpect.spawn(
        str(shutil.which("bash")), [script], env=environment, timeout=30, encoding="utf-8"
    )
    terminal.expect("installing Docker .* and starting it.*go on\\?")
    terminal.sendline("n")
    terminal.expect("nothing was changed")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 3
    assert changes(machine) == []


def test_a_daemon_that_does_not_come_up_is_told_with_its_log(machine: FakeMachine, tmp_path: Path) -> None:
    machine.has("id", "echo 0").has("apt-get").has("systemctl").has("docker", "exit 1")
    machine.has("dockerd", "echo no cgroups here; exit 1").has("setsid", 'exec "$@"')
    state = tmp_path / "state"
    done = machine.run("docker-up.sh", META_AGENT_DOCKER_STATE=str(state), META_AGENT_DOCKER_WAIT="1")
    assert done.returncode == 3
    assert "did not answer within 1 s" in done.stderr


# --- base-image.sh -----------------------------------------------------------------


def test_the_wanted_image_is_taken_where_it_is(machine: FakeMachine) -> None:
    machine.has("docker")
    done = machine.run("base-image.sh")
    assert (done.returncode, done.stdout) == (0, "python:3.12-slim\n")
    assert changes(machine) == []


def test_an_image_made_before_saves_the_pull(machine: FakeMachine) -> None:
    machine.has("docker", 'case "$*" in *python:3.12-slim*) exit 1;; esac')
    done = machine.run("base-image.sh")
    assert (done.returncode, done.stdout) == (0, "meta-agent/python-base:bookworm\n")
    assert changes(machine) == []


def test_a_missing_image_is_pulled(machine: FakeMachine) -> None:
    machine.has("docker", 'case "$*" in image*) exit 1;; esac')
    done = machine.run("base-image.sh", BASE_IMAGE="mirror/python:3.13")
    assert (done.returncode, done.stdout) == (0, "mirror/python:3.13\n")
    assert changes(machine) == ["docker pull --quiet mirror/python:3.13"]


def test_without_registry_and_rights_it_says_what_to_do(machine: FakeMachine) -> None:
    machine.has("docker", 'case "$*" in info) ;; *) exit 1;; esac').has("apt-get")
    done = machine.run("base-image.sh")
    assert (done.returncode, done.stdout) == (3, "")
    assert "docker pull python:3.12-slim" in done.stderr
    assert changes(machine) == ["docker pull --quiet python:3.12-slim"]


def test_without_a_daemon_no_image_is_looked_for(machine: FakeMachine) -> None:
    machine.has("docker", "exit 1")
    done = machine.run("base-image.sh")
    assert done.returncode == 3
    assert "docker-up.sh" in done.stderr


# --- venv.sh -----------------------------------------------------------------------


def copy_of_tools(tmp_path: Path) -> Path:
    """venv.sh works in its own project folder, which must not be ours here."""
    folder = tmp_path / "project" / "tools"
    folder.mkdir(parents=True)
    shutil.copy(PROJECT / "tools" / "venv.sh", folder)
    return folder / "venv.sh"


def test_a_machine_without_a_new_python_is_told_so(machine: FakeMachine, tmp_path: Path) -> None:
    machine.has("python3", "exit 1")
    done = machine.run(os.fspath(copy_of_tools(tmp_path)), "requirements.txt")
    assert done.returncode == 3
    assert "no Python 3.10 or newer" in done.stderr
    assert not (tmp_path / "project" / ".venv").exists()


def test_a_python_without_venv_names_the_missing_package(machine: FakeMachine, tmp_path: Path) -> None:
    machine.has("python3", 'case "$2" in *ensurepip*) exit 1;; *print*) echo python3.11-venv;; esac').has(
        "apt-get"
    )
    done = machine.run(os.fspath(copy_of_tools(tmp_path)), "requirements.txt")
    assert done.returncode == 3
    assert "sudo apt-get install python3.11-venv" in done.stderr
    assert "apt-get" not in machine.calls()


# --- compose-up.sh -----------------------------------------------------------------


def test_an_ordinary_user_is_told_about_compose_v1(machine: FakeMachine, tmp_path: Path) -> None:
    folder = tmp_path / "project" / "tools"
    folder.mkdir(parents=True)
    shutil.copy(PROJECT / "tools" / "compose-up.sh", folder)
    done = machine.has("apt-get").run(os.fspath(folder / "compose-up.sh"))
    assert done.returncode == 0
    assert "sudo apt-get install docker-compose" in done.stderr
    assert (tmp_path / "project/.venv/docker-config/cli-plugins/docker-compose").is_symlink()


@pytest.mark.parametrize("script", sorted((PROJECT / "tools").glob("*.sh")), ids=lambda path: path.name)
def test_the_scripts_are_strict_and_well_formed(script: Path) -> None:
    assert "\nset -euo pipefail\n" in script.read_text()
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
