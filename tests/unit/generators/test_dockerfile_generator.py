"""The package's files. Golden files show them whole; to renew them see ``GOLDEN``."""

from __future__ import annotations

import ast
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from meta_agent.contracts import GeneratedScript, ValidationResult
from meta_agent.generators.dockerfile_generator import PackageFile, package_files, pin_requirements
from meta_agent.sandbox.hardening import hardened, system_calls
from meta_agent.sandbox.options import Limits, SandboxOptions
from meta_agent.sandbox.workspace import HOLDER_LIMITS

GOLDEN = Path(__file__).parents[2] / "golden" / "package"
RENDERED = ("docker-compose.yml", "deploy.sh", ".env.example", "README.md", "requirements.txt")
VALIDATION = ValidationResult(
    is_valid=True, security_score=1, issues=(), estimated_memory_mb=128, estimated_cpu_cores=0.5
)


def files(
    *, database: bool = True, request: str = "Show the DSCR of every property", **changes: Any
) -> dict[str, PackageFile]:
    script = GeneratedScript(
        source="print(1)\n",
        template="given",
        requirements=("psycopg2-binary==2.9.13",) if database else (),
        needs_database=database,
    )
    created = datetime(2025, 11, 3, 7, 39, 28)
    settings = {"name": "script_20251103_073928", **changes}
    return package_files(script, VALIDATION, request=request, created=created, **settings)


@pytest.mark.parametrize("kind", ["database", "plain"])
@pytest.mark.parametrize("name", RENDERED)
def test_golden(kind: str, name: str) -> None:
    expected = (GOLDEN / kind / name.removeprefix(".")).read_text()
    assert files(database=kind == "database")[name].text == expected


def test_the_package_is_complete() -> None:
    package = files()
    assert set(package) == {
        *("script.py", "requirements.txt", "Dockerfile", ".dockerignore", ".gitignore", "docker-compose.yml"),
        *("deploy.sh", ".env.example", "README.md", "gateway.py", "page_door.py", "seccomp.json"),
    }
    assert [name for name, file in package.items() if file.executable] == ["deploy.sh"]
    ast.parse(package["gateway.py"].text)


def test_the_script_has_no_network() -> None:
    service = yaml.safe_load(files()["docker-compose.yml"].text)["services"]["script_20251103_073928"]
    assert service["network_mode"] == "none"


@pytest.mark.parametrize("service", ["database", "script_20251103_073928"])
def test_the_package_has_the_walls_of_the_sandbox(service: str) -> None:
    """Both containers, with the very values the tool's own are made with."""
    composed = yaml.safe_load(files()["docker-compose.yml"].text)["services"][service]
    limits = HOLDER_LIMITS if service == "database" else Limits(memory_mb=128, cpus=0.5)
    own = hardened(limits, largest_file=SandboxOptions().result_limit_bytes)
    assert composed["security_opt"] == ["no-new-privileges:true", "seccomp:./seccomp.json"]
    assert own["security_opt"] == [composed["security_opt"][0], f"seccomp={system_calls()}"]
    same = ("user", "cap_drop", "read_only", "init", "shm_size", "pids_limit", "mem_limit")
    assert {name: composed[name] for name in same} == {name: own[name] for name in same}
    assert composed["memswap_limit"] == composed["mem_limit"]
    assert composed["ipc"] == own["ipc_mode"]
    assert composed["cpus"] == limits.cpus
    assert composed["tmpfs"] == [f"{path}:{options}" for path, options in own["tmpfs"].items()]
    assert composed["ulimits"] == {limit.name: limit.soft for limit in own["ulimits"]}
    assert composed["logging"] == {"driver": "json-file", "options": own["log_config"].config}
    assert composed["restart"] == "no"


def test_no_database_no_gateway() -> None:
    compose = yaml.safe_load(files(database=False)["docker-compose.yml"].text)
    assert list(compose["services"]) == ["script_20251103_073928"]
    assert "volumes" not in compose


