"""What ``doctor`` wants to know about Docker, as data."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Literal

from meta_agent.contracts import ErrorReport
from meta_agent.errors import SandboxError
from meta_agent.sandbox.engine import Engine, connect
from meta_agent.sandbox.images import LOCAL_BASE, find_image
from meta_agent.sandbox.options import SandboxOptions


@dataclass(frozen=True)
class SandboxHealth:
    """The state of the engine and of what a run needs from it."""

    engine_version: str | None
    """None where no engine answers; then ``problem`` says why."""
    operating_system: str | None
    base_image: str
    base_image_state: Literal["present", "replaced", "missing", "unknown"]
    """``replaced``: not here, but the locally made one is, which takes its place if it cannot be pulled."""
    free_disk_bytes: int | None
    """Space left for images; None where the engine's disk cannot be seen from here."""
    problem: ErrorReport | None
    runtime: str | None = None
    """The one that scripts run under."""
    unlimited: tuple[str, ...] = ()
    """What the engine cannot limit, though it is told to."""


def inspect_sandbox(options: SandboxOptions) -> SandboxHealth:
    """Look at the engine without changing anything. Raises nothing: a problem is part of the answer."""
    try:
        engine = connect(options)
        state = _base_image_state(engine, options.base_image)
    except SandboxError as error:
        return SandboxHealth(None, None, options.base_image, "unknown", None, _report(error))
    return SandboxHealth(
        engine_version=engine.version,
        operating_system=engine.operating_system,
        base_image=options.base_image,
        base_image_state=state,
        free_disk_bytes=_free_disk(engine),
        problem=None,
        runtime=engine.runtime,
        unlimited=engine.unlimited,
    )


def _base_image_state(engine: Engine, wanted: str) -> Literal["present", "replaced", "missing"]:
    if find_image(engine.client, wanted) is not None:
        return "present"
    return "replaced" if find_image(engine.client, LOCAL_BASE) is not None else "missing"


def _free_disk(engine: Engine) -> int | None:
    try:
        return shutil.disk_usage(engine.data_folder).free
    except OSError:
        return None


def _report(error: SandboxError) -> ErrorReport:
    return ErrorReport(title=error.title, cause=error.cause, remedy=error.remedy)
