"""Checks everything a run needs, one line each, with the remedy where something is broken."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from meta_agent.errors import ExitCode, MetaAgentError, SandboxError

if TYPE_CHECKING:
    from meta_agent.databases.base import Database, RoleRights
    from meta_agent.executors.container_executor import SandboxOptions
    from meta_agent.sandbox.health import SandboxHealth
    from meta_agent.utils.llm_client import LLMClient

LEAST_FREE_BYTES = 2_000_000_000
_TEST_TOKENS = 24


@dataclass(frozen=True)
class Check:
    """The outcome of one check."""

    name: str
    state: Literal["ok", "warning", "broken"]
    finding: str
    remedy: str = ""
    exit_code: ExitCode = ExitCode.OK
    """That of a run which meets what is broken."""


def run_checks(
    *,
    client: Callable[[], LLMClient],
    database: Callable[[], Database | None],
    sandbox: SandboxOptions,
    glossary_path: Path,
    runs_dir: Path,
    warnings: tuple[str, ...] = (),
    read_only_remedy: str = "Give the tool a role that may only read.",
) -> Iterator[Check]:
    """Every check in turn; one that fails does not keep the next from running.

    ``warnings`` are what is already known of the settings; ``read_only_remedy`` is what to do about a
    role that can write.
    """
    yield Check("Python", "ok", platform.python_version())
    for warning in warnings:
        yield Check("Settings", "warning", warning)
    yield from _guarded("Docker", lambda: _check_docker(sandbox))
    yield from _guarded("Model", lambda: _check_model(client()))
    yield from _guarded("Database", lambda: _check_database(database(), read_only_remedy))
    yield from _guarded("Glossary", lambda: _check_glossary(glossary_path))
    yield _check_disk("Disk", _free_bytes(runs_dir))


def _guarded(name: str, checks: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from checks()
    except MetaAgentError as error:
        yield Check(name, "broken", error.cause, error.remedy, error.exit_code)


def _check_docker(sandbox: SandboxOptions) -> Iterator[Check]:
    from meta_agent.sandbox.health import inspect_sandbox

    health = inspect_sandbox(sandbox)
    if health.problem is not None:
        raise SandboxError(health.problem.cause, health.problem.remedy)
    engine = f"engine {health.engine_version} on {health.operating_system}, runtime {health.runtime}"
    yield Check("Docker", "ok", engine)
    if health.unlimited:
        yield Check(
            "Limits",
            "warning",
            f"The engine cannot limit a script's use of {', '.join(health.unlimited)}.",
            "Give it cgroup v2, delegated to your user where Docker is rootless: see docs/security.md.",
        )
    yield _check_base_image(health)
    if health.free_disk_bytes is not None:
        yield _check_disk("Docker disk", health.free_disk_bytes)


def _check_base_image(health: SandboxHealth) -> Check:
    name = health.base_image
    if health.base_image_state == "present":
        return Check("Base image", "ok", name)
    if health.base_image_state == "replaced":
        return Check(
            "Base image", "ok", f"{name} is not here; the one made on this machine takes its place if need be"
        )
    return Check(
        "Base image",
        "warning",
        f"{name} is not here; the first run pulls it.",
        "Without a registry run: make base-image",
    )


def _check_model(client: LLMClient) -> Iterator[Check]:
    status = client.check(test_tokens=_TEST_TOKENS)
    speed = f", {status.tokens_per_second:.0f} tokens/s" if status.tokens_per_second else ""
    assumed = " (assumed)" if status.context_is_assumed else ""
    yield Check(
        "Model", "ok", f"{status.model} on {status.server}, context {status.context_length:,}{assumed}{speed}"
    )
    for warning in status.warnings:
        yield Check("Model", "warning", warning)


def _check_database(database: Database | None, read_only_remedy: str) -> Iterator[Check]:
    if database is None:
        yield Check("Database", "warning", "None is configured.", "Set DATABASE_URL in .env, or use --demo.")
        return
    with closing(database):
        tables = len(database.schema().tables)
        rights = database.rights()
        place = f"{database.name} on PostgreSQL {database.server_version}, {_counted(tables, 'table')}"
    if rights.can_write:
        yield Check("Database", "warning", f"{place}. {rights.detail}", read_only_remedy)
    else:
        yield Check("Database", "ok", f"{place}, role {rights.role} may only read{leftovers_of(rights)}")
    if not tables:
        yield Check(
            "Database",
            "broken",
            f"{database.name} has no table that the role may read.",
            "Grant SELECT on the tables to the role in DATABASE_URL.",
            ExitCode.NO_ANSWER,
        )


def leftovers_of(rights: RoleRights) -> str:
    """A remark, no warning: nearly every database grants this to PUBLIC, and no table changes by it."""
    return f" (and {' and '.join(rights.leftovers)}, as every role here)" if rights.leftovers else ""


def _check_glossary(path: Path) -> Iterator[Check]:
    from meta_agent.glossary import load_glossary

    glossary = load_glossary(path)
    yield Check("Glossary", "ok", f"{_counted(len(glossary.metrics), 'metric')} in {path.name}")


def _check_disk(name: str, free: int) -> Check:
    found = f"{free / 1e9:.1f} GB free"
    if free >= LEAST_FREE_BYTES:
        return Check(name, "ok", found)
    return Check(
        name, "broken", f"Only {found}.", "Make room: images and models take a few GB.", ExitCode.SANDBOX
    )


def _free_bytes(folder: Path) -> int:
    """Of the disk that a folder lies on, or will."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(existing).free


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
