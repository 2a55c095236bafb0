"""Connections to a real PostgreSQL: what they tell, how they recover, why they fail."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import socket
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from postgres_fixtures import READER_PASSWORD, Opener, estate, opened, server  # noqa: F401
from postgres_server import RunningPostgres, free_port

from meta_agent.databases import open_database
from meta_agent.errors import DatabaseError

pytestmark = pytest.mark.database


def failure(url: str, connect_timeout: int = 5) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        open_database(url, connect_timeout=connect_timeout).close()
    return caught.value


class TestConnection:
    def test_what_it_tells_about_itself(self, estate: RunningPostgres, opened: Opener) -> None:
        database = opened(estate.url("estate"))
        assert (database.name, database.user) == ("estate", "postgres")
        assert (database.endpoint.host, database.endpoint.port) == ("127.0.0.1", estate.port)
        assert database.server_version.startswith("18")
        seen = estate.fetch(
            "estate", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'meta-agent'"
        )
        assert seen == [(1,)]

    def test_over_the_unix_socket(self, estate: RunningPostgres, opened: Opener) -> None:
        database = opened(estate.socket_url("estate"))
        assert database.endpoint.socket_path == f"{estate.socket_folder}/.s.PGSQL.{estate.port}"
        assert database.explain("SELECT 1") is None

    def test_sqlalchemys_spelling_of_the_url(self, estate: RunningPostgres, opened: Opener) -> None:
        url = estate.url("estate").replace("postgresql://", "postgresql+psycopg2://")
        assert opened(url).name == "estate"

    def test_a_lost_connection_is_opened_again(self, estate: RunningPostgres, opened: Opener) -> None:
        database = opened(estate.url("estate"))
        first = database.fingerprint()
        estate.fetch(
            "postgres",
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'meta-agent'",
        )
        assert database.fingerprint() == first

    def test_a_server_that_went_away_is_named(self, server: RunningPostgres, opened: Opener) -> None:
        server.create_database("leaving", "CREATE TABLE t (a integer)")
        database = opened(server.url("leaving"))
        server.drop_database("leaving")
        with pytest.raises(DatabaseError, match="has no database 'leaving'"):
            database.explain("SELECT * FROM t")

    def test_closing_twice(self, estate: RunningPostgres) -> None:
        database = open_database(estate.url("estate"))
        database.close()
        database.close()
        seen = estate.fetch(
            "estate", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'meta-agent'"
        )
        assert seen == [(0,)]

    def test_no_driver_is_imported_before_it_is_needed(self) -> None:
        code = (
            "import sys, meta_agent.databases; print(sorted({'psycopg2', 'sqlalchemy'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"


class TestConnectionErrors:
    def test_wrong_password(self, server: RunningPostgres) -> None:
        error = failure(server.url(password="not-the-password"))
        assert error.cause == (
            f"The server at 127.0.0.1:{server.port} refused the login of user 'postgres': "
            "the user name or the password is wrong."
        )
        assert "not-the-password" not in error.cause + error.remedy

    def test_unknown_user(self, server: RunningPostgres) -> None:
        assert "refused the login of user 'nobody_here'" in failure(server.url(user="nobody_here")).cause

    def test_no_password(
        self, server: RunningPostgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("PGPASSWORD", raising=False)
        monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
        error = failure(f"postgresql://postgres@127.0.0.1:{server.port}/postgres")
        assert "asks for a password of user 'postgres'" in error.cause

    def test_unknown_database(self, server: RunningPostgres) -> None:
        assert failure(server.url("nowhere")).cause.endswith("has no database 'nowhere'.")

    def test_no_right_to_connect(self, server: RunningPostgres) -> None:
        server.create_role("outsider", READER_PASSWORD)
        server.create_database("private")
        server.execute("postgres", "REVOKE CONNECT ON DATABASE private FROM PUBLIC")
        error = failure(server.url("private", "outsider", READER_PASSWORD))
        assert error.cause == "The user 'outsider' may not connect to the database 'private'."

    def test_no_login(self, server: RunningPostgres) -> None:
        server.create_role("group_role", READER_PASSWORD, "NOLOGIN")
        assert (
            "not permitted to log in" in failure(server.url("postgres", "group_role", READER_PASSWORD)).cause
        )

    def test_too_many_connections(self, server: RunningPostgres) -> None:
        server.create_role("single", READER_PASSWORD, "LOGIN CONNECTION LIMIT 0")
        assert "no free connection left" in failure(server.url("postgres", "single", READER_PASSWORD)).cause

    def test_unknown_host(self, server: RunningPostgres) -> None:
        assert (
            failure(server.url(host="no-such-host.invalid")).cause
            == "The host 'no-such-host.invalid' is unknown."
        )

    def test_refused(self, server: RunningPostgres) -> None:
        port = free_port()
        assert (
            failure(server.url(port=port)).cause
            == f"Nothing listens at 127.0.0.1:{port}: the connection was refused."
        )

    def test_no_socket(self, server: RunningPostgres, tmp_path: Path) -> None:
        error = failure(server.url(host="%2Fno%2Fsuch%2Ffolder"))
        assert error.cause == f"No server listens on the socket /no/such/folder/.s.PGSQL.{server.port}."

    def test_a_port_that_never_answers(self, server: RunningPostgres) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            error = failure(server.url(port=silent.getsockname()[1]), connect_timeout=2)
        assert error.cause.endswith("did not answer in time.")
        assert "firewall" in error.remedy

    def test_what_is_no_postgresql(self, server: RunningPostgres) -> None:
        class Web(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.recv(1024)
                self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        with socketserver.TCPServer(("127.0.0.1", 0), Web) as web:
            thread = threading.Thread(target=web.serve_forever, daemon=True)
            thread.start()
            error = failure(server.url(port=web.server_address[1]))
            web.shutdown()
            thread.join()
        assert "does not speak PostgreSQL" in error.cause

    def test_tls_that_the_server_does_not_offer(self, server: RunningPostgres) -> None:
        error = failure(server.url() + "?sslmode=require")
        assert (
            error.cause == f"DATABASE_URL demands TLS, and the server at 127.0.0.1:{server.port} offers none."
        )

    def test_nothing_shown_holds_the_password(self, server: RunningPostgres) -> None:
        for error in (failure(server.url("nowhere")), failure(server.url(port=free_port()))):
            assert server.password not in f"{error.cause} {error.remedy} {error.__cause__}"
