"""The good and the bad scripts of the two lists beside this file."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def read_scripts(name: str) -> list[tuple[str, str]]:
    """Title and text of each script of a list; a line of four hashes begins one."""
    parts = (HERE / name).read_text(encoding="utf-8").split("#### ")[1:]
    return [(title, text) for title, _, text in (part.partition("\n") for part in parts)]


def read_all(kind: str) -> list[tuple[str, str]]:
    """The scripts of every list of this kind, ``good`` or ``bad``."""
    return [script for file in sorted(HERE.glob(f"{kind}_*.txt")) for script in read_scripts(file.name)]


GOOD = read_all("good")
BAD = [(*title.split(" | "), text) for title, text in read_all("bad")]
