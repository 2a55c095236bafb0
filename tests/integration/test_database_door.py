"""The one way out of the sandbox: to which addresses it leads, and whose certificates it trusts."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from postgres_server import RunningPostgres, start_postgres
from sandbox_support import Sandbox
from tls_front import Certificate, make_authority, make_certificate, start_tls_front

pytestmark = [pytest.mark.docker, pytest.mark.database]

LOOK_AROUND = """
    import os, psycopg2, socket
    cursor = psycopg2.connect(os.environ["DATABASE_URL"]).cursor()
    cursor.execute("SELECT 6 * 7")
    print(cursor.fetchone()[0], os.path.exists("/run/certificates"))
    for name in ("localhost.localdomain", "host.docker.internal", "example.com"):
        try:
            print(socket.getaddrinfo(name, 5432))
        except socket.gaierror:
            print("no name")
"""
SEEN = "42 False\n" + "no name\n" * 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPostgres]:
    """A server that listens on every address of this machine, for those of this machine."""
    with start_postgres(tmp_path_factory.mktemp("postgres"), listen="*") as running:
        with (running.socket_folder / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet scram-sha-256\n")
        running.execute("postgres", "SELECT pg_reload_conf()")
        yield running


def own_address() -> str:
    """The one this machine is known by in its network. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", own_address()])
def test_every_way_to_write_this_machine_works_as_it_stands(
    host: str, server: RunningPostgres, tmp_path: Path
) -> None:
    result = Sandbox(tmp_path).run(LOOK_AROUND, database_url=server.url(host=host))
    assert (result.error_output, result.output) == ("", SEEN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bank's own")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Certificate:
    return make_authority(folder, "Bank Root")


@pytest.fixture(scope="module")
def certificate(folder: Path, authority: Certificate) -> Certificate:
    return make_certificate(folder, "localhost", authority)


class TestACompanysOwnAuthority:
    @staticmethod
    def url(server: RunningPostgres, port: int, mode: str, host: str = "localhost", **files: Path) -> str:
        named = "".join(f"&{name}={quote(str(path))}" for name, path in files.items())
        return f"{server.url(host=host, port=port)}?sslmode={mode}{named}"

    @pytest.mark.parametrize(
        ("mode", "host"),
        [("verify-full", "localhost"), ("verify-ca", "127.0.0.1"), ("require", "127.0.0.1")],
    )
    def test_its_certificates_are_trusted(
        self,
        mode: str,
        host: str,
        server: RunningPostgres,
        authority: Certificate,
        certificate: Certificate,
        tmp_path: Path,
    ) -> None:
        with start_tls_front(tmp_path, server.port, certificate) as front:
            url = self.url(server, front.port, mode, host, sslrootcert=authority.certificate)
            result = Sandbox(tmp_path).run(LOOK_AROUND, database_url=url)
            assert (result.error_output, result.output) == ("", SEEN)
            assert front.connections >= 1

    @pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
    def test_those_of_another_are_not(
        self, mode: str, server: RunningPostgres, certificate: Certificate, tmp_path: Path
    ) -> None:
        other = make_authority(tmp_path, "Another Root")
        with start_tls_front(tmp_path, server.port, certificate) as front:
            url = self.url(server, front.port, mode, sslrootcert=other.certificate)
            result = Sandbox(tmp_path).run(LOOK_AROUND, database_url=url)
            assert front.connections == 0
        assert result.status == "failed"
        assert "certificate verify failed: unable to get local issuer certificate" in result.error_output

    def test_nor_one_for_another_host(
        self, server: RunningPostgres, authority: Certificate, certificate: Certificate, tmp_path: Path
    ) -> None:
        with start_tls_front(tmp_path, server.port, certificate) as front:
            files = {"sslrootcert": authority.certificate}
            url = self.url(server, front.port, "verify-full", "127.0.0.1", **files)
            result = Sandbox(tmp_path).run(LOOK_AROUND, database_url=url)
            assert front.connections == 0
        assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in result.error_output

    def test_a_server_may_want_to_see_a_certificate_too(
        self, server: RunningPostgres, authority: Certificate, certificate: Certificate, tmp_path: Path
    ) -> None:
        own = make_certificate(tmp_path, "scripts", authority)
        own.key.chmod(0o600)
        with start_tls_front(tmp_path, server.port, certificate, clients_of=authority) as front:
            files = {"sslrootcert": authority.certificate}
            url = self.url(server, front.port, "verify-full", **files)
            assert Sandbox(tmp_path).run(LOOK_AROUND, database_url=url).status == "failed"
            url = self.url(
                server, front.port, "verify-full", **files, sslcert=own.certificate, sslkey=own.key
            )
            result = Sandbox(tmp_path).run(LOOK_AROUND, database_url=url)
            assert (result.error_output, result.output) == ("", SEEN)
