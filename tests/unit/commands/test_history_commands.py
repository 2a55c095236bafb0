"""The commands about earlier runs and saved questions, as far as they get without Docker and database."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import PROJECT
from run_examples import SOURCE, make_run, run_id

import script_executor
from meta_agent.contracts import GeneratedScript
from meta_agent.questions.question_file import read_question

REPORT = (PROJECT / "tests" / "golden" / "scripts" / "simple_report.py").read_text(encoding="utf-8")
REQUEST = "List the properties in Florida (FL)."


class Program:
    """The program in this process, off a terminal."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self.runs_dir = folder / "runs"
        self._capsys = capsys
        self.out = self.err = ""
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"y\n")))
        for name, value in {
            "RUNS_DIR": self.runs_dir,
            "QUESTIONS_DIR": folder / "questions",
            "META_AGENT_CACHE": folder / "cache",
            "DOCKER_HOST": "unix:///nowhere/docker.sock",
            "DATABASE_URL": "postgresql://reader:p%40ssw0rd@localhost:1/nowhere",
        }.items():
            monkeypatch.setenv(name, str(value))

    def run(self, *arguments: str) -> int:
        code = script_executor.run(list(arguments))
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *arguments: str) -> dict[str, Any]:
        code = self.run(*arguments, "--json")
        answer: dict[str, Any] = json.loads(self.out)
        assert answer.get("exit_code", code) == code
        return answer

    def report(self, number: int, request: str = REQUEST) -> Path:
        """A run that answered with a report over the properties in Florida."""
        script = GeneratedScript(source=REPORT, template="console_report", needs_database=True)
        folder = make_run(self.runs_dir, number, hashed=False, script=script, request=request)
        (folder / "script.py").write_text(REPORT, encoding="utf-8")
        return folder


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(tmp_path, monkeypatch, capsys)


def test_every_command_is_named_and_has_help(program: Program) -> None:
    assert program.run("--help") == 0
    for command in script_executor.PAST:
        assert command in program.out
    for command in script_executor.PAST:
        assert program.run(command, "--help") == 0
        assert "Usage:" in program.out


def test_help_loads_nothing_of_these_commands() -> None:
    program = "import sys, script_executor; print('meta_agent.commands' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "False\n"


def test_history(program: Program) -> None:
    assert program.run("history") == 0
    assert program.out == "No run matches.\n"
    for number in range(3):
        make_run(program.runs_dir, number)
    make_run(program.runs_dir, 3, status="failed", exit_code=7, request="Loans by lender")
    assert program.run("history", "noi", "PROPERTY", "--limit", "2") == 0
    assert program.out.count("Show the NOI") == 2 and "1 more of 3" in program.out
    assert program.err == ""
    listed = program.json("history", "--status", "failed")
    assert [run["request"] for run in listed["runs"]] == ["Loans by lender"]
    assert program.json("--json", "history", "nothing like it") == {"total": 0, "runs": []}
    assert program.run("history", "--status", "bad") == 2
    assert program.run("history", "--limit", "0") == 2


def test_show(program: Program) -> None:
    make_run(program.runs_dir, 0)
    assert program.run("show", "last") == 0
    assert "Show the NOI of every property" in program.out and "98,000.10" in program.out
    told = program.json("show", run_id(0))
    assert told["run_id"] == run_id(0) and told["tables"][0]["rows"][0]["name"] == "Old Mill"
    assert "1234567890123456.10" in program.out
    assert program.run("show", "script_2027") == 2
    assert "There is no run 'script_2027'" in program.err
    failure = program.json("show", "script_2027")
    assert (failure["status"], failure["exit_code"]) == ("failed", 2)


def test_verify(program: Program) -> None:
    folder = make_run(program.runs_dir, 0)
    assert program.run("verify", "last") == 0
    assert "2 files are as recorded" in program.out
    (folder / "script.py").write_text("x")
    assert program.run("verify", "last") == 9
    assert "✗ script.py was changed" in program.out
    told = program.json("verify", "last")
    assert (told["exit_code"], told["as_recorded"]) == (9, False)
    assert told["differences"] == [{"file": "script.py", "problem": "was changed"}]
    make_run(program.runs_dir, 1, hashed=False)
    assert program.run("verify", "last") == 0 and "has no hashes" in program.out
    make_run(program.runs_dir, 2, script=None)
    assert program.run("verify", "last") == 2


def test_a_script_that_was_changed_is_not_run_again(program: Program) -> None:
    folder = make_run(program.runs_dir, 0)
    (folder / "script.py").write_text(SOURCE + "# changed\n")
    assert program.run("rerun", "last") == 2
    assert "was changed since it was recorded" in program.err and "execute" in program.err
    assert len(list(program.runs_dir.iterdir())) == 1


