"""The same program in a container as others start it: what shows that a probe can detect anything."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Sequence

import docker
from sandbox_support import REQUIREMENTS

from meta_agent.executors.container_executor import SandboxOptions
from meta_agent.sandbox.images import base_image, environment_image

LONGEST = 120
"""Seconds that a program may take."""


def run_plain(source: str, options: Sequence[str] = ()) -> str:
    """``docker run`` of a program as root, in the image that scripts run on; what it printed is returned."""
    container = _docker("create", "--user", "0:0", *options, _image(), "python", "/app/script.py").strip()
    try:
        _docker("cp", "-", f"{container}:/app", given=_packed(source.encode()))
        _docker("start", container)
        _docker("wait", container)
        return _docker("logs", container)
    finally:
        _docker("rm", "--force", "--volumes", container)


def _docker(*arguments: str, given: bytes = b"") -> str:
    ended = subprocess.run(
        ["docker", *arguments], input=given, capture_output=True, timeout=LONGEST, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode()


def _image() -> str:
    client = docker.from_env()
    try:
        return environment_image(client, base_image(client, SandboxOptions().base_image), REQUIREMENTS)
    finally:
        client.close()


def _packed(source: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("script.py")
        entry.size = len(source)
        archive.addfile(entry, io.BytesIO(source))
    return packed.getvalue()
