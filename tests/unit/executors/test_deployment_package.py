from __future__ import annotations

import io
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.errors import UsageError
from meta_agent.executors.deployment_package import create_run_folder, env_value, write_package
from meta_agent.generators.dockerfile_generator import PackageFile

NOW = datetime(2025, 11, 3, 7, 39, 28)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_run_folders_are_private_and_named_after_the_second(tmp_path: Path) -> None:
    folder = create_run_folder(tmp_path / "new", NOW)
    assert folder.name == "script_20251103_073928"
    assert mode(folder) == 0o700


def test_two_runs_in_one_second_get_two_folders(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: create_run_folder(tmp_path, NOW).name, range(16)))
    assert len(set(folders)) == 16
    assert {"script_20251103_073928", "script_20251103_073928_2"} <= set(folders)


def test_a_place_that_is_no_folder_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="Nothing can be written"):
        create_run_folder(tmp_path / "file", NOW)


def test_the_package_on_disk(tmp_path: Path) -> None:
    files = {"script.py": PackageFile("print(1)\n"), "deploy.sh": PackageFile("#!/bin/sh\n", executable=True)}
    write_package(tmp_path, files, {"DATABASE_URL": "postgresql://u:p$#@h/db"})
    assert (tmp_path / "script.py").read_text() == "print(1)\n"
    assert mode(tmp_path / "deploy.sh") == 0o755
    assert mode(tmp_path / ".env") == 0o600
    assert (tmp_path / ".env").read_text() == "DATABASE_URL=postgresql://u:p%24%23@h/db\n"
    folders = {str(p.relative_to(tmp_path)): mode(p) for p in tmp_path.rglob("*") if p.is_dir()}
    writable = ("results", "logs", "exports", "exports/reports", "exports/data")
    assert folders == {"data": 0o755, **dict.fromkeys(writable, 0o777)}


def test_a_package_can_be_written_again(tmp_path: Path) -> None:
    write_package(tmp_path, {"script.py": PackageFile("a much longer text")}, {"A": "1"})
    write_package(tmp_path, {"script.py": PackageFile("short")}, {})
    assert (tmp_path / "script.py").read_text() == "short"
    assert (tmp_path / ".env").read_text() == ""
    assert mode(tmp_path / ".env") == 0o600


def test_a_link_in_the_folder_is_replaced_not_followed(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (tmp_path / "kept").write_text("kept")
    (run_dir / ".env").symlink_to(tmp_path / "kept")
    write_package(run_dir, {}, {"A": "1"})
    assert (tmp_path / "kept").read_text() == "kept"
    assert not (run_dir / ".env").is_symlink()


@pytest.mark.parametrize("value", ["plain", "", "with space", "a#b", 'say "hi"', "cost $5", "50%"])
def test_values_are_read_back_as_they_were(value: str) -> None:
    assert dotenv_values(stream=io.StringIO(f"A={env_value(value)}\n"))["A"] == value


@pytest.mark.parametrize("value", ["it's", "a\\b", "two\nlines", "${HOME}", "url://x\ny"])
def test_values_that_readers_understand_differently_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        env_value(value)


@given(st.text(st.characters(exclude_characters="\n", exclude_categories=("Cs",))))
def test_any_url_comes_out_without_characters_that_mean_something(text: str) -> None:
    written = env_value(f"postgresql://u:{text}@h/db")
    assert written.isascii()
    assert not set(written) & set("'\"\\$#` \t")
    assert dotenv_values(stream=io.StringIO(f"A={written}\n"))["A"] == written
