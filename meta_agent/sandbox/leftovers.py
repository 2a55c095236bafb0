"""Removes what a run has started in the engine, and what a killed run has left there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from meta_agent.sandbox.engine import translated
from meta_agent.sandbox.owner import (
    GATEWAY_LABEL,
    OWNER_LABEL,
    PAGE_LABEL,
    PAGE_OWNER_LABEL,
    Owner,
    page_container,
    page_tag,
)

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.volumes import Volume

GONE_OR_BUSY = (404, 409)
"""Another process is removing it, or has just done so."""
FAREWELL_SECONDS = 8
"""How long a gateway may take to end what its script has begun at the database."""


def sweep(client: DockerClient) -> int:
    """Remove the containers and volumes of processes that have ended; their number is returned.

    What cannot be removed now is left for the next time: it must not keep this run from starting.
    """
    with translated("look for what an earlier run left"):
        found = [thing for thing in _labelled(client, OWNER_LABEL) if _is_left_over(thing)]
        unfinished = _unfinished_pages(client)
        removed = sum(_remove(thing, ignore=lambda _status: True) for thing in [*found, *unfinished])
        for page in {_label(thing, PAGE_LABEL) for thing in unfinished}:
            remove_page(client, page)
        return removed


def remove_labelled(client: DockerClient, label: str) -> None:
    """Kill and remove every container, then every volume, with this label (``name=value``)."""
    for thing in list(_labelled(client, label)):
        _remove(thing, ignore=lambda status: status in GONE_OR_BUSY)


def _labelled(client: DockerClient, label: str) -> Iterator[Container | Volume]:
    """Containers first: a volume in use cannot be removed."""
    filters: dict[str, str | list[str] | bool] = {"label": label}
    yield from client.containers.list(all=True, sparse=True, filters=filters)
    yield from client.volumes.list(filters={"label": label})


def remove_page(client: DockerClient, page: str) -> None:
    """Remove containers and volumes of a page, and the image with its script."""
    from docker.errors import APIError

    remove_labelled(client, f"{PAGE_LABEL}={page}")
    try:
        client.images.remove(page_tag(page), force=True)  # by its name: to look for it takes seconds
    except APIError as error:
        if error.status_code not in GONE_OR_BUSY:
            raise


def _unfinished_pages(client: DockerClient) -> list[Container | Volume]:
    """What is left of pages whose start was killed: the script's container has not got its last name."""
    found = list(_labelled(client, PAGE_LABEL))
    names = {name for thing in found for name in thing.attrs.get("Names", ())}
    return [
        thing
        for thing in found
        if f"/{page_container(_label(thing, PAGE_LABEL))}" not in names
        and _is_left_over(thing, PAGE_OWNER_LABEL)
    ]


def _label(thing: Container | Volume, label: str) -> str:
    return str((thing.attrs.get("Labels") or {}).get(label, ""))


def _is_left_over(thing: Container | Volume, label: str = OWNER_LABEL) -> bool:
    owner = Owner.parse(_label(thing, label))
    return owner is not None and owner.is_gone()


def _remove(thing: Container | Volume, ignore: Callable[[int | None], bool]) -> bool:
    """Whether it was there and is removed now. A gateway is told to end first: see its ``end_session``."""
    from docker.errors import APIError
    from docker.models.containers import Container

    try:
        if isinstance(thing, Container) and GATEWAY_LABEL in (thing.attrs.get("Labels") or {}):
            thing.stop(timeout=FAREWELL_SECONDS)
        thing.remove(force=True)
    except APIError as error:
        if ignore(error.status_code):
            return False
        raise
    return True
