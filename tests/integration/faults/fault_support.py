"""Faults, injected for real and met as a user meets them: through the program itself.

A fault is a row of a table in one of these modules:

    test_model_faults.py      the model server, and what it answers
    test_database_faults.py   the server, the login, and what stands in the database
    test_docker_faults.py     the engine: away, locked, full, restarted (a dockerd of the tests' own)
    test_script_faults.py     what a script does: floods, hangs, runs out of memory, steers the terminal
    test_file_faults.py       folders, disks, .env
    test_signals.py           Ctrl-C, SIGTERM, SIGHUP and SIGKILL in every stage; ten runs at once

and says what the user is told: the exit code, words of the cause, words of the remedy. What all
have in common is checked in one place, ``Fault.happen``:

    one sentence of cause and one of remedy, on stderr and in --json, without a secret or a traceback
    the exit code; and run.json in the run's folder says the same
    nothing left behind: containers, volumes, networks, processes, temporary and half-written files
    the next run, with the fault gone and nothing else done, just works

The rows of a module do not depend on one another and run a few at a time (``conftest.py``).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from command_line import LONGEST, CommandLine
from pipeline_support import BASE_IMAGE, COMPARED, READER_PASSWORD, REQUEST, left_by, reader_url
from postgres_server import RunningPostgres
from scripted_model import ScriptedModel, ScriptEntry

from config import Settings
from meta_agent.errors import ExitCode

API_KEY = "canary-key-5e1f"
STATUS = {
    ExitCode.OK: "ok",
    ExitCode.REFUSED: "refused",
    ExitCode.NO_ANSWER: "no_answer",
    ExitCode.TIMEOUT: "timeout",
    ExitCode.INTERRUPTED: "interrupted",
}
"""What a record says of a run that ended with this code; "failed" of any other."""
WAITS = "import time\n\nprint('running', flush=True)\ntime.sleep(600)\n"
"""A script that is still running whenever something happens to it."""
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux",
    reason="only root on Linux may mount a disk and run a dockerd of its own",
)
AS_A_USER = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
    if os.geteuid() == 0
    else ()
)
"""Root may write everywhere; without this right, it is bound by modes like anybody else."""


@dataclass
class Place:
    """A user's folder with a model server of its own; the database has a small portfolio."""

    folder: Path
    portfolio: RunningPostgres
    model: ScriptedModel
    program: CommandLine = field(init=False)

    def __post_init__(self) -> None:
        for name in ("home", "tmp"):
            (self.folder / name).mkdir(parents=True)
        settings = {
            "BASE_IMAGE": BASE_IMAGE,
            "LLM_BASE_URL": self.model.base_url,
            "LLM_MODEL_NAME": self.model.model,
            "LLM_API_KEY": API_KEY,
            "DATABASE_URL": reader_url(self.portfolio),
            "META_AGENT_CACHE": str(self.folder / "cache"),
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
        }
        self.program = CommandLine(self.folder / "runs", settings, _without_settings())

    @property
    def env_file(self) -> Path:
        """Where the user's .env would be."""
        return self.folder.parent / ".env"

    # --- running -----------------------------------------------------------------------

    def run(self, *arguments: str) -> Told:
        """One run to its end."""
        return self.end(self.program.start(*(arguments or (REQUEST,)), "--json"))

    def end(self, process: subprocess.Popen[str]) -> Told:
        """What a program that was started has told until its end, and that it left nothing behind."""
        watchdog = threading.Timer(LONGEST, process.kill)
        watchdog.start()
        out, err = process.communicate()
        watchdog.cancel()
        assert "Traceback" not in out + err, err
        for secret in (API_KEY, READER_PASSWORD):
            assert secret not in out + err
        left = self.left_behind(process.pid)
        assert left == [], (left, err)
        return Told(process.returncode, out, err)

    def left_behind(self, pid: int) -> list[str]:
        """What a run that has ended has left in the engine, among the processes and on the disk."""
        known = {"runs", "cache", "home", "tmp", "scripts", "elsewhere"}
        files = [
            *(self.folder / "tmp").rglob("*"),
            *(file for file in (self.folder / "home").iterdir() if file.name != ".cache"),
            *(file for file in self.folder.iterdir() if file.name not in known),
            *(self.program.runs_dir.glob("**/*.part") if self.program.runs_dir.is_dir() else ()),
            *(self.program.runs_dir.glob("**/*.new") if self.program.runs_dir.is_dir() else ()),
        ]
        return [*left_by(pid), *processes_of(pid), *map(str, files)]

    def records(self) -> list[dict[str, Any]]:
        """The history: the records of all runs, in the order they began."""
        return sorted(self.program.records(), key=lambda record: str(record["started_at"]))

    # --- what every fault has in common ------------------------------------------------

    def check(self, fault: Fault, told: Told) -> None:
        """That the user is told what is wrong and what to do, and that the history has it."""
        error = told.check(fault)
        if not fault.leaves_record:
            assert self.program.records() == []
            return
        record = self.records()[-1]
        assert (record["exit_code"], record["status"]) == (fault.exit_code, fault.status)
        assert record["error"] == error

    def next_run_works(self) -> None:
        """That a usual question is answered now, and the history keeps what was before."""
        before = self.records()
        self.model.say(*COMPARED)
        told = self.run()
        assert told.code == 0, told.err
        assert [row["name"] for row in told.answer["tables"][0]["rows"]] == [
            "Maple Court",
            "Old Mill",
            'Harbour "View"',
        ]
        after = self.records()
        assert (after[:-1], after[-1]["status"]) == (before, "ok")


