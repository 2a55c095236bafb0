"""A run whose process was killed has its record all the same: from the next run."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from meta_agent.contracts import LlmUsage, RunRecord
from meta_agent.errors import UsageError
from meta_agent.runs.journal import RunJournal
from meta_agent.runs.unfinished import NAME, settle, unfinished

CANARY = "c@nary/7"
KILLED = """
import os, signal, sys
from datetime import datetime, timezone
from pathlib import Path
from meta_agent.contracts import LlmUsage
from meta_agent.runs.journal import RunJournal
class Silent:
    def stage_started(self, name): ...
    def stage_finished(self, name, seconds): ...
    def note(self, message): ...
run = Path(sys.argv[1])
run.mkdir()
def work():
    (run / "script.py").write_text("")
    os.kill(os.getpid(), signal.SIGKILL)
started = datetime(2026, 3, 1, tzinfo=timezone.utc)
RunJournal("What about c@nary/7?", run, started, Silent(), ["c@nary/7"]).record(work, LlmUsage)
"""


class SilentProgress:
    def stage_started(self, name: str) -> None: ...

    def stage_finished(self, name: str, seconds: float) -> None: ...

    def note(self, message: str) -> None: ...


def journal(folder: Path) -> RunJournal:
    folder.mkdir()
    return RunJournal("What?", folder, datetime.now(timezone.utc), SilentProgress())


def record_in(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return content


def test_a_killed_run_gets_its_record_and_no_secret_with_it(tmp_path: Path) -> None:
    run = tmp_path / "script_1"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(run)], check=False)
    assert killed.returncode == -9
    assert CANARY not in (run / NAME).read_text()
    settle(tmp_path)
    record = record_in(run)
    assert (record["status"], record["exit_code"], record["run_id"]) == ("interrupted", 130, "script_1")
    assert "killed" in record["error"]["cause"] and record["request"] == "What about ****?"
    assert datetime.now(timezone.utc) - datetime.fromisoformat(record["finished_at"]) < timedelta(minutes=5)
    assert sorted(file.name for file in run.iterdir()) == ["logs", "run.json", "script.py"]


def test_a_run_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    run = journal(tmp_path / "script_1")

    def work() -> None:
        settle(tmp_path)
        assert (run.run_dir / NAME).exists() and not (run.run_dir / "run.json").exists()

    assert run.record(work, LlmUsage).status == "ok"
    assert not (run.run_dir / NAME).exists()
    settle(tmp_path)
    assert record_in(run.run_dir)["status"] == "ok"


@pytest.mark.parametrize("content", ["", "{", '{"status": "ok"}', "\x00"])
def test_a_note_that_is_none_harms_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "script_1").mkdir()
    (tmp_path / "script_1" / NAME).write_text(content)
    settle(tmp_path)
    settle(tmp_path / "nowhere")
    assert not (tmp_path / "script_1" / "run.json").exists()


def test_a_record_that_was_written_wins(tmp_path: Path) -> None:
    run = journal(tmp_path / "script_1")
    record = run.record(lambda: None, LlmUsage)
    (run.run_dir / NAME).write_text(record.model_copy(update={"status": "interrupted"}).model_dump_json())
    settle(tmp_path)
    assert record_in(run.run_dir)["status"] == "ok"
    assert not (run.run_dir / NAME).exists()


def test_an_end_without_a_record_leaves_the_note_as_one(tmp_path: Path) -> None:
    run = journal(tmp_path / "script_1")
    record: RunRecord = run.record(lambda: None, LlmUsage)
    (run.run_dir / "run.json").unlink()
    with pytest.raises(KeyboardInterrupt), unfinished(record):
        raise KeyboardInterrupt
    assert record_in(run.run_dir)["run_id"] == "script_1"


def test_a_disk_that_takes_nothing_is_told_and_left_as_it_was(tmp_path: Path) -> None:
    run = journal(tmp_path / "script_1")
    (run.run_dir / NAME).mkdir()  # no file can be made of that name
    with pytest.raises(UsageError, match="record of this run cannot be written"):
        run.record(lambda: None, LlmUsage)
    assert list(tmp_path.iterdir()) == []