def test_a_socket_folder_is_mounted_whatever_its_name() -> None:
    compose = yaml.safe_load(files(socket_folder="/run/p g'\"$x: #")["docker-compose.yml"].text)
    assert compose["services"]["database"]["volumes"][1] == "/run/p g'\"$$x: #:/run/p g'\"$$x: #"


def test_certificates_are_mounted_where_the_url_names_them() -> None:
    compose = yaml.safe_load(files(certificate_files=["/ca $1.pem", "/key"])["docker-compose.yml"].text)
    assert compose["services"]["database"]["volumes"][1:] == ["/ca $$1.pem:/ca $$1.pem:ro", "/key:/key:ro"]
    assert "/key" not in str(compose["services"]["script_20251103_073928"]["volumes"])


def test_deploy_is_valid_shell(tmp_path: Path) -> None:
    script = tmp_path / "deploy.sh"
    script.write_text(files()["deploy.sh"].text)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_the_request_has_no_meaning_in_markdown() -> None:
    request = "# Title\n<script>alert(1)</script>\n```\n\x1b[2J[link](javascript:x)\u202e"
    readme = files(request=request)["README.md"].text
    assert "\n    # Title\n    <script>alert(1)</script>\n    ```\n    [2J[link](javascript:x)\n" in readme


@pytest.mark.parametrize("name", ["", "Upper", "a b", "a\nb", "../x", "a$b", "-x", "a: b"])
def test_names_that_could_break_out_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a usable name"):
        files(name=name)


def test_images_that_could_break_out_are_refused() -> None:
    with pytest.raises(ValueError, match="not a usable base image"):
        files(base_image="x}\n  evil: true")


@pytest.mark.parametrize("line", ["pandas", "a==1\n--index-url=x", "-e .", "a==1 ; x", "x @ file:///"])
def test_only_pinned_requirements_are_taken(line: str) -> None:
    script = GeneratedScript(source="", template="given", requirements=(line,))
    with pytest.raises(ValueError, match="not a usable requirement"):
        package_files(script, VALIDATION, name="x", request="x", created=datetime(2025, 1, 1))


def test_names_are_pinned_and_unknown_ones_reported() -> None:
    pinned = pin_requirements(["psycopg2", "Psycopg2_Binary>=2", "pandas[excel]", "json", "left-pad", ""])
    assert [line.partition("==")[0] for line in pinned.requirements] == ["pandas", "psycopg2-binary"]
    assert all("==" in line for line in pinned.requirements)
    assert pinned.unknown == ("left-pad",)


def test_every_known_package_can_be_a_requirement() -> None:
    known = pin_requirements(["flask", "matplotlib", "openpyxl", "reportlab", "sqlalchemy", "xlsxwriter"])
    script = GeneratedScript(source="", template="given", requirements=known.requirements)
    package = package_files(script, VALIDATION, name="x", request="x", created=datetime(2025, 1, 1))
    named = re.findall(r"^[a-z0-9-]+==[^ ]+", package["requirements.txt"].text, re.MULTILINE)
    assert tuple(named[: len(known.requirements)]) == known.requirements


def test_the_dockerfile_installs_nothing_without_its_hash() -> None:
    assert "pip install --no-cache-dir --require-hashes --only-binary :all:" in files()["Dockerfile"].text


def test_the_package_of_a_page_has_the_same_walls_and_publishes_on_this_machine_only() -> None:
    script = GeneratedScript(source="", template="web_dashboard", needs_database=True)
    package = package_files(script, VALIDATION, name="page", request="x", created=datetime(2025, 1, 1))
    services = yaml.safe_load(package["docker-compose.yml"].text)["services"]
    assert set(services) == {"database", "door", "page"}
    assert services["page"]["network_mode"] == "none"
    assert services["door"]["ports"] == ["127.0.0.1:${PORT:-8080}:8080"]
    for service in services.values():
        assert (service["cap_drop"], service["read_only"], service["user"]) == (["ALL"], True, "10001:10001")
        assert "seccomp:./seccomp.json" in service["security_opt"]
    assert "--detach" in package["deploy.sh"].text