Arrange = Callable[[Place], AbstractContextManager[None]]
"""Brings a fault about for the length of a ``with`` block."""


@dataclass(frozen=True)
class Fault:
    """One row of a table: what is wrong, and what the user is told then."""

    name: str
    exit_code: ExitCode
    cause: str
    """Words of it."""
    remedy: str
    """Words of it."""
    arrange: Arrange
    arguments: tuple[str, ...] = (REQUEST,)
    leaves_record: bool = True
    """False where nothing can be written, or where there was no run yet."""

    def happen(self, place: Place) -> None:
        """The whole life of a fault: it is met and told, leaves nothing, and is over with its cause."""
        with self.arrange(place):
            told = place.run(*self.arguments)
        place.check(self, told)
        place.next_run_works()

    @property
    def status(self) -> str:
        """What the record says of the run."""
        return STATUS.get(self.exit_code, "failed")


@dataclass(frozen=True)
class Told:
    """What a run has told."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The object of ``--json``."""
        answer: dict[str, Any] = json.loads(self.out)
        return answer

    def check(self, fault: Fault) -> dict[str, str]:
        """The right code, and one sentence each of cause and remedy, for people and for programs."""
        assert self.code == fault.exit_code, self.err
        answer = self.answer
        assert (answer["exit_code"], answer["status"]) == (fault.exit_code, fault.status)
        error: dict[str, str] = answer["error"]
        assert fault.cause in error["cause"], error
        assert fault.remedy in error["remedy"], error
        for sentence in (error["cause"], error["remedy"]):
            assert sentence.endswith(".") and sentence.isprintable(), sentence
            assert sentence in self.err
        return error


# --- bringing faults about -----------------------------------------------------------


def given(**settings: str) -> Arrange:
    """Settings that are wrong."""

    @contextmanager
    def arrange(place: Place) -> Iterator[None]:
        right = dict(place.program.settings)
        place.program.settings.update(settings)
        yield
        place.program.settings = right

    return arrange


def model_says(*entries: ScriptEntry, **settings: str) -> Arrange:
    """The model's answers of the run, and settings that go with them; every answer is asked for."""

    @contextmanager
    def arrange(place: Place) -> Iterator[None]:
        place.model.say(*entries)
        with given(**settings)(place):
            yield
        assert place.model.remaining == 0
        assert place.model.overrun == 0

    return arrange


def another_model(**options: Any) -> Arrange:
    """Another model server in the place of the usual one; ``options`` as of ScriptedModel."""

    @contextmanager
    def arrange(place: Place) -> Iterator[None]:
        with ScriptedModel(**options) as other, given(LLM_BASE_URL=other.base_url)(place):
            yield

    return arrange


def together(*arranged: Arrange) -> Arrange:
    """Several things at once."""

    @contextmanager
    def arrange(place: Place) -> Iterator[None]:
        with ExitStack() as stack:
            for one in arranged:
                stack.enter_context(one(place))
            yield

    return arrange


def read_until(process: subprocess.Popen[str], words: str) -> None:
    """Read messages until one has these words."""
    assert process.stderr is not None
    read = []
    for line in process.stderr:
        read.append(line)
        if words in line:
            return
    raise AssertionError("".join(read))


# --- looking for what is left ----------------------------------------------------------


def processes_of(group: int) -> list[str]:
    """Programs of a process group that still run."""
    shown = subprocess.run(
        ["ps", "-A", "-o", "pgid=,stat=,args="], capture_output=True, text=True, check=True
    )
    fields = (line.split(None, 2) for line in shown.stdout.splitlines())
    return [args[0] for number, state, *args in fields if int(number) == group and not state.startswith("Z")]


def _without_settings() -> dict[str, str]:
    """The environment without a developer's own settings."""
    names = {name.upper() for name in Settings.model_fields} | {"META_AGENT_CACHE", "XDG_CACHE_HOME"}
    return {name: value for name, value in os.environ.items() if name not in names}
