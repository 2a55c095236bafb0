"""What the engine still holds of earlier runs: what Compose made of their packages, and images nobody needs.

The tool's own containers and volumes go with each run, or with the next one (``leftovers``); what stays
is what ``deploy.sh`` started, and one environment image for each set of requirements.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from meta_agent.sandbox.engine import Engine, connect, translated
from meta_agent.sandbox.options import SandboxOptions
from meta_agent.sandbox.pages import shown_pages

PROJECT_LABEL = "com.docker.compose.project"
FOLDER_LABEL = "com.docker.compose.project.working_dir"
IMAGE_LABEL, ENVIRONMENT = "meta-agent.image", "environment"
Kind = Literal["container", "volume", "image"]


@dataclass(frozen=True)
class Holding:
    """Something that can be removed from the engine."""

    kind: Kind
    id: str
    name: str
    bytes: int
    """What it takes alone; 0 where the engine does not tell."""


@dataclass(frozen=True)
class Old:
    """What counts as old."""

    runs_dir: Path
    runs: frozenset[str]
    """Ids of the runs whose folders go."""
    before: datetime
    """Images made before this may go."""
    needed_images: frozenset[str]
    """Digests of images that a run which stays was made with."""


class Holdings:
    """Looks, and removes what it is told to. Every method raises SandboxError where the engine fails."""

    def __init__(self, options: SandboxOptions) -> None:
        self._engine: Engine = connect(options)

    def close(self) -> None:
        """End the connection."""
        self._engine.client.close()

    def running(self, runs_dir: Path, runs: Collection[str]) -> set[str]:
        """The runs among these of which a container is still running, or whose page is still shown."""
        pages = (Path(page.folder) for page in shown_pages(self._engine.client))
        shown = {folder.name for folder in pages if folder.parent == runs_dir and folder.name in runs}
        return shown | {
            project
            for container, project in self._containers(runs_dir)
            if project in runs and container["State"] == "running"
        }

    def of(self, old: Old) -> list[Holding]:
        """Containers first, then volumes, then images: the order in which they can be removed."""
        with translated("look for what earlier runs left"):
            usage = self._engine.client.api.df()
        return [*self._old_containers(old, usage), *_volumes(old, usage), *self._images(old, usage)]

    def remove(self, holding: Holding) -> None:
        """Take it away; one that is gone already is no error, one that is in use stays with an error."""
        from docker.errors import NotFound

        client = self._engine.client
        with translated(f"remove the {holding.kind} {holding.name}"):
            try:
                if holding.kind == "container":
                    client.api.remove_container(holding.id)
                elif holding.kind == "volume":
                    client.api.remove_volume(holding.id)
                else:
                    client.api.remove_image(holding.id)
            except NotFound:
                return

    def _containers(self, runs_dir: Path) -> Iterator[tuple[dict[str, Any], str]]:
        """Containers that Compose made in folders of runs, each with its run."""
        with translated("list containers"):
            found = self._engine.client.api.containers(all=True, filters={"label": PROJECT_LABEL})
        for container in found:
            labels = container.get("Labels") or {}
            project = labels.get(PROJECT_LABEL, "")
            if project and labels.get(FOLDER_LABEL) == str(runs_dir / project):
                yield container, project

    def _old_containers(self, old: Old, usage: dict[str, Any]) -> Iterator[Holding]:
        sizes = {c["Id"]: int(c.get("SizeRw") or 0) for c in usage.get("Containers") or ()}
        for container, project in self._containers(old.runs_dir):
            if project in old.runs:
                name = str((container.get("Names") or [container["Id"][:12]])[0]).lstrip("/")
                yield Holding("container", container["Id"], name, sizes.get(container["Id"], 0))

    def _images(self, old: Old, usage: dict[str, Any]) -> Iterator[Holding]:
        with translated("list containers"):
            used = {c["ImageID"]: c for c in self._engine.client.api.containers(all=True)}
        going = {c["Id"] for c, project in self._containers(old.runs_dir) if project in old.runs}
        busy = {image for image, container in used.items() if container["Id"] not in going}
        for image in usage.get("Images") or ():
            if image["Id"] not in busy | old.needed_images and _is_old(image, old):
                tags = [tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>"]
                alone = int(image["Size"]) - max(int(image.get("SharedSize") or 0), 0)
                yield Holding("image", image["Id"], tags[0] if tags else image["Id"][7:19], alone)


def _volumes(old: Old, usage: dict[str, Any]) -> Iterator[Holding]:
    for volume in usage.get("Volumes") or ():
        if (volume.get("Labels") or {}).get(PROJECT_LABEL) in old.runs:
            size = int((volume.get("UsageData") or {}).get("Size") or 0)
            yield Holding("volume", volume["Name"], volume["Name"], max(size, 0))


def _is_old(image: dict[str, Any], old: Old) -> bool:
    """An image that Compose built for a run that goes, or an environment from before."""
    labels = image.get("Labels") or {}
    if labels.get(PROJECT_LABEL) in old.runs:
        return True
    names = {tag.rpartition(":")[0] for tag in image.get("RepoTags") or ()}
    if names & {f"{run}{sign}{part}" for run in old.runs for sign in "-_" for part in (run, "database")}:
        return True
    made = datetime.fromtimestamp(int(image["Created"])).astimezone()
    return labels.get(IMAGE_LABEL) == ENVIRONMENT and made < old.before
