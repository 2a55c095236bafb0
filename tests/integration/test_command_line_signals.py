"""Ctrl-C, SIGTERM and SIGHUP in the middle of a run: a record, exit status 130, and nothing left behind."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command_line import LONGEST, CommandLine
from pipeline_support import BASE_IMAGE, COMPARED, analysis, left_by, portfolio, reader_url  # noqa: F401
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from scripted_model import ChatCall, ScriptedModel, SlowHeaders, Stalls

pytestmark = [pytest.mark.docker, pytest.mark.database]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ENDLESS = "import time\n\nprint('script is running', flush=True)\nn = 0\nwhile n >= 0:\n    time.sleep(0.1)\n"


@pytest.fixture
def program(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "runs", {"BASE_IMAGE": BASE_IMAGE})


@contextmanager
def started(program: CommandLine, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program, with its output and its messages as pipes."""
    process = subprocess.Popen(
        program.command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=program.environment,
        cwd=program.runs_dir.parent,
    )
    watchdog = threading.Timer(LONGEST, process.kill)
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Read messages until one has these words."""
    assert process.stderr is not None
    read = []
    for line in process.stderr:
        read.append(line)
        if words in line:
            return
    raise AssertionError("".join(read))


def assert_interrupted(program: CommandLine, process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate()
    answer: dict[str, Any] = json.loads(out)
    assert (process.returncode, answer["status"], answer["exit_code"]) == (130, "interrupted", 130), err
    assert "Traceback" not in err and "Interrupted" in err
    (record,) = program.records()
    assert (record["status"], record["exit_code"]) == ("interrupted", 130)
    assert left_by(process.pid) == []
    return answer


@pytest.mark.parametrize("number", SIGNALS)
def test_while_a_script_runs(program: CommandLine, number: int, tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    with started(program, "execute", "endless.py", "--json", "--debug") as process:
        wait_for(process, "script is running")
        assert left_by(process.pid) != []
        process.send_signal(number)
        answer = assert_interrupted(program, process)
    assert "execution" in answer["timings"]


def test_an_impatient_second_and_third_time(program: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    with started(program, "execute", "endless.py", "--json", "--debug") as process:
        wait_for(process, "script is running")
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
        assert_interrupted(program, process)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("trouble", [SlowHeaders(), Stalls('{"primary')], ids=["no answer yet", "answering"])
def test_while_the_model_thinks(
    program: CommandLine, number: int, trouble: SlowHeaders | Stalls, portfolio: RunningPostgres
) -> None:
    asked = threading.Event()
    with ScriptedModel([_noting(asked, trouble)]) as model:
        _configure(program, model, portfolio)
        with started(program, "Show the NOI of every property", "--json") as process:
            assert asked.wait(LONGEST)
            process.send_signal(number)
            answer = assert_interrupted(program, process)
    assert answer["usage"]["llm_calls"] >= 1
    assert answer["tables"] == []


def test_while_the_sandbox_is_made_ready(program: CommandLine, portfolio: RunningPostgres) -> None:
    """The model writes the query at that moment."""
    asked = threading.Event()
    with ScriptedModel([analysis("properties"), _noting(asked, SlowHeaders())]) as model:
        _configure(program, model, portfolio)
        with started(program, "Show the NOI of every property", "--json") as process:
            assert asked.wait(LONGEST)
            process.send_signal(signal.SIGINT)
            assert_interrupted(program, process)


def test_before_there_is_a_run(program: CommandLine) -> None:
    """While it waits for a request on stdin."""
    process = subprocess.Popen(
        program.command("--json", "-"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=program.environment,
    )
    wait_for(process, "Starting")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 130
    assert json.loads(out)["status"] == "interrupted" and "Traceback" not in err


def _noting(
    event: threading.Event, trouble: SlowHeaders | Stalls
) -> Callable[[ChatCall], SlowHeaders | Stalls]:
    def behave(_call: ChatCall) -> SlowHeaders | Stalls:
        event.set()
        return trouble

    return behave


def _configure(program: CommandLine, model: ScriptedModel, portfolio: RunningPostgres) -> None:
    program.settings.update(
        LLM_BASE_URL=model.base_url,
        LLM_MODEL_NAME=model.model,
        DATABASE_URL=reader_url(portfolio),
        META_AGENT_CACHE=str(program.runs_dir.parent / "cache"),
    )


def test_the_words_of_an_answer_reach_nobody_else(program: CommandLine, portfolio: RunningPostgres) -> None:
    """A whole run as a process: the answer on stdout, the rest on stderr, the password nowhere."""
    with ScriptedModel(COMPARED) as model:
        _configure(program, model, portfolio)
        finished = program.run("Show the NOI of every property")
    assert finished.returncode == 0, finished.stderr
    assert "Maple Court" in finished.stdout and "Took" not in finished.stdout
    assert "Took" in finished.stderr and "Maple Court" not in finished.stderr
    assert "r:e@a" not in finished.stdout + finished.stderr
    assert list(program.runs_dir.glob("*/results/result.json"))
