"""One script's surroundings: its volumes and the trusted container that holds them.

``door``    the socket that leads to the database; the script sees it read-only
``app``     the script itself; the script sees it read-only
``output``  what the script writes, with a hard limit on the whole of it

and, where the database's URL names certificates, a fourth that the gateway alone sees.

The holder runs the database gateway (or sleeps, where no database is needed) and takes the
script in (``keeper.py``). It starts while the model still writes, and keeps the volumes alive
after the script has ended, so that the results can be taken out through the engine's archive
calls. Nothing of the host is mounted, so it works with every engine, also one that does not
see this machine's files. Used for one script, then removed.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from meta_agent.errors import SandboxError
from meta_agent.sandbox.door import CERTIFICATES, Door
from meta_agent.sandbox.engine import Engine, one_line, translated
from meta_agent.sandbox.hardening import SCRIPT_USER, hardened, memory_volume
from meta_agent.sandbox.keeper import REFUSED, TAKEN
from meta_agent.sandbox.leftovers import remove_labelled
from meta_agent.sandbox.options import Limits, SandboxOptions
from meta_agent.sandbox.owner import GATEWAY_LABEL, OWNER_LABEL, RUN_LABEL, Owner
from meta_agent.templates.package.gateway import FOLDER as DOOR_FOLDER

if TYPE_CHECKING:
    from docker.models.containers import Container

HOLDER_LIMITS = Limits(memory_mb=96, cpus=0.5, pids=64)
APP, OUTPUT = "/handover/app", "/handover/output"
OUTPUT_IN_SCRIPT = "/run/output"
OUTPUT_TREE = ("results", "logs", "exports", "exports/reports", "exports/data")
SCRIPT = f"{APP}/script.py"
READ_ONLY, READ_WRITE = "ro,nocopy", "rw,nocopy"
"""Nothing of the image's folders gets into an empty volume, nor their owner: whoever mounts it first."""
KEEPER = Path(__file__).with_name("keeper.py")
READY = b"gateway: ready"


class Workspace:
    """Volumes and holder of one script: first the ones, then the other. ``remove`` takes them away again."""

    def __init__(self, engine: Engine, options: SandboxOptions) -> None:
        self.run_id = uuid4().hex[:12]
        self.labels = {RUN_LABEL: self.run_id, OWNER_LABEL: Owner.current().label()}
        self.engine = engine
        self._options = options
        self._holder: Container | None = None

    def make_volumes(self, door: Door | None) -> None:
        """What the holder and the script's container share. Raises SandboxError."""
        size, owner = str(self._options.result_limit_bytes), int(holder_user(door).split(":")[0])
        plan = {
            "app": memory_volume("4m", owner, 100),
            "output": memory_volume(size, SCRIPT_USER, 4 * self._options.result_limit_files),
        }
        if door is not None:
            plan["door"] = memory_volume("1m", owner, 100)
        if door is not None and door.files:
            plan["certificates"] = memory_volume("1m", SCRIPT_USER, 100)
        with translated("prepare the sandbox"):
            for name, options in plan.items():
                self.engine.client.volumes.create(
                    self._name(name), driver="local", driver_opts=options, labels=self.labels
                )

    def open(self, image: str, door: Door | None) -> None:
        """Start the holder, with the gateway to the database. Returns when the socket is there.

        Raises SandboxError; what was already made is removed by ``remove``.
        """
        with translated("prepare the sandbox"):
            self._start_holder(image, door)
            self._put(OUTPUT, *_output_tree())
            self._put(APP, *_app_tree())

    def deliver(self, source: str) -> None:
        """Put the script where its container waits for it, as /app/script.py."""
        content = source.encode("utf-8", "replace")
        with translated("hand over the script"):
            connection = self._held().attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
            try:
                direct = _both_ways(connection)
                direct.settimeout(self._options.engine_seconds)
                said = _told(direct, b"%d\n" % len(content) + content)
            finally:
                connection.close()
        if TAKEN.encode() not in said:
            reason = one_line(said.decode("utf-8", "replace").partition(REFUSED)[2])
            raise SandboxError(
                f"The script could not be put into its container {reason or '(nobody took it)'}.",
                "Try again; a script may have up to 4 MB.",
            )

    def script_mounts(self, *, with_door: bool) -> dict[str, dict[str, str]]:
        """The volumes as the script's container is to see them."""
        mounts = {
            self._name("app"): {"bind": "/app", "mode": READ_ONLY},
            self._name("output"): {"bind": OUTPUT_IN_SCRIPT, "mode": READ_WRITE},
        }
        if with_door:
            mounts[self._name("door")] = {"bind": DOOR_FOLDER, "mode": READ_ONLY}
        return mounts

    def output(self) -> Iterator[bytes]:
        """Everything the script has written, as a tar stream."""
        with translated("take out the results"):
            stream, _ = self._held().get_archive(OUTPUT)
            yield from stream

    def remove(self) -> None:
        """Remove the script's container, the holder and the volumes, whatever there is of them.

        By label, not by what we remember: an interrupt may have come between making and noting.
        """
        with translated("clean up"):
            remove_labelled(self.engine.client, f"{RUN_LABEL}={self.run_id}")

    def _name(self, volume: str) -> str:
        return f"meta-agent-{self.run_id}-{volume}"

    def _held(self) -> Container:
        if self._holder is None:
            raise RuntimeError("the workspace is not open")
        return self._holder

    def _start_holder(self, image: str, door: Door | None) -> None:
        mounts = {
            self._name("app"): {"bind": APP, "mode": READ_WRITE},
            self._name("output"): {"bind": OUTPUT, "mode": READ_WRITE},
        }
        settings = hardened(
            HOLDER_LIMITS, largest_file=self._options.result_limit_bytes, user=holder_user(door)
        )
        settings["stdin_open"] = True  # for the script
        if door is None:
            settings.update(network_mode="none", entrypoint=_kept("sleep", "infinity"))
        else:
            mounts |= self._gateway_mounts(door)
            settings.update(
                network_mode="bridge" if self.engine.is_desktop else "host",
                environment={"DATABASE_TARGET": door.target.url()},
                entrypoint=_kept("python", "-I", "-B", "/opt/gateway.py", "serve"),
            )
        self._holder = self.engine.client.containers.create(
            image,
            name=self._name("gateway"),
            labels={**self.labels, GATEWAY_LABEL: "yes"},
            volumes=mounts,
            **settings,
        )
        self._holder.start()
        if door is not None:
            if door.files:
                self._put(CERTIFICATES, *(secret_entry(name, data) for name, data in door.files.items()))
            self._await_gateway()

    def _gateway_mounts(self, door: Door) -> dict[str, dict[str, str]]:
        mounts = {self._name("door"): {"bind": DOOR_FOLDER, "mode": READ_WRITE}}
        if door.files:
            mounts[self._name("certificates")] = {"bind": CERTIFICATES, "mode": READ_WRITE}
        if door.target.is_socket:
            mounts[door.target.host] = {"bind": door.target.host, "mode": "rw"}
        return mounts

    def _await_gateway(self) -> None:
        """Return when the gateway listens; its own words tell why it does not."""
        said = b""
        for chunk in self._held().logs(stream=True, follow=True):
            said += chunk
            if READY in said:
                return
        words = one_line(said.decode("utf-8", "replace")) or "it ended at once"
        raise SandboxError(
            f"The gateway to the database did not start: {words}.",
            "Check DATABASE_URL, and `python script_executor.py doctor`.",
        )

    def _put(self, folder: str, *entries: tuple[tarfile.TarInfo, bytes]) -> None:
        self._held().put_archive(folder, packed(*entries))


