"""How a page begins and ends: what is left of it, who takes it away, and what faults do to it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from page_support import (
    ANSWERS,
    EXAMPLE_2,
    engine,
    fetch,
    fetch_when_up,
    left_of_pages,
    name_of,
    page_of,
    parts_of,
    shown,
)
from pipeline_support import Runner, analysis, query
from sandbox_support import left_behind

from meta_agent.databases.embedded import SampleDatabase
from meta_agent.sandbox.holdings import Holdings
from meta_agent.sandbox.leftovers import sweep
from meta_agent.sandbox.options import SandboxOptions
from meta_agent.sandbox.pages import Page

pytestmark = [pytest.mark.docker, pytest.mark.database]

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def runner(sample_database: SampleDatabase, tmp_path: Path) -> Runner:
    return Runner(tmp_path, sample_database.reader_url)


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The program itself, from the command line."""
    command = [sys.executable, PROJECT / "script_executor.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_page_is_listed_logged_started_again_and_stopped(runner: Runner) -> None:
    with shown(runner) as record:
        name, address = name_of(record), page_of(record)
        pages = json.loads(program("ps", "--json").stdout)["pages"]
        assert [(p["name"], p["address"]) for p in pages if p["folder"] == record.run_dir] == [
            (name, address)
        ]
        assert "Serving on" in program("logs", name).stdout
        assert program("restart", name).stdout == f"Started again: {name}\n"
        assert fetch_when_up(address, "/api/summary").json["Rows"] == 10
        assert program("stop", name).stdout == f"Stopped: {name}\n"
        assert left_of_pages(runner.folder) == []
        ended = program("stop", name)
        assert (ended.returncode, "No page is called" in ended.stderr) == (2, True)


def test_the_page_outlives_the_sweep_and_what_prepared_it_does_not(runner: Runner) -> None:
    with shown(runner) as record:
        assert left_behind() == []
        with engine() as client:
            sweep(client)
        assert fetch(page_of(record), "/health").json == {"status": "ok"}


def test_the_run_of_a_page_that_is_shown_is_not_cleaned_away(runner: Runner) -> None:
    with shown(runner) as record:
        holdings = Holdings(SandboxOptions())
        try:
            folder = Path(record.run_dir)
            assert holdings.running(folder.parent, {record.run_id, "another"}) == {record.run_id}
            program("stop", name_of(record))
            assert holdings.running(folder.parent, {record.run_id}) == set()
        finally:
            holdings.close()


def test_a_taken_port_is_passed_over(runner: Runner) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        runner.page_port = port
        with shown(runner) as record:
            assert port < int(page_of(record).rpartition(":")[2]) < port + 50


def test_without_its_database_the_page_says_so_and_comes_back(runner: Runner) -> None:
    with shown(runner) as record, engine() as client:
        parts = parts_of(client, runner.folder)
        parts["gateway"].stop(timeout=5)
        parts["app"].restart(timeout=2)  # rows that were read before would still be shown
        answer = fetch_when_up(page_of(record), "/")
        assert answer.status == 503
        assert "The database cannot be reached at the moment." in answer.body.decode()
        assert fetch(page_of(record), "/health").status == 503
        assert program("restart", name_of(record)).returncode == 0
        assert fetch_when_up(page_of(record), "/").status == 200, program("logs", name_of(record)).stdout


def test_docker_itself_finds_the_page_healthy(runner: Runner) -> None:
    with shown(runner), engine() as client:
        app = parts_of(client, runner.folder)["app"]
        test = app.attrs["Config"]["Healthcheck"]["Test"]
        assert app.exec_run(test[1:]).exit_code == 0
        parts_of(client, runner.folder)["gateway"].stop(timeout=5)
        assert app.exec_run(test[1:]).exit_code == 1


def test_a_page_that_fails_is_a_failed_script_with_its_log(runner: Runner) -> None:
    """The query is good when it is checked and fails when it is run."""
    broken = query("SELECT property_name, CAST(property_name AS integer) AS dscr FROM properties")
    record = runner.run(analysis("properties"), *[broken] * 3, request=EXAMPLE_2)
    assert record.status == "failed"
    assert record.execution is not None and "invalid input syntax" in record.execution.error_output
    assert left_of_pages(runner.folder) == []


def test_an_interrupt_while_it_starts_leaves_nothing(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(page: Page) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Page, "keep", interrupted)
    record = runner.run(*ANSWERS, request=EXAMPLE_2)
    assert record.status == "interrupted"
    assert left_of_pages(runner.folder) == []
    assert left_behind() == []


def test_a_page_whose_start_was_killed_is_swept_by_the_next_run(
    sample_database: SampleDatabase, tmp_path: Path
) -> None:
    """Its process is killed at the moment before the page would be kept."""
    code = f"""
import os, signal, sys
sys.path[:0] = [{str(PROJECT)!r}, {str(PROJECT / "tests")!r}, {str(PROJECT / "tests/integration")!r}]
from pathlib import Path
from page_support import ANSWERS, EXAMPLE_2
from pipeline_support import Runner
from meta_agent.sandbox.pages import Page
Page.keep = lambda page: os.kill(os.getpid(), signal.SIGKILL)
Runner(Path({str(tmp_path)!r}), {sample_database.reader_url!r}).run(*ANSWERS, request=EXAMPLE_2)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, timeout=200, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]
    assert len(left_of_pages(tmp_path)) >= 5
    with engine() as client:
        sweep(client)
    assert left_of_pages(tmp_path) == []
