"""One setting is written into .env; everything else of the file stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from dotenv import dotenv_values

from meta_agent.env_file import set_variable
from meta_agent.errors import UsageError

URL = "postgresql://r:a%40b%27%23@h/d"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, b"NEW=1\n"),
        (b"", b"NEW=1\n"),
        (b"# mine\nA='x'", b"# mine\nA='x'\nNEW=1\n"),
        (b"A=x\r\nB=y\r\n", b"A=x\r\nB=y\r\nNEW=1\r\n"),
        (b"A=x\nNEW=0 # old\nB=y\n", b"A=x\nNEW=1\nB=y\n"),
        (b"NEW=0\r\nB=y\r\n", b"NEW=1\r\nB=y\r\n"),
        (b"export NEW = 'old'\n", b"export NEW =1\n"),
        (b"NEW=0\nNEW=2\n", b"NEW=0\nNEW=1\n"),
        (b"# NEW=0\nNEWER=3\n", b"# NEW=0\nNEWER=3\nNEW=1\n"),
        (b"\xef\xbb\xbfNEW=0\nA=x\n", b"\xef\xbb\xbfNEW=1\nA=x\n"),
    ],
)
def test_only_the_one_line_changes(tmp_path: Path, before: bytes | None, after: bytes) -> None:
    file = tmp_path / ".env"
    if before is not None:
        file.write_bytes(before)
    set_variable(file, "NEW", "1")
    assert file.read_bytes() == after
    assert dotenv_values(file, encoding="utf-8-sig")["NEW"] == "1"


def test_the_file_is_private_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=x\n")
    file.chmod(0o644)
    set_variable(file, "DATABASE_READER_URL", URL)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
    assert dotenv_values(file, interpolate=False) == {"A": "x", "DATABASE_READER_URL": URL}


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.env").write_text("A=x\n")
    (tmp_path / ".env").symlink_to("real.env")
    set_variable(tmp_path / ".env", "NEW", "1")
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "real.env").read_text() == "A=x\nNEW=1\n"


def test_a_file_that_is_no_text_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"A=\xff\xfe\n")
    with pytest.raises(UsageError, match="UTF-8"):
        set_variable(file, "NEW", "1")
    assert file.read_bytes() == b"A=\xff\xfe\n"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        set_variable(tmp_path / "file" / ".env", "NEW", "1")
