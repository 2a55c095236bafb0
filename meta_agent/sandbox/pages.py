"""Pages: web applications that go on after the tool has ended, each in three containers.

``app``       the script: no network; it listens on a Unix socket in a volume
``gateway``   leads from the script to its database, as for every other script
``door``      leads from 127.0.0.1:PORT of this machine to the script's socket

All three are hardened like any container of ours and have no limit of time. While a page
starts it belongs to the process that starts it, and is swept like anything that a killed
run has left. ``keep`` renames the script's container: from then on nobody but ``stop`` takes
the page away, and the engine starts it again after a crash or a restart of the machine.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from meta_agent.errors import SandboxError, UsageError
from meta_agent.sandbox.door import CERTIFICATES, Door, database_door
from meta_agent.sandbox.engine import Engine, one_line, translated
from meta_agent.sandbox.hardening import SCRIPT_USER, hardened, memory_volume
from meta_agent.sandbox.images import BaseImage, environment_image, page_image
from meta_agent.sandbox.leftovers import remove_page
from meta_agent.sandbox.options import Limits, SandboxOptions
from meta_agent.sandbox.owner import PAGE_LABEL, PAGE_OWNER_LABEL, Owner, page_container
from meta_agent.sandbox.workspace import HOLDER_LIMITS, holder_user, packed, secret_entry
from meta_agent.templates.package.gateway import FOLDER as DATABASE_FOLDER
from meta_agent.templates.package.gateway import socket_url
from meta_agent.templates.package.page_door import SOCKET as PAGE_SOCKET

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

NAME_LABEL, FOLDER_LABEL, PART_LABEL, ADDRESS_LABEL = (
    f"{PAGE_LABEL}-{what}" for what in ("name", "folder", "part", "address")
)
PARTS = ("gateway", "app", "door")
"""In the order in which they are started."""
PAGE_FOLDER = str(Path(PAGE_SOCKET).parent)
PORTS_TRIED = 50
LEAST_MEMORY_MB = 256
HEALTH = ["CMD", "python", "-I", "-B", "/opt/page_door.py", "health"]
SECOND = 1_000_000_000
"""In the unit that Docker counts time in."""
LOG_LINES = 200
KEPT: Any = {"Name": "unless-stopped"}


@dataclass(frozen=True)
class PageScript:
    """What is to be shown."""

    name: str
    """Of the run: what ``stop`` and the others know the page by."""
    folder: Path
    source: str
    requirements: tuple[str, ...]
    limits: Limits
    database_url: str


@dataclass(frozen=True)
class ShownPage:
    """A page that was started and kept."""

    name: str
    folder: str
    address: str
    state: str
    """As Docker words it, such as ``Up 2 minutes (healthy)``."""


class Page:
    """One page while it is started. ``remove`` takes away whatever there is of it."""

    def __init__(self, engine: Engine, options: SandboxOptions, script: PageScript) -> None:
        self.id = uuid4().hex[:12]
        self.address = ""
        self._engine = engine
        self._options = options
        self._script = script
        self._containers: dict[str, Container] = {}
        self._labels = {
            PAGE_LABEL: self.id,
            PAGE_OWNER_LABEL: Owner.current().label(),
            NAME_LABEL: script.name,
            FOLDER_LABEL: str(script.folder),
        }

    def start(self, base: BaseImage) -> None:
        """Start the three containers; the page may take a moment longer to answer. Raises SandboxError."""
        client = self._engine.client
        door = database_door(self._engine, self._script.database_url)
        if door is None:
            raise AssertionError("a page shows data")
        environment = environment_image(client, base, self._script.requirements)
        image = page_image(client, base, self._script.requirements, self._script.source, self._labels)
        with translated("prepare the page"):
            self._make_volumes(door)
            self._start_gateway(environment, door)
            self._start_app(image)
            self._start_door(environment)

    def has_ended(self) -> bool:
        """Whether the script is no longer running."""
        with translated("look at the page"):
            app = self._containers["app"]
            app.reload()
            return bool(app.status != "running")

    def exit_code(self) -> int:
        """Of a script that has ended."""
        return int(self._containers["app"].attrs["State"]["ExitCode"])

    def out_of_memory(self) -> bool:
        """Whether it ended for want of memory."""
        return bool(self._containers["app"].attrs["State"]["OOMKilled"])

    def log(self) -> str:
        """The last lines that the script wrote."""
        with translated("read the page's log"):
            said = self._containers["app"].logs(tail=LOG_LINES)
        return bytes(said).decode("utf-8", "replace")

    def keep(self) -> None:
        """From now on the page goes on without us."""
        with translated("keep the page"):
            for container in self._containers.values():
                container.update(restart_policy=KEPT)
            self._containers["app"].rename(page_container(self.id))

    def remove(self) -> None:
        """Remove containers, volumes and the script's image, whatever there is of them."""
        with translated("clean up"):
            remove_page(self._engine.client, self.id)

    # --- its parts ---------------------------------------------------------------

    def _make_volumes(self, door: Door) -> None:
        owners = {"database": int(holder_user(door).split(":")[0]), "page": SCRIPT_USER}
        plan = {name: memory_volume("1m", owner, 100) for name, owner in owners.items()}
        if door.files:
            plan["certificates"] = {}  # on disk: they must be there after a restart, too
        for name, options in plan.items():
            self._engine.client.volumes.create(
                self._volume(name), driver="local", driver_opts=options, labels=self._labels
            )

    def _start_gateway(self, image: str, door: Door) -> None:
        mounts = {self._volume("database"): {"bind": DATABASE_FOLDER, "mode": "rw"}}
        if door.target.is_socket:
            mounts[door.target.host] = {"bind": door.target.host, "mode": "rw"}
        if door.files:
            mounts[self._volume("certificates")] = {"bind": CERTIFICATES, "mode": "rw"}
        self._create(
            "gateway",
            image,
            hardened(HOLDER_LIMITS, largest_file=2**20, user=holder_user(door)),
            entrypoint=["python", "-I", "-B", "/opt/gateway.py", "serve"],
            environment={"DATABASE_TARGET": door.target.url()},
            network_mode="bridge" if self._engine.is_desktop else "host",
            volumes=mounts,
        )
        if door.files:
            secrets = [secret_entry(name, content) for name, content in door.files.items()]
            self._containers["gateway"].put_archive(CERTIFICATES, packed(*secrets))
        self._containers["gateway"].start()
        said = said_until(self._containers["gateway"], b"gateway: ready")
        if said is not None:
            raise SandboxError(
                f"The gateway to the database did not start: {said}.",
                "Check DATABASE_URL, and `python script_executor.py doctor`.",
            )

    def _start_app(self, image: str) -> None:
        self._start(
            "app",
            image,
            hardened(
                self._script.limits,
                largest_file=self._options.result_limit_bytes,
                runtime=self._options.runtime,
            ),
            name=f"{page_container(self.id)}-starting",
            environment={
                "DATABASE_URL": socket_url(
                    self._script.database_url, application_name=f"meta-agent {self._script.name}"
                ),
                "PAGE_SOCKET": PAGE_SOCKET,
            },
            network_mode="none",
            volumes={
                self._volume("database"): {"bind": DATABASE_FOLDER, "mode": "ro"},
                self._volume("page"): {"bind": PAGE_FOLDER, "mode": "rw"},
            },
            healthcheck={
                "test": HEALTH,
                "interval": 30 * SECOND,
                "timeout": 20 * SECOND,
                "retries": 3,
                "start_period": 10 * SECOND,
            },
        )

    def _start_door(self, image: str) -> None:
        """On the wanted port, or on the next one that nobody uses. Raises SandboxError."""
        first = self._options.page_port
        last = min(first + PORTS_TRIED, 65536)
        for port in range(first, last):
            if is_free(port) and self._door_opens(image, port):
                return
        raise SandboxError(
            f"No port from {first} to {last - 1} is free for the page.", "Set PORT in .env to one that is."
        )

    def _door_opens(self, image: str, port: int) -> bool:
        """Whether the door could be opened on this port. Raises SandboxError for any other fault."""
        from docker.errors import APIError

        network: dict[str, Any] = {"network_mode": "host"}
        if self._engine.is_desktop:
            network = {"network_mode": "bridge", "ports": {f"{port}/tcp": ("127.0.0.1", port)}}
        self.address = f"http://127.0.0.1:{port}"
        host = "0.0.0.0" if self._engine.is_desktop else "127.0.0.1"  # noqa: S104 - the container's own
        try:
            self._start(
                "door",
                image,
                hardened(HOLDER_LIMITS, largest_file=2**20),
                entrypoint=["python", "-I", "-B", "/opt/page_door.py", "serve"],
                environment={"PAGE_HOST": host, "PAGE_PORT": str(port)},
                volumes={self._volume("page"): {"bind": PAGE_FOLDER, "mode": "ro"}},
                **network,
            )
            said = said_until(self._containers["door"], b"page door: ready")
        except APIError as error:
            said = one_line(str(error.explanation or error))
        if said is None:
            return True
        if not any(words in said for words in ("in use", "already allocated", "port is not available")):
            raise SandboxError(f"The page could not be published: {said}.", "See `docker info`.")
        self._containers.pop("door").remove(force=True)
        return False

    def _start(self, part: str, image: str, settings: Mapping[str, Any], **more: Any) -> None:
        self._create(part, image, settings, **more)
        self._containers[part].start()

    def _create(self, part: str, image: str, settings: Mapping[str, Any], **more: Any) -> None:
        labels = {**self._labels, PART_LABEL: part}
        if part == "door":
            labels[ADDRESS_LABEL] = self.address
        arguments = {"name": f"{page_container(self.id)}-{part}", "labels": labels, **settings, **more}
        self._containers[part] = self._engine.client.containers.create(image, **arguments)

    def _volume(self, name: str) -> str:
        return f"{page_container(self.id)}-{name}"


