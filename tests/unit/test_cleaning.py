"""Old run folders go, and nothing else; Docker may be away."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from run_examples import make_run, run_id

from meta_agent.cleaning import Cleaner, age_of, folder_bytes
from meta_agent.errors import UsageError
from meta_agent.runs import store
from meta_agent.runs.index import RunIndex, RunSummary
from meta_agent.runs.store import load_record
from meta_agent.runs.unfinished import unfinished
from meta_agent.sandbox.options import SandboxOptions

AWAY = SandboxOptions(docker_host="unix:///nowhere/docker.sock")


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def cleaner(runs_dir: Path) -> Cleaner:
    return Cleaner(runs_dir, AWAY)


def listed(runs_dir: Path) -> list[RunSummary]:
    return RunIndex(runs_dir, runs_dir.parent / "cache").runs()


def age_between(runs: list[RunSummary]) -> timedelta:
    """An age that the older of two runs has and the newer one has not."""
    newer, older = (run.moment for run in runs)
    middle = older + (newer - older) / 2
    return middle.now().astimezone() - middle


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        (" 8w ", timedelta(weeks=8)),
        ("0d", timedelta()),
    ],
)
def test_ages(text: str, age: timedelta) -> None:
    assert age_of(text) == age


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "30 days", "1y", "999999d"])
def test_ages_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="no age"):
        age_of(text)


def test_old_folders_go_and_new_ones_stay(cleaner: Cleaner, runs_dir: Path) -> None:
    old = make_run(runs_dir, 0)
    new = make_run(runs_dir, 60)
    (runs_dir / "my notes").mkdir()
    runs = listed(runs_dir)
    plan = cleaner.plan(runs, age_between(runs))
    assert [folder.path for folder in plan.folders] == [old]
    assert plan.bytes == folder_bytes(old) > 1000
    assert plan.holdings == () and "stays" in plan.notes[0]
    assert old.exists()
    assert cleaner.carry_out(plan) == []
    assert {path.name for path in runs_dir.iterdir()} == {new.name, "my notes"}
    assert cleaner.plan(listed(runs_dir), age_between(runs)).is_empty


def test_a_run_that_was_killed_goes_when_it_is_old(cleaner: Cleaner, runs_dir: Path) -> None:
    (runs_dir / run_id(0)).mkdir(parents=True)
    plan = cleaner.plan(listed(runs_dir), timedelta(0))
    assert [folder.path.name for folder in plan.folders] == [run_id(0)]


def test_a_run_that_goes_on_stays(cleaner: Cleaner, runs_dir: Path) -> None:
    folder = make_run(runs_dir, 0)
    with unfinished(load_record(folder)):
        assert cleaner.plan(listed(runs_dir), timedelta(0)).running == (folder.name,)
    assert [f.path for f in cleaner.plan(listed(runs_dir), timedelta(0)).folders] == [folder]


def test_links_are_removed_and_not_followed(cleaner: Cleaner, runs_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x" * 10_000_000)
    old = make_run(runs_dir, 0)
    (old / "exports").symlink_to(tmp_path / "precious", target_is_directory=True)
    plan = cleaner.plan(listed(runs_dir), timedelta(0))
    assert plan.bytes < 100_000
    cleaner.carry_out(plan)
    assert not old.exists() and (tmp_path / "precious" / "file").exists()


def test_what_a_killed_cleaning_left_goes_with_the_next(
    cleaner: Cleaner, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(runs_dir, 0)
    plan = cleaner.plan(listed(runs_dir), timedelta(0))

    def killed(_path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(store.shutil, "rmtree", killed)
        cleaner.carry_out(plan)
    assert listed(runs_dir) == []
    again = cleaner.plan([], timedelta(days=1))
    assert len(again.folders) == 1 and cleaner.carry_out(again) == []
    assert list(runs_dir.iterdir()) == []


def test_what_cannot_be_removed_is_told(
    cleaner: Cleaner, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(runs_dir, 0)
    plan = cleaner.plan(listed(runs_dir), timedelta(0))

    def refused(_path: Path) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(store.shutil, "rmtree", refused)
    (problem,) = cleaner.carry_out(plan)
    assert run_id(0) in problem and "Permission denied" in problem
