"""Checks everything a run needs, one line each, with the remedy where something is broken."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from meta_agent.errors import MetaAgentError

if TYPE_CHECKING:
    from meta_agent.databases.base import Database
    from meta_agent.executors.container_executor import SandboxOptions
    from meta_agent.utils.llm_client import LLMClient

_LEAST_FREE_GB = 2.0
_TEST_TOKENS = 24
_GOOD: Literal["ok"] = "ok"


@dataclass(frozen=True)
class Check:
    """The outcome of one check."""

    name: str
    state: Literal["ok", "warning", "broken"]
    finding: str
    remedy: str = ""


def run_checks(
    client: Callable[[], LLMClient],
    database: Callable[[], Database | None],
    sandbox: SandboxOptions,
    runs_dir: Path,
) -> Iterator[Check]:
    """Every check in turn; one that fails does not keep the next from running."""
    yield _check_python()
    yield from _guarded("Docker", lambda: _check_docker(sandbox))
    yield from _guarded("Model", lambda: _check_model(client()))
    yield from _guarded("Database", lambda: _check_database(database()))
    yield _check_disk(runs_dir)


def _guarded(name: str, checks: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from checks()
    except MetaAgentError as error:
        yield Check(name, "broken", error.cause, error.remedy)


def _check_python() -> Check:
    version = platform.python_version()
    return Check("Python", _GOOD, version)


def _check_docker(sandbox: SandboxOptions) -> Iterator[Check]:
    from meta_agent.sandbox.health import inspect_sandbox

    health = inspect_sandbox(sandbox)
    if health.problem is not None:
        yield Check("Docker", "broken", health.problem.cause, health.problem.remedy)
        return
    yield Check("Docker", _GOOD, f"engine {health.engine_version} on {health.operating_system}")
    if health.base_image_state == "missing":
        yield Check("Base image", "broken", f"{health.base_image} is not here.", "Run: make base-image")
    else:
        yield Check("Base image", _GOOD, health.base_image)


def _check_model(client: LLMClient) -> Iterator[Check]:
    status = client.check(test_tokens=_TEST_TOKENS)
    speed = f", {status.tokens_per_second:.0f} tokens/s" if status.tokens_per_second else ""
    assumed = " (assumed: the server does not tell)" if status.context_is_assumed else ""
    yield Check("Model", _GOOD, f"{status.model}, context {status.context_length:,}{assumed}{speed}")
    for warning in status.warnings:
        yield Check("Model", "warning", warning)


def _check_database(database: Database | None) -> Iterator[Check]:
    if database is None:
        yield Check("Database", "warning", "None is configured.", "Set DATABASE_URL in .env, or use --demo.")
        return
    with closing(database):
        tables = len(database.schema().tables)
        rights = database.rights()
        found = (
            f"{database.name} on PostgreSQL {database.server_version}, {tables} tables, role {rights.role}"
        )
        if rights.can_write:
            yield Check(
                "Database", "warning", f"{found}. {rights.detail}", "Give the tool a role that may only read."
            )
        else:
            yield Check("Database", _GOOD, f"{found}, read-only")


def _check_disk(runs_dir: Path) -> Check:
    place = runs_dir if runs_dir.exists() else runs_dir.parent
    free = shutil.disk_usage(place).free / 1e9
    if free < _LEAST_FREE_GB:
        return Check(
            "Disk", "broken", f"Only {free:.1f} GB are free.", "Make room; images and models take a few GB."
        )
    return Check("Disk", _GOOD, f"{free:.0f} GB free")
