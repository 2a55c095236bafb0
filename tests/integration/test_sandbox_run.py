"""Scripts that work, in the real sandbox, against a real database."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from sandbox_support import REQUIREMENTS, Sandbox, estimate, left_behind, script
from tls_front import TlsFront, start_tls_front

from meta_agent import locked_packages
from meta_agent.contracts import ScriptResult
from meta_agent.errors import SandboxError
from meta_agent.executors.container_executor import ContainerExecutor, SandboxOptions
from meta_agent.sandbox.health import inspect_sandbox
from meta_agent.sandbox.images import LOCAL_BASE
from meta_agent.templates.package import gateway

pytestmark = [pytest.mark.docker, pytest.mark.database]

QUERY = """
    import json, os, psycopg2
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    cursor = connection.cursor()
    cursor.execute("SELECT current_user, current_database(), 6 * 7")
    row = cursor.fetchone()
    table = {"title": "T", "columns": ["user", "database", "n"],
             "rows": [dict(zip(("user", "database", "n"), row))]}
    with open(os.path.join(os.environ["OUTPUT_DIR"], "result.json"), "w") as file:
        json.dump({"tables": [table], "summary": {"rows": 1}}, file)
    with open("/app/exports/data/rows.csv", "w") as file:
        file.write("n\\n42\\n")
    print("the answer is", row[2])
