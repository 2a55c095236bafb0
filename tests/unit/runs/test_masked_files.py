"""Passwords in what a script left behind: masked in texts, and what cannot be masked is removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meta_agent.runs.masked_files import mask_files

SECRET = "c@nary/7"


def left(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return name


def test_a_file_without_a_secret_is_not_touched(tmp_path: Path) -> None:
    name = left(tmp_path, "a.csv", b"a;b\r\n\xff\n")
    before = (tmp_path / name).stat().st_mtime_ns
    assert mask_files(tmp_path, [name], [SECRET]) == (("a.csv",), ())
    assert (tmp_path / name).stat().st_mtime_ns == before


def test_a_text_is_masked_and_keeps_its_line_ends(tmp_path: Path) -> None:
    name = left(tmp_path, "a.csv", f"ü;{SECRET}\r\nx;c%40nary%2F7\n".encode())
    assert mask_files(tmp_path, [name], [SECRET]) == (
        ("a.csv",),
        ("The script wrote a password into a.csv: it was replaced by ****.",),
    )
    assert (tmp_path / name).read_bytes() == "ü;****\r\nx;****\n".encode()


def test_a_file_that_is_no_text_is_removed(tmp_path: Path) -> None:
    name = left(tmp_path, "a.bin", b"\xff\x00" + SECRET.encode())
    kept, warnings = mask_files(tmp_path, [name], [SECRET])
    assert (kept, list(tmp_path.iterdir())) == ((), [])
    assert warnings == ("The script wrote a password into a.bin, which is no text: the file was removed.",)


def test_a_file_with_a_secret_in_its_name_is_removed(tmp_path: Path) -> None:
    name = left(tmp_path, "hunter-2222.txt", b"x")
    kept, warnings = mask_files(tmp_path, [name], ["hunter-2222"])
    assert (kept, list(tmp_path.iterdir())) == ((), [])
    assert "hunter" not in warnings[0] and "name" in warnings[0]


@pytest.mark.parametrize("secret", ["12345678", "revenue"])
def test_json_stays_json(secret: str, tmp_path: Path) -> None:
    content = {"rows": [{"revenue": 12345678, "text": "the revenue"}]}
    name = left(tmp_path, "result.json", json.dumps(content).encode())
    mask_files(tmp_path, [name], [secret])
    (row,) = json.loads((tmp_path / name).read_text())["rows"]
    assert 12345678 in row.values()
