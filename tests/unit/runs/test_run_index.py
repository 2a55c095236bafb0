"""The list of all runs is what the folders say, whatever becomes of the index that makes it quick."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from run_examples import make_run, run_id

from meta_agent.errors import UsageError
from meta_agent.runs import index as index_module
from meta_agent.runs.index import RunIndex, summary_of

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def index(runs_dir: Path, tmp_path: Path) -> RunIndex:
    return RunIndex(runs_dir, tmp_path / "cache")


def ids(index: RunIndex) -> list[str]:
    return [run.run_id for run in index.runs()]


def index_file(tmp_path: Path) -> Path:
    (file,) = (tmp_path / "cache" / "runs").glob("*.sqlite")
    return file


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders whose records are read, which the index is there to avoid."""
    names: list[str] = []

    def noting(folder: index_module.RunFolder) -> index_module.RunSummary:
        names.append(folder.name)
        return summary_of(folder)

    monkeypatch.setattr(index_module, "summary_of", noting)
    return names


def test_runs_are_listed_with_the_newest_first(index: RunIndex, runs_dir: Path) -> None:
    assert index.runs() == []
    for number in (2, 0, 1):
        make_run(runs_dir, number)
    newest, *_ = index.runs()
    assert ids(index) == [run_id(2), run_id(1), run_id(0)]
    assert (newest.status, newest.seconds, newest.rows, newest.model) == ("ok", 1.5, 2, "a-model")


def test_a_record_is_read_once_and_again_when_it_changes(
    index: RunIndex, runs_dir: Path, tmp_path: Path, read: list[str]
) -> None:
    for number in range(3):
        make_run(runs_dir, number)
    index.runs()
    read.clear()
    assert len(RunIndex(runs_dir, tmp_path / "cache").runs()) == 3
    assert read == []
    shutil.rmtree(runs_dir / run_id(0))
    shutil.rmtree(runs_dir / run_id(1))
    make_run(runs_dir, 1, status="failed", exit_code=7)
    make_run(runs_dir, 5)
    assert [(run.run_id, run.status) for run in index.runs()] == [
        (run_id(5), "ok"),
        (run_id(2), "ok"),
        (run_id(1), "failed"),
    ]
    assert sorted(read) == [run_id(1), run_id(5)]


def test_an_index_that_is_lost_or_damaged_is_made_anew(
    index: RunIndex, runs_dir: Path, tmp_path: Path, read: list[str]
) -> None:
    for number in range(3):
        make_run(runs_dir, number)
    index.runs()
    for damage in (lambda file: file.unlink(), lambda file: file.write_bytes(b"no database" * 1000)):
        read.clear()
        damage(index_file(tmp_path))
        assert len(RunIndex(runs_dir, tmp_path / "cache").runs()) == 3
        assert len(read) == 3
    read.clear()
    assert len(RunIndex(runs_dir, tmp_path / "cache").runs()) == 3
    assert read == []


def test_an_index_of_another_format_or_with_strange_entries_is_made_anew(
    index: RunIndex, runs_dir: Path, tmp_path: Path
) -> None:
    make_run(runs_dir, 0)
    expected = index.runs()
    for statement in (
        "PRAGMA user_version = 99",
        "UPDATE runs SET summary = '[1]'",
        'UPDATE runs SET summary = \'{"of": "tomorrow"}\'',
    ):
        with closing(sqlite3.connect(index_file(tmp_path))) as connection, connection:
            connection.execute(statement)
        assert RunIndex(runs_dir, tmp_path / "cache").runs() == expected


def test_without_a_place_for_the_index_the_folders_are_read(runs_dir: Path, tmp_path: Path) -> None:
    make_run(runs_dir, 0)
    (tmp_path / "file").write_text("")
    assert ids(RunIndex(runs_dir, tmp_path / "file")) == [run_id(0)]


def test_a_run_without_a_record_or_with_half_of_one_is_listed_as_such(
    index: RunIndex, runs_dir: Path
) -> None:
    make_run(runs_dir, 0)
    (runs_dir / run_id(1)).mkdir()
    for number, content in enumerate(
        ('{"status": "o', "[]", '{"status": "ok"}', '{"started_at": 1}'), start=2
    ):
        (make_run(runs_dir, number) / "run.json").write_text(content)
    statuses = [run.status for run in index.runs()]
    assert statuses == ["unreadable"] * 4 + ["unfinished", "ok"]


def test_a_run_that_goes_on_is_listed_with_its_request(index: RunIndex, runs_dir: Path) -> None:
    folder = make_run(runs_dir, 0)
    (folder / "run.json").rename(folder / "unfinished.json")
    (found,) = index.runs()
    assert (found.status, found.request) == ("unfinished", "Show the NOI of every property")
    assert found.rows is found.seconds is found.script_sha256 is None
    (folder / "unfinished.json").rename(folder / "run.json")
    assert [run.status for run in index.runs()] == ["ok"]


