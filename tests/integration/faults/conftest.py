"""One PostgreSQL for all faults, and the rows of a module's table run a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest
from fault_support import Place
from pipeline_support import PORTFOLIO, READER_PASSWORD
from postgres_server import RunningPostgres, start_postgres
from scripted_model import ScriptedModel

AT_ONCE = 4
"""Most of a run's time is waiting: for retries, time limits, Docker."""


class Row(Protocol):
    """What a module's table is made of: a fault, or another thing that happens in a place of its own."""

    @property
    def name(self) -> str: ...

    def happen(self, place: Place) -> None: ...


@pytest.fixture(scope="session")
def fault_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPostgres]:
    """A server of these tests' own."""
    with start_postgres(tmp_path_factory.mktemp("postgres")) as running:
        running.create_role("pipeline_reader", READER_PASSWORD)
        yield running


@pytest.fixture(scope="session")
def portfolio(fault_server: RunningPostgres) -> RunningPostgres:
    """The server, with a small portfolio in the database ``pipeline`` and a role that may only read it."""
    fault_server.create_database("pipeline", *PORTFOLIO)
    return fault_server


@pytest.fixture
def place(tmp_path: Path, portfolio: RunningPostgres) -> Iterator[Place]:
    """A place for one test."""
    with ScriptedModel() as model:
        yield Place(tmp_path / "place", portfolio, model)


@pytest.fixture(scope="module")
def meet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, portfolio: RunningPostgres
) -> Iterator[Callable[[Row], None]]:
    """Waits for one row of the module's table; all that are wanted are under way, each in its place."""
    wanted = [
        item.callspec.params["fault"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and hasattr(item, "callspec")
        if "fault" in item.callspec.params
    ]

    def meet_one(fault: Row) -> None:
        with ScriptedModel() as model:
            fault.happen(Place(tmp_path_factory.mktemp("place") / "of", portfolio, model))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        coming: dict[str, Future[None]] = {fault.name: pool.submit(meet_one, fault) for fault in wanted}
        yield lambda fault: coming[fault.name].result()
        for future in coming.values():  # after -x
            future.cancel()