"""


def answer(result: ScriptResult | None) -> dict[str, object]:
    assert result is not None
    return result.tables[0].rows[0]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_query_through_the_gateway(host: str, server: RunningPostgres, tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    result = sandbox.run(QUERY, database_url=server.url(host=host))
    assert (result.status, result.exit_code, result.error_output) == ("ok", 0, "")
    assert answer(result.result) == {"user": "postgres", "database": "postgres", "n": 42}
    assert result.output == "the answer is 42\n"
    assert sandbox.shown == ["the answer is 42"]
    assert result.files == ("exports/data/rows.csv", "results/result.json")
    assert (tmp_path / "exports/data/rows.csv").read_text() == "n\n42\n"
    assert left_behind() == []


def test_a_prepared_workspace_is_used_and_a_repaired_script_starts_afresh(
    server: RunningPostgres, tmp_path: Path
) -> None:
    failing = "open('/app/results/result.json', 'w').write('{}'); open('/app/logs/a', 'w'); 1 / 0"
    repaired = "import os; print(sorted(os.listdir('/app/results')), 'DATABASE_URL' in os.environ)"
    with ContainerExecutor(SandboxOptions(), lambda text: None) as executor:
        executor.prepare(REQUIREMENTS, server.url())
        first = executor.execute(tmp_path, script(failing), estimate(), server.url())
        second = executor.execute(tmp_path, script(repaired), estimate(), server.url())
    assert (first.status, first.exit_code) == ("failed", 1)
    assert "ZeroDivisionError" in first.error_output
    assert 'File "/app/script.py", line 1' in first.error_output
    assert second.output == "[] False\n"
    assert (second.result, second.files) == (None, ())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert left_behind() == []


def test_a_database_that_is_away_is_named_to_the_script(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run(QUERY, database_url="postgresql://u:hunter2@127.0.0.1:1/db")
    assert result.status == "failed"
    assert "cannot reach 127.0.0.1:1 through the database gateway: [Errno 111]" in result.error_output
    assert "hunter2" not in result.error_output


def test_a_server_on_a_unix_socket(server: RunningPostgres, tmp_path: Path) -> None:
    with gateway_in(tmp_path, server.url()) as folder:
        result = Sandbox(tmp_path).run(QUERY, database_url=server.url(host=folder, port=5432))
    assert result.status == "ok", result
    assert answer(result.result)["n"] == 42


@contextmanager
def gateway_in(parent: Path, url: str, **environment: str) -> Iterator[str]:
    """The gateway's own program makes a socket of a port here too. The folder, encoded for a URL."""
    folder = parent / "socket"
    folder.mkdir()
    source = Path(gateway.__file__).read_text().replace('"/run/database"', repr(str(folder)))
    (folder / "gateway.py").write_text(source)
    with subprocess.Popen(
        [sys.executable, folder / "gateway.py", "serve"],
        env={**os.environ, **environment, "DATABASE_URL": url},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "gateway: ready\n"
        try:
            yield quote(str(folder), safe="")
        finally:
            process.terminate()


def connect(url: str) -> str:
    """How a connection ends: "connected", or the reason why it is not made."""
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError as error:
        return str(error)
    return "connected"


class TestEncryptedConnections:
    @pytest.fixture
    def front(self, server: RunningPostgres, tmp_path: Path) -> Iterator[TlsFront]:
        with start_tls_front(tmp_path, server.port) as running:
            yield running

    @pytest.mark.parametrize("mode", ["prefer", "require"])
    def test_tls_without_a_known_certificate(
        self, mode: str, server: RunningPostgres, front: TlsFront, tmp_path: Path
    ) -> None:
        url = f"{server.url(port=front.port)}?sslmode={mode}"
        result = Sandbox(tmp_path).run(QUERY, database_url=url)
        assert answer(result.result)["n"] == 42, result.error_output
        assert front.connections == 1

    @pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
    def test_an_unknown_certificate_is_refused_where_it_is_to_be_checked(
        self, mode: str, server: RunningPostgres, front: TlsFront, tmp_path: Path
    ) -> None:
        url = f"{server.url(port=front.port)}?sslmode={mode}"
        result = Sandbox(tmp_path).run(QUERY, database_url=url)
        assert result.status == "failed"
        assert "certificate verify failed: self-signed certificate" in result.error_output
        assert front.connections == 0

    def test_a_server_without_tls_is_refused_where_tls_is_a_must(
        self, server: RunningPostgres, tmp_path: Path
    ) -> None:
        result = Sandbox(tmp_path).run(QUERY, database_url=f"{server.url()}?sslmode=require")
        assert "the server does not speak TLS, and sslmode is require" in result.error_output

    @pytest.mark.parametrize(
        ("host", "outcome"), [("localhost", "connected"), ("127.0.0.1", "IP address mismatch")]
    )
    def test_a_certificate_is_good_for_its_own_name_only(
        self, host: str, outcome: str, server: RunningPostgres, front: TlsFront, tmp_path: Path
    ) -> None:
        """The same program outside the sandbox, where the test can vouch for the certificate."""
        url = f"{server.url(host=host, port=front.port)}?sslmode=verify-full"
        with gateway_in(tmp_path, url, SSL_CERT_FILE=str(front.certificate)) as folder:
            assert outcome in connect(server.url(host=folder, port=5432))


class TestImages:
    def test_doctor_sees_the_engine(self) -> None:
        health = inspect_sandbox(SandboxOptions())
        assert health.problem is None
        assert health.engine_version
        assert health.base_image_state in ("present", "replaced")

    def test_an_image_that_cannot_be_had_is_replaced_by_the_local_one(self, tmp_path: Path) -> None:
        result = Sandbox(tmp_path).run("print(1)", options=SandboxOptions(base_image="localhost:1/none:none"))
        assert result.status == "ok"
        assert result.warnings[0].startswith(f"localhost:1/none:none could not be pulled; {LOCAL_BASE}")

    def test_a_requirement_that_does_not_exist_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As where the package index is not the one that the lock was made from."""
        lock = tmp_path / "other.lock"
        lock.write_text(f"rich==0.0.99999 \\\n    --hash=sha256:{'0' * 64}\n")
        monkeypatch.setattr(locked_packages, "LOCK", lock)
        generated = script("print(1)").model_copy(update={"requirements": ("rich==0.0.99999",)})
        with (
            ContainerExecutor(SandboxOptions(), lambda text: None) as executor,
            pytest.raises(SandboxError, match=r"No matching distribution found for rich==0\.0\.99999"),
        ):
            executor.prepare(generated.requirements, None)
            executor.execute(tmp_path, generated, estimate(), None)
        assert left_behind() == []
