"""The deployment package: every file around the script, as text.

The Dockerfile, the database gateway and the list of system calls are the very files the
tool's own sandbox is made from; the rest is rendered from ``templates/package``. What came from outside
(the request, names, requirements) is checked or escaped here, before it gets into YAML,
shell or Markdown.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from meta_agent.contracts import GeneratedScript, ValidationResult
from meta_agent.locked_packages import locked_requirements
from meta_agent.rendering import render

PACKAGE_TEMPLATES = Path(__file__).parent.parent / "templates" / "package"
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,254}")
LOWEST_MEMORY_MB, HIGHEST_MEMORY_MB = 64, 1024
LOWEST_CPUS, HIGHEST_CPUS = 0.25, 2.0


@dataclass(frozen=True)
class PackageFile:
    """One file of the package."""

    text: str
    executable: bool = False


@dataclass(frozen=True)
class PinnedRequirements:
    """What a plan's package names come to."""

    requirements: tuple[str, ...]
    """Name and version, sorted."""
    unknown: tuple[str, ...]
    """Names that are neither a known package nor part of Python: they will not be installed."""


def pin_requirements(names: Iterable[str]) -> PinnedRequirements:
    """Turn package names as a model or an import statement spells them into pinned requirements."""
    known = _known_packages()
    wanted = {_canonical(name) for name in names}
    wanted -= {_canonical(module) for module in sys.stdlib_module_names} - known.keys()
    return PinnedRequirements(
        requirements=tuple(sorted({known[name] for name in wanted if name in known})),
        unknown=tuple(sorted(name for name in wanted if name and name not in known)),
    )


def package_files(
    script: GeneratedScript,
    validation: ValidationResult,
    *,
    name: str,
    request: str,
    created: datetime,
    base_image: str = "python:3.12-slim",
    socket_folder: str | None = None,
    certificate_files: Iterable[str] = (),
) -> dict[str, PackageFile]:
    """Every file of the deployment package but ``.env``, by its name.

    ``name`` names the folder, the service and the container. ``socket_folder`` is the folder of the
    database's Unix socket, where it has no network address; ``certificate_files`` are the full paths that
    its URL names. Raises ValueError for a name, an image or a
    requirement that could break out of the file it stands in.
    """
    _check(name, NAME, "name")
    _check(base_image, IMAGE, "base image")
    is_page = script.template == "web_dashboard"
    compose = "docker-compose-page.yml.j2" if is_page else "docker-compose.yml.j2"
    values = {
        "name": name,
        "request": _indented(request),
        "created": created.isoformat(sep=" ", timespec="seconds"),
        "base_image": base_image,
        "needs_database": script.needs_database,
        "is_page": is_page,
        "socket_folder": socket_folder.replace("$", "$$") if socket_folder else None,
        "certificate_files": [file.replace("$", "$$") for file in certificate_files],
        "memory_mb": min(max(validation.estimated_memory_mb, LOWEST_MEMORY_MB), HIGHEST_MEMORY_MB),
        "cpus": min(max(validation.estimated_cpu_cores, LOWEST_CPUS), HIGHEST_CPUS),
    }
    files = {
        "script.py": PackageFile(script.source),
        "requirements.txt": PackageFile(locked_requirements(script.requirements)),
        "Dockerfile": PackageFile(_template("Dockerfile")),
        ".dockerignore": PackageFile(_template("dockerignore")),
        ".gitignore": PackageFile(_template("gitignore")),
        "docker-compose.yml": PackageFile(render(f"templates/package/{compose}", **values)),
        "deploy.sh": PackageFile(render("templates/package/deploy.sh.j2", **values), executable=True),
        ".env.example": PackageFile(render("templates/package/env.example.j2", **values)),
        "README.md": PackageFile(render("templates/package/README.md.j2", **values)),
        "seccomp.json": PackageFile(_template("seccomp.json")),
    }
    # The environment image holds both programs whether or not this script uses them.
    return {**files, **{name: PackageFile(_template(name)) for name in ("gateway.py", "page_door.py")}}


@lru_cache(maxsize=1)
def _known_packages() -> dict[str, str]:
    """Canonical name, or another name for the same package, to its pinned requirement."""
    known = {}
    for line in _template("known_packages.txt").splitlines():
        requirement, _, others = line.partition("#")
        if requirement := requirement.strip():
            for name in (requirement.partition("==")[0], *others.split()):
                known[_canonical(name)] = requirement
    return known


def _canonical(name: str) -> str:
    """A package's name without version or extras, in the registry's normal form."""
    bare = re.split(r"[\s\[<>=!~;]", name.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", bare).lower()


def _template(name: str) -> str:
    return (PACKAGE_TEMPLATES / name).read_text(encoding="utf-8")


def _check(value: str, pattern: re.Pattern[str], kind: str) -> None:
    if not pattern.fullmatch(value):
        raise ValueError(f"not a usable {kind}: {value!r}")


def _indented(text: str) -> str:
    """Untrusted text as an indented Markdown block, in which nothing has a meaning."""
    lines = (
        "".join(character for character in line.expandtabs() if character.isprintable())
        for line in text.splitlines()
    )
    return "\n".join(f"    {line}".rstrip() for line in lines)
