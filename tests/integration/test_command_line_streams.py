"""The program as a process of its own: closed streams, readers that leave, encodings, colours."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command_line import CommandLine
from pipeline_support import BASE_IMAGE, COMPARED, portfolio, reader_url  # noqa: F401
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from scripted_model import ScriptedModel, unused_url

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


@pytest.mark.docker
@pytest.mark.database
def test_the_words_of_an_answer_reach_nobody_else(program: CommandLine, portfolio: RunningPostgres) -> None:
    """A whole run as a process: the answer on stdout, the rest on stderr, the password nowhere."""
    with ScriptedModel(COMPARED) as model:
        program.settings.update(
            BASE_IMAGE=BASE_IMAGE,
            LLM_BASE_URL=model.base_url,
            LLM_MODEL_NAME=model.model,
            DATABASE_URL=reader_url(portfolio),
            META_AGENT_CACHE=str(program.runs_dir.parent / "cache"),
        )
        finished = program.run("Show the NOI of every property")
    assert finished.returncode == 0, finished.stderr
    assert "Maple Court" in finished.stdout and "Took" not in finished.stdout
    assert "Took" in finished.stderr and "Maple Court" not in finished.stderr
    assert "r:e@a" not in finished.stdout + finished.stderr
    assert list(program.runs_dir.glob("*/results/result.json"))
