"""What Docker holds of old runs goes with them; what is needed, new or running stays.

Everything here is dated 2010 and carries names of its own, so that nothing else on the machine is old.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import docker
import pexpect
import pytest
from command_line import CommandLine
from docker import DockerClient
from pipeline_support import BASE_IMAGE
from run_examples import make_run

from meta_agent.contracts import Provenance
from meta_agent.sandbox.holdings import FOLDER_LABEL, IMAGE_LABEL, PROJECT_LABEL

pytestmark = pytest.mark.docker

LONG_AGO = "2010-01-01T00:00:00Z"
AGE = "3650d"


@pytest.fixture
def client() -> Iterator[DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


class Holder:
    """Makes things in the engine as old runs have left them, and takes away what a test leaves."""

    def __init__(self, client: DockerClient, folder: Path) -> None:
        self.client = client
        self.runs_dir = folder / "runs"
        self.program = CommandLine(
            self.runs_dir,
            {"META_AGENT_CACHE": str(folder / "cache"), "QUESTIONS_DIR": str(folder / "questions")},
        )
        self._mark = uuid4().hex[:8]
        self._images: list[str] = []
        self._containers: list[str] = []
        self._volumes: list[str] = []

    def run(self, number: int, image: str | None = None) -> Path:
        """The folder of a run in 2010; the number keeps its name apart from all others."""
        made = make_run(self.runs_dir, number)
        old = self.runs_dir / f"script_20100101_{number:06}_{int(self._mark, 16)}"
        record = json.loads((made / "run.json").read_text())
        record |= {"run_id": old.name, "started_at": LONG_AGO.replace("Z", "+00:00")}
        record["finished_at"] = record["started_at"]
        if image is not None:
            record["provenance"] = Provenance(script_sha256="", image=image).model_dump()
        made.rename(old)
        (old / "run.json").write_text(json.dumps(record))
        return old

    def image(self, name: str, labels: dict[str, str], created: str = LONG_AGO) -> str:
        """An empty image with a date; its digest."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as archive:
            entry = tarfile.TarInfo(f"{self._mark}-{name}")
            archive.addfile(entry)
        tag = f"meta-agent-test/{name}-{self._mark}:1"
        self.client.images.load(_packed(layer.getvalue(), labels, created, tag))
        self._images.append(tag)
        return str(self.client.images.get(tag).id)

    def container(self, run: Path, *, running: bool = False) -> str:
        labels = {PROJECT_LABEL: run.name, FOLDER_LABEL: str(run)}
        made = self.client.containers.create(
            BASE_IMAGE,
            ["sleep", "600"],
            name=f"{run.name}_test",
            labels=labels,
            network_mode="none",
            init=True,
        )
        self._containers.append(str(made.id))
        if running:
            made.start()
        return str(made.id)

    def volume(self, run: Path) -> str:
        made = self.client.volumes.create(f"{run.name}_door", labels={PROJECT_LABEL: run.name})
        self._volumes.append(str(made.name))
        return str(made.name)

    def left(self) -> set[str]:
        """What is still there of all that was made."""
        images = {str(image.id) for image in self.client.images.list(all=True)}
        containers = {str(container.id) for container in self.client.containers.list(all=True)}
        volumes = {str(volume.name) for volume in self.client.volumes.list()}
        return images | containers | volumes

    def take_away(self) -> None:
        api = self.client.api
        for container in self._containers:
            _quietly(lambda container=container: api.remove_container(container, force=True))
        for volume in self._volumes:
            _quietly(lambda volume=volume: api.remove_volume(volume))
        for image in self._images:
            _quietly(lambda image=image: api.remove_image(image, force=True))


def _quietly(remove: Any) -> None:
    try:
        remove()
    except docker.errors.NotFound:
        return


def _packed(layer: bytes, labels: dict[str, str], created: str, tag: str) -> bytes:
    digest = hashlib.sha256(layer).hexdigest()
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    text = json.dumps(configuration).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in ((name, text), ("layer.tar", layer), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def holder(client: DockerClient, tmp_path: Path) -> Iterator[Holder]:
    made = Holder(client, tmp_path)
    yield made
    made.take_away()


def clean(holder: Holder, *options: str) -> dict[str, Any]:
    return holder.program.json("clean", "--older-than", AGE, *options)


ENVIRONMENT = {IMAGE_LABEL: "environment"}


def test_what_compose_left_of_an_old_run_goes_with_it(holder: Holder) -> None:
    run = holder.run(1)
    made = {
        holder.container(run),
        holder.volume(run),
        holder.image("compose", {PROJECT_LABEL: run.name}),
    }
    assert made <= holder.left()
    shown = clean(holder)
    assert [thing["kind"] for thing in shown["docker"]] == ["container", "volume", "image"]
    assert made <= holder.left() and run.exists()
    told = clean(holder, "--yes")
    assert (told["removed"], told["problems"]) == (True, [])
    assert not made & holder.left() and not run.exists()


def test_things_of_other_folders_stay(holder: Holder, tmp_path: Path) -> None:
    run = holder.run(2)
    elsewhere = tmp_path / "elsewhere" / run.name
    container = holder.container(elsewhere)
    assert clean(holder, "--yes")["docker"] == []
    assert container in holder.left()


def test_a_run_whose_container_is_running_stays_as_a_whole(holder: Holder) -> None:
    run = holder.run(3)
    made = {holder.container(run, running=True), holder.volume(run)}
    told = clean(holder, "--yes")
    assert (told["running"], told["folders"], told["docker"]) == ([run.name], [], [])
    assert made <= holder.left() and run.exists()


def test_environments_that_no_run_needs_any_more_go(holder: Holder) -> None:
    """Old ones go, but for those of a run that stays, of a container, and of this year."""
    needed = holder.image("needed", ENVIRONMENT)
    used = holder.image("used", ENVIRONMENT)
    recent = holder.image("recent", ENVIRONMENT, created="2026-01-01T00:00:00Z")
    strange = holder.image("strange", {})
    forgotten = holder.image("forgotten", ENVIRONMENT)
    gone = holder.image("gone", ENVIRONMENT)
    holder.run(4, image=gone)
    kept = make_run(holder.runs_dir, 0)
    record = json.loads((kept / "run.json").read_text())
    record["provenance"]["image"] = needed
    (kept / "run.json").write_text(json.dumps(record))
    holder._containers.append(holder.client.api.create_container(used, ["x"])["Id"])
    told = clean(holder, "--yes")
    names = {thing["name"].partition("-test/")[2].partition("-")[0] for thing in told["docker"]}
    assert names == {"forgotten", "gone"}
    left = holder.left()
    assert {needed, used, recent, strange} <= left and not {forgotten, gone} & left
    assert kept.exists()


def test_a_terminal_is_asked(holder: Holder) -> None:
    run = holder.run(5)
    command = holder.program.command("clean", "--older-than", AGE)
    for answer, there in (("n", True), ("y", False)):
        child = pexpect.spawn(
            sys.executable,
            command[1:],
            env=holder.program.environment,
            cwd=str(holder.runs_dir.parent),
            timeout=60,
            encoding="utf-8",
            dimensions=(40, 200),
        )
        child.expect_exact("Remove it? [y/N]")
        assert run.name in (child.before or "")
        child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        assert (child.exitstatus, run.exists()) == (0, there)
