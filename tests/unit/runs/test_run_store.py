"""Records are read back exactly, also those of earlier versions; folders go in one step."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from run_examples import ROWS, make_run, run_id

from meta_agent.errors import UsageError
from meta_agent.runs import store
from meta_agent.runs.index import RunIndex
from meta_agent.runs.search import find_run, last_answer, last_with
from meta_agent.runs.store import half_removed, load_record, remove_folder, run_folders, time_of_name


def test_figures_are_as_exact_as_they_were(tmp_path: Path) -> None:
    record = load_record(make_run(tmp_path, 0))
    assert record.execution is not None and record.execution.result is not None
    assert record.execution.result.tables[0].rows == ROWS
    assert str(record.execution.result.tables[0].rows[1]["noi"]) == "1234567890123456.10"
    assert record.provenance is not None and record.provenance.rows == (2,)


def test_a_record_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    folder = make_run(tmp_path, 0, hashed=False)
    content = json.loads((folder / "run.json").read_text())
    for name in ("repeats", "question", "parameters", "provenance"):
        del content[name]
    del content["execution"]["image"]
    (folder / "run.json").write_text(json.dumps(content))
    record = load_record(folder)
    assert (record.provenance, record.question, record.parameters) == (None, None, {})


def test_a_folder_that_was_moved_is_where_it_is(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "old", 0)
    moved = folder.rename(tmp_path / folder.name)
    assert load_record(moved).run_dir == str(moved)


@pytest.mark.parametrize("content", [None, "", "[]", '{"a": 1', '{"run_id": "x", "of": "tomorrow"}'])
def test_a_record_that_cannot_be_understood_is_told(tmp_path: Path, content: str | None) -> None:
    folder = make_run(tmp_path, 0)
    (folder / "run.json").unlink() if content is None else (folder / "run.json").write_text(content)
    with pytest.raises(UsageError, match=folder.name):
        load_record(folder)


def test_a_record_beyond_all_bounds_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(tmp_path, 0)
    monkeypatch.setattr(store, "MOST_RECORD_BYTES", 100)
    with pytest.raises(UsageError):
        load_record(folder)


def test_a_folder_goes_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(tmp_path, 0)

    def killed(_path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        remove_folder(folder)
    assert list(run_folders(tmp_path)) == []
    assert [path.name for path in half_removed(tmp_path)] == [f".removed-{folder.name}"]


def test_times_are_read_from_names() -> None:
    found = time_of_name("script_20260301_101500_2")
    assert found is not None and (found.hour, found.minute, found.tzinfo is not None) == (10, 15, True)
    assert time_of_name("script_20269901_101500") is None
    assert time_of_name("notes") is None


def test_runs_are_found_by_id_beginning_path_and_last(tmp_path: Path) -> None:
    for number in (0, 1, 60):
        make_run(tmp_path, number)
    runs = RunIndex(tmp_path, tmp_path / "cache").runs()
    for wanted in (
        "last",
        run_id(60),
        "script_20260301_01",
        "20260301_01",
        f"generated_scripts/{run_id(60)}/",
    ):
        assert find_run(wanted, runs).run_id == run_id(60)
    with pytest.raises(UsageError, match="several runs") as several:
        find_run("20260301_00", runs)
    assert run_id(0) in several.value.cause and run_id(1) in several.value.cause
    for nothing in ("script_2027", "", "/", "*"):
        with pytest.raises(UsageError, match="There is no run"):
            find_run(nothing, runs)
    with pytest.raises(UsageError, match="no run yet"):
        find_run("last", [])


def test_an_id_that_begins_another_one_is_still_itself(tmp_path: Path) -> None:
    folder = make_run(tmp_path, 0)
    second = folder.with_name(f"{folder.name}_2")
    second.mkdir()
    runs = RunIndex(tmp_path, tmp_path / "cache").runs()
    assert find_run(folder.name, runs).run_id == folder.name


def test_the_last_answer_is_a_good_one_of_the_same_script_or_question(tmp_path: Path) -> None:
    year = {"year": "2026"}
    make_run(tmp_path, 0, question="q", parameters=year)
    make_run(tmp_path, 1)
    make_run(tmp_path, 2, status="failed", exit_code=7, question="q", parameters=year)
    make_run(tmp_path, 3, execution=None)
    runs = RunIndex(tmp_path, tmp_path / "cache").runs()
    found = last_with(runs[0].script_sha256, runs)
    assert found is not None and found.run_id == run_id(1)
    assert last_with(None, runs) is None and last_with("other", runs) is None
    answer = last_answer("q", year, runs)
    assert answer is not None and answer.run_id == run_id(0)
    assert last_answer("q", {"year": "2027"}, runs) is None


def test_decimals_survive_as_such(tmp_path: Path) -> None:
    folder = make_run(tmp_path, 0, timings={"schema": 0.25})
    record = load_record(folder)
    assert record.timings == {"schema": 0.25} and isinstance(record.timings["schema"], float)
    assert record.execution is not None and not isinstance(record.execution.seconds, Decimal)
