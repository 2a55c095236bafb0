"""Texts kept in a SQLite file: private, bounded, shared, and never in the way."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from meta_agent import local_database, local_store
from meta_agent.local_store import ROW_BYTES, LocalStore, key_of

PROJECT = Path(__file__).resolve().parents[2]
MUCH = 10**6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "texts.sqlite"


def store(path: Path, most_bytes: int = MUCH) -> LocalStore:
    return LocalStore(path, most_bytes)


def test_what_is_kept_is_found_by_the_next_process(path: Path) -> None:
    store(path).keep("a", "Größe ✓")
    assert store(path).find("a") == "Größe ✓"
    assert store(path).find("b") is None


def test_a_new_text_takes_the_place_of_the_old_one_and_can_be_forgotten(path: Path) -> None:
    texts = store(path)
    for text in ("one", "two"):
        texts.keep("a", text)
    assert texts.find("a") == "two"
    texts.forget("a")
    assert texts.find("a") is None
    texts.keep("b", "x")
    texts.clear()
    assert texts.find("b") is None


def test_only_the_owner_may_read_it_even_while_it_is_open(path: Path) -> None:
    texts = store(path)
    texts.keep("a", "secret")
    with closing(sqlite3.connect(path)) as other:
        other.execute("SELECT * FROM entries").fetchall()
        texts.keep("b", "secret")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert "texts.sqlite-wal" in modes
    assert set(modes.values()) == {0o600}


def test_a_file_that_others_may_read_is_closed_to_them(path: Path) -> None:
    store(path).keep("a", "x")
    path.chmod(0o644)
    assert store(path).find("a") == "x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_not_used_for_longest_is_dropped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(local_store.time, "time", lambda: float(next(clock)))
    texts = store(path, most_bytes=5 * (ROW_BYTES + 10))
    for number in range(5):
        texts.keep(str(number), "x" * 10)
    assert texts.find("0") == "x" * 10
    texts.keep("5", "x" * 10)
    assert [n for n in range(6) if texts.find(str(n))] == [0, 3, 4, 5]


def test_one_text_that_is_too_large_for_the_store_is_not_kept(path: Path) -> None:
    texts = store(path, most_bytes=1000)
    texts.keep("a", "x" * 2000)
    texts.keep("b", "y")
    assert (texts.find("a"), texts.find("b")) == (None, "y")


@pytest.mark.parametrize(
    "damage", [b"this is no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_a_damaged_file_is_set_aside_and_made_anew(path: Path, damage: bytes) -> None:
    store(path).keep("a", "x")
    path.write_bytes(damage)
    texts = store(path)
    assert texts.find("a") is None
    texts.keep("a", "y")
    assert texts.find("a") == "y"
    assert path.with_name("texts.sqlite.damaged").read_bytes() == damage


def test_a_file_that_is_damaged_while_it_is_used(path: Path) -> None:
    texts = store(path)
    for number in range(200):
        texts.keep(str(number), "x" * 500)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    assert texts.find("7") is None
    texts.keep("7", "y")
    assert texts.find("7") == "y"


def test_a_file_that_is_removed_while_it_is_used(path: Path) -> None:
    texts = store(path)
    texts.keep("a", "x")
    for file in path.parent.iterdir():
        file.unlink()
    texts.find("a")
    texts.keep("a", "y")
    assert texts.find("a") == "y"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_table_of_another_version_is_emptied(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE entries (key TEXT, other TEXT)")
        connection.execute("PRAGMA user_version = 99")
    texts = store(path)
    texts.keep("a", "x")
    assert texts.find("a") == "x"


def test_a_place_that_cannot_be_used_is_done_without(path: Path) -> None:
    path.mkdir(parents=True)
    texts = store(path)
    texts.keep("a", "x")
    texts.forget("a")
    assert texts.find("a") is None


def test_text_that_is_no_unicode_is_not_kept(path: Path) -> None:
    texts = store(path)
    texts.keep("a", "half \ud83d")
    assert texts.find("a") is None
    assert key_of("half \ud83d") != key_of("half")


def test_a_file_that_another_process_keeps_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_database, "LOCKED_SECONDS", 0.05)
    texts = store(path)
    texts.keep("a", "x")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        texts.keep("b", "y")
        assert texts.find("a") == "x"
    assert texts.find("b") is None


def test_processes_at_once(path: Path) -> None:
    """Four start on a damaged file at the same moment; none fails, nothing that was kept is lost."""
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    program = (
        "import sys; from pathlib import Path; from meta_agent.local_store import LocalStore;"
        "s = LocalStore(Path(sys.argv[1]), 10**6);"
        "[s.keep(f'{sys.argv[2]}-{n}', 'x' * n) for n in range(40)];"
        "print(sum(s.find(f'{sys.argv[2]}-{n}') == 'x' * n for n in range(40)))"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path), str(n)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=PROJECT,
            text=True,
        )
        for n in range(4)
    ]
    said = [process.communicate() for process in running]
    assert [out.strip() for out, _ in said] == ["40"] * 4, said


def test_keys_tell_their_parts_apart() -> None:
    assert len({key_of("a", "b"), key_of("ab"), key_of("b", "a"), key_of("a", "b", "")}) == 4
