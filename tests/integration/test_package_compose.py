"""The deployment package, run as a person runs it: with old and new Docker Compose, and by deploy.sh."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
from pipeline_support import Said
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from sandbox_support import estimate, script
from tls_front import make_authority, make_certificate, start_tls_front

from meta_agent.executors.container_executor import ContainerExecutor, SandboxOptions
from meta_agent.executors.deployment_package import create_run_folder, write_package
from meta_agent.generators.dockerfile_generator import package_files
from meta_agent.pipeline import PipelineOptions, execute_file
from meta_agent.sandbox.door import certificate_files

pytestmark = [pytest.mark.docker, pytest.mark.database]

PASSWORD = "p$a{s}s #w'o\"r\\d/@:%?&=`!"
QUERY = """
    import json, os, psycopg2
    for round in (1, 2):  # the gateway stays while the script has no connection
        connection = psycopg2.connect(os.environ["DATABASE_URL"])
        cursor = connection.cursor()
        cursor.execute("SELECT current_user, 40 + %s", (round,))
        print(*cursor.fetchone())
        connection.close()
    os.makedirs("/app/exports/data/deeper")
    with open("/app/exports/data/deeper/a.csv", "w") as file:
        file.write("a")
    with open("/app/results/result.json", "w") as file:
        json.dump({"summary": {"done": True}}, file)
