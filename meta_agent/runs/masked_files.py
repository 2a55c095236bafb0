"""Takes passwords out of the files that a script left behind, before anybody reads them.

A text is masked. A file of another kind cannot be changed without harm, and a name is no text:
there the file is removed. Both are told. What is compressed (xlsx, zip, most PDFs) is not looked into.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from meta_agent.runs.secrets import holds, mask


def mask_files(
    folder: Path, names: Iterable[str], secrets: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Mask these files of a folder.

    Returns the names of those that are still there, and a warning for each change.
    """
    kept, warnings = [], []
    for name in names:
        warning = _mask_file(folder, name, secrets)
        if warning is not None:
            warnings.append(warning)
        if (folder / name).exists():
            kept.append(name)
    return tuple(kept), tuple(warnings)


def _mask_file(folder: Path, name: str, secrets: Sequence[str]) -> str | None:
    """What was done to the file; None where there was nothing to do."""
    file = folder / name
    if holds(name, secrets):
        file.unlink()
        return "A file of the script was removed: a password stood in its name."
    # A password of digits cannot be told from a figure, and masking figures would spoil the answer.
    hidden = [secret for secret in secrets if not secret.isdigit()]
    content = file.read_bytes()
    if not holds(content.decode("utf-8", "replace"), hidden):
        return None
    try:
        masked = mask(content.decode("utf-8"), hidden)
    except UnicodeDecodeError:
        file.unlink()
        return f"The script wrote a password into {name}, which is no text: the file was removed."
    file.write_bytes(masked.encode())
    return f"The script wrote a password into {name}: it was replaced by ****."
