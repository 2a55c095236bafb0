"""The pages that are shown, for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from meta_agent.display.values import visible

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.sandbox.pages import ShownPage


def show_pages(pages: Sequence[ShownPage], console: Console) -> None:
    """One line a page."""
    if not pages:
        console.print("No page is shown.")
        return
    table = Table("Run", "Address", "State", "Folder", box=None, pad_edge=False)
    for page in pages:
        table.add_row(*(Text(visible(cell)) for cell in (page.name, page.address, page.state, page.folder)))
    console.print(table)


def pages_as_json(pages: Sequence[ShownPage]) -> dict[str, object]:
    """The same for ``--json``."""
    return {"pages": [asdict(page) for page in pages]}
