"""The good and the bad scripts of the two lists beside this file."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def read_scripts(name: str) -> list[tuple[str, str]]:
    """Title and text of each script of a list; a line of four hashes begins one."""
    parts = (HERE / name).read_text(encoding="utf-8").split("#### ")[1:]
    return [(title, text) for title, _, text in (part.partition("\n") for part in parts)]


GOOD = read_scripts("good_scripts.txt")
BAD = [(*title.split(" | "), text) for title, text in read_scripts("bad_scripts.txt")]