"""
FAILING = "import sys; print('about to fail'); sys.exit(3)"

V2 = ("docker", "compose")
V1 = ("/usr/bin/docker-compose",)

MakePackage = Callable[..., Path]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Compose v2 or newer as the docker command's plugin, in a configuration of the tests' own."""
    configuration = tmp_path_factory.mktemp("docker-config")
    plugins = configuration / "cli-plugins"
    plugins.mkdir()
    shutil.copy2(Path(sys.executable).parent / "docker-compose", plugins / "docker-compose")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
    return {**kept, "DOCKER_CONFIG": str(configuration)}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def run_command(*command: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=folder,
            env={**environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run_command


@pytest.fixture
def make_package(tmp_path: Path, run: Run) -> Iterator[MakePackage]:
    """Makes packages, and takes away what running them has left in the engine."""
    made: list[Path] = []
    with ContainerExecutor(SandboxOptions(), lambda text: None) as executor:
        base_image = executor.base_image()

    def make(source: str, database_url: str | None = None) -> Path:
        now = datetime.now()
        made_folder = create_run_folder(tmp_path, now)
        folder = made_folder.rename(f"{made_folder}_{uuid4().hex[:8]}")  # tests may run side by side
        generated = script(source, needs_database=database_url is not None)
        files = package_files(
            generated,
            estimate(),
            name=folder.name,
            request="How many?",
            created=now,
            base_image=base_image,
            certificate_files=certificate_files(database_url or ""),
        )
        write_package(folder, files, {"DATABASE_URL": database_url} if database_url else {})
        made.append(folder)
        return folder

    yield make
    for folder in made:
        for compose in (V2, V1):
            ended = run(*compose, "down", "--volumes", "--rmi", "local", folder=folder, DATABASE_URL="x")
            assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("compose", [V2, V1], ids=["v2", "v1"])
def test_up_prints_the_answer_and_ends_by_itself(
    compose: tuple[str, ...], server: RunningPostgres, make_package: MakePackage, run: Run
) -> None:
    server.create_role("o'brien", PASSWORD)
    folder = make_package(QUERY, server.url(user="o'brien", password=PASSWORD, host="localhost"))
    version = run(*compose, "version", folder=folder)
    assert version.returncode == 0, "both generations of Compose must be installed: see tools/"
    assert ("1.29" in version.stdout) == (compose == V1)
    ended = run(*compose, "up", "--build", folder=folder)
    assert ended.returncode == 0, ended.stderr
    assert "o'brien 41" in ended.stdout
    assert "o'brien 42" in ended.stdout
    assert json.loads((folder / "results/result.json").read_text()) == {"summary": {"done": True}}
    # Files and folders made by the container's user can be removed by the folder's owner.
    assert (folder / "exports/data/deeper").stat().st_mode & 0o777 == 0o777
    running = run("docker", "ps", "-q", "--filter", f"name={folder.name}", folder=folder)
    assert running.stdout == ""


def test_a_companys_own_authority_is_asked(
    server: RunningPostgres, make_package: MakePackage, run: Run, tmp_path: Path
) -> None:
    trusted, other = make_authority(tmp_path, "Bank Root"), make_authority(tmp_path, "Another Root")
    certificate = make_certificate(tmp_path, "localhost", trusted)
    with start_tls_front(tmp_path, server.port, certificate) as front:
        url = f"{server.url(host='localhost', port=front.port)}?sslmode=verify-full&sslrootcert="
        ended = run("./deploy.sh", folder=make_package(QUERY, url + str(trusted.certificate)))
        assert (ended.returncode, "postgres 42" in ended.stdout) == (0, True), ended.stderr
        ended = run("./deploy.sh", folder=make_package(QUERY, url + str(other.certificate)))
        assert ended.returncode == 1
        assert "certificate verify failed" in ended.stderr


@pytest.mark.parametrize("compose", [V2, V1], ids=["v2", "v1"])
def test_the_list_of_system_calls_is_in_force(
    compose: tuple[str, ...], make_package: MakePackage, run: Run
) -> None:
    """ptrace(PTRACE_TRACEME), which Docker's own list lets through; errno 1 is EPERM."""
    tracing = "import ctypes; c = ctypes.CDLL(None, use_errno=True); print(c.ptrace(0), ctypes.get_errno())"
    ended = run(*compose, "up", "--build", folder=make_package(tracing))
    assert ended.returncode == 0, ended.stderr
    assert " -1 1\n" in ended.stdout


@pytest.mark.parametrize("compose", [V2, V1], ids=["v2", "v1"])
def test_another_runtime(compose: tuple[str, ...], make_package: MakePackage, run: Run) -> None:
    folder = make_package("print(6 * 7)")
    ended = run(*compose, "up", "--build", folder=folder, SANDBOX_RUNTIME="runc")
    assert " 42\n" in ended.stdout, ended.stderr
    run(*compose, "down", folder=folder)
    failed = run(*compose, "up", folder=folder, SANDBOX_RUNTIME="nothing-such")
    assert failed.returncode != 0
    assert "nothing-such" in failed.stderr + failed.stdout


def test_deploy_ends_with_the_scripts_own_exit_code(
    server: RunningPostgres, make_package: MakePackage, run: Run
) -> None:
    failed = run("./deploy.sh", folder=make_package(FAILING, server.url()))
    assert failed.returncode == 3, failed.stderr
    assert "about to fail" in failed.stdout


def test_a_script_without_a_database(make_package: MakePackage, run: Run) -> None:
    ended = run("./deploy.sh", folder=make_package("print(6 * 7)"))
    assert ended.returncode == 0, ended.stderr
    assert "| 42" in ended.stdout


WRITING = """
import os
from pathlib import Path

Path(os.environ["OUTPUT_DIR"], "result.json").write_text('{"summary": {"answer": 42}}')
deeper = Path(os.environ["EXPORT_DIR"], "data", "deeper")
deeper.mkdir(exist_ok=True)
(deeper / "rows.csv").write_text("a")
print(6 * 7)
"""


def test_the_package_of_a_run_deploys_on_this_machine(tmp_path: Path, run: Run) -> None:
    """Over the results of that run, and where it stood on an image made here as the usual one was away."""
    options = PipelineOptions(tmp_path / "runs", tmp_path, SandboxOptions(runtime="runc"))
    record = execute_file(WRITING, "given.py", options, Said())
    folder = Path(record.run_dir)
    assert set(record.execution.files if record.execution else ()) == {
        "results/result.json",
        "exports/data/deeper/rows.csv",
    }
    settings = [(folder / name).read_text() for name in (".env", ".env.example")]
    assert not any("DATABASE_URL" in text for text in settings)
    assert "SANDBOX_RUNTIME=runc\n" in settings[0]
    ended = run("./deploy.sh", folder=folder)
    run(*V2, "down", "--volumes", "--rmi", "local", folder=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "| 42" in ended.stdout


def test_a_database_that_is_away(make_package: MakePackage, run: Run) -> None:
    ended = run("./deploy.sh", folder=make_package(QUERY, "postgresql://u:p@localhost:1/db"))
    assert ended.returncode == 1
    assert "cannot reach localhost:1 through the database gateway" in ended.stderr


def test_deploy_without_settings_says_what_to_do(make_package: MakePackage, run: Run) -> None:
    folder = make_package(QUERY, "postgresql://u:p@localhost:1/db")
    (folder / ".env").unlink()
    ended = run("./deploy.sh", folder=folder)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Copy .env.example to .env" in ended.stderr


def test_deploy_without_docker_says_what_to_do(make_package: MakePackage, run: Run, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "dirname", "env"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    ended = run("./deploy.sh", folder=make_package("print(1)"), PATH=str(tools))
    assert ended.returncode == 6
    assert ended.stderr.startswith("Docker Compose was not found. Install ")


def test_the_password_is_in_env_only(server: RunningPostgres, make_package: MakePackage) -> None:
    folder = make_package(QUERY, "postgresql://u:canary@localhost:1/db")
    holding = [path.name for path in folder.rglob("*") if path.is_file() and "canary" in path.read_text()]
    assert holding == [".env"]
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