def packed(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar archive, as the engine takes files."""
    archived = io.BytesIO()
    with tarfile.open(fileobj=archived, mode="w") as archive:
        for entry, content in entries:
            archive.addfile(entry, io.BytesIO(content))
    return archived.getvalue()


def holder_user(door: Door | None) -> str:
    """The gateway speaks for the person at the keyboard where the server asks the socket who that is."""
    if door is not None and door.target.is_socket:
        return f"{os.getuid()}:{os.getgid()}"
    return f"{SCRIPT_USER}:{SCRIPT_USER}"


def _kept(*command: str) -> list[str]:
    """The holder's command line: the keeper, with ``command`` beside it."""
    return ["python", "-I", "-B", "-c", KEEPER.read_text(encoding="utf-8"), SCRIPT, *command]


def _both_ways(connection: Any) -> Any:
    """The socket itself: what docker-py attaches is, over a Unix socket, a wrapper that only reads."""
    return getattr(connection, "_sock", connection)


def _told(connection: Any, message: bytes) -> bytes:
    """What the keeper answers to a message; as far as it gets where the connection ends."""
    connection.sendall(message)
    said = b""
    while TAKEN.encode() not in said and REFUSED.encode() not in said:
        data = connection.recv(4096)
        if not data:
            break
        said += data
    return said


def _entry(name: str, *, mode: int, kind: bytes = tarfile.REGTYPE, owner: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.uid, entry.gid = kind, mode, owner, owner
    return entry


def secret_entry(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    """For the gateway's eyes: the key of a client certificate may be among them."""
    entry = _entry(name, mode=0o400, owner=SCRIPT_USER)
    entry.size = len(content)
    return entry, content


def _output_tree() -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for folder in OUTPUT_TREE:
        yield _entry(folder, mode=0o755, kind=tarfile.DIRTYPE, owner=SCRIPT_USER), b""


def _app_tree() -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """The package's folders beside the script: those for results lead to the volume with the limit."""
    for folder in ("results", "logs", "exports"):
        link = _entry(folder, mode=0o777, kind=tarfile.SYMTYPE)
        link.linkname = f"{OUTPUT_IN_SCRIPT}/{folder}"
        yield link, b""
    yield _entry("data", mode=0o755, kind=tarfile.DIRTYPE), b""
