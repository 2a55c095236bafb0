"""Puts files where the deployment collects them."""

import logging
import os
from pathlib import Path

logger = logging.getLogger("script")


def write_files(result, makers):
    """Write the files that were asked for and name them in the result.

    ``makers``: for each path below EXPORT_DIR a function that gives the content. A file
    that cannot be made is told as a warning: the answer stands without it.
    """
    for path, make in makers.items():
        try:
            save_file(Path(os.getenv("EXPORT_DIR", "exports")) / path, make())
        except Exception:
            logger.exception("%s cannot be written", path)
            result["warnings"].append(
                f"The file {path} could not be written; logs/script.log says why."
            )
        else:
            result["files"].append(f"exports/{path}")


def save_file(path, content):
    """Write a file in one step; an earlier one may belong to another user."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.write_bytes(content)
    draft.replace(path)
