"""What a record tells of where an answer comes from, and whether the files are still those."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime, timezone
from pathlib import Path

import pytest
from run_examples import make_run

from meta_agent.contracts import ExecutionResult, LlmUsage, ResultTable, ScriptResult
from meta_agent.runs import provenance
from meta_agent.runs.journal import RunJournal
from meta_agent.runs.provenance import differences, prompts_sha256, sha256_of
from meta_agent.runs.store import load_record


class Silent:
    """Does nothing, as Progress may."""

    def stage_started(self, name: str) -> None: ...

    def stage_finished(self, name: str, seconds: float) -> None: ...

    def note(self, message: str) -> None: ...


@pytest.fixture
def journal(tmp_path: Path) -> RunJournal:
    return RunJournal("What?", tmp_path, datetime(2026, 3, 1, tzinfo=timezone.utc), Silent())


def write(folder: Path) -> None:
    for name in ("script.py", "results/result.json", "exports/data/a.csv", "logs/script.log"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


EXECUTION = ExecutionResult(
    status="ok",
    exit_code=0,
    result=ScriptResult(tables=(ResultTable(title="t", columns=("a",), rows=({"a": 1}, {"a": 2})),)),
    output="",
    error_output="",
    files=("results/result.json", "exports/data/a.csv", "logs/script.log"),
    seconds=0.1,
    image="sha256:123",
)


def test_a_record_tells_where_the_answer_comes_from(journal: RunJournal) -> None:
    def work() -> None:
        journal.came_from("a-model", "w" * 64)
        write(journal.run_dir)
        journal.execution = EXECUTION

    found = journal.record(work, LlmUsage).provenance
    assert found is not None
    assert (found.model_sha256, found.prompts_sha256, found.image) == (
        "w" * 64,
        prompts_sha256(),
        "sha256:123",
    )
    assert found.script_sha256 == hashlib.sha256(b"script.py").hexdigest()
    assert found.files == {
        name: hashlib.sha256(name.encode()).hexdigest()
        for name in ("results/result.json", "exports/data/a.csv")
    }
    assert found.rows == (2,)
    assert load_record(journal.run_dir).provenance == found


def test_without_a_model_no_prompts_and_without_a_script_nothing(journal: RunJournal) -> None:
    assert journal.record(lambda: None, LlmUsage).provenance is None
    write(journal.run_dir)
    found = journal.record(lambda: journal.came_from(None, None), LlmUsage).provenance
    assert found is not None and found.prompts_sha256 is None and found.files == {}


def test_a_script_that_is_given_up_takes_its_origin_along(journal: RunJournal) -> None:
    journal.came_from("a-model", "w")
    journal.start_over()
    write(journal.run_dir)
    found = journal.record(lambda: None, LlmUsage).provenance
    assert found is not None and (found.model_sha256, found.prompts_sha256) == (None, None)


def test_the_prompts_hash_changes_with_any_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.md.j2").write_text("one")
    monkeypatch.setattr(provenance, "_PROMPTS", tmp_path)
    seen = set()
    for change in (
        lambda: None,
        lambda: (tmp_path / "a.md.j2").write_text("two"),
        lambda: (tmp_path / "b.yaml").write_text(""),
        lambda: (tmp_path / "a.md.j2").rename(tmp_path / "c.md.j2"),
    ):
        change()
        prompts_sha256.cache_clear()
        seen.add(prompts_sha256())
    prompts_sha256.cache_clear()
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / "script.py").write_text("x"), [("script.py", "was changed")]),
        (lambda folder: (folder / "script.py").unlink(), [("script.py", "is missing")]),
        (
            lambda folder: (folder / "results" / "result.json").write_text('{"tables": [1]}'),
            [("results/result.json", "was changed")],
        ),
        (lambda folder: None, []),
    ],
)
def test_files_that_are_not_the_recorded_ones_are_named(
    tmp_path: Path, damage: object, told: list[tuple[str, str]]
) -> None:
    folder = make_run(tmp_path, 0)
    damage(folder)  # type: ignore[operator]
    assert [(d.file, d.problem) for d in differences(load_record(folder), folder)] == told


def test_what_took_a_files_place_is_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    folder = make_run(tmp_path, 0)
    result = folder / "results" / "result.json"
    copy = tmp_path / "copy"
    result.rename(copy)
    result.symlink_to(copy)
    (found,) = differences(load_record(folder), folder)
    assert found.file == "results/result.json" and found.problem.startswith("cannot be read")
    result.unlink()
    os.mkfifo(result)
    (found,) = differences(load_record(folder), folder)
    assert found.problem.startswith("cannot be read")
    with pytest.raises(OSError, match="no regular file"):
        sha256_of(result)


def test_of_an_early_record_the_script_is_compared(tmp_path: Path) -> None:
    folder = make_run(tmp_path, 0, hashed=False)
    assert list(differences(load_record(folder), folder)) == []
    (folder / "script.py").write_text("other")
    assert [d.file for d in differences(load_record(folder), folder)] == ["script.py"]
