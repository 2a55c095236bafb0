"""The connection to the Docker engine, and what its errors mean to a person.

docker is imported only here and in the functions that need its types: the import
takes longer than everything else the tool does at its start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meta_agent.errors import SandboxError
from meta_agent.sandbox.options import SandboxOptions

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.errors import APIError

START_DOCKER = "Start Docker (Docker Desktop, or `sudo systemctl start docker`) and try again."
CAUSE_LENGTH = 300
LIMITS = {
    "memory": "MemoryLimit",
    "swap": "SwapLimit",
    "CPU": "CpuCfsQuota",
    "processes": "PidsLimit",
}
"""What a container's use of is limited, and how the engine says whether it can."""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answered."""

    client: DockerClient
    version: str
    operating_system: str
    architecture: str
    cpus: int
    data_folder: str
    runtime: str = ""
    """The one that scripts run under."""
    unlimited: tuple[str, ...] = ()
    """What this engine cannot limit, though it is told to: a rootless one without cgroup v2, for example."""

    @property
    def is_desktop(self) -> bool:
        """Docker Desktop runs containers in a virtual machine: host networking does not reach this one."""
        return self.operating_system == "Docker Desktop"


def connect(options: SandboxOptions) -> Engine:
    """Reach the engine. Raises SandboxError with the reason why that is not possible."""
    with translated("reach the Docker engine"):
        client = _client(options)
        about = client.info()
    runtime = _runtime(about, options.runtime)
    return Engine(
        client=client,
        version=str(about.get("ServerVersion", "")),
        operating_system=str(about.get("OperatingSystem", "")),
        architecture=str(about.get("Architecture", "")),
        cpus=int(about.get("NCPU") or 1),
        data_folder=str(about.get("DockerRootDir", "")),
        runtime=runtime,
        unlimited=tuple(what for what, name in LIMITS.items() if not about.get(name, True)),
    )


def _runtime(about: Mapping[str, Any], wanted: str | None) -> str:
    """The wanted runtime, or the engine's usual one. Raises SandboxError for one that it does not have."""
    known = sorted(about.get("Runtimes") or {})
    if wanted is not None and wanted not in known:
        raise SandboxError(
            f"The Docker engine has no runtime called {wanted}; it has {', '.join(known) or 'none'}.",
            "Add it to the engine's daemon.json as docs/security.md says, or take SANDBOX_RUNTIME away.",
        )
    return wanted or str(about.get("DefaultRuntime", ""))


def _client(options: SandboxOptions) -> DockerClient:
    """Where the ``docker`` command would go: the given address, DOCKER_HOST, the chosen context."""
    from docker import DockerClient
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env

    if options.docker_host is not None:
        return DockerClient(base_url=options.docker_host, timeout=options.engine_seconds)
    environment = kwargs_from_env()
    context = ContextAPI.get_current_context() if "base_url" not in environment else None
    if context is not None and context.Name != "default" and context.Host:  # desktop-linux, colima …
        environment["base_url"] = context.Host
    return DockerClient(timeout=options.engine_seconds, **environment)


@contextmanager
def translated(work: str) -> Iterator[None]:
    """Turn what docker raises into SandboxError; ``work`` completes "Docker could not …"."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except APIError as error:
        raise _refused(error, work) from error
    except (DockerException, RequestException, ConnectionError, TimeoutError) as error:
        raise _unreachable(error, work) from error


def _refused(error: APIError, work: str) -> SandboxError:
    """The engine answered, with an error."""
    words = one_line(str(error.explanation or error))
    if "no space left" in words.lower():
        return SandboxError(
            f"Docker could not {work}: its disk is full.",
            "Free some space, for example with `docker system prune`, and try again.",
        )
    return SandboxError(
        f"Docker could not {work}: {words}.",
        "Check `docker info`, and `python script_executor.py doctor`.",
    )


def _unreachable(error: BaseException, work: str) -> SandboxError:
    """The engine did not answer."""
    reasons = list(_chain(error))
    if any(isinstance(reason, PermissionError) for reason in reasons):
        return SandboxError(
            "You may not use the Docker engine: its socket does not let this user in.",
            "Add yourself to the group docker (`sudo usermod -aG docker $USER`) and log in again.",
        )
    if any(isinstance(reason, (FileNotFoundError, ConnectionRefusedError)) for reason in reasons):
        return SandboxError("No Docker engine answers: Docker is not running here.", START_DOCKER)
    return SandboxError(f"Docker could not {work}: the engine does not answer.", START_DOCKER)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what caused it, and the errors that others carry as their arguments (as urllib3's do)."""
    while error is not None:
        yield error
        for argument in error.args:
            if isinstance(argument, BaseException):
                yield from _chain(argument)
        error = error.__cause__ or error.__context__


def one_line(text: str, length: int = CAUSE_LENGTH) -> str:
    """Another program's words for use in a cause: one printable line of bounded length, no final dot."""
    plain = COLOURS.sub("", text)
    line = "".join(character for character in " ".join(plain.split()) if character.isprintable())
    return line[:length].rstrip(". ")
