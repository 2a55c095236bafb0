"""The lock files fit the lists they are made from, agree with one another, and hold on every Python."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from meta_agent.locked_packages import LOCK, LockedPackage, locked_packages
from tools.audit import LOCKS

PROJECT = Path(__file__).resolve().parents[3]
LISTS = {
    "run": ("requirements.txt",),
    "demo": ("requirements.txt", "tools/requirements-demo.txt"),
    "dev": ("requirements.txt", "tools/requirements-demo.txt", "tools/requirements-dev.txt"),
    "eval": ("requirements.txt", "tools/requirements-demo.txt", "tools/requirements-eval.txt"),
    "known_packages": (str(LOCK.with_suffix(".txt")),),
}
MACHINES = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def environments(lock: str) -> list[dict[str, str]]:
    """Markers of the machines that a lock is for; generated scripts run on 3.11 or newer."""
    pythons = PYTHONS[1:] if lock == LOCK.stem else PYTHONS
    return [
        {
            "python_version": python,
            "python_full_version": f"{python}.5",
            "sys_platform": platform,
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "implementation_name": "cpython",
        }
        for python, (platform, machine) in product(pythons, MACHINES)
    ]


def entries(lock: str) -> tuple[LockedPackage, ...]:
    (file,) = (file for file in LOCKS if file.stem == lock)
    return locked_packages(file.read_text())


def installed(lock: str, environment: dict[str, str]) -> dict[str, str]:
    """Name and version of what pip takes there; a package that came twice would fail the install."""
    taken: dict[str, str] = {}
    for package in entries(lock):
        wanted = Requirement(package.text.partition("\\")[0])
        if wanted.marker is None or wanted.marker.evaluate(environment):
            assert package.name not in taken, f"{package.name} comes twice"
            taken[package.name] = str(wanted.specifier).removeprefix("==")
    return taken


def direct_pins(lock: str) -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for name in LISTS[lock] for line in (PROJECT / name).open()]
    return [Requirement(line) for line in lines if line]


def test_every_lock_is_looked_at() -> None:
    assert sorted(LISTS) == sorted(file.stem for file in LOCKS)


@pytest.mark.parametrize("lock", LISTS)
def test_every_direct_pin_is_locked_in_its_version(lock: str) -> None:
    """If this fails after a change of a requirements file: make lock."""
    for environment in environments(lock):
        taken = installed(lock, environment)
        wanted = {
            pin.name.lower().replace("_", "-"): str(pin.specifier).removeprefix("==")
            for pin in direct_pins(lock)
            if pin.marker is None or pin.marker.evaluate(environment)
        }
        assert {name: taken.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("lock", LISTS)
def test_nothing_is_locked_that_nothing_needs(lock: str) -> None:
    direct = {pin.name.lower().replace("_", "-") for pin in direct_pins(lock)}
    names = {package.name for package in entries(lock)}
    orphans = {p.name for p in entries(lock) if p.name not in direct and not p.needed_by & names}
    assert orphans == set()


@pytest.mark.parametrize("lock", LISTS)
def test_every_entry_has_hashes(lock: str) -> None:
    assert [p.pinned for p in entries(lock) if "\n    --hash=sha256:" not in p.text] == []


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.stem)
def test_a_lock_names_no_place_to_install_from(file: Path) -> None:
    text = file.read_text()
    assert "://" not in text and "--index" not in text and "--find-links" not in text


@pytest.mark.parametrize("smaller", ["run", "demo"])
@pytest.mark.parametrize("larger", ["demo", "dev", "eval"])
def test_locks_that_share_an_environment_agree(smaller: str, larger: str) -> None:
    for environment in environments(smaller):
        assert installed(smaller, environment).items() <= installed(larger, environment).items()


def test_the_development_and_the_evaluation_agree() -> None:
    for environment in environments("dev"):
        dev, evaluation = installed("dev", environment), installed("eval", environment)
        shared = dev.keys() & evaluation.keys()
        assert {name: dev[name] for name in shared} == {name: evaluation[name] for name in shared}
