"""Arguments, wiring and exit codes, as far as the program gets without Docker, database and model."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import PROJECT
from scripted_model import unused_url

import script_executor

GOOD = "import os\n\nprint(os.path.join('a', 'b'))\n"
BAD = "import os\n\nos.system('ls')\n"


class Program:
    """The program in this process, off a terminal."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.runs_dir = folder / "runs"
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.out = self.err = ""
        monkeypatch.chdir(folder)
        monkeypatch.setenv("RUNS_DIR", str(self.runs_dir))
        monkeypatch.setenv("LLM_BASE_URL", unused_url())

    def run(self, *arguments: str, stdin: bytes = b"") -> int:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = script_executor.run(list(arguments))
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *arguments: str, stdin: bytes = b"") -> dict[str, Any]:
        code = self.run("--json", *arguments, stdin=stdin)
        answer: dict[str, Any] = json.loads(self.out)
        assert answer.get("exit_code", code) == code
        return answer


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(tmp_path, monkeypatch, capsys)


def test_the_version_is_that_of_the_project(program: Program) -> None:
    pyproject = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{script_executor.VERSION}"' in pyproject
    assert program.run("--version") == 0
    assert program.out == f"script_executor.py {script_executor.VERSION}\n"


def test_help_names_everything(program: Program) -> None:
    assert program.run("--help") == 0
    for name in (
        "--demo",
        "--json",
        "--dry-run",
        "--no-cache",
        "--no-input",
        "--debug",
        "--quiet",
        "--version",
    ):
        assert f"{name} " in program.out
    assert "validate FILE" in program.out and "execute FILE" in program.out and "doctor" in program.out
    for command in script_executor.COMMANDS:
        assert program.run(command, "--help") == 0


