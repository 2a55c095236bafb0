"""Runs one script in one hardened container and tells how it ended.

The state of the container decides, never what was printed: an OOM kill can leave exit
status 0, and a container we stopped at its time limit has 137 like one that ran out of memory.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meta_agent.sandbox.engine import translated
from meta_agent.sandbox.hardening import hardened
from meta_agent.sandbox.options import Limits, SandboxOptions
from meta_agent.sandbox.output_log import OutputLog
from meta_agent.sandbox.workspace import Workspace

if TYPE_CHECKING:
    from docker.models.containers import Container

COMMAND = ["python", "-I", "-B", "-u", "/app/script.py"]
FOLDERS = {
    "OUTPUT_DIR": "/app/results",
    "LOG_DIR": "/app/logs",
    "EXPORT_DIR": "/app/exports",
    "DATA_DIR": "/app/data",
}
KILL_SECONDS = 30
"""How long the engine may take to end a container that was killed."""


@dataclass(frozen=True)
class Ending:
    """How the script ended and what it printed."""

    exit_code: int
    out_of_memory: bool
    timed_out: bool
    seconds: float
    output: OutputLog
    error_output: OutputLog


class ScriptContainer:
    """One container for one script. The workspace it belongs to removes it."""

    def __init__(self, workspace: Workspace, options: SandboxOptions) -> None:
        self._workspace = workspace
        self._options = options
        self._container: Container | None = None

    def create(self, image: str, limits: Limits, environment: Mapping[str, str], *, with_door: bool) -> None:
        """Make the container, not started yet. Raises SandboxError."""
        with translated("make the script's container"):
            self._container = self._workspace.engine.client.containers.create(
                image,
                name=f"meta-agent-{self._workspace.run_id}-script",
                labels=self._workspace.labels,
                entrypoint=COMMAND,
                environment={**FOLDERS, **environment},
                working_dir="/app",
                network_mode="none",
                volumes=self._workspace.script_mounts(with_door=with_door),
                **hardened(
                    limits,
                    largest_file=self._options.result_limit_bytes,
                    runtime=self._options.runtime,
                ),
            )

    def run(self, on_output: Callable[[str], None]) -> Ending:
        """Start, follow the output, end at the time limit. Raises SandboxError when the engine fails."""
        container = self._container
        if container is None:
            raise RuntimeError("the container was not created")
        limit = self._options.log_limit_bytes
        output, error_output = OutputLog(limit, on_output), OutputLog(limit, on_output)
        alarm = _Alarm(container, self._options.time_limit_seconds)
        with translated("run the script"):
            stream = container.attach(stdout=True, stderr=True, stream=True, demux=True)
            began = time.monotonic()
            container.start()
            with alarm:
                for out, err in stream:
                    output.feed(out or b"")
                    error_output.feed(err or b"")
                # A script may close its output and go on: only the state says that it has ended.
                container.wait(timeout=self._options.time_limit_seconds + KILL_SECONDS)
            seconds = time.monotonic() - began
            container.reload()
        output.close()
        error_output.close()
        state = container.attrs["State"]
        return Ending(
            exit_code=int(state["ExitCode"]),
            out_of_memory=bool(state["OOMKilled"]),
            timed_out=alarm.killed,
            seconds=seconds,
            output=output,
            error_output=error_output,
        )


class _Alarm:
    """Kills the container when its time is over, unless the ``with`` block ends before."""

    def __init__(self, container: Container, seconds: float) -> None:
        self.killed = False
        self._container = container
        self._timer = threading.Timer(seconds, self._kill)
        self._timer.daemon = True

    def __enter__(self) -> _Alarm:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()

    def _kill(self) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            self._container.kill()
        except (DockerException, RequestException):
            return  # it has just ended by itself, or the engine is gone: the waiting thread finds out which
        self.killed = True
