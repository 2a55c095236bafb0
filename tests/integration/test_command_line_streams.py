"""The program as a process of its own: closed streams, readers that leave, encodings, colours."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command_line import CommandLine
from scripted_model import unused_url

BAD = "import os\n\nos.system('ls')\n"


@pytest.fixture
def program(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "runs", {"LLM_BASE_URL": unused_url()})


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_reason_to_crash(program: CommandLine, closed: str) -> None:
    finished = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *program.command("--no-input")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=program.environment,
        cwd=program.runs_dir.parent,
        check=False,
    )
    assert finished.returncode == 2
    assert b"Traceback" not in finished.stderr + finished.stdout


def test_a_reader_that_goes_away_early_is_no_error(program: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import os\n" + "os.system('ls')\n" * 3000)
    for options in ("", "--json"):
        command = " ".join(program.command("validate", "bad.py", options))
        finished = subprocess.run(
            ["/bin/bash", "-c", f"{command} | head -1; exit ${{PIPESTATUS[0]}}"],
            capture_output=True,
            env=program.environment,
            cwd=tmp_path,
            check=False,
        )
        assert finished.stderr.replace("Starting…\n".encode(), b"") == b""
        assert finished.returncode == 5
        assert finished.stdout.count(b"\n") == 1


def test_output_that_cannot_be_encoded_is_escaped(program: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD.replace("ls", "ü"), encoding="utf-8")
    program.settings["PYTHONIOENCODING"] = "ascii"
    finished = program.run("validate", "bad.py")
    assert finished.returncode == 5 and "Traceback" not in finished.stderr


def test_colours_only_where_they_are_wanted(program: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    assert "\x1b" not in program.run("validate", "bad.py").stdout
    program.settings["FORCE_COLOR"] = "1"
    assert "\x1b[" in program.run("validate", "bad.py").stdout
    program.settings["NO_COLOR"] = "1"
    assert "\x1b[31m" not in program.run("validate", "bad.py").stdout
