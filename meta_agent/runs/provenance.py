"""What an answer came from, and hashes of what was written for it, so that both can be checked later."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from meta_agent.contracts import ExecutionResult, Provenance, RunRecord

SCRIPT_NAME = "script.py"
_PROMPTS = Path(__file__).resolve().parents[1] / "prompts"
_LASTING = ("results/", "exports/")
"""Where files lie that are part of the answer; a log may grow."""


@dataclass(frozen=True)
class Origin:
    """What a script was written with; carried on where it is run again."""

    model_sha256: str | None = None
    prompts_sha256: str | None = None


@dataclass(frozen=True)
class Difference:
    """A file of a run that is not what was recorded, or cannot be compared."""

    file: str
    problem: str
    """What is wrong with it, after its name: ``was changed``."""


def provenance_of(run_dir: Path, origin: Origin, execution: ExecutionResult | None) -> Provenance | None:
    """Hashes of what a run has left in its folder; None where it wrote no script.

    A file that cannot be read is left out: it must not keep the record from being written.
    """
    try:
        script = sha256_of(run_dir / SCRIPT_NAME)
    except OSError:
        return None
    files: dict[str, str] = {}
    for name in execution.files if execution else ():
        if name.startswith(_LASTING):
            with suppress(OSError):
                files[name] = sha256_of(run_dir / name)
    tables = execution.result.tables if execution and execution.result else ()
    return Provenance(
        model_sha256=origin.model_sha256,
        prompts_sha256=origin.prompts_sha256,
        image=execution.image if execution else None,
        script_sha256=script,
        files=files,
        rows=tuple(len(table.rows) for table in tables),
    )


def differences(record: RunRecord, run_dir: Path) -> Iterator[Difference]:
    """What on disk is not what the record says; of an early record only the script is known."""
    if record.provenance is None:
        if record.script is not None:
            yield from _compared(run_dir, SCRIPT_NAME, text_sha256(record.script.source))
        return
    yield from _compared(run_dir, SCRIPT_NAME, record.provenance.script_sha256)
    for name, wanted in record.provenance.files.items():
        yield from _compared(run_dir, name, wanted)


def _compared(run_dir: Path, name: str, wanted: str) -> Iterator[Difference]:
    try:
        if sha256_of(run_dir / name) != wanted:
            yield Difference(name, "was changed")
    except FileNotFoundError:
        yield Difference(name, "is missing")
    except OSError as error:
        yield Difference(name, f"cannot be read: {error.strerror or error}")


def sha256_of(file: Path) -> str:
    """The hash of a file's bytes. Raises OSError, also for a link or pipe that took the file's place."""
    digest = hashlib.sha256()
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def text_sha256(text: str) -> str:
    """The hash of a text as it is written to disk."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


@cache
def prompts_sha256() -> str:
    """One hash of everything we say to a model: names and contents of all files in ``prompts/``."""
    digest = hashlib.sha256()
    for file in sorted(path for path in _PROMPTS.iterdir() if path.suffix in (".j2", ".md", ".yaml")):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
