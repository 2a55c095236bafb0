"""The last stage: a script goes into a container, an ExecutionResult comes out.

Slow things are started early: ``prepare`` builds the image, opens the workspace and starts
the script's container while the model still writes. Everything started here is removed when
the ``with`` block ends, however it ends; what a killed run leaves is removed by the next one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from meta_agent.contracts import ExecutionResult, GeneratedScript, ValidationResult
from meta_agent.errors import SandboxError
from meta_agent.executors.script_result import RESULT_BYTES, RESULT_FILE, read_script_result
from meta_agent.sandbox.options import USUAL_LIMITS, Limits, SandboxOptions, limits_for

if TYPE_CHECKING:
    from meta_agent.sandbox.collection import Collected
    from meta_agent.sandbox.engine import Engine
    from meta_agent.sandbox.images import BaseImage
    from meta_agent.sandbox.script_container import Ending, ScriptContainer
    from meta_agent.sandbox.workspace import Workspace

__all__ = ["ContainerExecutor", "SandboxOptions"]

Status = Literal["ok", "failed", "timeout", "out_of_memory", "flooded"]
KILLED = 137


@dataclass(frozen=True)
class _Place:
    """An open workspace with a container that waits, and for which script."""

    requirements: tuple[str, ...]
    database_url: str | None
    workspace: Workspace
    container: ScriptContainer
    notes: tuple[str, ...]

    def is_for(self, requirements: tuple[str, ...], database_url: str | None) -> bool:
        """Whether such a script may have it. One without a database is given no door to it."""
        return (self.requirements, self.database_url) == (requirements, database_url)


class ContainerExecutor:
    """Runs scripts one after the other, each in a container and a workspace of its own."""

    def __init__(
        self, options: SandboxOptions, on_output: Callable[[str], None], run_name: str | None = None
    ) -> None:
        """``run_name`` is how the run's database sessions call themselves."""
        self._options = options
        self._on_output = on_output
        self._run_name = run_name
        self._engine: Engine | None = None
        self._found_base: BaseImage | None = None
        self._finding_base = threading.Lock()
        self._connecting = threading.Lock()
        self._lock = threading.Lock()
        """Held while a workspace is made: closing waits for that moment, not for a long build."""
        self._closed = False
        self._workspaces: list[Workspace] = []
        self._prepared: Future[_Place] | None = None
        self._wanted: tuple[tuple[str, ...], str | None] | None = None
        """What ``_prepared`` is for: requirements and database."""
        self._cleaners: list[threading.Thread] = []
        self._collected: dict[Path, list[str]] = {}

    def __enter__(self) -> ContainerExecutor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def prepare(self, requirements: tuple[str, ...], database_url: str | None) -> None:
        """Begin to make everything ready in the background. What goes wrong, ``execute`` raises.

        What was begun for something else is given up; for the same, it is kept.
        """
        if self._prepared is not None and self._wanted == (requirements, database_url):
            return
        earlier, coming = self._prepared, Future[_Place]()
        self._prepared, self._wanted = coming, (requirements, database_url)
        threading.Thread(
            target=self._prepare_into, args=(coming, earlier, *self._wanted), daemon=True
        ).start()

    def require_engine(self) -> None:
        """Wait for the engine that ``prepare`` is looking for. Raises SandboxError where none answers."""
        self._connected()

    def execute(
        self, run_dir: Path, script: GeneratedScript, validation: ValidationResult, database_url: str | None
    ) -> ExecutionResult:
        """Run the script and collect what it wrote into ``run_dir``.

        Raises SandboxError when Docker fails. How the script fares is part of the result.
        """
        url = database_url if script.needs_database else None
        if script.template == "web_dashboard" and url is not None:
            return self._show_page(run_dir, script, validation, url)
        place = self._take_place(script.requirements, url)
        try:
            return self._run(place, run_dir, script, validation)
        finally:
            self._clean_in_background(place.workspace)

    def close(self) -> None:
        """Remove everything this executor has started. What cannot be removed now, the next run removes."""
        with self._lock:
            self._closed = True
            workspaces, self._workspaces = self._workspaces, []
        for cleaner in self._cleaners:
            cleaner.join()
        for workspace in workspaces:
            with suppress(SandboxError):
                workspace.remove()
        if self._engine is not None:
            self._engine.client.close()

    def base_image(self) -> str:
        """The image that runs are really built on. Raises SandboxError where there is none."""
        return self._base().reference

    # --- making a place ----------------------------------------------------------

    def _prepare_into(
        self,
        future: Future[_Place],
        earlier: Future[_Place] | None,
        requirements: tuple[str, ...],
        database_url: str | None,
    ) -> None:
        try:
            self._discard(earlier)
            future.set_result(self._make_place(requirements, database_url))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asks
            future.set_exception(error)

    def _take_place(self, requirements: tuple[str, ...], database_url: str | None) -> _Place:
        """The prepared place where it fits, else a new one."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            place = prepared.result()
            if place.is_for(requirements, database_url) and place.container.is_waiting():
                return place
            self._clean_in_background(place.workspace)
        return self._make_place(requirements, database_url)

    def _make_place(self, requirements: tuple[str, ...], database_url: str | None) -> _Place:
        from meta_agent.sandbox.door import database_door
        from meta_agent.sandbox.images import environment_image
        from meta_agent.sandbox.script_container import ScriptContainer
        from meta_agent.sandbox.workspace import Workspace

        base, engine = self._base(), self._connected()
        door = database_door(engine, database_url)
        image = environment_image(engine.client, base, requirements)
        with self._lock:
            if self._closed:
                raise SandboxError("The run has ended.", "Start it again.")
            workspace = Workspace(engine, self._options)
            self._workspaces.append(workspace)
            workspace.make_volumes(door)
            container = ScriptContainer(workspace, self._options)
            environment = _environment(database_url, self._run_name or workspace.run_id)
            with ThreadPoolExecutor(1) as beside:
                starting = beside.submit(
                    container.start, image, USUAL_LIMITS, environment, with_door=door is not None
                )
                workspace.open(image, door)
                starting.result()
        notes = (base.note,) if base.note else ()
        return _Place(requirements, database_url, workspace, container, notes)

    def _base(self) -> BaseImage:
        """Asked for from two threads: the first one finds it, the other waits."""
        with self._finding_base:
            if self._found_base is None:
                from meta_agent.sandbox.images import base_image

                self._found_base = base_image(self._connected().client, self._options.base_image)
            return self._found_base

    def _connected(self) -> Engine:
        """The engine; what killed runs have left in it is removed on the first call."""
        with self._connecting:
            if self._engine is None:
                from meta_agent.sandbox.engine import connect
                from meta_agent.sandbox.leftovers import sweep

                engine = connect(self._options)
                sweep(engine.client)
                self._engine = engine
            return self._engine

    # --- running -----------------------------------------------------------------

    def _run(
        self, place: _Place, run_dir: Path, script: GeneratedScript, validation: ValidationResult
    ) -> ExecutionResult:
        limits = limits_for(validation, place.workspace.engine.cpus)
        ending = place.container.run(script.source, limits, self._on_output)
        collected = self._collect(place.workspace, run_dir)
        return _result(ending, collected, run_dir, (*place.notes, *self._remarks(ending, limits)))

    def _show_page(
        self, run_dir: Path, script: GeneratedScript, validation: ValidationResult, database_url: str
    ) -> ExecutionResult:
        """A page has a place of its own; what was prepared is only waited for, since it builds the image."""
        from meta_agent.executors.page_executor import show_page

        prepared, self._prepared = self._prepared, None
        self._discard(prepared)
        return show_page(
            self._connected(), self._base(), self._options, run_dir, script, validation, database_url
        )

    def _collect(self, workspace: Workspace, run_dir: Path) -> Collected:
        from meta_agent.sandbox.collection import collect, remove_collected

        remove_collected(run_dir, self._collected.pop(run_dir, []))
        collected = collect(
            workspace.output(),
            run_dir,
            limit_bytes=self._options.result_limit_bytes,
            limit_files=self._options.result_limit_files,
        )
        self._collected[run_dir] = collected.files
        return collected

    def _remarks(self, ending: Ending, limits: Limits) -> tuple[str, ...]:
        """What a person has to know about this ending, one sentence each."""
        remarks = []
        dropped = ending.output.dropped_bytes + ending.error_output.dropped_bytes
        if ending.timed_out:
            remarks.append(f"The script was stopped after {self._options.time_limit_seconds:g} seconds.")
        elif ending.out_of_memory:
            remarks.append(f"The script ran out of its {limits.memory_mb} MB of memory.")
        elif ending.flooded:
            remarks.append("The script was stopped because it printed without an end.")
        elif ending.exit_code == KILLED:
            remarks.append("The script was killed from outside.")
        if dropped:
            remarks.append(f"The script printed too much: {dropped} bytes of its output were dropped.")
        return tuple(remarks)

    # --- taking away -------------------------------------------------------------

    def _discard(self, prepared: Future[_Place] | None) -> None:
        if prepared is not None and prepared.exception() is None:
            self._clean_in_background(prepared.result().workspace)

    def _clean_in_background(self, workspace: Workspace) -> None:
        """Nobody has to wait for the removal but ``close``; what fails here is tried again there."""
        cleaner = threading.Thread(target=self._clean, args=(workspace,), daemon=True)
        self._cleaners.append(cleaner)
        cleaner.start()

    def _clean(self, workspace: Workspace) -> None:
        try:
            workspace.remove()
        except SandboxError:
            return
        with self._lock:
            if workspace in self._workspaces:
                self._workspaces.remove(workspace)


def _environment(database_url: str | None, run_name: str) -> dict[str, str]:
    """What the script is told. The database's address is the socket; login and database stay as they are."""
    from meta_agent.templates.package.gateway import socket_url

    if database_url is None:
        return {}
    return {"DATABASE_URL": socket_url(database_url, application_name=f"meta-agent {run_name}")}


def _result(ending: Ending, collected: Collected, run_dir: Path, remarks: tuple[str, ...]) -> ExecutionResult:
    raw = _read_limited(run_dir / RESULT_FILE) if RESULT_FILE in collected.files else None
    answer, complaints = read_script_result(raw)
    return ExecutionResult(
        status=_status(ending),
        exit_code=None if ending.timed_out else ending.exit_code,
        result=answer,
        output=ending.output.text,
        error_output=ending.error_output.text,
        files=tuple(sorted(collected.files)),
        seconds=round(ending.seconds, 3),
        image=ending.image,
        warnings=(*remarks, *collected.warnings(), *complaints),
    )


def _status(ending: Ending) -> Status:
    if ending.timed_out:
        return "timeout"
    if ending.out_of_memory:
        return "out_of_memory"
    if ending.flooded:
        return "flooded"
    return "ok" if ending.exit_code == 0 else "failed"


def _read_limited(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(RESULT_BYTES + 1)
