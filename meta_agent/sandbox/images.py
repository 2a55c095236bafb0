"""Images: the base, and one environment per set of requirements.

The environment image is the first stage of the very Dockerfile that lies in every
deployment package, built once and found again by a hash of all that goes into it.
One rule about the base: ``python:3.12-slim`` and the ``meta-agent/python-base:bookworm``
that `make base-image` builds where no registry answers stand for one another; any other
wanted image that is neither here nor to be pulled is replaced too, and the run says so.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meta_agent.errors import SandboxError
from meta_agent.locked_packages import locked_requirements
from meta_agent.sandbox.engine import one_line, translated
from meta_agent.sandbox.owner import PAGE_LABEL, page_tag

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

PACKAGE_TEMPLATES = Path(__file__).parent.parent / "templates" / "package"
DEFAULT_BASE = "python:3.12-slim"
LOCAL_BASE = "meta-agent/python-base:bookworm"
BUILD_SECONDS = 600
ENVIRONMENT_LABEL = {"meta-agent.image": "environment"}


@dataclass(frozen=True)
class BaseImage:
    """The image environments are built on."""

    reference: str
    id: str
    note: str | None = None
    """Why it is not the one that was asked for."""


def find_image(client: DockerClient, reference: str) -> Image | None:
    """The image, where it is on this machine."""
    from docker.errors import ImageNotFound

    with translated("look for an image"):
        try:
            return client.images.get(reference)
        except ImageNotFound:
            return None


def base_image(client: DockerClient, wanted: str) -> BaseImage:
    """The base image, pulled where that is needed. Raises SandboxError where there is none."""
    image = find_image(client, wanted)
    local = find_image(client, LOCAL_BASE)
    if image is None and local is not None and wanted == DEFAULT_BASE:
        return BaseImage(LOCAL_BASE, str(local.id))
    image = image or _pulled(client, wanted)
    if image is not None:
        return BaseImage(wanted, str(image.id))
    if local is None:
        raise SandboxError(
            f"The image {wanted} is not on this machine, and no image registry can be reached.",
            "Connect to the internet once, or run `make base-image` to make one from this machine's files.",
        )
    return BaseImage(
        LOCAL_BASE, str(local.id), f"{wanted} could not be pulled; {LOCAL_BASE} takes its place."
    )


def _pulled(client: DockerClient, reference: str) -> Image | None:
    from docker.errors import APIError

    with translated("pull an image"):
        try:
            client.images.pull(*_name_and_tag(reference))
        except APIError:  # no registry, no such image, no right to it: the same to us
            return None
    return find_image(client, reference)


def _name_and_tag(reference: str) -> tuple[str, str | None]:
    """Without a tag docker-py would pull every image of that name."""
    if "@" in reference or ":" in reference.rpartition("/")[2]:
        return reference, None
    return reference, "latest"


def environment_image(client: DockerClient, base: BaseImage, requirements: Iterable[str]) -> str:
    """The tag of the environment image for these pinned requirements, built where it is missing."""
    files = _context_files(requirements)
    tag = f"meta-agent/env:{_fingerprint(base, files)}"
    if find_image(client, tag) is None:
        _build(client, base, files, tag)
    return tag


def page_image(
    client: DockerClient, base: BaseImage, requirements: Iterable[str], source: str, labels: Mapping[str, str]
) -> str:
    """An image with the script of a page in it, on top of its environment; ``labels`` tell whose it is."""
    files = {**_context_files(requirements), "script.py": source.encode("utf-8", "replace")}
    tag = page_tag(labels[PAGE_LABEL])
    _build(client, base, files, tag, target=None, labels=labels)
    return tag


def _context_files(requirements: Iterable[str]) -> dict[str, bytes]:
    return {
        "Dockerfile": (PACKAGE_TEMPLATES / "Dockerfile").read_bytes(),
        **{name: (PACKAGE_TEMPLATES / name).read_bytes() for name in ("gateway.py", "page_door.py")},
        "requirements.txt": locked_requirements(requirements).encode(),
    }


def _fingerprint(base: BaseImage, files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(base.id.encode())
    for name, content in sorted(files.items()):
        digest.update(b"\0%s\0%d\0" % (name.encode(), len(content)) + content)
    return digest.hexdigest()[:24]


def _build(
    client: DockerClient,
    base: BaseImage,
    files: Mapping[str, bytes],
    tag: str,
    *,
    target: str | None = "environment",
    labels: Mapping[str, str] = ENVIRONMENT_LABEL,
) -> None:
    from docker.errors import BuildError

    with translated("build the script's environment"):
        try:
            client.images.build(
                fileobj=_tar(files),
                custom_context=True,
                target=target,
                tag=tag,
                buildargs={"BASE_IMAGE": base.reference},
                labels=dict(labels),
                rm=True,
                forcerm=True,
                timeout=BUILD_SECONDS,
            )
        except BuildError as error:
            raise _build_failed(error) from error


def _tar(files: Mapping[str, bytes]) -> io.BytesIO:
    """A build context with constant times and owners, so that layers are found again."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    return packed


def _build_failed(error: Any) -> SandboxError:
    """The last error in the build's log says why; the message that closes it only that it failed."""
    log = [str(entry.get("stream", "")).strip() for entry in error.build_log if isinstance(entry, dict)]
    lines = [line for text in log for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line]
    reason = one_line((errors or lines or [str(error.msg)])[-1])
    if "no space left" in f"{reason} {error.msg}".lower():
        return SandboxError(
            "The script's environment could not be built: Docker's disk is full.",
            "Free some space, for example with `docker system prune`, and try again.",
        )
    return SandboxError(
        f"The script's environment could not be built: {reason}.",
        "Check that the package index can be reached from containers, and try again.",
    )
