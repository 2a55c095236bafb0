"""Ctrl-C, SIGTERM, SIGHUP, all of them by an impatient user, and SIGKILL: in every stage of a run.

Each stage is held where it is, so that the signal finds the program there; then all of the
signals are sent to it, one run each, and in the end a usual run has to work.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest
from command_line import LONGEST
from fault_support import WAITS, Fault, Place, given, processes_of, read_until
from pipeline_support import COMPARED, REQUEST, analysis, left_by, query
from scripted_model import ChatCall, ScriptedModel, SlowHeaders, Stalls

from meta_agent.errors import ExitCode

pytestmark = [pytest.mark.docker, pytest.mark.database]

INTERRUPTED = Fault(
    "interrupted",
    ExitCode.INTERRUPTED,
    "The run was stopped before it had finished",
    "What it had started was removed",
    given(),
)
SIGNALS = (
    (signal.SIGINT,),
    (signal.SIGTERM,),
    (signal.SIGHUP,),
    (signal.SIGINT, signal.SIGINT, signal.SIGTERM),
)
OPEN_QUESTION = "How are our properties doing, all in all?"
LONG = "".join(f"total_{n} = [{n} + step for step in range(10)]\n" for n in range(8_000)) + WAITS

Process = subprocess.Popen[str]


@dataclass(frozen=True)
class Held:
    """A program that will stop in a stage: how to start it, and how to wait until it is there."""

    arguments: tuple[str, ...]
    wait: Callable[[Process], None]


Hold = Callable[[Place], AbstractContextManager[Held]]


@dataclass(frozen=True)
class Stage:
    """A stage of a run, and how it is held."""

    name: str
    hold: Hold

    def happen(self, place: Place) -> None:
        """Every signal in this stage, one run each; then a run without one."""
        place.program.settings["LLM_CACHE"] = "off"
        for signals in SIGNALS:
            with self._started(place) as process:
                for number in signals:
                    process.send_signal(number)
                told = place.end(process)
            assert "Interrupted" in told.err
            place.check(INTERRUPTED, told)
        with self._started(place) as process:
            process.kill()
            process.communicate()
        place.model.say(*COMPARED)
        assert place.run().code == ExitCode.OK
        assert left_by(process.pid) == processes_of(process.pid) == []
        statuses = [record["status"] for record in place.records()]
        assert statuses == ["interrupted"] * (len(SIGNALS) + 1) + ["ok"]
        assert "killed" in place.records()[-2]["error"]["cause"]

    @contextmanager
    def _started(self, place: Place) -> Iterator[Process]:
        with self.hold(place) as held:
            process = place.program.start(*held.arguments, "--json", "--debug")
            try:
                held.wait(process)
                yield process
            finally:
                process.kill()
                process.wait()


# --- holding a stage -------------------------------------------------------------------


@contextmanager
def start(place: Place) -> Iterator[Held]:
    """The glossary is a pipe into which nobody writes."""
    pipe = place.folder / "scripts"
    os.mkfifo(pipe)
    writers: list[int] = []

    def opened() -> bool:
        try:
            writers.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody reads yet
            return False
        return True

    with given(GLOSSARY_PATH=str(pipe))(place):
        yield Held((REQUEST,), until(opened))
    for writer in writers:
        os.close(writer)
    pipe.unlink()


@contextmanager
def model(place: Place) -> Iterator[Held]:
    """The test message gets no answer."""
    with ScriptedModel(test_reply=SlowHeaders()) as other, given(LLM_BASE_URL=other.base_url)(place):
        yield Held((REQUEST,), until(lambda: bool(other.test_messages)))


@contextmanager
def schema(place: Place) -> Iterator[Held]:
    """The database's port takes the connection and says nothing; the model is ready."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = place.portfolio.url("pipeline", port=silent.getsockname()[1])
        checked = len(place.model.test_messages)

        def connected() -> None:
            silent.accept()[0].detach()

        caller = threading.Thread(target=connected, daemon=True)
        caller.start()
        with given(DATABASE_URL=url)(place):
            yield Held(
                (REQUEST,),
                until(lambda: not caller.is_alive() and len(place.model.test_messages) > checked),
            )


def model_call(number: int, *before: str, request: str) -> Hold:
    """The model says these, and does not get to the end of its next answer."""

    @contextmanager
    def hold(place: Place) -> Iterator[Held]:
        asked = threading.Event()

        def stall(_call: ChatCall) -> SlowHeaders | Stalls:
            asked.set()
            return Stalls("SEL") if number % 2 else SlowHeaders()

        place.model.say(*before, stall)
        yield Held((request,), until(asked.is_set))

    return hold


def script(source: str, words: str) -> Hold:
    """A script of the user's own, until the program has said these words."""

    @contextmanager
    def hold(place: Place) -> Iterator[Held]:
        (place.folder / "scripts").mkdir(exist_ok=True)
        (place.folder / "scripts" / "given.py").write_text(source)
        yield Held(("execute", "scripts/given.py"), lambda process: read_until(process, words))

    return hold


def until(condition: Callable[[], bool]) -> Callable[[Process], None]:
    """Waits until something is so, as long as the program runs."""

    def wait(process: Process) -> None:
        deadline = time.monotonic() + LONGEST
        while not condition():
            assert process.poll() is None and time.monotonic() < deadline, process.communicate()
            time.sleep(0.02)

    return wait


STAGES = [
    Stage("start", start),
    Stage("model", model),
    Stage("schema", schema),
    Stage("analysis", model_call(0, request=OPEN_QUESTION)),
    Stage("planning", model_call(1, analysis("properties", complexity="COMPLEX"), request=OPEN_QUESTION)),
    Stage("generation", model_call(0, request=REQUEST)),
    Stage("second draft", model_call(1, query(), request=REQUEST)),
    Stage("validation", script(LONG, "Validating the script")),
    Stage("packaging", script(WAITS, "Writing the deployment package")),
    Stage("execution", script(WAITS, "script: running")),
]


@pytest.mark.parametrize("fault", STAGES, ids=lambda stage: stage.name)
def test_every_signal_in_every_stage(fault: Stage, meet: Callable[[Stage], None]) -> None:
    meet(fault)


def test_before_there_is_a_run(place: Place) -> None:
    """While it waits for a request on stdin."""
    process = place.program.start("--json", "-", stdin=subprocess.PIPE)
    read_until(process, "Starting")
    process.send_signal(signal.SIGINT)
    told = place.end(process)
    told.check(INTERRUPTED)
    assert place.records() == []


# --- many at once ------------------------------------------------------------------


def test_ten_runs_at_once(place: Place) -> None:
    """All from one folder and one cache, within the same second."""
    place.model.say(*[query()] * 20)
    started = [place.program.start(f"{REQUEST}{' ' * n}", "--json", "--no-cache") for n in range(10)]
    with ThreadPoolExecutor(len(started)) as pool:
        told = list(pool.map(place.end, started))
    assert [one.code for one in told] == [0] * 10, [one.err for one in told if one.code]
    assert all(len(one.answer["tables"][0]["rows"]) == 3 for one in told)
    assert len({one.answer["run_dir"] for one in told}) == 10
    assert [record["status"] for record in place.records()] == ["ok"] * 10
    assert place.run().answer["usage"]["llm_calls"] == 0