@pytest.mark.parametrize(
    ("arguments", "stdin", "reason"),
    [
        (["--bogus"], b"", "No such option: --bogus."),
        (["two", "words"], b"", "unexpected extra argument"),
        (["validate"], b"", "Missing argument 'FILE'."),
        (["validate", "--demo", "x.py"], b"", "No such option: --demo"),
        (["validate", "no-such-file.py"], b"", "no-such-file.py cannot be read"),
        (["execute", "no-such-file.py"], b"", "no-such-file.py cannot be read"),
        ([""], b"", "The request is empty."),
        ([], b"", "The request is empty."),
        (["-"], b" \n", "The request is empty."),
        ([], b"\x00\x01", "The request is binary data"),
        ([], "Wohnfl\u00e4che".encode("latin-1"), "The request is not UTF-8 text"),
        ([], b"x" * 40_000, "The request has more than 32 KB."),
        ([], b"x" * 4_000_000, "The request has more than 32 KB."),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(
    program: Program, arguments: list[str], stdin: bytes, reason: str
) -> None:
    assert program.run(*arguments, stdin=stdin) == 2
    assert program.out == ""
    assert reason in program.err and "  → " in program.err
    answer = program.json(*arguments, stdin=stdin)
    assert (answer["status"], answer["exit_code"]) == ("failed", 2)
    assert reason in answer["error"]["cause"]
    assert not program.runs_dir.exists()


def test_a_command_is_found_after_options_and_not_after_two_dashes(program: Program, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    assert program.run("--json", "validate", "bad.py") == 5
    assert program.run("--", "doctor") == 3
    assert "No model server" in program.err or "model" in program.err


def test_a_wrong_setting_is_named_before_anything_starts(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "canary")
    assert program.run("What?") == 2
    assert "PORT" in program.err and "canary" not in program.err


def test_a_broken_glossary_is_named(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOSSARY_PATH", str(tmp_path / "none.yaml"))
    assert program.json("What?")["error"]["cause"] == f"The glossary {tmp_path / 'none.yaml'} cannot be read."


@pytest.mark.parametrize(
    ("arguments", "wrong", "code", "stage"),
    [
        (["What?"], {"LLM_BASE_URL": "embedded", "META_AGENT_CACHE": "a-file/cache"}, 3, "model"),
        (["What?"], {"GLOSSARY_PATH": "none.yaml"}, 2, "start"),
        (["execute", "good.py"], {"GLOSSARY_PATH": "none.yaml"}, 2, "start"),
        (["What?"], {}, 3, "model"),
    ],
)
def test_what_fails_while_it_is_started_has_its_record(
    program: Program,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    wrong: dict[str, str],
    code: int,
    stage: str,
) -> None:
    (tmp_path / "a-file").write_text("")
    (tmp_path / "good.py").write_text(GOOD)
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    answer = program.json(*arguments)
    assert (answer["status"], answer["exit_code"]) == ("failed", code)
    assert list(answer["timings"])[-1] == stage
    folder = Path(answer["run_dir"])
    record = json.loads((folder / "run.json").read_text())
    assert (record["exit_code"], record["error"]) == (code, answer["error"])
    assert "ended early" in (folder / "logs" / "run.log").read_text()


def test_a_folder_that_cannot_be_made_is_named(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "file"))
    assert program.json("What?")["exit_code"] == 2
    assert str(tmp_path / "file") in program.err


def test_validate(program: Program, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)
    assert program.run("validate", "good.py") == 0
    assert "Accepted: security score" in program.out
    assert program.run("validate", "bad.py") == 5
    assert "Refused: security score" in program.out and "line 3" in program.out


def test_validate_as_json(program: Program, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    verdict = program.json("validate", "bad.py")
    assert list(verdict) == [
        *("is_valid", "security_score", "issues", "estimated_memory_mb", "estimated_cpu_cores")
    ]
    assert verdict["is_valid"] is False
    assert set(verdict["issues"][0]) == {"rule", "severity", "line", "message"}
    assert program.json("validate", "-", stdin=BAD.encode()) == verdict


def test_a_script_is_read_whole_from_stdin(program: Program) -> None:
    long = GOOD + "# filler\n" * 10_000 + "import os\nos.system('ls')\n"
    assert program.run("validate", "-", stdin=long.encode()) == 5


def test_a_script_that_is_refused_is_not_executed(program: Program, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    answer = program.json("execute", "bad.py")
    assert (answer["status"], answer["exit_code"]) == ("refused", 5)
    assert answer["validation"]["is_valid"] is False
    assert "Line 3: os.system" in answer["error"]["cause"]
    assert json.loads((Path(answer["run_dir"]) / "run.json").read_text())["status"] == "refused"


def test_a_script_that_needs_a_database_says_so(program: Program, tmp_path: Path) -> None:
    (tmp_path / "db.py").write_text("import os\n\nprint(len(os.environ['DATABASE_URL']))\n")
    answer = program.json("execute", "db.py")
    assert (answer["status"], answer["exit_code"]) == ("failed", 4)
    assert "DATABASE_URL" in answer["error"]["cause"]


def test_an_internal_error_is_one_json_object_too(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    monkeypatch.setattr(Path, "open", _broken)
    answer = program.json("validate", "good.py")
    assert (answer["status"], answer["exit_code"]) == ("failed", 1)
    assert "Traceback" not in program.err
    assert program.run("--debug", "validate", "good.py") == 1
    assert "Traceback" in program.err and "KeyError" in program.err


def _broken(*_arguments: object) -> None:
    raise KeyError("inside")


def test_prompts_are_shown_without_a_model(program: Program) -> None:
    assert program.run("prompt", "What is 17 times 23?") == 0
    assert program.out.startswith("=== analysis: system ===\n") and "=== function: user ===" in program.out
    preview = program.json("prompt", "-", stdin=b"What is 17 times 23?")
    assert [prompt["stage"] for prompt in preview["prompts"]] == ["analysis", "function"]
    assert program.json("prompt") == {"schema": None, "prompts": [], "warnings": []}
    assert program.run("prompt", " ") == 2
    assert not program.runs_dir.exists()
