"""The packages that a generated script may use, with versions and hashes of all that they need.

``known_packages.txt`` is the list that people edit; ``known_packages.lock`` is what ``make lock``
makes of it. pip refuses every file whose hash is not there, and every package that is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LOCK = Path(__file__).parent / "templates" / "package" / "known_packages.lock"
_REQUIREMENT = re.compile(r"(?P<pinned>(?P<name>[a-z0-9._-]+)==[^\s;]+)[^\n]*")
_NEEDED_BY = re.compile(r"    # (?:via |  )(\S+)")


@dataclass(frozen=True)
class LockedPackage:
    """One entry of the lock; a package that differs from Python to Python has several."""

    name: str
    pinned: str
    """Name and version: ``numpy==2.4.6``."""
    text: str
    """The whole entry as pip reads it: version, marker and hashes."""
    needed_by: frozenset[str]
    """Names of the packages that depend on it."""


def locked_requirements(requirements: Iterable[str]) -> str:
    """A requirements.txt for these pinned packages and all that they need, each with its hashes.

    The packages asked for come first. Raises ValueError for one that the lock does not have in that version.
    """
    wanted = sorted(set(requirements))
    lock = _read(LOCK)
    direct = [package for package in lock if package.pinned in wanted]
    unknown = set(wanted) - {package.pinned for package in direct}
    if unknown:
        raise ValueError(f"not a usable requirement: {min(unknown)!r}")
    if not wanted:
        return ""
    names = _with_all_needed({package.name for package in direct}, lock)
    others = [package for package in lock if package.name in names and package not in direct]
    heading = f"# The script uses {', '.join(wanted)}.\n"
    between = "# What these need:\n" if others else ""
    return heading + "".join(p.text for p in direct) + between + "".join(p.text for p in others)


def locked_packages(lock: str) -> tuple[LockedPackage, ...]:
    """The entries of a lock as ``uv pip compile`` writes it, in its order."""
    entries = re.split(r"^(?=[^\s#])", lock, flags=re.MULTILINE)[1:]
    return tuple(map(_entry, entries))


@lru_cache(maxsize=1)
def _read(lock: Path) -> tuple[LockedPackage, ...]:
    return locked_packages(lock.read_text(encoding="utf-8"))


def _entry(text: str) -> LockedPackage:
    found = _REQUIREMENT.match(text)
    if found is None:
        raise ValueError(f"not an entry of a lock: {text.partition(chr(10))[0]!r}")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return LockedPackage(
        found["name"], found["pinned"], "\n".join(lines) + "\n", frozenset(_NEEDED_BY.findall(text))
    )


def _with_all_needed(names: set[str], lock: Iterable[LockedPackage]) -> set[str]:
    """These packages, what they depend on, what that depends on, and so on."""
    while more := {package.name for package in lock if package.needed_by & names} - names:
        names = names | more
    return names
