"""What may be chosen about the sandbox; everything else about it is a constant.

Nothing from the model or the request reaches the engine but the two numbers of
``Limits``, and those only within fixed bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

from meta_agent.contracts import ValidationResult

MEMORY_MB = (64, 1024)
CPUS = (0.25, 2.0)


@dataclass(frozen=True)
class SandboxOptions:
    """The user's settings."""

    base_image: str = "python:3.12-slim"
    time_limit_seconds: float = 120.0
    log_limit_bytes: int = 1024 * 1024
    """How much of each of the two output streams is shown and kept."""
    flood_bytes: int = 64 * 1024 * 1024
    """A script that prints so much beyond that is stopped: the engine would be busy with it for minutes."""
    result_limit_bytes: int = 64 * 1024 * 1024
    """How much all files of one run may take together; also the largest single file."""
    result_limit_files: int = 1000
    engine_seconds: int = 60
    """How long the engine may take for one answer."""
    runtime: str | None = None
    """The engine's name of the script's runtime, such as ``runsc``; None takes its usual one."""
    page_port: int = 8080
    """Where a page is shown on 127.0.0.1; the next free one where that is taken."""
    docker_host: str | None = None
    """The engine's address; None takes DOCKER_HOST, the chosen Docker context, or the usual socket."""


@dataclass(frozen=True)
class Limits:
    """What one container may use at most."""

    memory_mb: int
    cpus: float
    pids: int = 128


USUAL_LIMITS = Limits(memory_mb=128, cpus=0.5)
"""What a report over tables is given: a container that waits is made with these."""


def limits_for(validation: ValidationResult, engine_cpus: int) -> Limits:
    """The validator's estimate, brought within the fixed bounds and what the engine has."""
    most_cpus = min(CPUS[1], float(max(engine_cpus, 1)))
    return Limits(
        memory_mb=min(max(validation.estimated_memory_mb, MEMORY_MB[0]), MEMORY_MB[1]),
        cpus=min(max(validation.estimated_cpu_cores, CPUS[0]), most_cpus),
    )