def said_until(container: Container, words: bytes) -> str | None:
    """None once the container has said these words; else all it said before it ended."""
    said = b""
    for chunk in container.logs(stream=True, follow=True):
        said += chunk
        if words in said:
            return None
    return one_line(said.decode("utf-8", "replace")) or "it ended at once"


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# --- pages that were kept -----------------------------------------------------------


def shown_pages(client: DockerClient) -> list[ShownPage]:
    """All pages that were kept, the newest first; those of other users of the engine, too."""
    with translated("list the pages"):
        return [
            ShownPage(
                name=_label(parts["app"], NAME_LABEL),
                folder=_label(parts["app"], FOLDER_LABEL),
                address=_label(parts["door"], ADDRESS_LABEL) if "door" in parts else "",
                state=str(parts["app"].attrs["Status"]),
            )
            for parts in _kept(client)
        ]


def stop_page(client: DockerClient, name: str) -> str:
    """Take a page away for good; its name is returned. Raises UsageError, SandboxError."""
    parts = _page_called(client, name)
    with translated("stop the page"):
        remove_page(client, _label(parts["app"], PAGE_LABEL))
    return _label(parts["app"], NAME_LABEL)


def restart_page(client: DockerClient, name: str) -> str:
    """End and start all containers of a page, its script as it is; its name is returned."""
    parts = _page_called(client, name)
    with translated("restart the page"):
        for part in PARTS:
            if part in parts:
                parts[part].restart(timeout=2)
    return _label(parts["app"], NAME_LABEL)


