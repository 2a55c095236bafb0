from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest
import requests
from docker.errors import APIError, BuildError, DockerException

from meta_agent.contracts import ValidationResult
from meta_agent.errors import SandboxError
from meta_agent.generators.dockerfile_generator import pin_requirements
from meta_agent.sandbox.engine import connect, one_line, translated
from meta_agent.sandbox.health import inspect_sandbox
from meta_agent.sandbox.images import BaseImage, _build_failed, _context_files, _fingerprint, _name_and_tag
from meta_agent.sandbox.options import SandboxOptions, limits_for


def test_no_socket_means_docker_is_not_running(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="not running") as caught:
        connect(SandboxOptions(docker_host=f"unix://{tmp_path}/none.sock"))
    assert "Start Docker" in caught.value.remedy


def test_a_socket_nobody_listens_on(tmp_path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "dead.sock"))
    dead.close()
    with pytest.raises(SandboxError, match="not running"):
        connect(SandboxOptions(docker_host=f"unix://{tmp_path}/dead.sock"))


def test_doctor_gets_the_problem_as_data(tmp_path: Path) -> None:
    health = inspect_sandbox(SandboxOptions(docker_host=f"unix://{tmp_path}/none.sock"))
    assert health.engine_version is None
    assert health.problem is not None
    assert "not running" in health.problem.cause


def test_no_right_to_the_socket() -> None:
    with pytest.raises(SandboxError, match="may not use") as caught, translated("start"):
        raise DockerException("Error") from requests.ConnectionError(PermissionError(13, "Permission denied"))
    assert "group docker" in caught.value.remedy


def api_error(explanation: str) -> APIError:
    response = requests.Response()
    response.status_code = 500
    response.raw = io.BytesIO(b"")
    return APIError("500", response, explanation)


def test_a_full_disk() -> None:
    with pytest.raises(SandboxError, match="disk is full"), translated("start"):
        raise api_error("write /var/lib/x: no space left on device")


def test_any_other_refusal_is_one_printable_line() -> None:
    with pytest.raises(SandboxError) as caught, translated("start"):
        raise api_error("two\nlines \x1b[91m\x1b[2J.")
    assert caught.value.cause == "Docker could not start: two lines [2J."


def test_an_engine_that_stops_answering() -> None:
    with pytest.raises(SandboxError, match="does not answer"), translated("start"):
        raise requests.ReadTimeout("timed out")


def test_our_own_mistakes_are_not_translated() -> None:
    with pytest.raises(KeyError), translated("start"):
        raise KeyError("x")


def test_a_failed_build_shows_its_last_lines() -> None:
    log = iter([{"stream": "Step 1\n"}, {"stream": "ERROR: No matching distribution for x==9\n"}])
    assert "No matching distribution" in _build_failed(BuildError("failed", log)).cause


def test_the_environment_depends_on_base_and_requirements_but_not_on_their_order() -> None:
    def tag(base: str, *requirements: str) -> str:
        return _fingerprint(BaseImage("image", base), _context_files(requirements))

    one, other = pin_requirements(["simplejson", "tabulate"]).requirements
    assert tag("1", one, other) == tag("1", other, one)
    assert len({tag("1", one), tag("2", one), tag("1", other), tag("1")}) == 4


def test_only_one_tag_is_pulled() -> None:
    assert _name_and_tag("host:5000/python") == ("host:5000/python", "latest")
    assert _name_and_tag("python:3.12") == ("python:3.12", None)


@pytest.mark.parametrize(
    ("memory", "cpus", "expected"),
    [(1, 0.1, (64, 0.25)), (10**6, 99.0, (1024, 2.0)), (300, 1.0, (300, 1.0)), (64, 2.0, (64, 2.0))],
)
def test_limits_stay_within_bounds(memory: int, cpus: float, expected: tuple[int, float]) -> None:
    validation = ValidationResult(
        is_valid=True, security_score=1, issues=(), estimated_memory_mb=memory, estimated_cpu_cores=cpus
    )
    limits = limits_for(validation, engine_cpus=8)
    assert (limits.memory_mb, limits.cpus) == expected


def test_an_engine_with_one_cpu_is_not_asked_for_two() -> None:
    validation = ValidationResult(
        is_valid=True, security_score=1, issues=(), estimated_memory_mb=64, estimated_cpu_cores=2
    )
    assert limits_for(validation, engine_cpus=1).cpus == 1.0


def test_one_line_is_bounded() -> None:
    assert one_line("a\n" * 500, 9) == "a a a a a"
