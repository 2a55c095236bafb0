"""The lock in real images: it is complete, and pip refuses what it does not vouch for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pipeline_support import nothing_left  # noqa: F401
from sandbox_support import estimate

from meta_agent import locked_packages
from meta_agent.contracts import GeneratedScript
from meta_agent.errors import SandboxError
from meta_agent.executors.container_executor import ContainerExecutor, SandboxOptions
from meta_agent.sandbox.engine import connect
from meta_agent.sandbox.images import base_image, environment_image

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("nothing_left")]

KNOWN = tuple(
    line.partition("#")[0].strip()
    for line in locked_packages.LOCK.with_suffix(".txt").read_text().splitlines()
    if not line.startswith("#")
)
ASK_METADATA = """
import importlib.metadata, json, platform, sys
from pathlib import Path

found = {d.metadata["Name"]: [d.version, d.requires or []] for d in importlib.metadata.distributions()}
marker = {"python_version": "%d.%d" % sys.version_info[:2], "python_full_version": platform.python_version(),
          "sys_platform": sys.platform, "platform_machine": platform.machine(), "extra": ""}
Path("/app/exports/data/installed.json").write_text(json.dumps([marker, found]))
"""


def test_all_known_packages_install_and_each_brings_all_it_needs(tmp_path: Path) -> None:
    """Against what the installed packages say of themselves."""
    script = GeneratedScript(source=ASK_METADATA, template="given", requirements=KNOWN)
    with ContainerExecutor(SandboxOptions(), lambda text: None) as executor:
        ended = executor.execute(tmp_path, script, estimate(), None)
    assert ended.status == "ok", ended.error_output
    marker, found = json.loads((tmp_path / "exports/data/installed.json").read_text())
    versions = {canonicalize_name(name): version for name, (version, _) in found.items()}
    needs = {canonicalize_name(name): needed(lines, marker) for name, (_, lines) in found.items()}
    for requirement in KNOWN:
        name, _, version = requirement.partition("==")
        assert versions[canonicalize_name(name)] == version
        told = locked_packages.locked_requirements([requirement])
        names = {p.name for p in locked_packages.locked_packages(told)}
        assert closure(canonicalize_name(name), needs) <= names


def needed(lines: list[str], marker: dict[str, str]) -> set[str]:
    wanted = [Requirement(line) for line in lines]
    return {canonicalize_name(w.name) for w in wanted if w.marker is None or w.marker.evaluate(marker)}


def closure(name: str, needs: dict[str, set[str]]) -> set[str]:
    names = {name}
    while more := {other for known in names for other in needs[known]} - names:
        names |= more
    return names


def with_other_hashes(lock: str) -> str:
    return re.sub(r"(?<=--hash=sha256:)[0-9a-f]{8}", "00000000", lock)


def without_a_dependency(lock: str) -> str:
    return re.sub(r"^markupsafe==.*?(?=^\S)", "", lock, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(with_other_hashes, "HASH"), (without_a_dependency, "hash")],
    ids=["another hash", "a dependency is missing"],
)
def test_what_the_lock_does_not_vouch_for_is_not_installed(
    damage: Callable[[str], str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "damaged.lock"
    damaged.write_text(damage(locked_packages.LOCK.read_text()))
    monkeypatch.setattr(locked_packages, "LOCK", damaged)
    engine = connect(SandboxOptions())
    try:
        base = base_image(engine.client, SandboxOptions().base_image)
        with pytest.raises(SandboxError, match="could not be built") as raised:
            environment_image(engine.client, base, [line for line in KNOWN if line.startswith("jinja2")])
    finally:
        engine.client.close()
    assert reason in raised.value.cause
