"""Requests and scripts as they come from arguments, pipes and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta_agent.errors import ExitCode, UsageError
from meta_agent.request_input import read_request, read_script


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        (b"", "is empty"),
        (" \n\t\r\n", "is empty"),
        ("?!", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\x00\x01\x02data", "is binary data"),
        (b"\x89PNG\r\n\x1a\n", r"is not UTF-8 text \(byte 1\)"),
        ("Zürich".encode("latin-1"), r"is not UTF-8 text \(byte 2\)"),
        ("Which?".encode("utf-16"), r"is not UTF-8 text"),
        ("which \udcff", "is not UTF-8 text"),
        ("x" * (32 * 1024 + 1), "more than 32 KB"),
        ("ü" * (16 * 1024 + 1), "more than 32 KB"),
    ],
)
def test_what_cannot_be_a_request_is_refused_with_the_reason(content: str | bytes, reason: str) -> None:
    with pytest.raises(UsageError, match=f"^The request {reason}|^The request has {reason}") as caught:
        read_request(content, "stdin")
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbfWhich?\r\n", "Which?"),
        ("  one\ntwo\t3  ", "one\ntwo\t3"),
        ("東京 NOI?", "東京 NOI?"),
        ("\x1b[31mred\x07", "[31mred"),
        ("x" * (32 * 1024), "x" * (32 * 1024)),
    ],
)
def test_a_request_is_text_without_control_characters(content: str | bytes, text: str) -> None:
    assert read_request(content, "stdin").text == text


def test_a_script_is_read_as_utf8(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"\xef\xbb\xbfprint('\xc3\xa4')\n")
    assert read_script(file) == "print('ä')\n"


def test_files_that_are_no_scripts_are_refused(tmp_path: Path) -> None:
    for name, content in {
        "b.bin": b"\x7fELF\x00",
        "l.py": b"# \xe4",
        "big.py": b"#" * (1024 * 1024 + 1),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match=name.replace(".", r"\.")):
            read_script(tmp_path / name)
    for missing in (tmp_path / "none.py", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            read_script(missing)