def test_records_of_the_first_version_are_understood(index: RunIndex, runs_dir: Path) -> None:
    folder = make_run(runs_dir, 0, hashed=False)
    content = json.loads((folder / "run.json").read_text())
    for name in ("repeats", "question", "parameters", "provenance", "reused_from", "notices"):
        del content[name]
    del content["execution"]["image"]
    (folder / "run.json").write_text(json.dumps(content))
    (old,) = index.runs()
    hashed = summary_of(next(iter(index_module.run_folders(make_run(runs_dir, 1).parent))))
    assert (old.status, old.rows) == ("ok", 2)
    assert old.script_sha256 is not None and old.script_sha256 == hashed.script_sha256


def test_only_folders_of_runs_count(index: RunIndex, runs_dir: Path, tmp_path: Path) -> None:
    elsewhere = make_run(tmp_path / "other", 0)
    runs_dir.mkdir()
    (runs_dir / run_id(1)).symlink_to(elsewhere, target_is_directory=True)
    (runs_dir / run_id(2)).write_text("a file")
    for name in ("script_1", ".removed-script_20260301_000000", "my notes"):
        (runs_dir / name).mkdir()
    assert index.runs() == []


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be read"):
        RunIndex(tmp_path / "file", tmp_path / "cache").runs()


@pytest.mark.parametrize(
    ("words", "found"),
    [(["noi"], True), (["NOI", "every"], True), (["noi", "city"], False), (["20260301"], True), ([], True)],
)
def test_words_are_looked_for_in_any_case(
    index: RunIndex, runs_dir: Path, words: list[str], found: bool
) -> None:
    make_run(runs_dir, 0)
    assert index.runs()[0].matches(words) is found


PROGRAM = """
import sys
from pathlib import Path
from meta_agent.runs import index
from meta_agent.runs.index import RunIndex
runs, cache, stop_in = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def stop():
    print("here", flush=True)
    sys.stdin.read()

if stop_in == "reading":
    read, seen = index.summary_of, []
    index.summary_of = lambda folder: seen.append(1) or (stop() if len(seen) == 20 else None) or read(folder)
if stop_in == "writing":
    dumps, seen = index.json.dumps, []
    def dump(content):
        seen.append(1)
        if len(seen) == 20:
            connections[-1].executemany("INSERT OR REPLACE INTO runs VALUES (?, '', '')", [("x",)])
            stop()
        return dumps(content)
    connections, write = [], index._write
    index._write = lambda connection, *rest: connections.append(connection) or write(connection, *rest)
    index.json.dumps = dump
print(len(RunIndex(runs, cache).runs()))
"""


def start(runs_dir: Path, tmp_path: Path, stop_in: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(runs_dir), str(tmp_path / "cache"), stop_in],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=PROJECT,
        text=True,
    )


@pytest.mark.parametrize("moment", ["reading", "writing"])
def test_a_process_that_is_killed_in_between_leaves_no_harm(
    index: RunIndex, runs_dir: Path, tmp_path: Path, moment: str
) -> None:
    for number in range(40):
        make_run(runs_dir, number)
    process = start(runs_dir, tmp_path, moment)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    assert ids(index) == [run_id(number) for number in reversed(range(40))]
    with closing(sqlite3.connect(index_file(tmp_path))) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT run_id) FROM runs").fetchone() == (40, 40)


def test_processes_at_once_agree(runs_dir: Path, tmp_path: Path, index: RunIndex) -> None:
    for number in range(100):
        make_run(runs_dir, number)
    running = [start(runs_dir, tmp_path) for _ in range(4)]
    said = [process.communicate() for process in running]
    assert [out.strip() for out, _ in said] == ["100"] * 4, said
    assert len(ids(index)) == 100


def test_a_run_that_ends_while_the_list_is_made_is_there_the_next_time(
    index: RunIndex, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record is written between the look at the folder and the reading of the file."""
    folder = make_run(runs_dir, 0, status="failed", exit_code=7)
    read: Callable[[index_module.RunFolder], index_module.RunSummary] = summary_of

    def reading_late(found: index_module.RunFolder) -> index_module.RunSummary:
        summary = read(found)
        shutil.rmtree(folder)
        make_run(runs_dir, 0)
        return summary

    monkeypatch.setattr(index_module, "summary_of", reading_late)
    assert [run.status for run in index.runs()] == ["failed"]
    monkeypatch.setattr(index_module, "summary_of", read)
    assert [run.status for run in index.runs()] == ["ok"]
