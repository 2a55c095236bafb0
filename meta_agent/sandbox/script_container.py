"""Runs one script in one hardened container and tells how it ended.

The container is started ahead, while the model writes, and used once: a few lines of ours
(``waiter.py``) wait in it for the script and become it. Its time counts from the delivery.

The state of the container decides, never what was printed: an OOM kill can leave exit
status 0, and a container we stopped at its time limit has 137 like one that ran out of memory.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meta_agent.sandbox.engine import translated
from meta_agent.sandbox.hardening import adjustable, hardened
from meta_agent.sandbox.options import Limits, SandboxOptions
from meta_agent.sandbox.output_log import OutputLog
from meta_agent.sandbox.workspace import Workspace

if TYPE_CHECKING:
    from docker.models.containers import Container
    from docker.types import CancellableStream

SCRIPT = "/app/script.py"
WAITER = Path(__file__).with_name("waiter.py")
PATIENCE_SECONDS = 3600
"""How long a container waits for its script; the model writes for minutes at most."""
BACKSTOP_SECONDS = 15
"""How long after its time a script ends by itself, where the tool that kept the time was killed."""
FOLDERS = {
    "OUTPUT_DIR": "/app/results",
    "LOG_DIR": "/app/logs",
    "EXPORT_DIR": "/app/exports",
    "DATA_DIR": "/app/data",
}


@dataclass(frozen=True)
class Ending:
    """How the script ended and what it printed."""

    exit_code: int
    out_of_memory: bool
    timed_out: bool
    flooded: bool
    """Stopped by us, because it printed far more than anybody would read."""
    seconds: float
    output: OutputLog
    error_output: OutputLog
    image: str
    """Digest of the image it ran in."""


class ScriptContainer:
    """One container for one script. The workspace it belongs to removes it."""

    def __init__(self, workspace: Workspace, options: SandboxOptions) -> None:
        self._workspace = workspace
        self._options = options
        self._container: Container | None = None
        self._limits: Limits | None = None

    def start(self, image: str, limits: Limits, environment: Mapping[str, str], *, with_door: bool) -> None:
        """Make the container and let it wait. Raises SandboxError."""
        with translated("make the script's container"):
            self._container = self._workspace.engine.client.containers.create(
                image,
                name=f"meta-agent-{self._workspace.run_id}-script",
                labels=self._workspace.labels,
                entrypoint=self._command(),
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
            self._container.start()
        self._limits = limits

    def is_waiting(self) -> bool:
        """Whether it is still there and has not given up."""
        from docker.errors import NotFound

        with translated("look for the script's container"):
            try:
                self._started().reload()
            except NotFound:
                return False
        return bool(self._started().status == "running")

    def run(self, source: str, limits: Limits, on_output: Callable[[str], None]) -> Ending:
        """Deliver the script, follow its output, end it at the time limit.

        Raises SandboxError when the engine fails.
        """
        container, limit = self._started(), self._options.log_limit_bytes
        output, error_output = OutputLog(limit, on_output), OutputLog(limit, on_output)
        with translated("run the script"):
            self._adjust(limits)
            stream = container.attach(stdout=True, stderr=True, stream=True, demux=True)
            self._workspace.deliver(source)
            with _Alarm(container, stream, self._options) as alarm:
                for out, err in stream:
                    output.feed(out or b"")
                    error_output.feed(err or b"")
                    if output.dropped_bytes + error_output.dropped_bytes > self._options.flood_bytes:
                        alarm.stop_flood()
                # A script may close its output and go on: only the state says that it has ended.
                container.wait(timeout=alarm.seconds_left() + self._options.engine_seconds)
            container.reload()
        output.close()
        error_output.close()
        state = container.attrs["State"]
        return Ending(
            exit_code=int(state["ExitCode"]),
            out_of_memory=bool(state["OOMKilled"]),
            timed_out=alarm.killed and not alarm.flooded,
            flooded=alarm.flooded,
            seconds=alarm.seconds_passed(),
            output=output,
            error_output=error_output,
            image=str(container.attrs["Image"]),
        )

    def _command(self) -> list[str]:
        waiter = WAITER.read_text(encoding="utf-8")
        seconds = (PATIENCE_SECONDS, math.ceil(self._options.time_limit_seconds) + BACKSTOP_SECONDS)
        return ["python", "-I", "-B", "-c", waiter, SCRIPT, *map(str, seconds)]

    def _adjust(self, limits: Limits) -> None:
        """What this script may use, where that is not what the container was made with."""
        if limits != self._limits:
            self._started().update(**adjustable(limits))

    def _started(self) -> Container:
        if self._container is None:
            raise RuntimeError("the container was not started")
        return self._container


class _Alarm:
    """Kills the container when its time is over, unless the ``with`` block ends before.

    The time is that of the monotonic clock, which stands still while the machine sleeps, as the script
    does. Where the engine does not answer or cannot end the container, nobody is left waiting for output.
    """

    def __init__(self, container: Container, stream: CancellableStream[Any], options: SandboxOptions) -> None:
        self.killed = False
        self.flooded = False
        self._container = container
        self._stream = stream
        self._options = options
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._keep_time, daemon=True)
        self._began = 0.0
        self._ended: float | None = None

    def __enter__(self) -> _Alarm:
        self._began = time.monotonic()
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = time.monotonic()
        self._over.set()
        self._watch.join()

    def stop_flood(self) -> None:
        """Kill the container now. What it has printed must be read meanwhile, or it never ends."""
        if not self.flooded:
            self.flooded = True
            threading.Thread(target=self._engine_answers_to_kill, daemon=True).start()

    def seconds_passed(self) -> float:
        """Since the ``with`` block was entered, until it was left."""
        return (self._ended or time.monotonic()) - self._began

    def seconds_left(self) -> float:
        """Until the time is over; 0 where it is."""
        return max(self._options.time_limit_seconds - self.seconds_passed(), 0)

    def _keep_time(self) -> None:
        from docker.errors import DockerException

        if self._over.wait(self._options.time_limit_seconds):
            return
        patience = self._options.engine_seconds if self._engine_answers_to_kill() else 0
        if not self._over.wait(patience):
            with suppress(DockerException, OSError):
                self._stream.close()

    def _engine_answers_to_kill(self) -> bool:
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            self._container.kill()
        except APIError:
            return True  # it has just ended by itself
        except (DockerException, RequestException):
            return False
        self.killed = True
        return True
