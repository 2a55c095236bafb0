"""What the tests of shown pages share: Example 2, its run, and ways to look at what it shows."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import docker
from docker import DockerClient
from pipeline_support import Runner, analysis, query

from meta_agent.contracts import RunRecord
from meta_agent.sandbox.leftovers import remove_page
from meta_agent.sandbox.owner import PAGE_LABEL

EXAMPLE_2 = """Create a web dashboard to display DSCR analysis for all properties.
Show a table with property names, NOI, debt service, and DSCR ratios.
Use color coding: green for DSCR >= 1.25, yellow for 1.0-1.25, red for < 1.0.
Add a simulation form to calculate what-if scenarios."""

SQL = """SELECT p.property_name, f.noi, f.annual_debt_service,
    ROUND(f.noi / NULLIF(f.annual_debt_service, 0), 2) AS dscr
FROM properties p JOIN financial_metrics f ON f.property_id = p.property_id ORDER BY dscr"""
ANSWERS = (analysis("properties", "financial_metrics"), query(SQL))
PATIENCE_SECONDS = 60


class Answer(NamedTuple):
    """What a page answers."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body, parse_float=Decimal)


def fetch(address: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """One request to a page."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def fetch_when_up(address: str, path: str) -> Answer:
    """One request, again while the containers of the page are still starting."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            answer = fetch(address, path)
            if b"not running yet" not in answer.body:
                return answer
        except OSError:
            pass
        assert time.monotonic() < deadline, "the page does not come up"
        time.sleep(0.1)


def page_of(record: RunRecord) -> str:
    """The address of a run's page."""
    assert record.execution is not None and record.execution.page is not None, record.error
    return record.execution.page


def name_of(record: RunRecord) -> str:
    """What ``stop`` and the others know the page by."""
    return Path(record.run_dir).name


@contextmanager
def engine() -> Iterator[DockerClient]:
    """The engine that the pages run in."""
    client = docker.from_env()
    try:
        yield client
    finally:
        client.close()


def parts_of(client: DockerClient, folder: Path) -> dict[str, Any]:
    """The containers of the pages whose runs lie below a folder, by their part."""
    found = client.containers.list(all=True, filters={"label": PAGE_LABEL})
    below = [c for c in found if c.labels[f"{PAGE_LABEL}-folder"].startswith(str(folder))]
    return {c.labels[f"{PAGE_LABEL}-part"]: c for c in below}


def left_of_pages(folder: Path) -> list[str]:
    """Containers, volumes and images of pages whose runs lie below a folder."""
    with engine() as client:
        label = {"label": PAGE_LABEL}
        images = [(str(i.tags), i.labels) for i in client.images.list(filters=label)]
        volumes = [(str(v.name), v.attrs["Labels"]) for v in client.volumes.list(filters=label)]
        containers = [(str(c.name), c.labels) for c in client.containers.list(all=True, filters=label)]
        things = [*containers, *volumes, *images]
        return [name for name, labels in things if labels[f"{PAGE_LABEL}-folder"].startswith(str(folder))]


@contextmanager
def shown(runner: Runner) -> Iterator[RunRecord]:
    """Example 2, answered; its page is taken away in the end."""
    record = runner.run(*ANSWERS, request=EXAMPLE_2)
    try:
        yield record
    finally:
        with engine() as client:
            for page in {c.labels[PAGE_LABEL] for c in parts_of(client, runner.folder).values()}:
                remove_page(client, page)