def test_a_rerun_that_cannot_reach_the_database_has_a_record(program: Program) -> None:
    program.report(0)
    told = program.json("rerun", "last")
    assert (told["status"], told["exit_code"], told["changes"]) == ("failed", 4, None)
    listed = program.json("history", "--status", "failed")["runs"]
    assert [run["repeats"] for run in listed] == [run_id(0)]


def test_save_and_what_comes_of_it(program: Program) -> None:
    program.report(0)
    assert program.run("save", "last", "--name", "florida") == 0
    assert "state (text), now FL" in program.out
    file = program.folder / "questions" / "florida.yaml"
    assert read_question(file).request == "List the properties in Florida ({state})."
    assert program.run("save", "last", "--name", "florida") == 2
    assert program.json("save", "last", "--name", "florida", "--replace")["name"] == "florida"
    assert program.run("save", "last", "--name", "rent-roll") == 2
    assert program.run("save", "last", "--name", "Florida!") == 2
    assert program.run("save", "last") == 2
    assert [file.name] == [path.name for path in file.parent.iterdir()]


def test_a_request_with_the_password_in_it_is_not_saved(program: Program) -> None:
    program.report(0, request="Properties in FL for p@ssw0rd")
    assert program.run("save", "last", "--name", "florida") == 2
    assert "password" in program.err and "p@ssw0rd" not in program.err
    assert not (program.folder / "questions").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "There is no question 'nothing'"),
        (("lease-expiries", "--param", "yaer=2026"), "year (year, now 2026)"),
        (("lease-expiries", "--param", "year=26"), "must be a year"),
        (("rent-roll", "--param", "date=2026-02-30"), "must be a date"),
        (("dscr-review", "--param", "year=2026"), "has no parameters"),
    ],
)
def test_a_value_that_cannot_be_used_leaves_no_run(
    program: Program, arguments: tuple[str, ...], said: str
) -> None:
    for command in (("run",), ("template", "run"), ("schedule",)):
        assert program.run(*command, *arguments) == 2
        assert said in program.err
    assert not program.runs_dir.exists()


def test_templates_are_listed_shown_and_added(program: Program) -> None:
    assert program.run("template", "list") == 0
    assert program.out.count("shipped") == 6
    assert program.run("template", "show", "lease-expiries") == 0
    own = program.folder / "mine.yaml"
    own.write_text(program.out.replace("lease-expiries", "my-expiries"), encoding="utf-8")
    assert program.run("template", "add", str(own)) == 0
    assert program.run("template", "add", str(own)) == 2
    origins = {entry["name"]: entry["origin"] for entry in program.json("template", "list")["questions"]}
    assert origins["my-expiries"] == "saved" and len(origins) == 7
    assert program.json("template", "show", "my-expiries")["parameters"][0]["name"] == "year"
    own.write_text("a: [")
    assert program.run("template", "add", str(own)) == 2
    assert program.run("template", "show") == 2 and "needs a NAME" in program.err
    assert program.run("template", "burn", "x") == 2


def test_schedule_prints_the_command(program: Program) -> None:
    assert (
        program.run("schedule", "lease-expiries", "--param", "year=2027", "--every", "day", "--at", "6:30")
        == 0
    )
    assert "30 6 * * * cd " in program.out
    assert "run lease-expiries --param year=2027 --quiet" in program.out
    told = program.json("schedule", "dscr-review", "--demo")
    assert set(told) == {"cron", "launchd", "systemd_service", "systemd_timer"}
    assert "--demo" in told["cron"]
    assert program.run("schedule", "dscr-review", "--at", "noon") == 2


def test_clean_shows_first_and_removes_when_told(program: Program) -> None:
    folder = make_run(program.runs_dir, 0)
    (program.folder / "questions").mkdir()
    assert program.run("clean", "--older-than", "0d") == 2
    assert folder.name in program.out and "nobody could be asked" in program.err
    assert folder.exists()
    told = program.json("clean", "--older-than", "0d")
    assert (told["removed"], len(told["folders"])) == (False, 1) and folder.exists()
    assert program.run("clean", "--older-than", "0d", "--yes") == 0
    assert not folder.exists() and (program.folder / "questions").exists()
    assert program.json("history")["total"] == 0
    assert program.run("clean") == 2
    assert program.run("clean", "--older-than", "soon") == 2


def test_a_damaged_setting_is_told_by_these_commands_too(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPT_TIMEOUT", "soon")
    for command in (("history",), ("template", "list")):
        assert program.run(*command) == 2
        assert "SCRIPT_TIMEOUT" in program.err
