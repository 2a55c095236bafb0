"""What the tests of the real sandbox share: one way to run a script, and a look at what is left behind."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker import DockerClient

from meta_agent.contracts import ExecutionResult, GeneratedScript, ValidationResult
from meta_agent.executors.container_executor import ContainerExecutor, SandboxOptions
from meta_agent.sandbox.owner import OWNER_LABEL, Owner

REQUIREMENTS = ("psycopg2-binary==2.9.13",)
"""The same for nearly all tests, so that one image serves them."""


def script(
    source: str, *, needs_database: bool = False, requirements: tuple[str, ...] = REQUIREMENTS
) -> GeneratedScript:
    return GeneratedScript(
        source=textwrap.dedent(source),
        template="given",
        requirements=requirements,
        needs_database=needs_database,
    )


def estimate(memory_mb: int = 128, cpus: float = 1.0) -> ValidationResult:
    return ValidationResult(
        is_valid=True,
        security_score=1.0,
        issues=(),
        estimated_memory_mb=memory_mb,
        estimated_cpu_cores=cpus,
    )


@dataclass
class Sandbox:
    """Runs scripts, each in an executor of its own."""

    run_dir: Path
    shown: list[str] = field(default_factory=list)
    requirements: tuple[str, ...] = REQUIREMENTS

    def run(
        self,
        source: str,
        *,
        database_url: str | None = None,
        memory_mb: int = 128,
        cpus: float = 1.0,
        options: SandboxOptions | None = None,
        on_output: Callable[[str], None] | None = None,
    ) -> ExecutionResult:
        generated = script(source, needs_database=database_url is not None, requirements=self.requirements)
        with ContainerExecutor(options or SandboxOptions(), on_output or self.shown.append) as executor:
            return executor.execute(self.run_dir, generated, estimate(memory_mb, cpus), database_url)


def left_behind(owner: str | None = None) -> list[str]:
    """Names of the containers and volumes that belong to this process (or to ``owner``)."""
    label = f"{OWNER_LABEL}={owner or Owner.current().label()}"
    client: DockerClient = docker.from_env()
    try:
        containers = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
        volumes = client.volumes.list(filters={"label": label})
        return [str(thing.name) for thing in (*containers, *volumes)]
    finally:
        client.close()
