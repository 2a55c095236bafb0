"""The prompt in a real terminal: typing, leaving, interrupting, and what is left on the screen."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest
from command_line import CommandLine
from pipeline_support import BASE_IMAGE, COMPARED, REQUEST, left_by, portfolio, reader_url  # noqa: F401
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from scripted_model import Fails, ScriptedModel, ScriptEntry, SlowHeaders

pytestmark = [pytest.mark.docker, pytest.mark.database]

PROMPT = "\x1b[?2004h"
"""What a terminal is told once when a prompt begins: text that is pasted comes in brackets."""
WAIT = 60


@pytest.fixture
def program(tmp_path: Path, portfolio: RunningPostgres) -> CommandLine:
    settings = {
        "BASE_IMAGE": BASE_IMAGE,
        "DATABASE_URL": reader_url(portfolio),
        "META_AGENT_CACHE": str(tmp_path / "cache"),
        "TERM": "xterm-256color",
        "PROMPT_TOOLKIT_NO_CPR": "1",
    }
    return CommandLine(tmp_path / "runs", settings)


@contextmanager
def terminal(
    program: CommandLine, script: list[ScriptEntry], *arguments: str
) -> Iterator[pexpect.spawn[Any]]:
    with ScriptedModel(script) as model:
        program.settings.update(LLM_BASE_URL=model.base_url, LLM_MODEL_NAME=model.model)
        command, *rest = program.command(*arguments)
        child = pexpect.spawn(
            command,
            rest,
            env=program.environment,
            cwd=str(program.runs_dir.parent),
            encoding="utf-8",
            timeout=WAIT,
            dimensions=(40, 100),
        )
        child.model = model
        try:
            yield child
        finally:
            child.close(force=True)


def until_asked(child: pexpect.spawn[Any]) -> None:
    """Wait until the model has the call: the stage is announced before LangChain is there to make it.

    What the program shows meanwhile is read, as a terminal would: it waits for a terminal that does not.
    """
    deadline = time.monotonic() + 60
    while not child.model.requests:
        assert time.monotonic() < deadline, "the model was never asked"
        child.expect(pexpect.TIMEOUT, timeout=0.05)


def leave(child: pexpect.spawn[Any]) -> int | None:
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


def test_ask_twice_and_leave(program: CommandLine) -> None:
    """The second time, the model is not asked: the script of the first time answers."""
    with terminal(program, list(COMPARED)) as child:
        for _ in range(2):
            child.expect_exact(PROMPT)
            child.send(f"{REQUEST}\r")
            child.expect_exact("Maple Court")
            child.expect_exact("Run it again:")
        child.expect_exact(PROMPT)
        assert leave(child) == 0
    first, second = program.records()
    assert first["status"] == second["status"] == "ok"
    assert (first["reused_from"], second["reused_from"]) == (None, first["run_id"])


@pytest.mark.parametrize("word", ["/quit", "exit"])
def test_leave_by_word(program: CommandLine, word: str) -> None:
    with terminal(program, []) as child:
        child.expect_exact(PROMPT)
        child.send("\r")
        child.send(f"{word}\r")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0
    assert program.records() == []


def test_ctrl_c_stops_a_run_and_not_the_session(program: CommandLine) -> None:
    with terminal(program, [SlowHeaders(), *COMPARED]) as child:
        child.expect_exact(PROMPT)
        child.send("half a thought\x03")
        child.expect_exact(PROMPT)
        child.send(f"{REQUEST}\r")
        child.expect_exact("Writing the script")
        until_asked(child)
        child.sendintr()
        child.expect_exact("Interrupted")
        child.expect_exact(PROMPT)
        child.send(f"{REQUEST}\r")
        child.expect_exact("Maple Court")
        child.expect_exact(PROMPT)
        assert leave(child) == 0
    assert [record["status"] for record in program.records()] == ["interrupted", "ok"]
    assert left_by(child.pid) == []


def test_an_error_ends_one_request_and_not_the_session(program: CommandLine) -> None:
    with terminal(program, [Fails(400), *COMPARED]) as child:
        child.expect_exact(PROMPT)
        child.send("?!\r")
        child.expect_exact("The request is empty.")
        child.expect_exact(PROMPT)
        child.send(f"{REQUEST}\r")
        child.expect_exact("→ ")
        child.expect_exact(PROMPT)
        child.send(f"{REQUEST}\r")
        child.expect_exact("Maple Court")
        child.expect_exact(PROMPT)
        assert leave(child) == 0


def test_being_told_to_end_ends_the_session(program: CommandLine) -> None:
    with terminal(program, []) as child:
        child.expect_exact(PROMPT)
        child.kill(signal.SIGTERM)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 130


def test_being_told_to_end_in_a_run_ends_the_session(program: CommandLine) -> None:
    with terminal(program, [SlowHeaders()]) as child:
        child.expect_exact(PROMPT)
        child.send(f"{REQUEST}\r")
        child.expect_exact("Writing the script")
        until_asked(child)
        child.kill(signal.SIGTERM)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 130
    assert [record["status"] for record in program.records()] == ["interrupted"]


def test_no_input_never_asks(program: CommandLine) -> None:
    with terminal(program, [], "--no-input") as child:
        child.expect_exact("There is no request.")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 2


def test_a_single_request_leaves_the_terminal_as_it_was(program: CommandLine) -> None:
    with terminal(program, list(COMPARED), REQUEST) as child:
        child.expect_exact("\x1b[?25l")  # the spinner hides the cursor
        child.expect_exact("Maple Court")
        child.expect(pexpect.EOF)
        shown = f"\x1b[?25h{child.before}"
        child.close()
        assert child.exitstatus == 0
    assert "\x1b[?25l" not in shown.rpartition("\x1b[?25h")[2]