def log_of_page(client: DockerClient, name: str) -> str:
    """The last lines of the script's log."""
    parts = _page_called(client, name)
    with translated("read the page's log"):
        said = parts["app"].logs(tail=LOG_LINES)
    return bytes(said).decode("utf-8", "replace")


def _kept(client: DockerClient) -> Iterator[dict[str, Any]]:
    """The containers of each kept page by their part."""
    found: dict[str, dict[str, Any]] = {}
    for container in client.containers.list(all=True, sparse=True, filters={"label": PART_LABEL}):
        labels = container.attrs.get("Labels") or {}
        found.setdefault(labels.get(PAGE_LABEL, ""), {})[labels[PART_LABEL]] = container
    for identity, parts in found.items():
        if "app" in parts and f"/{page_container(identity)}" in parts["app"].attrs["Names"]:
            yield parts


def _label(container: Any, label: str) -> str:
    return str(container.attrs["Labels"][label])


def _page_called(client: DockerClient, name: str) -> dict[str, Any]:
    """The one page of this name, or whose name begins or ends so. Raises UsageError."""
    with translated("look for the page"):
        pages = list(_kept(client))
    names = [_label(parts["app"], NAME_LABEL) for parts in pages]
    matching = [n for n, known in enumerate(names) if known == name]
    matching = matching or [n for n, known in enumerate(names) if name and known.endswith(name)]
    if len(matching) != 1:
        known = ", ".join(names) or "none"
        what = "No page is" if not matching else "Several pages are"
        raise UsageError(f"{what} called {name}; there are: {known}.", "Name one that `ps` lists.")
    return pages[matching[0]]
